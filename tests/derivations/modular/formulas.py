"""Layers at real sizes, with their backward passes by hand, and mistakes planted in them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import functional_nn as fnn
from functional_nn import Rule
from functional_nn.layers.elementwise import elementwise


def real(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def labels(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.int32)


def pulled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives JAX's own cotangents; the cotangent of the output is the last argument."""
    return lambda *args: jax.vjp(function, *args[:-1])[1](args[-1])


def layer_norm(x, gain, shift):
    centred = x - x.mean(-1, keepdims=True)
    variance = (centred * centred).mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt(variance + 1e-5) * gain[None] + shift[None]


def layer_norm_by_hand(x, gain, shift, dy, mistake=""):
    centred = x - x.mean(-1, keepdims=True)
    variance = (centred * centred).mean(-1, keepdims=True)
    if mistake == "ddof":
        variance = variance * x.shape[-1] / (x.shape[-1] - 1)
    r = 1 / jnp.sqrt(variance + 1e-5)
    h, dh = centred * r, dy * gain[None]
    dx = dh - dh.mean(-1, keepdims=True)
    if mistake != "no second mean":
        dx = dx - h * (dh * h).mean(-1, keepdims=True)
    return r * dx, (dy * h).sum(0), dy.sum(0)


def weights(q, k, scale=True, axis=-1):
    scores = q @ k.T
    if scale:
        scores = scores / jnp.sqrt(1.0 * q.shape[-1])
    seen = jnp.tril(jnp.ones(scores.shape, bool))
    return jax.nn.softmax(jnp.where(seen, scores, -jnp.inf), axis=axis)


def attention(q, k, v):
    return weights(q, k) @ v


def attention_by_hand(q, k, v, dy, mistake=""):
    p = weights(q, k)
    dp = dy @ v.T
    if mistake != "no mean":
        dp = dp - (p * dp).sum(0 if mistake == "wrong axis" else -1, keepdims=True)
    ds = p * dp
    if mistake != "no scale":
        ds = ds / jnp.sqrt(1.0 * q.shape[-1])
    return ds @ k, ds.T @ q, p.T @ dy


def rms_norm(x):
    return x / jnp.sqrt((x * x).mean(-1, keepdims=True))


def rms_norm_by_hand(x, dy):
    r = 1 / jnp.sqrt((x * x).mean(-1, keepdims=True))
    return (r * dy - x * r**3 * (x * dy).mean(-1, keepdims=True),)


def mlp_by_hand(params, x, y, mistake=""):
    """Gives the gradient of a sigmoid network with softmax cross-entropy, in formulas."""
    first, _, second = params
    rows, classes = x.shape[0], second["b"].shape[0]
    h = jax.nn.sigmoid(x @ first["w"] + first["b"][None])
    p = jax.nn.softmax(h @ second["w"] + second["b"][None])
    dz = p - jax.nn.one_hot(y, classes, dtype=p.dtype)
    if mistake == "sign":
        dz = -dz
    if mistake != "no 1/N":
        dz = dz / rows
    w = second["w"]
    dh = dz @ (w.T if mistake != "W not transposed" else w.reshape(w.shape[::-1]))
    du = dh * h * (1 - h) if mistake != "no 1 - h" else dh * h
    dw = x.T @ du if mistake != "a row missing" else x[:-1].T @ du[:-1]
    if mistake == "one entry off":
        dw = dw.at[123, 4].add(2.0**-40)
    return [{"b": du.sum(0), "w": dw}, (), {"b": dz.sum(0), "w": h.T @ dz}]


def _by_the_output(name, primal, slope):
    def fwd(x):
        y = primal(x)
        return y, y

    return elementwise(Rule(name, primal, fwd, lambda y, dy: (dy * slope(y),)))


# The activations as books print them, by the output: the library's own are spelled for the digits
# of floats, in fractions of so high a degree that no handful of primes tells them apart.
BY_THE_OUTPUT = {
    "sigmoid": _by_the_output("sigmoid", jax.nn.sigmoid, lambda s: s * (1 - s)),
    "tanh": _by_the_output("tanh", jnp.tanh, lambda t: 1 - t * t),
    "relu": fnn.relu,
}


def _cross_entropy(z, y):
    return jax.nn.logsumexp(z, axis=-1) - jnp.take_along_axis(z, y[:, None], axis=-1)[:, 0]


def _cross_entropy_bwd(residuals, dl):
    z, y = residuals
    off = jax.nn.softmax(z, axis=-1) - jax.nn.one_hot(y, z.shape[-1], dtype=z.dtype)
    return off * dl[:, None], None


CROSS_ENTROPY = Rule(
    "cross_entropy", _cross_entropy, lambda z, y: (_cross_entropy(z, y), (z, y)), _cross_entropy_bwd
)
