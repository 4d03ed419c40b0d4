"""Points that drawing seldom meets: on both sides of every boundary, and at unusual scales.

A branch far out ("x > 1000") is reached by solving for its boundary, along one entry or along a
whole array. The solution need not be exact: what counts is that both sides are tried.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice
from typing import Any

import flint
import numpy as np

from derivations import clock
from derivations.boundaries import Boundary, boundaries
from derivations.evaluate import Point, Tie, ball, evaluate, rational
from derivations.refute import Suspect, Tensor, points
from derivations.series import Ambiguous
from derivations.timeout import OutOfTime, time_limit

AWAY = (1, 16, Fraction(1, 64))  # from the boundary
SCALES = (Fraction(1, 2**20), 2**10)
STARTS, STEPS = 2, 12
SECONDS = 2.0  # for all boundaries together
GRID = 1 << 20  # a solution is rounded to one part in so many
FARTHEST = 1 << 40


def rare_points(
    suspect: Suspect, tensors: Sequence[Tensor], sizes: Mapping[str, int], deadline: float
) -> Iterator[Point]:
    """Gives points on both sides of the boundaries of two expressions, then of unusual scales."""
    floats = [t for t in tensors if t.kind == "float" and t.near is None]
    draw = random.Random(5)
    end = min(deadline, clock.now() + SECONDS)
    for boundary in _boundaries(suspect, end):
        for tensor in floats:
            for start in islice(points(tensors, sizes, seed=3), STARTS):
                yield from _around(boundary, start, tensor, draw, end)
    yield from _unusual(tensors, sizes)


def _boundaries(suspect: Suspect, end: float) -> list[Boundary]:
    try:
        with time_limit(max(0.0, end - clock.now())):
            return boundaries((suspect.found, suspect.expected))
    except OutOfTime:
        return []  # the other points are still tried


def _around(
    boundary: Boundary, start: Point, tensor: Tensor, draw: random.Random, end: float
) -> Iterator[Point]:
    """Gives points on both sides of a boundary, moving one entry, then all of them together."""
    shape = start.tensors[tensor.name].shape
    if 0 in shape:
        return
    entry = tuple(draw.randrange(n) for n in shape)
    for at in (entry, ...) if shape else (entry,):
        if clock.now() > end:
            return
        crossing = _crossing(boundary, start, tensor.name, at)
        if crossing is not None:
            for away in AWAY:
                yield _shifted(start, tensor.name, at, crossing + rational(away))
                yield _shifted(start, tensor.name, at, crossing - rational(away))


def _crossing(boundary: Boundary, start: Point, name: str, at: Any) -> flint.fmpq | None:
    """Gives how far to move to a boundary, by the secant method; `None` if that leads nowhere."""
    before, here = flint.fmpq(0), flint.fmpq(1)
    try:
        first, second = (_gap(boundary, _shifted(start, name, at, t)) for t in (before, here))
        moving = [w for w in np.ndindex(*first.shape) if first[w] != second[w]]
        if not moving:
            return None
        where = moving[0]
        a, b = first[where], second[where]
        for _ in range(STEPS):
            if a == b:
                break
            step = _rounded(b * (here - before) / (b - a))
            before, a = here, b
            here = here - step
            if step == 0 or abs(step) < flint.fmpq(1, GRID):
                break
            if abs(here) > FARTHEST:
                return None
            b = _gap(boundary, _shifted(start, name, at, here))[where]
    except (Tie, Ambiguous, OverflowError, ZeroDivisionError):
        return None
    return here


def _gap(boundary: Boundary, point: Point) -> np.ndarray:
    values = evaluate(boundary.node, point._replace(ties=True), boundary.free)
    return np.asarray(np.frompyfunc(_middle, 1, 1)(values), dtype=object)


def _middle(value: Any) -> flint.fmpq:
    if isinstance(value, flint.fmpq):
        return value
    if not value.is_finite():
        raise Ambiguous("a boundary at infinity")
    return rational(float(ball(value).mid()))


def _rounded(step: flint.fmpq) -> flint.fmpq:
    """Keeps a number short: exact if it is, else a part of GRID of it."""
    if step.q <= GRID:
        return step
    return rational(Fraction(int(step.p), int(step.q)).limit_denominator(GRID))


def _shifted(point: Point, name: str, at: Any, by: flint.fmpq) -> Point:
    array = point.tensors[name].copy()
    array[at] = array[at] + by
    return point._replace(tensors={**point.tensors, name: array})


def _unusual(tensors: Sequence[Tensor], sizes: Mapping[str, int]) -> Iterator[Point]:
    """Gives a point of tiny and one of huge numbers, and one whose rows repeat."""
    *_, last = islice(points(tensors, sizes, seed=4), 2)
    for scale in SCALES:
        yield _mapped(last, tensors, lambda a, s=scale: a * rational(s))
    repeated = {
        t.name: np.repeat(last.tensors[t.name][:1], len(last.tensors[t.name]), axis=0)
        if last.tensors[t.name].ndim > 0
        else last.tensors[t.name]
        for t in tensors
    }
    yield last._replace(tensors=repeated)


def _mapped(point: Point, tensors: Sequence[Tensor], change: Any) -> Point:
    changed = dict(point.tensors)
    for tensor in tensors:
        if tensor.kind == "float" and tensor.near is None:
            changed[tensor.name] = np.asarray(change(changed[tensor.name]), dtype=object)
    return point._replace(tensors=changed)
