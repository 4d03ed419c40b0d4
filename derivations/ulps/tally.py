"""What is counted along the line: errors, and answers of the wrong kind."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from derivations.ulps.floats import Format, ulp
from derivations.ulps.truth import DECIDED, KINK, KNOWN, OPEN, UNDEFINED, Truth

_POSITIVE = (0.0, 2.0**-10, 1.0, 4.0, 16.0, 128.0, float("inf"))
EDGES = np.array([*(-e for e in _POSITIVE[:0:-1]), *_POSITIVE])

# What a plot can show: from each of these numbers to the next.
_SIZES = np.ldexp(np.array([1, 1.25, 1.5, 1.75]), np.arange(-1074, 1024)[:, None]).ravel()
_SIZES = np.unique(_SIZES[_SIZES > 0])
_QUARTERS = np.concatenate([[-np.inf], -_SIZES[::-1], [0], _SIZES])


class Count(NamedTuple):
    """How often something was met, and the first input at which it was."""

    times: int = 0
    at: float | None = None


class Largest(NamedTuple):
    """Inputs that belong together.

    Attributes:
      inputs: How many there are.
      maximum: The largest error, in ulps.
      at: Where that is.
      mean: The mean error; of finite answers.
    """

    inputs: int = 0
    maximum: float = 0.0
    at: float | None = None
    mean: float = 0.0


class Region(NamedTuple):
    """The inputs from `low` to below `high`."""

    low: float
    high: float
    errors: Largest


class Errors(NamedTuple):
    """The errors of a function, or of its derivative, in ulps of the result.

    An answer that is not finite where the truth is counts as infinitely wrong.

    Attributes:
      all: Over inputs that are zero or normal, where the true result is zero or a normal number.
      regions: The same by the input.
      wrong_zeros: The answer is 0, the truth a normal number.
      wrong_signs: The answer has the other sign.
      not_finite: The answer is NaN or infinite.
      wrong_overflows: The truth is beyond the largest number, and the answer neither infinite nor
        the largest number.
      steps: Neighbouring inputs where the answer falls and the truth rises, or the reverse.
      largest_step: How far, in ulps.
      subnormal_inputs: Inputs that are subnormal, whatever their result.
      subnormal_results: Inputs whose true result is subnormal.
      kinks: Inputs at which the one-sided derivatives differ.
      undefined: Inputs without a value.
      open: Inputs at which balls of 4,096 bits do not tell the error.
      left_out: Inputs that would have needed balls and were too many.
      curve: The largest error along the line, as (input, error).
    """

    all: Largest
    regions: tuple[Region, ...]
    wrong_zeros: Count
    wrong_signs: Count
    not_finite: Count
    wrong_overflows: Count
    steps: Count
    largest_step: float
    subnormal_inputs: Largest
    subnormal_results: Largest
    kinks: Count
    undefined: Count
    open: Count
    left_out: int
    curve: tuple[tuple[float, float], ...]

    @property
    def maximum(self) -> float:
        """The largest error."""
        return self.all.maximum

    @property
    def sound(self) -> bool:
        """Whether no answer is of the wrong kind: a zero, a sign, NaN or infinity."""
        wrong = (self.wrong_zeros, self.wrong_signs, self.not_finite, self.wrong_overflows)
        return not any(w.times for w in wrong)


class Tally:
    """Counts in one pass over the line, a part at a time, in ascending order."""

    def __init__(self, given: Format, result: Format):
        self._given = given
        self._result = result
        self._sums = {name: Largest() for name in ("all", "subnormal_inputs", "subnormal_results")}
        self._regions = [Largest() for _ in EDGES[1:]]
        self._counts = {
            name: Count() for name in Errors._fields if Errors.__annotations__[name] is Count
        }
        self._step = 0.0
        self._left_out = 0
        self._curve: dict[int, tuple[float, float]] = {}

    def add(
        self,
        x: np.ndarray,
        y: np.ndarray,
        truth: Truth,
        rises: np.ndarray,
        neighbours: np.ndarray,
    ) -> None:
        """Counts a part of the line.

        Args:
          x: The inputs, in ascending order.
          y: The answers.
          truth: The truth.
          rises: The direction of the truth from each input to the next: 1, -1, or 0 for unknown.
          neighbours: Whether the next input is the next float.
        """
        with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity are answers, too
            self._add(x, y, truth, rises, neighbours)

    def _add(
        self,
        x: np.ndarray,
        y: np.ndarray,
        truth: Truth,
        rises: np.ndarray,
        neighbours: np.ndarray,
    ) -> None:
        form = self._result
        if self._all_regular(x, y, truth):
            unit = ulp(truth.value, form)
            error = np.abs(y - truth.value) / unit
            everywhere = slice(None)
            self._sum("all", x, error, everywhere)
            self._by_region(x, error, everywhere)
            self._along(x, error, everywhere)
            self._steps(x, np.diff(y) / unit[:-1], rises[:-1] * neighbours[:-1])
            return
        self._left_out += int((truth.status < 0).sum())
        for name, status in (("kinks", KINK), ("undefined", UNDEFINED), ("open", OPEN)):
            self._count(name, x, truth.status == status)
        size = np.abs(truth.value)
        known = truth.status == KNOWN
        unit = ulp(truth.value, form)
        error = np.abs((y - truth.value) / unit - truth.rest)
        error = np.where(np.isfinite(y), error, np.inf)
        beyond = known & (size >= form.overflow)
        given_subnormal = (np.abs(x) < self._given.tiny) & (x != 0)
        subnormal = known & (size < form.tiny) & (size != 0)
        self._sum("subnormal_inputs", x, error, known & ~beyond & given_subnormal)
        self._sum("subnormal_results", x, error, subnormal & ~given_subnormal)
        regular = known & ~beyond & ~subnormal & ~given_subnormal
        self._sum("all", x, error, regular)
        self._by_region(x, error, regular)
        self._along(x, error, regular)
        normal = regular & (size != 0)
        self._count("wrong_zeros", x, normal & (y == 0))
        self._count("wrong_signs", x, normal & (y * np.sign(truth.value) < 0))
        self._count("not_finite", x, regular & ~np.isfinite(y))
        right = y * np.sign(truth.value) >= form.largest
        self._count("wrong_overflows", x, beyond & ~given_subnormal & ~right)
        change = np.diff(y) / unit[:-1]
        counted = (regular[:-1] & regular[1:]) & neighbours[:-1] & np.isfinite(change)
        self._steps(x, change, np.where(counted, rises[:-1], 0))

    def _steps(self, x: np.ndarray, change: np.ndarray, rises: np.ndarray) -> None:
        against = change * rises < 0
        self._count("steps", x[:-1], against)
        if against.any():
            self._step = max(self._step, float(np.abs(change[against]).max()))

    def _all_regular(self, x: np.ndarray, y: np.ndarray, truth: Truth) -> bool:
        """Tells whether there is nothing to look at but the errors."""
        size, product = np.abs(truth.value), y * truth.value
        return bool(
            not truth.status.any()  # KNOWN
            and not truth.rest.any()
            and size.min() >= self._result.tiny
            and size.max() <= self._result.largest
            and np.abs(x).min() >= self._given.tiny
            and product.min() > 0
            and np.isfinite(y).all()
        )

    def _count(self, name: str, x: np.ndarray, mask: np.ndarray) -> None:
        found = int(np.count_nonzero(mask))
        before = self._counts.get(name, Count())
        at = float(x[np.argmax(mask)]) if found and before.at is None else before.at
        self._counts[name] = Count(before.times + found, at)

    def _sum(self, name: str, x: np.ndarray, error: np.ndarray, mask: Any) -> None:
        self._sums[name] = _joined(self._sums[name], x[mask], error[mask])

    def _by_region(self, x: np.ndarray, error: np.ndarray, mask: Any) -> None:
        x, error = x[mask], error[mask]
        bounds = np.searchsorted(x, EDGES)
        for i, (a, b) in enumerate(pairwise(bounds.tolist())):
            if a < b:
                self._regions[i] = _joined(self._regions[i], x[a:b], error[a:b])

    def _along(self, x: np.ndarray, error: np.ndarray, mask: Any) -> None:
        x, error = x[mask], error[mask]
        if not len(x):
            return
        bounds = np.append(np.searchsorted(x, _QUARTERS), len(x))
        full = np.flatnonzero(np.diff(bounds))
        for key, worst in zip(full, np.maximum.reduceat(error, bounds[full]), strict=True):
            first = float(x[bounds[key]])
            at, before = self._curve.get(int(key), (first, 0.0))
            self._curve[int(key)] = (at, max(before, float(worst)))

    def errors(self) -> Errors:
        """Gives what was counted."""
        regions = [
            Region(low, high, errors)
            for (low, high), errors in zip(pairwise(EDGES.tolist()), self._regions, strict=True)
            if errors.inputs
        ]
        found: dict[str, Any] = {**self._sums, **self._counts}
        return Errors(
            **found,
            regions=tuple(regions),
            largest_step=self._step,
            left_out=self._left_out,
            curve=tuple(self._curve[key] for key in sorted(self._curve)),
        )


def _joined(before: Largest, x: np.ndarray, error: np.ndarray) -> Largest:
    if not len(x):
        return before
    i = int(np.argmax(error))
    finite = error[np.isfinite(error)]
    inputs = before.inputs + len(x)
    mean = before.mean + (float(finite.sum()) - before.mean * len(x)) / inputs
    if before.at is None or error[i] > before.maximum:
        return Largest(inputs, float(error[i]), float(x[i]), mean)
    return Largest(inputs, before.maximum, before.at, mean)


def direction(slope: Truth) -> np.ndarray:
    """Gives the direction from each input to the next, by the sign of the derivative at both."""
    sign = np.where(slope.status == KNOWN, np.sign(slope.value), 0)
    return np.append(np.where(sign[:-1] == sign[1:], sign[:-1], 0), 0)


def seen_direction(truth: Truth, form: Format) -> np.ndarray:
    """Gives the direction from each input to the next, where the true values tell it."""
    with np.errstate(invalid="ignore"):
        change = np.diff(truth.value)
        unit = ulp(truth.value, form)
        sure = np.abs(change) > 4 * DECIDED * unit[:-1]
    return np.append(np.where(sure, np.sign(change), 0), 0)
