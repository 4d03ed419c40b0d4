"""The true values of a function and its derivative at given floats, each with a bound.

Balls of few bits first; where a ball does not decide the error to a hundredth of an ulp, more.
"""

from typing import NamedTuple

import flint
import numpy as np

from derivations.evaluate import Point, evaluate, rational
from derivations.graph import Node
from derivations.series import Ambiguous, beside, limit
from derivations.ulps.balls import Points
from derivations.ulps.floats import Format, ulp

DECIDED = 0.01  # ulp: what a reference may be off
KNOWN, UNDEFINED, KINK, OPEN = 0, 1, 2, 3
_PRECISIONS = (64, 128, 256, 512, 1024, 2048, 4096)
_CHUNK = 1 << 14


class Truth(NamedTuple):
    """True values at points.

    Attributes:
      value: The nearest double, infinite beyond the doubles.
      rest: What is missing of it, in ulps of the result.
      status: KNOWN, to within DECIDED ulps; UNDEFINED: there is none; KINK: the sides differ; OPEN:
        4,096 bits did not decide it.
    """

    value: np.ndarray
    rest: np.ndarray
    status: np.ndarray


def exact(node: Node, x: np.ndarray, form: Format, *, derivative: bool = False) -> Truth:
    """Evaluates a graph at every point in balls.

    Args:
      node: The graph of one variable.
      x: The points, as float64.
      form: The format of the results.
      derivative: Whether this is one: it is then looked at from both sides on a boundary.
    """
    parts = [
        _exact(node, x[i : i + _CHUNK], form, derivative=derivative)
        for i in range(0, len(x), _CHUNK)
    ]
    return Truth(*map(np.concatenate, zip(*parts, strict=True))) if parts else _empty(0)


def _empty(size: int) -> Truth:
    return Truth(np.zeros(size), np.zeros(size), np.full(size, OPEN, np.int8))


def _exact(node: Node, x: np.ndarray, form: Format, *, derivative: bool) -> Truth:
    result = _empty(len(x))
    left = np.arange(len(x))
    before = flint.ctx.prec
    try:
        for precision in _PRECISIONS:
            flint.ctx.prec = precision
            points = Points(x[left], undefined=precision > _PRECISIONS[0])
            balls = points.numbers(node)
            done = _settle(result, left, balls, form)
            if points.undefined:
                outside = points.outside(node) & ~done
                result.status[left[outside]] = UNDEFINED
                done |= outside
            if derivative and precision == _PRECISIONS[0]:
                for i in np.flatnonzero(points.ties):
                    _both_sides(node, x, left[i], result, form)
                done |= points.ties
            left = left[~done]
            if not len(left):
                break
    finally:
        flint.ctx.prec = before
    return result


def _settle(result: Truth, where: np.ndarray, balls: list[flint.arb], form: Format) -> np.ndarray:
    """Takes over what is decided, and tells what that is."""
    value = np.array(list(map(float, balls)))
    unit = ulp(np.where(np.isfinite(value), value, 0), form)
    radius = np.array([float(b.rad()) for b in balls])
    with np.errstate(over="ignore", invalid="ignore"):
        # Beyond the doubles, a ball that is small beside its value is surely beyond the result.
        far = np.isinf(value) & np.array([b.rel_accuracy_bits() > 4 for b in balls])
        done = far | (radius <= DECIDED * unit)
    result.value[where[done]] = value[done]
    if form.digits > 24:
        for i in np.flatnonzero(done & ~far):
            rest = balls[i] - flint.arb(float(value[i]))
            exponent = int(np.frexp(unit[i])[1]) - 1
            result.rest[where[i]] = float(rest * flint.arb(2) ** -exponent)
    result.status[where[done]] = KNOWN
    return done


def _both_sides(node: Node, x: np.ndarray, i: int, result: Truth, form: Format) -> None:
    """Finds the derivative on a boundary, if both sides agree."""
    here = rational(float(x[i]))
    sides = []
    for slope in (1, -1):
        tensor = np.empty(1, dtype=object)
        tensor[0] = beside(here, rational(slope))
        try:
            sides.append(limit(evaluate(node, Point({}, {"x": tensor}, ties=True)).item()))
        except Ambiguous:
            return
    balls = [side if isinstance(side, flint.arb) else flint.arb(side) for side in sides]
    if balls[0].overlaps(balls[1]):
        _settle(result, np.array([i]), [balls[0]], form)
    else:
        result.status[i] = KINK
