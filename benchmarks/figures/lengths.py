"""Attention over long sequences and the cross-entropy over many classes, against plain forms."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from figures.measure import Line, Program, program, ratio, seconds
from peers import plain_transformer

import functional_nn as fnn

STEPS, HEADS, WIDTH = 2048, 4, 64
ROWS, FEATURES, CLASSES = 2048, 256, 50_257


def _drawn(shape: tuple[int, ...], count: int) -> list[jax.Array]:
    return [
        jax.random.normal(k, shape, jnp.float32) for k in jax.random.split(jax.random.key(0), count)
    ]


def _pulled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives `(q, k, v, do) -> (o, cotangents)` by automatic differentiation."""

    def both(q: Any, k: Any, v: Any, do: Any) -> Any:
        o, pull = jax.vjp(function, q, k, v)
        return o, pull(do)

    return both


def _by_blocks(steps: int, *, causal: bool = True) -> Callable[..., Any]:
    rule, lengths = fnn.blockwise_attention_rule(causal=causal), jnp.int32([steps])

    def both(q: Any, k: Any, v: Any, do: Any) -> Any:
        o, residuals = rule.fwd(q, k, v, lengths)
        return o, rule.bwd(residuals, do)[:3]

    return both


def attention() -> list[Line]:
    given = _drawn((1, HEADS, STEPS, WIDTH), 4)
    ours = program(_by_blocks(STEPS), *given)
    unmasked = program(_by_blocks(STEPS, causal=False), *given)
    long = jax.ShapeDtypeStruct((1, HEADS, 4 * STEPS, WIDTH), jnp.float32)
    at_four_times = program(_by_blocks(4 * STEPS), *[long] * 4)
    plain = program(_pulled(plain_transformer.attention), *(a.swapaxes(1, 2) for a in given))
    best = program(_pulled(plain_transformer.attention_by_heads), *(a[0] for a in given))
    o = ours.compiled(*given)[0][0]
    error = float(jnp.abs(o - best.compiled(*best.arguments)[0]).max())
    taken = seconds({"ours": ours, "unmasked": unmasked, "plain": plain, "best": best}, rounds=9)
    return [
        Line("largest difference of the outputs", error, bound=1e-5),
        Line("memory to the plain form", ours.memory / plain.memory, bound=1 / 16),
        Line("memory to the plain form in its best layout", ours.memory / best.memory),
        ratio("time to the plain form", taken["ours"], taken["plain"], 0.35),
        ratio("time to the plain form in its best layout", taken["ours"], taken["best"], 0.5),
        ratio("time to the same without a mask", taken["ours"], taken["unmasked"], 0.65),
        Line("memory at 8192 positions to that at 2048", at_four_times.memory / ours.memory,
             bound=4.2),
    ]  # fmt: skip


def readout() -> list[Line]:
    (x,), (w,) = _drawn((ROWS, FEATURES), 1), _drawn((CLASSES, FEATURES), 1)
    w = 0.02 * w
    labels = jax.random.randint(jax.random.key(1), (ROWS,), 0, CLASSES)
    rule = fnn.linear_cross_entropy_rule()

    def by_hand(x: Any, w: Any, labels: Any) -> Any:
        losses, residuals = rule.fwd(x, w, labels)
        return jnp.mean(losses), rule.bwd(residuals, jnp.full_like(losses, 1 / ROWS))[:2]

    def of_logits(x: Any, w: Any, labels: Any) -> Any:
        logits = x @ w.T
        own = jnp.take_along_axis(logits, labels[:, None], axis=-1)[:, 0]
        return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - own)

    ours = program(by_hand, x, w, labels)
    plain = program(jax.value_and_grad(of_logits, (0, 1)), x, w, labels)
    taken = seconds({"ours": ours, "plain": plain}, rounds=7)
    return [
        Line("largest error of a gradient, to its largest entry", _error(ours, plain), bound=1e-5),
        Line("memory to the plain form", ours.memory / plain.memory, bound=1 / 30),
        ratio("time to the plain form", taken["ours"], taken["plain"], 1.0),
    ]


def _error(one: Program, other: Program) -> float:
    """Gives the largest error of the gradients, in units of each array's largest entry."""
    pairs = zip(*(jax.tree.leaves(p.compiled(*p.arguments)[1]) for p in (one, other)), strict=True)
    return max(float(jnp.abs(a - b).max() / jnp.abs(b).max()) for a, b in pairs)
