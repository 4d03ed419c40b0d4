"""Functions of one number, and whole numbers' own arithmetic."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax import lax
from jax.ad_checkpoint import checkpoint_name

from .holding import Case, Example, few, hold


def _of(function, domain="any", shapes=(("n", "k"),)) -> Case:
    return lambda draw: Example(function, shapes, domain, symbolic=True)


def _pair(function, domain="any") -> Case:
    return _of(function, domain, (("n", "k"), ("n", "k")))


def _rounded(draw) -> Example:
    numbers = np.array(draw(st.lists(st.integers(-10, 10), min_size=3, max_size=3))) / 4
    method = draw(st.sampled_from(list(lax.RoundingMethod)))
    # Halves that depend on the input are boundaries, where nothing is said.
    return Example(
        lambda x: x * lax.round(jnp.asarray(numbers), method) + lax.round(x + 1 / 64, method),
        [(3,)],
    )


def _known(function) -> Case:
    """A function of known numbers only, which are multiplied by an input."""

    def drawn(draw) -> Example:
        numbers = np.array(draw(st.lists(st.integers(-10, 10), min_size=3, max_size=3))) / 4
        return Example(lambda x: x * function(jnp.asarray(numbers)), [(3,)])

    return drawn


def _known_whole(function) -> Case:
    def drawn(draw) -> Example:
        a, b = (
            jnp.asarray(draw(st.lists(numbers, min_size=4, max_size=4)), jnp.int32)
            for numbers in (st.integers(-9, 9), st.integers(1, 5))
        )
        return Example(lambda x: x * lax.convert_element_type(function(a, b), x.dtype), [(4,)])

    return drawn


def _polynomial(draw) -> Example:
    # Only the newer JAX keeps Horner's rule in one piece.
    numbers = draw(st.lists(st.integers(-3, 3), min_size=2, max_size=4))
    return Example(lambda x: jnp.polyval(jnp.asarray(numbers, x.dtype), x), [("n",)])


CASES: dict[str, Case] = {
    "cbrt": _of(lax.cbrt),
    "exp2": _of(lax.exp2),
    "log2": _of(jnp.log2, "positive"),
    "sinh": _of(lax.sinh),
    "cosh": _of(lax.cosh),
    "atan": _of(lax.atan),
    "asin": _of(lambda x: lax.asin(x / 64)),
    "acos": _of(lambda x: lax.acos(x / 64)),
    "atan2": _pair(lambda y, x: lax.atan2(y, x - 1 / 64)),
    "asinh": _of(lax.asinh),
    "acosh": _of(lax.acosh, "above 1"),
    "atanh": _of(lax.atanh, "inside 1"),
    "tan": _of(lax.tan),
    "name": _of(lambda x: checkpoint_name(x * x, "squares")),
    "floor": _of(lambda x: lax.floor(x) + lax.floor(2 * x - 1 / 64)),
    "ceil": _of(lambda x: lax.ceil(x) + lax.ceil(2 * x - 1 / 64)),
    "round": _rounded,
    "rem": _known_whole(lax.rem),
    "div": _known_whole(lax.div),
    "and": _known_whole(lax.bitwise_and),
    "or": _known_whole(lax.bitwise_or),
    "xor": _pair(lax.bitwise_xor, "bool"),
    "lt": _pair(lax.lt, "bool"),
    "le": _pair(lax.le, "bool"),
    "eq": _pair(lax.eq, "bool"),
    "ne": _pair(lax.ne, "integer"),
    "gt": _pair(lax.gt, "integer"),
    "ge": _pair(lax.ge, "integer"),
    "max": _pair(lax.max, "bool"),
    "min": _pair(lax.min, "integer"),
    "add": _pair(lax.add, "integer"),
    "sub": _pair(lax.sub, "integer"),
    "mul": _pair(lax.mul, "integer"),
    "neg": _of(lax.neg, "integer"),
    "abs": _of(lax.abs, "integer"),
    "sign": _of(lax.sign, "integer"),
    "clamp": _of(lambda x: lax.clamp(jnp.int32(-2), x, jnp.int32(3)), "integer"),
    "convert_element_type": _of(lambda x: (x.astype(bool), x.astype(float)), "integer"),
    "select_n": lambda draw: Example(
        lambda which, a, b, c: lax.select_n(which, a, b, c),
        [("n",)] * 4,
        ["index", "any", "any", "any"],
        symbolic=True,
    ),
    "polynomial": _polynomial,
}


@pytest.mark.parametrize("primitive", CASES)
@few
@given(data=st.data())
def test_read_as_jax_computes(primitive, data):
    hold(primitive, CASES[primitive], data.draw)
