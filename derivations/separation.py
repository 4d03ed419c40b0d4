"""Can one threshold unit tell the points apart? Exact weights, or a certificate that none can.

The points x_i with y_i = +1 shall fire (w·x + b >= 0) and those with y_i = -1 shall not. For
finitely many points that is the same as y_i (w·x_i + b) >= 1 for all i, after scaling the weights
and moving the border off the points. By Farkas's lemma either there is a solution, or multipliers
λ_i >= 0 of these inequalities add up to 0 >= 1. The simplex method finds whichever there is, in
fractions. (SymPy's own, `lpmin`, gives wrong answers in version 1.14: of some of these systems that
have a solution it says that they have none, and the other way round.)
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

Number = int | Fraction


class Separation(NamedTuple):
    """One of two: weights and a bias, or a certificate; what is not there is `None`.

    Attributes:
      weights: w, one for each coordinate, with `y_i (w·x_i + b) >= 1` for every point.
      bias: b.
      certificate: λ, one for each point: `λ_i >= 0`, `Σ λ_i = 1`, `Σ λ_i y_i = 0` and
        `Σ λ_i y_i x_i = 0`. The sum of the inequalities, each times its λ_i, then reads 0 >= 1.
    """

    weights: tuple[Fraction, ...] | None
    bias: Fraction | None
    certificate: tuple[Fraction, ...] | None


def separate(points: Sequence[Sequence[Number]], labels: Sequence[int]) -> Separation:
    """Finds one threshold unit that gives the points their labels, or proves that there is none.

    What is returned has been verified in exact arithmetic, by `fires_right` or `refutes`.

    Args:
      points: Points of one dimension, each a sequence of whole numbers or fractions.
      labels: +1 (fires) or -1 for each of them.

    Returns:
      `Separation(weights, bias, certificate)`.

    Raises:
      ValueError: There is no point, the dimensions differ, or a label is neither +1 nor -1.
      TypeError: A coordinate is not rational.

    Example:
      >>> table = [(0, 0), (0, 1), (1, 0), (1, 1)]
      >>> unit = separate(table, [-1, -1, -1, 1])  # and
      >>> fires_right(unit.weights, unit.bias, table, [-1, -1, -1, 1])
      True
      >>> [str(m) for m in separate(table, [-1, 1, 1, -1]).certificate]  # exclusive or
      ['1/4', '1/4', '1/4', '1/4']

    Reference:
      A. Schrijver, "Theory of Linear and Integer Programming", corollary 7.1d (Farkas) and section
      11.1 (the simplex method with Bland's rule).
    """
    _require(points, labels)
    rows = [
        [Fraction(y)] + [y * Fraction(c) for c in p] for p, y in zip(points, labels, strict=True)
    ]
    # The multipliers: Σ λ_i y_i (1, x_i) = 0 and Σ λ_i = 1.
    system = [list(column) for column in zip(*rows, strict=True)] + [[Fraction(1)] * len(rows)]
    multipliers, prices = _simplex(system)
    if multipliers is not None:
        if not refutes(multipliers, points, labels):
            raise AssertionError("the certificate does not verify")
        return Separation(None, None, multipliers)
    # Where no multipliers exist, the prices of the equations are a solution of the inequalities.
    bias, *weights = (-price / prices[-1] for price in prices[:-1])
    if not fires_right(weights, bias, points, labels):
        raise AssertionError("the weights do not verify")
    return Separation(tuple(weights), bias, None)


def fires_right(
    weights: Sequence[Number],
    bias: Number,
    points: Sequence[Sequence[Number]],
    labels: Sequence[int],
) -> bool:
    """Tells whether `y (w·x + b) >= 1` holds for every point, exactly.

    Example:
      >>> fires_right([2, 2], -3, [(0, 1), (1, 1)], [-1, 1])
      True
    """
    return all(
        y * (sum(Fraction(w) * c for w, c in zip(weights, p, strict=True)) + bias) >= 1
        for p, y in zip(points, labels, strict=True)
    )


def refutes(
    certificate: Sequence[Number], points: Sequence[Sequence[Number]], labels: Sequence[int]
) -> bool:
    """Tells whether the multipliers turn the inequalities of the points into 0 >= 1, exactly.

    Example:
      >>> refutes([1, 1], [(3,), (3,)], [1, -1])  # one point with both labels: 0 >= 2
      False
      >>> refutes([Fraction(1, 2)] * 2, [(3,), (3,)], [1, -1])
      True
    """
    pairs = list(zip(certificate, labels, strict=True))
    sums = [
        sum(m * y * p[k] for (m, y), p in zip(pairs, points, strict=True))
        for k in range(len(points[0]))
    ]
    return (
        all(m >= 0 for m in certificate)
        and sum(certificate) == 1
        and sum(m * y for m, y in pairs) == 0
        and not any(sums)
    )


def _require(points: Sequence[Sequence[Number]], labels: Sequence[int]) -> None:
    if not points or len(points) != len(labels):
        raise ValueError(
            "There must be at least one point and a label for each. "
            f"Got {len(points)} points and {len(labels)} labels."
        )
    for i, (point, label) in enumerate(zip(points, labels, strict=True)):
        if len(point) != len(points[0]):
            raise ValueError(
                f"All points must have the same dimension. Got {len(points[0])} coordinates in "
                f"point 0 and {len(point)} in point {i}."
            )
        if label not in (1, -1):
            raise ValueError(f"A label is +1 or -1. Got {label!r} for point {i}.")
        for coordinate in point:
            if not isinstance(coordinate, int | Fraction):
                raise TypeError(
                    f"Coordinates must be whole numbers or fractions. Got {coordinate!r} in point "
                    f"{i}. Write it as a fractions.Fraction."
                )


def _simplex(
    system: list[list[Fraction]],
) -> tuple[tuple[Fraction, ...] | None, list[Fraction]]:
    """Solves `system λ = (0, ..., 0, 1)` for λ >= 0, or gives the prices that show there is none.

    The prices π have `π·column <= 0` for every column and a last entry above 0.
    """
    size, count = len(system), len(system[0])
    # An artificial variable for each equation; the last row holds the reduced costs of their sum.
    table = [
        [*row, *(Fraction(i == j) for j in range(size)), Fraction(i == size - 1)]
        for i, row in enumerate(system)
    ]
    basis = list(range(count, count + size))
    costs = [-sum(column, Fraction(0)) for column in zip(*table, strict=True)]
    costs[count : count + size] = [Fraction(0)] * size
    # Bland's rule, the first of those that may enter or leave, never cycles.
    while negative := [j for j in range(count) if costs[j] < 0]:
        entering = negative[0]
        pivots = [i for i in range(size) if table[i][entering] > 0]
        leaving = min(pivots, key=lambda i: (table[i][-1] / table[i][entering], basis[i]))
        basis[leaving] = entering
        factor = table[leaving][entering]
        pivot = table[leaving] = [v / factor for v in table[leaving]]
        for row in [*(r for i, r in enumerate(table) if i != leaving), costs]:
            if row[entering]:
                times = row[entering]
                row[:] = [v - times * p for v, p in zip(row, pivot, strict=True)]
    if costs[-1] == 0:
        solution = {j: table[i][-1] for i, j in enumerate(basis)}
        return tuple(solution.get(j, Fraction(0)) for j in range(count)), []
    return None, [1 - costs[count + i] for i in range(size)]
