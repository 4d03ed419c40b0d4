"""Square roots: when a residue that has one may stand for the real root, and what that costs.

Half the residues have no root, and where S is a square T² of the code's own numbers the root is T
or -T by chance. So nothing is concluded before it is *observed* that the roots are what they seem:
new elements s with s² = S, each independent of the ones before.

The inputs are taken in rows (axes as long as the array of roots), the rest of them stays fixed.
Rows are redrawn, in sets that separate any two, and it is seen that

- the values under the roots of a row change with that row alone: by Schwartz and Zippel, one that
  does depend on another row stays the same with a chance that is added to the bound;
- each has been no square, in every field of the trial, at a point where all roots before it in its
  row exist. The value of a square is a square, so it is none over the roots before it; and as it is
  a square in the end, neither is it a constant times a square.

Rows are redrawn, each by itself, until all their roots exist. Then, if a polynomial of degree D in
the rows and their roots is not zero, it is zero with a chance of at most (2 + N 8^k) D/m, with k
roots in each of N rows: it has a coefficient that is not zero at the fixed inputs (D/m); for one
row after another, the norm over that row's roots has degree 2^k D or less, and the rows whose roots
exist are at least 4^-k of all (half of them for each root up to an error of O(deg S/√q), by Weil;
`MOST_DEGREE` keeps it below a quarter); and what depends on several rows comes last (D/m).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from derivations.modular.degree import Degree
from derivations.modular.trial import Claim, Trial
from derivations.modular.value import Redraw, Undecided, Value

MOST_DEGREE = 5_000
MOST_IN_A_ROW = 4
MOST_ROUNDS = 400
LARGEST_FACTOR = 2.0**24

Execute = Callable[[Sequence[Value]], list[list[Value]]]


class _Roots(NamedTuple):
    """The different numbers under the roots of one execution, in the order of the code."""

    inside: np.ndarray  # (count, fields)
    good: np.ndarray  # (count, fields)
    row: np.ndarray  # (count,)


def settled(trial: Trial, inputs: list[Value], execute: Execute) -> list[list[Value]]:
    """Executes programs until every square root exists and is certified.

    Raises:
      Undecided: The roots are not seen to be independent.
    """
    results = execute(inputs)
    if not trial.taken:
        return results
    longest = max(a.needed.shape for a in trial.taken)
    failures = []
    for rows in dict.fromkeys([*[s for s in longest if s > 1][:1], 1]):
        try:
            return _by_rows(trial, inputs, execute, rows)
        except Undecided as error:
            failures.append(str(error))
    raise Undecided(failures[0])


def _by_rows(trial: Trial, inputs: list[Value], execute: Execute, rows: int) -> list[list[Value]]:
    results = execute(inputs)
    first = _keys(trial)
    _, places = np.unique(first, axis=0, return_index=True)
    places = np.sort(places)
    row = _rows_of(trial, rows)[places]
    now = _Roots(first[places], _good(trial)[places], row)
    counts = np.bincount(row, minlength=rows)
    if counts.max() > MOST_IN_A_ROW:
        raise Undecided("too many square roots that depend on the same inputs")
    if max(a.degree.top + a.degree.bottom for a in trial.taken) > MOST_DEGREE:
        raise Undecided("a square root of an expression of high degree")
    refuted = np.zeros(now.good.shape, bool)  # whether it has been no square
    refuted[~_needed(trial)[places]] = True
    separations = list(_separations(rows))
    for _ in range(MOST_ROUNDS):
        reached = _all_before(now)
        refuted |= reached & ~now.good
        if separations:
            again = separations.pop()
        else:
            again = np.zeros(rows, bool)
            again[now.row[~(now.good & refuted).all(1)]] = True
            if not again.any():
                _account(trial, rows, int(counts.max()))
                return results
        inputs = [_redrawn(trial, a, again) for a in inputs]
        results = execute(inputs)
        keys = _keys(trial)
        if len(keys) != len(first):
            raise Redraw("the number of square roots changes")
        after = _Roots(keys[places], _good(trial)[places], row)
        kept = ~again[row]
        if (after.inside[kept] != now.inside[kept]).any():
            raise Undecided("square roots that depend on each other's inputs")
        now = after
    raise Undecided("square roots of what is always a square, or never")


def _account(trial: Trial, rows: int, most: int) -> None:
    trial.factor = 2.0 + rows * 8.0**most
    if trial.factor > LARGEST_FACTOR:
        raise Undecided("too many square roots")
    degree = Degree(*map(max, zip(*(a.degree for a in trial.taken), strict=True)))
    count = sum(a.needed.size for a in trial.taken)
    trial.ties.append(Claim(count * MOST_ROUNDS, degree))
    trial.variables["sqrt"] = [Claim(count, degree)]


def _keys(trial: Trial) -> np.ndarray:
    return np.concatenate([np.stack([r.reshape(-1) for r in a.inside], 1) for a in trial.taken])


def _good(trial: Trial) -> np.ndarray:
    return np.concatenate([np.stack([g.reshape(-1) for g in a.good], 1) for a in trial.taken])


def _needed(trial: Trial) -> np.ndarray:
    return np.concatenate([a.needed.reshape(-1) for a in trial.taken])


def _rows_of(trial: Trial, rows: int) -> np.ndarray:
    found = []
    for a in trial.taken:
        shape = a.needed.shape
        if rows == 1:
            found.append(np.zeros(a.needed.size, np.int64))
            continue
        if rows not in shape:
            raise Undecided("square roots that belong to no row")
        axis = shape.index(rows)
        spread = [rows if i == axis else 1 for i in range(len(shape))]
        found.append(np.broadcast_to(np.arange(rows).reshape(spread), shape).reshape(-1))
    return np.concatenate(found)


def _all_before(now: _Roots) -> np.ndarray:
    """Tells, for each root and field, whether those before it in its row exist."""
    reached = np.ones(now.good.shape, bool)
    for row in np.unique(now.row[~now.good.all(1)]):
        mine = np.flatnonzero(now.row == row)
        existing = np.logical_and.accumulate(now.good[mine], 0)
        reached[mine[1:]] = existing[:-1]
    return reached


def _separations(rows: int) -> Iterator[np.ndarray]:
    """Gives sets of rows: for any two, one holds the first and not the second."""
    numbers = np.arange(rows)
    for bit in range((rows - 1).bit_length()):
        inside = (numbers >> bit) & 1 == 1
        yield inside
        yield ~inside


def _redrawn(trial: Trial, a: Value, again: np.ndarray) -> Value:
    """Gives an input with some rows drawn anew."""
    if not a.real:
        return a
    shape = a.shadow.shape
    if len(again) == 1:
        return trial.input(a.shadow)
    if len(again) not in shape:
        return a
    axis = shape.index(len(again))
    mask = again.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    fresh = trial.input(a.shadow)
    residues = (
        np.where(mask, new, old) for new, old in zip(fresh.residues, a.residues, strict=True)
    )
    return Value(a.shadow, tuple(residues), a.degree)
