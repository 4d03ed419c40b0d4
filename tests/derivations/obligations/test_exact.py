"""A verdict `EXACT` says of what only the drawn cases were seen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from derivations.doors import subject_of
from derivations.obligations.exact import exact, value_pair
from derivations.trace import Shapes
from derivations.verdict import Verdict
from functional_nn import Rule

X, Y = jax.ShapeDtypeStruct((7,), jnp.float32), jax.ShapeDtypeStruct((7,), jnp.int32)
SEEN = {
    "nothing": (lambda x, y: x * x, (X, X), ""),
    "branches": (lambda x, y: jnp.maximum(x, y), (X, X), ", on the branches that were drawn"),
    "orders": (
        lambda x, y: jnp.sort(x) + y,
        (X, X),
        ", on the branches and in the orders that were drawn",
    ),
    "whole numbers": (
        lambda x, y: x * y,
        (X, Y),
        ", for the whole numbers and truth values that were drawn",
    ),
    "all": (
        lambda x, y: jnp.sort(x)[jnp.clip(y, 0, 6)],
        (X, Y),
        ", on the branches, in the orders and for the whole numbers and truth values that were "
        "drawn",
    ),
}


@pytest.mark.parametrize("name", SEEN)
def test_what_was_seen_is_in_the_scope(name: str):
    function, avals, words = SEEN[name]
    rule = Rule(name, function, lambda x, y: (function(x, y), (x, y)), lambda kept, dy: (dy, None))
    subject = subject_of(rule, avals)
    shapes = Shapes(avals, {}, "the example's sizes")
    found = exact("value", subject, shapes, value_pair(subject), 1e18)
    assert found.verdict is Verdict.EXACT, found.reason
    assert found.scope == f"the example's sizes{words}"


def test_whole_numbers_of_the_example_are_drawn_too():
    """A batch of two would leave lengths of nought and one, were the sizes alone looked at."""

    def heard(x, lengths):
        return jnp.where(jnp.arange(5, dtype=lengths.dtype)[None] < lengths[:, None], x, 0)

    def wrong_from_two_on(x, lengths):
        return heard(x, lengths) * (1 + lengths * (lengths - 1))[:, None].astype(x.dtype)

    rule = Rule("heard", heard, lambda x, n: (wrong_from_two_on(x, n), n), lambda n, dy: (dy, None))
    x = jax.ShapeDtypeStruct((2, 5), jnp.float32)
    verdicts = []
    for lengths in (jax.ShapeDtypeStruct((2,), jnp.int32), np.array([5, 3], np.int32)):
        subject = subject_of(rule, (x, lengths))
        shapes = Shapes(subject.shapes, {}, "the example's sizes")
        verdicts.append(exact("value", subject, shapes, value_pair(subject), 1e18).verdict)
    assert verdicts == [Verdict.EXACT, Verdict.UNDECIDED]
