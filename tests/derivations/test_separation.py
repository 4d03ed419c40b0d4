"""One threshold unit: exact weights, or an exact proof that there are none."""

import itertools
import random
import re
from fractions import Fraction

import pytest

from derivations.separation import fires_right, refutes, separate

TABLE = list(itertools.product((0, 1), repeat=2))


def settle(points, labels):
    """Whether a unit exists, with what shows it checked once more."""
    found = separate(points, labels)
    if found.certificate is None:
        assert found.weights is not None
        assert found.bias is not None
        assert fires_right(found.weights, found.bias, points, labels)
    else:
        assert refutes(found.certificate, points, labels)
        assert found.weights is found.bias is None
    return found.certificate is None


def test_exclusive_or_has_a_certificate():
    xor = [-1, 1, 1, -1]
    quarters = (Fraction(1, 4),) * 4
    assert separate(TABLE, xor).certificate == quarters
    assert not refutes(quarters, TABLE, [-1, -1, -1, 1])
    assert not refutes([Fraction(1, 2), 0, 0, Fraction(1, 2)], TABLE, xor)
    assert not refutes([Fraction(1), Fraction(-1), Fraction(1), 0], TABLE, xor)


@pytest.mark.parametrize(("inputs", "units"), [(1, 4), (2, 14), (3, 104)])
def test_number_of_threshold_functions(inputs, units):
    """The known numbers of linearly separable truth tables (Muroga, "Threshold Logic", 1971)."""
    table = list(itertools.product((0, 1), repeat=inputs))
    tables = itertools.product((-1, 1), repeat=len(table))
    assert sum(settle(table, labels) for labels in tables) == units


def test_random_rational_points():
    draw = random.Random(0)
    outcomes = set()
    for _ in range(60):
        points = [
            [Fraction(draw.randint(-9, 9), draw.randint(1, 9)) for _ in range(3)] for _ in range(8)
        ]
        outcomes.add(settle(points, [draw.choice((-1, 1)) for _ in points]))
    assert outcomes == {True, False}


def test_margin_as_thin_as_a_fraction_can_be():
    tiny = Fraction(1, 10**40)
    assert settle([(0,), (tiny,)], [-1, 1])
    assert not settle([(0,), (tiny,), (2 * tiny,)], [-1, 1, -1])


def test_one_label_only_and_parity_of_four():
    assert settle([(1, 2)], [-1])
    points = list(itertools.product((0, 1), repeat=4))
    assert not settle(points, [1 if sum(p) % 2 else -1 for p in points])


@pytest.mark.parametrize(
    ("points", "labels", "error", "message"),
    [
        ([], [], ValueError, "at least one point"),
        ([(0,)], [1, 1], ValueError, "1 points and 2 labels"),
        ([(0,), (0, 1)], [1, 1], ValueError, "1 coordinates in point 0 and 2 in point 1"),
        ([(0,)], [0], ValueError, "Got 0 for point 0"),
        ([(0.5,)], [1], TypeError, "Got 0.5 in point 0. Write it as a fractions.Fraction"),
    ],
)
def test_bad_input(points, labels, error, message):
    with pytest.raises(error, match=re.escape(message)):
        separate(points, labels)
