"""The relations that are built into the multiplication of polynomials."""

from fractions import Fraction

from derivations.polynomial import gen, inverse_of, of, term, times

NONE = frozenset()
SWITCH, A, B = gen("zero", "test", NONE), gen("exp", "test a", NONE), gen("exp", "test b", NONE)


def test_an_inverse_is_used_up_against_what_an_indicator_leaves():
    """Where the switch is one, the sum is A; against all of it this product came back for ever."""
    switched = term(((SWITCH, 1), (B, 1)))
    either = {**term(((SWITCH, 1), (A, 1))), ((SWITCH, 1), (B, 1)): Fraction(-1), **of(B)}
    inverse = inverse_of(either)
    assert times(term(((SWITCH, 1), (A, 1))), of(inverse)) == of(SWITCH)
    assert times(switched, of(inverse)) == term((*next(iter(switched)), (inverse, 1)))
    with_all = {(): Fraction(1), ((SWITCH, 1),): Fraction(-1), **times(switched, of(inverse))}
    assert times(of(B), of(inverse)) == with_all


def test_an_inverse_of_nothing_where_the_indicator_is_one_stays():
    without = inverse_of({**of(A), ((SWITCH, 1), (A, 1)): Fraction(-1)})
    kept = term(((SWITCH, 1), (A, 1), (without, 1)))
    assert times(term(((SWITCH, 1), (A, 1))), of(without)) == kept


def test_a_leading_coefficient_that_is_not_one_is_divided_by():
    twice = inverse_of({**of(A), **of(SWITCH), ((SWITCH, 1), (A, 1)): Fraction(1)})
    found = times(term(((SWITCH, 1), (A, 1))), of(twice))
    half = Fraction(1, 2)  # 2A + 1 where the switch is one
    assert found == {((SWITCH, 1),): half, ((SWITCH, 1), (twice, 1)): -half}
