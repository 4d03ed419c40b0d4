"""Numbers for expressions: exact, then in balls that hold the truth, and one-sided derivatives."""

import math
from fractions import Fraction
from typing import Any

import flint
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derivations import graph as g
from derivations.evaluate import (
    Point,
    Tie,
    ball,
    evaluate,
    nonzero_somewhere,
    rational,
)
from derivations.graph import Index, Node
from derivations.series import MANY, Ambiguous, Series, beside, slope

X, Y = g.entry("x", ()), g.entry("y", ())
small = st.fractions(-3, 3, max_denominator=8)


def _point(*, ties: bool = False, sizes: Any = None, **tensors: Any) -> Point:
    arrays = {}
    for name, value in tensors.items():
        given = np.asarray(value, dtype=object)
        array = np.empty(given.shape, dtype=object)
        for at in np.ndindex(*given.shape):
            v = given[at]
            array[at] = v if isinstance(v, Series) else rational(v)
        arrays[name] = array
    return Point(sizes or {}, arrays, ties)


def _at(node: Node, **tensors: Any) -> Any:
    return evaluate(node, _point(**tensors))[()]


# --- exact numbers and balls --------------------------------------------------------------------


@pytest.mark.slow
@given(a=small, b=small.filter(bool))
@settings(derandomize=True, max_examples=25, database=None, deadline=None)
def test_rational_arithmetic_is_exact(a: Fraction, b: Fraction):
    node = g.sub(g.mul(g.power(X, 3), g.div(X, Y)), g.select(g.compare("lt", X, Y), X, Y))
    assert _at(node, x=a, y=b, ties=True) == rational(a**3 * a / b - (a if a < b else b))


@given(a=small, name=st.sampled_from(["exp", "sin", "cos", "erf", "sqrt", "log"]))
@settings(derandomize=True, max_examples=40, database=None, deadline=None)
def test_balls_hold_the_true_value_and_are_narrow(a: Fraction, name: str):
    argument = abs(a) + 1 if name in ("sqrt", "log") else a
    value = ball(_at(g.kernel(name, X), x=argument))
    function = getattr(math, name)
    assert float(value.mid()) == pytest.approx(function(float(argument)), rel=1e-14, abs=1e-300)
    assert value.rad() < flint.arb(2) ** -200 * (1 + abs(value))


@pytest.mark.parametrize("exponent", [10**9, -(10**9)])
def test_a_power_with_millions_of_digits_is_a_ball(exponent: int):
    value = evaluate(g.power(X, exponent), _point(x=Fraction(3, 2)))[()]
    truth = exponent * (flint.arb(3) / 2).log()
    assert abs(ball(value).log() - truth) < 1e-6
    for exact in (1, -1):
        assert evaluate(g.power(X, exponent), _point(x=exact))[()] == flint.fmpq(1)
    assert evaluate(g.power(X, 10**9), _point(x=0))[()] == flint.fmpq(0)


def test_what_cancels_is_seen_to_be_small_but_not_zero():
    tiny = g.sub(g.add(g.ONE, g.exp(X)), g.add(g.ONE, g.exp(X), g.const(Fraction(1, 2**200))))
    value = _at(tiny, x=1)
    assert not value.contains(0)
    assert float(value.mid()) == -(2.0**-200)


@pytest.mark.parametrize(
    ("name", "at", "value"), [("exp", 0, 1), ("log", 1, 0), ("sqrt", 0, 0), ("cos", 0, 1)]
)
def test_kernels_are_exact_where_they_can_be(name: str, at: int, value: int):
    node = g.kernel(name, g.sub(X, g.const(1 - at)))
    assert _at(node, x=1) == flint.fmpq(value)


@pytest.mark.parametrize(
    ("node", "x"),
    [(g.log(X), 0), (g.log(X), -1), (g.kernel("sqrt", X), -1), (g.power(X, -1), 0)],
    ids=str,
)
def test_outside_its_domain_a_function_has_no_value(node: Node, x: int):
    with pytest.raises(Ambiguous):
        _at(node, x=x)


