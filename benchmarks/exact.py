"""All gradients of a network at its real sizes, by exact modular arithmetic.

    python benchmarks/exact.py

A 784-128-10 network with softmax cross-entropy, 16 examples, the activations and the loss as books
print them: the 101,770 entries of the gradient by hand-coded backpropagation against jax.grad. Wall
time of one comparison of three trials and of one trial, tracing included, in a process where JAX is
imported: the first comparison (cold) and the median of several more (warm); on an idle core if it
is pinned to one (`taskset -c 1`). Then mistakes are planted, and which tensors are found to differ;
LayerNorm and attention at real sizes; and one entry that is off by 2⁻⁴⁰. Last come the layers of a
block of GPT-2 small, 16 tokens of width 768 and 12 heads in tiles of 8: values and all gradients of
each, also in CPU time.
"""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp

import functional_nn as fnn
from derivations.modular import Comparison, compare
from tests.derivations.modular.formulas import BY_THE_OUTPUT, CROSS_ENTROPY

WIDTHS = [784, 128, 10]
BATCH = 16
REPEATS = 7
NAMES = ("b1", "w1", "b2", "w2")
SMALL = (0, 5, 10)  # trials that begin with small numbers: of many, larger ones overflow


def network(activation: Any) -> tuple[Any, Any, tuple[Any, ...]]:
    """Gives the gradient by hand, by JAX, and the shapes of the arguments."""
    net = fnn.mlp(WIDTHS, activation=activation)
    objective = fnn.objective(net, CROSS_ENTROPY)
    x = jax.ShapeDtypeStruct((BATCH, WIDTHS[0]), jnp.float32)
    y = jax.ShapeDtypeStruct((BATCH,), jnp.int32)
    params = jax.eval_shape(lambda: net.init(jax.random.key(0), x))

    def by_hand(*args: Any) -> Any:
        return fnn.value_and_grad(objective)(*args)[1]

    return by_hand, jax.grad(objective), (params, x, y)


def timed(function: Callable[[], Comparison]) -> tuple[Comparison, float]:
    """Gives a comparison and how long it took."""
    start = time.perf_counter()
    found = function()
    return found, time.perf_counter() - start


def row(name: str, found: Comparison, *seconds: float) -> None:
    """Prints a line of a table."""
    differ = ", ".join(f"{NAMES[p.output]} ({p.entries})" for p in found.places)
    times = "".join(f"{s:10.2f}" for s in seconds)
    print(f"{name:34}{found.outcome:>10}{times}{found.bound:11.0e}{found.degree:9,}  {differ}")


def by_formula(mistake: str) -> Callable[..., Any]:
    """Gives the gradient of the sigmoid network in the textbook's formulas, with a mistake."""

    def gradient(params: Any, x: Any, y: Any) -> Any:
        first, _, second = params
        h = jax.nn.sigmoid(x @ first["w"] + first["b"])
        p = jax.nn.softmax(h @ second["w"] + second["b"])
        dz = p - jax.nn.one_hot(y, WIDTHS[-1], dtype=p.dtype)
        if mistake == "sign":
            dz = -dz
        if mistake != "no 1/N":
            dz = dz / BATCH
        dh = dz @ (second["w"].T if mistake != "transposed W" else second["w"].reshape(10, 128))
        du = dh * h * (1 - h) if mistake != "missing (1 - h)" else dh * h
        dw = x.T @ du if mistake != "15 of 16 rows" else x[:-1].T @ du[:-1]
        if mistake == "one entry off by 2⁻⁴⁰":
            dw = dw.at[123, 45].add(2.0**-40)
        parts = (du.sum(0), dw), (dz.sum(0), h.T @ dz)
        return [{"b": parts[0][0], "w": parts[0][1]}, {"b": parts[1][0], "w": parts[1][1]}]

    return gradient


def layer_norm(x: Any, gain: Any, shift: Any) -> Any:
    """Gives layer normalisation over the last axis."""
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * gain + shift


def layer_norm_by_hand(x: Any, gain: Any, shift: Any, dy: Any) -> Any:
    """Gives its cotangents by the usual formula."""
    centred = x - x.mean(-1, keepdims=True)
    r = 1 / jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    h, dh = centred * r, dy * gain
    dx = r * (dh - dh.mean(-1, keepdims=True) - h * (dh * h).mean(-1, keepdims=True))
    return dx, (dy * h).sum(0), dy.sum(0)


def weights(q: Any, k: Any) -> Any:
    """Gives the causal attention weights."""
    scores = q @ k.T / jnp.sqrt(1.0 * q.shape[-1])
    return jax.nn.softmax(jnp.where(jnp.tril(jnp.ones(scores.shape, bool)), scores, -jnp.inf))


