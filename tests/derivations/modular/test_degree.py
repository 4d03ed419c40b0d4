"""Bounds on degrees are never below the true degrees, on random programs of rational functions."""

import fractions
import random

import flint
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from derivations.modular import arithmetic
from derivations.modular.degree import Degree, chance
from derivations.modular.fields import draw_field
from derivations.modular.trial import Trial
from derivations.modular.value import Value

CONTEXT = flint.fmpz_mpoly_ctx.get(("x", "y", "z"), flint.Ordering.degrevlex)
VARIABLES = CONTEXT.gens()


class Fraction:
    """An exact fraction of polynomials, as it comes: nothing is cancelled."""

    def __init__(self, top, bottom):
        common = top.gcd(bottom)
        self.top, self.bottom = (top / common, bottom / common) if common else (top, bottom)

    def fits(self, degree: Degree) -> bool:
        if not self.top:
            return True
        return (
            self.top.total_degree() <= degree.top
            and self.bottom.total_degree() <= degree.bottom
            and _bits(self.top) <= degree.top_bits + 1e-9
            and _bits(self.bottom) <= degree.bottom_bits + 1e-9
        )


def _bits(poly) -> float:
    # Of the largest coefficient: the sum of their sizes is a bound for it, before cancelling.
    return np.log2(float(max(abs(int(c)) for c in poly.coeffs())))


def programs() -> st.SearchStrategy:
    leaves = st.integers(0, 2) | st.tuples(st.just("number"), st.integers(1, 9), st.integers(1, 9))
    return st.recursive(
        leaves,
        lambda inner: (
            st.tuples(st.sampled_from(["add", "sub", "mul", "div"]), inner, inner)
            | st.tuples(st.just("square"), inner)
        ),
        max_leaves=7,
    )


def run(program, trial: Trial, inputs: list[Value]) -> tuple[Value, Fraction]:
    if isinstance(program, int):
        return inputs[program], Fraction(VARIABLES[program], CONTEXT.constant(1))
    name, *inner = program
    if name == "number":
        number = flint.fmpq(*inner)
        constants = CONTEXT.constant(number.p), CONTEXT.constant(number.q)
        return trial.rational(fractions.Fraction(*inner)), Fraction(*constants)
    pairs = [run(p, trial, inputs) for p in inner]
    a, p = pairs[0]
    if name == "square":
        return arithmetic.whole_power(trial, a, 2), Fraction(p.top**2, p.bottom**2)
    b, q = pairs[1]
    match name:
        case "add":
            return arithmetic.add(trial, a, b), Fraction(
                p.top * q.bottom + q.top * p.bottom, p.bottom * q.bottom
            )
        case "sub":
            return arithmetic.subtract(trial, a, b), Fraction(
                p.top * q.bottom - q.top * p.bottom, p.bottom * q.bottom
            )
        case "mul":
            return arithmetic.multiply(trial, a, b), Fraction(p.top * q.top, p.bottom * q.bottom)
    if not q.top:
        return a, p
    return arithmetic.divide(trial, a, b), Fraction(p.top * q.bottom, p.bottom * q.top)


@settings(max_examples=200, deadline=None)
@given(program=programs())
def test_the_bound_is_not_below_the_degree_and_the_residue_is_right(program):
    trial = Trial(0)
    trial.fields = (draw_field(trial.draw),)
    inputs = [trial.input(np.asarray(x)) for x in (0.31, -0.77, 1.9)]
    value, exact = run(program, trial, inputs)
    assert exact.fits(value.degree)
    (f,) = trial.fields
    at = [int(x.residues[0]) for x in inputs]
    top, bottom = (int(p(*at)) % f.prime for p in (exact.top, exact.bottom))
    assert top == int(value.residues[0]) * bottom % f.prime


def test_sums_along_an_axis_have_the_product_of_all_denominators():
    trial = Trial(0)
    trial.fields = (draw_field(trial.draw),)
    a = arithmetic.invert(trial, trial.input(np.full(5, 0.3)))
    total = a.moved(lambda x: x[0], trial.atom)
    for i in range(1, 5):
        total = arithmetic.add(trial, total, a.moved(lambda x, i=i: x[i], trial.atom))
    assert total.degree.bottom == 5
    assert total.degree.top == 4


def test_the_chance_grows_with_the_degree_and_is_never_above_one():
    f = draw_field(random.Random(1))
    small, large = Degree(3), Degree(30_000, 0, 500)
    assert 0 < chance(small, small, f) < chance(large, small, f) < 1e-3
    assert chance(Degree(2.0**40), small, f) == 1
