"""Numbers beside a point: they add, multiply and compare as the numbers that they stand for."""

import math
from fractions import Fraction
from typing import Any

import flint
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derivations import series
from derivations.series import (
    MANY,
    NAN,
    Ambiguous,
    NoValue,
    Series,
    Unresolved,
    beside,
    limit,
    slope,
)

small = st.fractions(-3, 3, max_denominator=8)
ONE = flint.fmpq(1)


def _rational(value: Fraction | int) -> flint.fmpq:
    value = Fraction(value)
    return flint.fmpq(value.numerator, value.denominator)


def _near(value: Fraction | int, direction: Fraction | int = 1) -> Series:
    return beside(_rational(value), _rational(direction), MANY)


def _at(a: Any, epsilon: float) -> float:
    """Sums up the terms that are known."""
    root = math.sqrt(epsilon)
    return sum(float(flint.arb(t)) * root ** (a.low + k) for k, t in enumerate(a.terms))


@given(a=small, b=small, c=small, d=small)
@settings(derandomize=True, max_examples=60, database=None, deadline=None)
def test_arithmetic_is_that_of_the_numbers(a: Fraction, b: Fraction, c: Fraction, d: Fraction):
    x, y = _near(a, b), _near(c, d)
    e = 2.0**-20
    p, q = float(a) + float(b) * e, float(c) + float(d) * e
    assert _at(series.total(x, y), e) == pytest.approx(p + q, rel=1e-12, abs=1e-15)
    assert _at(series.product(x, y), e) == pytest.approx(p * q, rel=1e-12, abs=1e-15)
    if c or d:
        quotient = series.product(x, series.power(y, -2))
        assert _at(quotient, e) == pytest.approx(p / q**2, rel=1e-6, abs=1e-15)
        assert series.positive(y) is (q > 0)


@given(a=small.filter(lambda f: f > 0), d=small)
@settings(derandomize=True, max_examples=40, database=None, deadline=None)
def test_functions_are_those_of_the_numbers(a: Fraction, d: Fraction):
    e = 2.0**-20
    for name in ("exp", "log", "sqrt", "erf", "sin", "cos", "atan"):
        value = getattr(math, name)(float(a) + float(d) * e)
        assert _at(series.function(name, _near(a, d)), e) == pytest.approx(value, rel=1e-12)


def test_the_limit_of_zero_over_zero():
    x = _near(0)
    assert limit(series.product(series.function("sin", x), series.power(x, -1))) == 1
    assert limit(series.product(series.power(x, 3), series.power(x, -2))) == 0


def test_a_root_of_a_square_is_the_absolute_value():
    for side in (-1, 1):
        root = series.function("sqrt", series.power(_near(0, side), 2))
        assert (limit(root), slope(root)) == (0, 1)


def test_what_is_infinite_has_no_limit_and_no_slope():
    with pytest.raises(NoValue):
        limit(series.power(_near(0), -1))
    with pytest.raises(NoValue):
        slope(series.function("sqrt", _near(0)))
    assert series.function("log", _near(0)) is NAN
    assert series.function("sqrt", _near(0, -1)) is NAN
    assert series.function("exp", series.power(_near(0), -1)) is NAN


@pytest.mark.parametrize("side", [-1, 1])
def test_the_angle_of_what_is_infinite_is_a_right_one(side: int):
    angle = series.function("atan", series.power(_near(0, side), -1))
    assert float(limit(angle)) == pytest.approx(side * math.pi / 2, rel=1e-15)
    assert slope(angle) == -side


def test_a_flat_function_is_zero_to_every_order():
    flat = series.function("exp", series.power(_near(0, -1), -1))
    assert (limit(flat), slope(flat)) == (0, 0)
    with pytest.raises(Unresolved):
        series.positive(flat)


def test_what_the_terms_do_not_reach_is_not_guessed():
    x = _near(0)
    nothing = series.total(x, series.product(x, -ONE))
    with pytest.raises(Unresolved):
        series.positive(nothing)
    with pytest.raises(Unresolved):
        series.power(nothing, -1)
    with pytest.raises(Unresolved):
        limit(series.product(nothing, series.power(x, -9)))


def test_a_leading_term_that_may_be_zero_is_not_guessed():
    third = series.function("sin", _near(1))
    nearly = series.total(third, series.product(third, -ONE))
    with pytest.raises(Ambiguous):
        series.positive(nearly)
