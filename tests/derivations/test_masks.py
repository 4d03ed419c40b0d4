"""Infinities stay behind their masks."""

import math

import pytest

from derivations import graph as g
from derivations.masks import ManyMasks, choice, outside_masks, sum_of

X, Y = g.entry("x", ()), g.entry("y", ())
P, Q = (g.compare("eq", g.entry(name, (), numbers="whole"), g.ONE, whole=True) for name in "pq")
LOW, HIGH = g.const(-math.inf), g.const(math.inf)


def test_a_maximum_goes_inside():
    result = outside_masks(g.maximum, [g.select(P, X, LOW), Y])
    assert result is g.select(P, g.maximum(X, Y), Y)


def test_one_condition_is_asked_once():
    masked = g.select(P, X, LOW)
    shifted = outside_masks(g.sub, [masked, g.select(P, Y, g.ZERO)])
    assert shifted is g.select(P, g.sub(X, Y), LOW)


def test_what_has_no_mask_is_left_alone():
    assert outside_masks(g.add, [g.select(P, X, Y), Y]) is g.add(g.select(P, X, Y), Y)


def test_a_sum_is_infinite_if_a_term_is():
    result = sum_of([g.select(P, X, LOW), g.select(Q, Y, LOW), X])
    finite = g.add(g.select(P, X, g.ZERO), g.select(Q, Y, g.ZERO), X)
    assert result is g.select(g.and_(P, Q), finite, LOW)


def test_too_many_masks_are_refused():
    conditions = [g.compare("eq", g.entry("m", (i,), numbers="whole"), g.ONE) for i in range(9)]
    with pytest.raises(ManyMasks):
        outside_masks(g.mul, [g.select(c, X, LOW) for c in conditions])


@pytest.mark.parametrize(
    ("yes", "no", "value"),
    [
        (g.TRUE, g.FALSE, P),
        (g.FALSE, g.TRUE, g.not_(P)),
        (g.TRUE, Q, g.or_(P, Q)),
        (Q, g.FALSE, g.and_(P, Q)),
        (g.FALSE, Q, g.and_(g.not_(P), Q)),
        (Q, g.TRUE, g.or_(g.not_(P), Q)),
        (X, Y, g.select(P, X, Y)),
    ],
)
def test_a_choice_between_truths_is_logic(yes, no, value):
    assert choice(P, yes, no) is value
