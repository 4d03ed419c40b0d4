"""Attention by blocks and the loss by chunks: proved at small sizes, exact at larger ones."""

import jax
import jax.numpy as jnp
import pytest

import functional_nn as fnn
from derivations import Report, Verdict, check


def arrays(*shapes, labels):
    floats = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    return (*floats, jax.ShapeDtypeStruct((labels,), jnp.int32))


def heads(batch, heads, shared, queries, keys, width, values):
    shapes = (
        (batch, heads, queries, width),
        (batch, shared, keys, width),
        (batch, shared, keys, values),
    )
    return arrays(*shapes, labels=batch)


def proved(report: Report) -> bool:
    """Tells whether all is proved, and the second order at least exact."""
    found = {o.name: o.verdict for o in report.obligations}
    second = found.pop("second order")
    return set(found.values()) == {Verdict.PROVED} and second in (Verdict.PROVED, Verdict.EXACT)


def proved_but_for_the_second_order(report: Report) -> bool:
    return {o.verdict for o in report.obligations if o.name != "second order"} == {Verdict.PROVED}


# Several blocks of queries and of keys, whole ones and one that is not; the keys that an example
# has are any number, so that there are queries that see no key.
BLOCKS = {
    "causal": (heads(1, 1, 1, 3, 4, 1, 2), {"block": 2}),
    "groups of heads": (heads(1, 2, 1, 2, 3, 2, 1), {"block": 1}),
    "more queries than keys": (heads(1, 1, 1, 4, 3, 2, 1), {"block": 2}),
    "not causal": (heads(1, 1, 1, 2, 3, 2, 1), {"block": 2, "causal": False}),
    "examples": (heads(2, 2, 1, 3, 5, 2, 1), {"block": 2}),
}
CHUNKS = {
    "plain": (arrays((2, 3), (5, 3), labels=2), {"chunk": 2}),
    "smoothing": (arrays((1, 2), (3, 2), labels=1), {"chunk": 2, "smoothing": 0.25}),
    "z-loss": (arrays((1, 2), (3, 2), labels=1), {"chunk": 2, "z_loss": 0.125}),
    "cap": (arrays((1, 2), (3, 2), labels=1), {"chunk": 2, "cap": 4.0}),
    "all of it": (
        arrays((2, 1), (4, 1), labels=2),
        {"chunk": 3, "smoothing": 0.25, "z_loss": 0.125, "cap": 4.0},
    ),
}


def some(cases, quick):
    return [pytest.param(n, marks=[] if n in quick else pytest.mark.nightly) for n in cases]


@pytest.mark.parametrize("name", some(BLOCKS, {"causal"}))
def test_attention_by_blocks_is_proved(name):
    args, options = BLOCKS[name]
    report = check(fnn.blockwise_attention_rule(**options), *args, sizes="given", budget=60)
    assert proved_but_for_the_second_order(report), str(report)


@pytest.mark.parametrize("name", some(CHUNKS, {"z-loss"}))
def test_the_loss_by_chunks_is_proved(name):
    args, options = CHUNKS[name]
    report = check(fnn.linear_cross_entropy_rule(**options), *args, sizes="given", budget=60)
    assert proved_but_for_the_second_order(report), str(report)


@pytest.mark.nightly
def test_the_second_order_is_at_least_exact():
    for rule, (args, options) in (
        (fnn.blockwise_attention_rule, BLOCKS["causal"]),
        (fnn.linear_cross_entropy_rule, CHUNKS["plain"]),
    ):
        report = check(rule(**options), *args, sizes="given", budget=300)
        assert proved(report), str(report)