def test_a_comparison_that_precision_does_not_decide_is_not_guessed():
    root = g.kernel("sqrt", g.const(2))
    same = g.select(g.compare("lt", g.mul(root, root, X), g.const(2)), g.ONE, g.ZERO)
    with pytest.raises(Ambiguous, match="overlap"):
        _at(same, x=1)


@pytest.mark.parametrize("op", ["lt", "le", "eq"])
def test_a_tie_is_reported_unless_it_is_wanted(op: str):
    node = g.select(g.compare(op, X, Y), g.ONE, g.ZERO)
    with pytest.raises(Tie):
        _at(node, x=2, y=2)
    assert _at(node, x=2, y=2, ties=True) == (0 if op == "lt" else 1)


def test_whole_numbers_may_tie():
    label = g.entry("label", (), numbers="whole")
    hit = g.select(g.compare("eq", label, g.const(2), whole=True), g.ONE, g.ZERO)
    assert _at(hit, label=2) == 1
    assert _at(hit, label=3) == 0


def test_a_branch_that_is_not_taken_is_not_evaluated():
    safe = g.select(g.compare("lt", g.ZERO, X), g.log(X), X)
    assert _at(safe, x=-2) == -2


# --- arrays -------------------------------------------------------------------------------------


def test_axes_come_in_the_order_that_was_asked_for():
    i, j = Index("i", "n"), Index("j", "k")
    numbers = np.arange(6).reshape(2, 3)
    point = _point(a=numbers, sizes={"n": 2, "k": 3})
    node = g.entry("a", (i, j))
    assert evaluate(node, point, (i, j)).tolist() == numbers.tolist()
    assert evaluate(node, point, (j, i)).tolist() == numbers.T.tolist()
    assert evaluate(g.entry("a", (i, 1)), point, (j, i)).tolist() == [[1, 4]] * 3


def test_sums_maxima_and_positions():
    i, j = Index("i", "n"), Index("j", "n")
    point = _point(x=[3, 7, 5], sizes={"n": 3})
    xi = g.entry("x", (i,))
    assert evaluate(g.total(i, g.mul(g.index(i), xi)), point)[()] == 17
    assert evaluate(g.total(i, g.ONE), point)[()] == 3
    assert evaluate(g.largest(i, xi), point)[()] == 7
    assert evaluate(g.argmax_is(i, xi, j), point, (j,)).tolist() == [0, 1, 0]
    assert evaluate(g.total(j, g.equal_index(i, j)), point, (i,)).tolist() == [1, 1, 1]


def test_a_maximum_over_what_a_branch_makes_constant_has_a_place():
    i, j = Index("i", "n"), Index("j", "n")
    body = g.select(g.compare("lt", g.ZERO, Y), g.ZERO, g.entry("x", (i,)))
    point = _point(x=[3, 7], y=1, sizes={"n": 2}, ties=True)
    assert evaluate(g.argmax_is(i, body, j), point, (j,)).tolist() == [1, 0]


def test_two_largest_entries_are_a_tie():
    i = Index("i", "n")
    xi = g.entry("x", (i,))
    with pytest.raises(Tie):
        evaluate(g.argmax_is(i, xi, 0), _point(x=[4, 4], sizes={"n": 2}))


def test_being_the_largest_entry_is_a_tie_only_beside_another_one():
    """Code that compares entries with their largest one takes another way where two are that."""
    i, j = Index("i", "n"), Index("j", "n")
    is_largest = g.compare("eq", g.entry("x", (j,)), g.largest(i, g.entry("x", (i,))))
    alone = _point(x=[4, 4, 5], sizes={"n": 3})
    assert evaluate(is_largest, alone, (j,)).tolist() == [False, False, True]
    with pytest.raises(Tie):
        evaluate(is_largest, _point(x=[5, 4, 5], sizes={"n": 3}), (j,))
    assert evaluate(is_largest, _point(x=[5, 4, 5], sizes={"n": 3}, ties=True), (j,)).any()


