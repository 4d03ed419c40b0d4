"""Loops, branches and calls."""

import jax
import jax.numpy as jnp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax import lax

from .holding import Case, Draw, Example, few, hold


def _scanned(draw: Draw) -> Example:
    length, reverse = draw(st.integers(0, 3)), draw(st.booleans())

    def function(w, x, xs):
        def step(carry, row):
            state, count = carry
            state = jnp.tanh(w * state + row)
            return (state, count + 1), state * count.astype(state.dtype)

        return lax.scan(step, (x, jnp.int32(0)), xs, reverse=reverse)

    return Example(function, [(), (2,), (length, 2)])


def _scanned_backwards(draw: Draw) -> Example:
    def function(w, x, xs, dy):
        def run(w, x, xs):
            return lax.scan(lambda c, row: (jnp.sin(w * c) + row, None), x, xs)[0]

        return jax.vjp(run, w, x, xs)[1](dy)

    return Example(function, [(), (2,), (draw(st.integers(1, 3)), 2), (2,)])


def _scanned_rows(draw: Draw) -> Example:
    return Example(
        lambda x: lax.scan(lambda c, row: (c + row, c), x[:, 0], x.T), [("n", 3)], symbolic=True
    )


def _counted(draw: Draw) -> Example:
    steps = draw(st.integers(0, 3))

    def function(x):
        return lax.while_loop(
            lambda state: state[0] < steps, lambda state: (state[0] + 1, state[1] * x), (0, x)
        )

    return Example(function, [("n",)], symbolic=True)


def _branched(draw: Draw) -> Example:
    return Example(lambda p, x: lax.cond(p, jnp.sin, lambda x: x * x, x), [(), ("n",)],
                   ["bool", "any"], symbolic=True)  # fmt: skip


def _switched(draw: Draw) -> Example:
    branches = [jnp.sin, jnp.cos, lambda x: x * x]
    if draw(st.booleans()):
        which = draw(st.integers(-2, 4))
        return Example(lambda x: lax.switch(which, branches, x), [("n",)], symbolic=True)
    return Example(
        lambda i, x: lax.switch(i, branches, x), [(), ("n",)], ["integer", "any"], symbolic=True
    )


def _branched_backwards(draw: Draw) -> Example:
    def function(x, dy):
        def run(x):
            return lax.cond(x[0] > 0, lambda x: jnp.sin(x) * jnp.sum(x), lambda x: 2 * x, x)

        return jax.vjp(run, x)[1](dy)

    return Example(function, [(2,), (2,)])


def _diagonal(draw: Draw) -> Example:
    return Example(jnp.diagonal, [(3, 3)])


def _composed(draw: Draw) -> Example:
    return Example(lax.composite(lambda x: x * jnp.sin(x), "x.sin_x"), [("n",)], symbolic=True)


def _put(draw: Draw) -> Example:
    return Example(lambda x: jax.device_put(x * x), [("n",)], symbolic=True)


def _searched(draw: Draw) -> Example:
    places = jnp.array([-1.0, 0.0, 1.25])
    side = draw(st.sampled_from(["left", "right"]))
    return Example(
        lambda x: x * jnp.searchsorted(places.astype(x.dtype), x, side=side).astype(x.dtype),
        [("n",)],
        symbolic=True,
    )


CASES: dict[str, list[Case]] = {
    "scan": [_scanned, _scanned_backwards, _scanned_rows],
    "while": [_counted],
    "cond": [_branched, _switched, _branched_backwards],
    "platform_index": [_diagonal],
    "composite": [_composed],
    "call_hi_primitive": [_searched],
    "device_put": [_put],
}


@pytest.mark.parametrize(
    ("primitive", "case"), [(name, case) for name, cases in CASES.items() for case in cases]
)
@few
@given(data=st.data())
def test_read_as_jax_computes(primitive, case, data):
    hold(primitive, case, data.draw)
