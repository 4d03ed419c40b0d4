"""Networks from layers. Each combinator is one case of the chain rule."""

from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import checks
from functional_nn.layers.layer import Layer


def serial(*layers: Layer) -> Layer:
    r"""Composes layers, each reading the output of the one before.

    For `y = f_L(... f_2(f_1(x)))` the backward pass is the chain rule for one path, from the last
    layer to the first: each layer turns the cotangent of its output into that of its input,

    $$d x_{l-1} = \Big(\frac{\partial f_l}{\partial x_{l-1}}\Big)^{\!\top} d x_l .$$

    Args:
      *layers: The layers in the order in which the data passes; a `serial` may be among them. With
        none, the result is the identity.

    Returns:
      A layer whose parameters, residuals and parameter cotangents are tuples, one item a layer.

    Raises:
      TypeError: An argument is not a `Layer`.
      ValueError: From `apply` and `fwd`, parameters of another number of layers.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.serial(fnn.dense(30), fnn.sigmoid, fnn.dense(10))
      >>> x = jnp.ones((2, 4), jnp.float32)
      >>> params = net.init(jax.random.key(0), x)
      >>> net.apply(params, x).shape
      (2, 10)

    Reference:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", sections 6.5.2 and 6.5.4.
    """
    for layer in layers:
        checks.layer("serial takes layers", layer)

    def init(key: jax.Array, x: Any) -> tuple[Any, ...]:
        params = []
        for layer, layer_key in zip(layers, jax.random.split(key, len(layers)), strict=True):
            params.append(layer.init(layer_key, x))
            x = jax.eval_shape(layer.apply, params[-1], x)
        return tuple(params)

    def apply(params: tuple[Any, ...], x: jax.Array) -> jax.Array:
        checks.parts(params, len(layers))
        for layer, layer_params in zip(layers, params, strict=True):
            x = layer.apply(layer_params, x)
        return x

    def fwd(params: tuple[Any, ...], x: jax.Array) -> tuple[jax.Array, tuple[Any, ...]]:
        checks.parts(params, len(layers))
        residuals = []
        for layer, layer_params in zip(layers, params, strict=True):
            x, residual = layer.fwd(layer_params, x)
            residuals.append(residual)
        return x, tuple(residuals)

    def bwd(residuals: tuple[Any, ...], dx: jax.Array) -> tuple[tuple[Any, ...], jax.Array]:
        dparams = []
        for layer, residual in zip(reversed(layers), reversed(residuals), strict=True):
            dlayer, dx = layer.bwd(residual, dx)
            dparams.append(dlayer)
        return tuple(reversed(dparams)), dx

    def squares(residuals: tuple[Any, ...], dx: jax.Array) -> tuple[jax.Array, jax.Array]:
        total = jnp.zeros(dx.shape[:1], dx.dtype)
        for layer, residual in zip(reversed(layers), reversed(residuals), strict=True):
            own, dx = checks.per_example(layer)(residual, dx)
            total = total + own
        return total, dx

    return Layer(init, apply, fwd, bwd, "serial", layers, squares)