def test_nothing_is_nonzero_only_where_it_is_seen():
    i = Index("i", "n")
    deviation = g.sub(g.entry("x", (i,)), g.entry("x", (0,)))
    assert nonzero_somewhere(g.sub(X, Y))
    assert not nonzero_somewhere(g.sub(g.power(g.sub(X, Y), 2), g.power(g.sub(Y, X), 2)))
    assert not nonzero_somewhere(deviation)  # it vanishes at one position


# --- one-sided derivatives ----------------------------------------------------------------------


def _slopes(node: Node, at: Any) -> tuple[Any, Any]:
    """Gives the derivatives from the left and from the right."""
    result = []
    for side in (-1, 1):
        moved = beside(rational(at), flint.fmpq(side), MANY)
        result.append(slope(_at(node, x=moved, ties=True)) * side)
    return result[0], result[1]


SIX = g.const(6)


@pytest.mark.parametrize(
    ("node", "at", "left", "right"),
    [
        (g.maximum(X, g.ZERO), 0, 0, 1),
        (g.minimum(g.maximum(X, g.ZERO), SIX), 6, 1, 0),
        (g.absolute(X), 0, -1, 1),
        (g.absolute(g.sub(g.mul(g.const(2), X), SIX)), 3, -2, 2),
        (g.select(g.compare("le", X, g.ZERO), g.mul(g.const(0.125), X), X), 0, Fraction(1, 8), 1),
        (g.mul(X, g.absolute(X)), 0, 0, 0),
        (g.maximum(g.exp(X), g.ONE), 0, 0, 1),
        (g.power(X, 3), 2, 12, 12),
        (g.select(g.compare("eq", X, g.ONE), g.ZERO, X), 1, 1, 1),
        (g.kernel("sqrt", g.power(X, 2)), 0, -1, 1),
        (g.select(g.compare("lt", g.ZERO, g.mul(X, X)), X, g.mul(SIX, X)), 0, 1, 1),
        (g.mul(g.kernel("sqrt", g.absolute(X)), g.kernel("sqrt", g.absolute(X))), 0, -1, 1),
        (g.div(g.kernel("sin", g.power(X, 2)), X), 0, 1, 1),
        (g.exp(g.neg(g.power(X, -2))), 0, 0, 0),
    ],
    ids=[
        "relu",
        "relu6",
        "abs",
        "abs of 2x-6",
        "leaky",
        "x|x|",
        "max(e^x, 1)",
        "cube",
        "hole",
        "root of a square",
        "tie to second order",
        "two roots",
        "sin(x^2)/x",
        "flat",
    ],
)
def test_one_sided(node: Node, at: int, left: Any, right: Any):
    assert _slopes(node, at) == (rational(left), rational(right))


@given(a=small.filter(lambda f: f > 0))
@settings(derandomize=True, max_examples=20, database=None, deadline=None)
def test_slopes_are_derivatives(a: Fraction):
    node = g.mul(
        g.exp(g.kernel("sin", X)),
        g.power(g.add(g.log(X), g.kernel("erf", X), g.kernel("sqrt", X)), -1),
        g.kernel("cos", X),
    )
    left, right = _slopes(node, a)

    def value(x: float) -> float:
        bottom = math.log(x) + math.erf(x) + math.sqrt(x)
        return math.exp(math.sin(x)) / bottom * math.cos(x)

    x, h = float(a), 1e-6
    slope = (value(x + h * x) - value(x - h * x)) / (2 * h * x)
    assert (left - right).contains(0)
    assert float(right.mid()) == pytest.approx(slope, rel=1e-4, abs=1e-6)


def test_a_condition_that_is_a_tie_to_every_known_order_is_not_guessed():
    flat = g.sub(g.exp(X), g.add(g.ONE, X, *(_over_factorial(n) for n in range(2, 6))))
    node = g.select(g.compare("lt", g.ZERO, flat), X, g.mul(g.const(3), X))
    with pytest.raises(Ambiguous):
        _slopes(node, 0)


def _over_factorial(n: int) -> Node:
    return g.mul(g.power(X, n), g.const(Fraction(1, math.factorial(n))))


def test_no_derivative_where_it_is_infinite():
    with pytest.raises(Ambiguous):
        _slopes(g.kernel("sqrt", X), 0)