def attention_by_hand(q: Any, k: Any, v: Any, dy: Any) -> Any:
    """Gives the cotangents of causal attention by the usual formula."""
    p = weights(q, k)
    dp = dy @ v.T
    ds = p * (dp - (p * dp).sum(-1, keepdims=True)) / jnp.sqrt(1.0 * q.shape[-1])
    return ds @ k, ds.T @ q, p.T @ dy


def pulled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives JAX's own cotangents."""
    return lambda *args: jax.vjp(function, *args[:-1])[1](args[-1])


def block_of_gpt2_small() -> list[tuple[str, Any, Any]]:
    """Gives the names of the layers of a block, themselves, and the widths that go into them."""
    net = fnn.transformer(2, width=768, heads=12, blocks=1, context=16)
    attention, perceptron = net.parts[0].parts[2].parts[0].parts
    norm, first, activation, second = perceptron.parts[0].parts
    assert [p.name for p in attention.parts[0].parts] == [norm.name, "multi_head_attention"]
    heads = fnn.multi_head_attention(12, block=8)
    layers = ((norm, 768), (heads, 768), (first, 768), (activation, 3072), (second, 3072))
    return [(f"{layer.name}, 16 × {width}", layer, width) for layer, width in layers]


def passes(layer: Any, width: int) -> tuple[Any, ...]:
    """Gives the value and the gradients of a layer by hand, by JAX, and the shapes they take."""
    x = jax.ShapeDtypeStruct((1, 16, width), jnp.float32)
    params = jax.eval_shape(layer.init, jax.random.key(0), x)

    def by_hand(params: Any, x: Any, dy: Any) -> Any:
        y, residuals = layer.fwd(params, x)
        return y, layer.bwd(residuals, dy)

    def by_jax(params: Any, x: Any, dy: Any) -> Any:
        y, pull = jax.vjp(layer.apply, params, x)
        return y, pull(dy)

    return by_hand, by_jax, params, x, jax.eval_shape(layer.apply, params, x)


def main() -> None:
    """Prints the tables."""
    print(
        f"{'':34}{'':>10}{'cold, s':>10}{'warm, s':>10}{'a trial':>10}{'chance':>11}{'degree':>9}"
    )
    for name in ("relu", "tanh", "sigmoid"):
        by_hand, by_jax, args = network(BY_THE_OUTPUT[name])
        found, cold = timed(lambda a=(by_hand, by_jax, *args): compare(*a))
        again = [timed(lambda a=(by_hand, by_jax, *args): compare(*a))[1] for _ in range(REPEATS)]
        alone = [
            timed(lambda a=(by_hand, by_jax, *args): compare(*a, seeds=(0,)))[1]
            for _ in range(REPEATS)
        ]
        row(f"784-128-10, {name}", found, cold, median(again), median(alone))
    print(f"\n{'':34}{'':>10}{'s':>10}{'chance':>11}{'degree':>9}  differ")
    by_jax, args = network(BY_THE_OUTPUT["sigmoid"])[1:]
    for mistake in ("none", "no 1/N", "sign", "missing (1 - h)", "15 of 16 rows", "transposed W",
                    "one entry off by 2⁻⁴⁰"):  # fmt: skip
        planted = by_formula(mistake)

        def of_jax(*a: Any) -> Any:
            first, _, second = by_jax(*a)
            return [first, second]

        row(f"mistake: {mistake}", *timed(lambda f=planted: compare(f, of_jax, *args)))
    x, gain = jax.ShapeDtypeStruct((32, 256), float), jax.ShapeDtypeStruct((256,), float)
    row("LayerNorm, 32 × 256", *timed(
        lambda: compare(layer_norm_by_hand, pulled(layer_norm), x, gain, gain, x)
    ))  # fmt: skip
    q = jax.ShapeDtypeStruct((64, 32), float)
    row("causal attention, 64 × 32", *timed(
        lambda: compare(attention_by_hand, pulled(lambda q, k, v: weights(q, k) @ v), q, q, q, q)
    ))  # fmt: skip
    print("\nA block of GPT-2 small, layer by layer")
    print(f"{'':44}{'s':>10}{'CPU, s':>10}{'chance':>11}{'degree':>9}")
    for name, layer, width in block_of_gpt2_small():
        begun, args = time.process_time(), passes(layer, width)
        found, seconds = timed(lambda a=args: compare(*a, seeds=SMALL))
        row(name, found, seconds, time.process_time() - begun)


if __name__ == "__main__":
    main()
