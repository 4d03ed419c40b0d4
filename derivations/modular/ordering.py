"""Comparisons, and the choices, maxima and orders that they decide. The shadow decides."""

from collections.abc import Callable
from typing import Any

import numpy as np

from derivations.lift import kind_of
from derivations.modular.arithmetic import divide, multiply, negate, subtract
from derivations.modular.registry import by_jax, is_float, placed, reads, shape_of, whole_numbers
from derivations.modular.structure import joined
from derivations.modular.trial import Trial
from derivations.modular.value import Redraw, Undecided, Value

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "eq": np.equal, "ne": np.not_equal,
    "lt_to": np.less, "le_to": np.less_equal, "eq_to": np.equal,
}  # fmt: skip


@reads(*COMPARISONS)
def _compare(trial: Trial, eqn: Any, a: Value, b: Value) -> Any:
    if not a.real:
        return whole_numbers(eqn, [a, b])
    # Where the two are the same number, neither rounding counts.
    first = np.where(trial.same(a, b), b.shadow, a.shadow)
    found = np.asarray(COMPARISONS[eqn.primitive.name](first, b.shadow))
    return Value(found)


@reads("select_n")
def _select_n(trial: Trial, _: Any, which: Value, *cases: Value) -> Value:
    place = np.clip(which.shadow.astype(np.int64), 0, len(cases) - 1)

    def pick(xs: list[np.ndarray]) -> np.ndarray:
        shape = np.broadcast_shapes(place.shape, *(x.shape for x in xs))
        if len(xs) == 2:
            return np.where(place == 1, xs[1], xs[0])
        wide = np.stack([np.broadcast_to(x, shape) for x in xs])
        return np.take_along_axis(wide, np.broadcast_to(place, shape)[None], 0)[0]

    return joined(trial, list(cases), pick)


@reads("max", "min")
def _extreme(trial: Trial, eqn: Any, a: Value, b: Value) -> Any:
    if not a.real:
        return whole_numbers(eqn, [a, b])
    return (larger if eqn.primitive.name == "max" else smaller)(trial, a, b)


def larger(trial: Trial, a: Value, b: Value) -> Value:
    """Gives the larger of two numbers, the first of two equal ones; NaN if one is."""
    trial.same(a, b)
    return _first_if(trial, a.shadow >= b.shadow, a, b)


def smaller(trial: Trial, a: Value, b: Value) -> Value:
    """Gives the smaller of two numbers, the first of two equal ones; NaN if one is."""
    trial.same(a, b)
    return _first_if(trial, a.shadow <= b.shadow, a, b)


def _first_if(trial: Trial, first: np.ndarray, a: Value, b: Value) -> Value:
    value = joined(trial, [a, b], lambda xs: np.where(first, xs[0], xs[1]))
    nan = np.isnan(a.shadow) | np.isnan(b.shadow)
    if nan.any():
        value.shadow = np.where(nan, np.nan, value.shadow)
    return value


@reads("abs")
def _absolute(trial: Trial, eqn: Any, a: Value) -> Any:
    if not a.real:
        return whole_numbers(eqn, [a])
    trial.same(a, trial.rational(0))
    below = a.shadow < 0
    return joined(trial, [a, negate(trial, a)], lambda xs: np.where(below, xs[1], xs[0]))


@reads("sign")
def _sign(trial: Trial, eqn: Any, a: Value) -> Any:
    if not a.real:
        return whole_numbers(eqn, [a])
    if np.isnan(a.shadow).any():
        raise Undecided("the sign of a NaN")
    zero = trial.same(a, trial.rational(0))
    return trial.whole(np.where(zero, 0, np.sign(a.shadow)).astype(np.int64))


@reads("clamp")
def _clamp(trial: Trial, eqn: Any, low: Value, a: Value, high: Value) -> Any:
    if not a.real:
        return whole_numbers(eqn, [low, a, high])
    trial.same(a, low)
    trial.same(a, high)
    place = np.where(a.shadow < low.shadow, 0, np.where(a.shadow > high.shadow, 2, 1))

    def pick(xs: list[np.ndarray]) -> np.ndarray:
        return np.where(place == 0, xs[0], np.where(place == 2, xs[2], xs[1]))

    return joined(trial, [low, a, high], pick)


@reads("is_finite")
def _is_finite(_: Trial, __: Any, a: Value) -> Value:
    return Value(np.isfinite(a.shadow))


@reads("reduce_max", "reduce_min")
def _reduce_extreme(trial: Trial, eqn: Any, a: Value) -> Any:
    if not a.real:
        return whole_numbers(eqn, [a])
    axes = tuple(eqn.params["axes"])
    rows, shape = _rows(a.shadow, axes), shape_of(eqn)
    sign = 1 if eqn.primitive.name == "reduce_max" else -1
    return placed(trial, a, largest_of(trial, a, rows, sign).reshape(shape))


@reads("argmax", "argmin")
def _arg_extreme(trial: Trial, eqn: Any, a: Value) -> Any:
    if not a.real:
        return whole_numbers(eqn, [a])
    rows = _rows(a.shadow, tuple(eqn.params["axes"]))
    sign = 1 if eqn.primitive.name == "argmax" else -1
    best = largest_of(trial, a, rows, sign)
    place = (rows == best[:, None]).argmax(1)
    return Value(place.reshape(shape_of(eqn)).astype(eqn.params["index_dtype"]))


def _rows(array: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Gives the flat positions, a row for each entry of the result."""
    kept = [i for i in range(array.ndim) if i not in axes]
    positions = np.arange(array.size).reshape(array.shape).transpose([*kept, *axes])
    count = int(np.prod([array.shape[i] for i in kept], dtype=int))
    return positions.reshape(count, -1)


def largest_of(trial: Trial, a: Value, rows: np.ndarray, sign: int) -> np.ndarray:
    """Gives the flat position of the largest entry of each row, the first of several.

    Positions of -1 hold nothing.
    """
    if not rows.size or not a.shadow.size:
        raise Undecided("the largest of no numbers")
    outside = rows < 0
    numbers = np.where(outside, -np.inf, sign * a.shadow.reshape(-1)[rows])
    if np.isnan(numbers).any() or outside.all(1).any():
        raise Undecided("the largest of numbers with a NaN, or of none")
    each = np.arange(len(rows))
    top = numbers.argmax(1)
    best = np.broadcast_to(rows[each, top][:, None], rows.shape)
    tied = trial.same(placed(trial, a, np.where(outside, best, rows)), placed(trial, a, best))
    tied = tied & ~outside
    tied[each, top] = True  # an infinity is no tie
    return rows[each, tied.argmax(1)]


@reads("sort")
def _sort(trial: Trial, eqn: Any, *operands: Value) -> Any:
    keys, axis = operands[: eqn.params["num_keys"]], eqn.params["dimension"]
    order = np.lexsort([k.shadow for k in reversed(keys)], axis=axis)
    for key in keys[:1]:
        if key.real:
            apart(trial, key, order, axis)
    return [a.moved(lambda x: np.take_along_axis(x, order, axis), trial.atom) for a in operands]


def apart(trial: Trial, key: Value, order: np.ndarray, axis: int) -> None:
    """Makes sure that an order is that of different numbers."""

    def at(part: slice) -> Value:
        cut = tuple(part if i == axis else slice(None) for i in range(order.ndim))
        return key.moved(lambda x: np.take_along_axis(x, order, axis)[cut], trial.atom)

    if trial.same(at(slice(None, -1)), at(slice(1, None))).any():
        raise Undecided("a tie in a sort")


@reads("floor", "ceil", "round")
def _rounded(trial: Trial, eqn: Any, a: Value) -> Any:
    (found,) = by_jax(eqn, [a.shadow])
    return trial.whole(_as_whole(trial, a, found))


def _as_whole(trial: Trial, a: Value, found: np.ndarray) -> np.ndarray:
    """Gives the rounded numbers, unless one is close to where it jumps."""
    if not np.isfinite(a.shadow).all() or np.abs(a.shadow).max(initial=0) > 2**50:
        raise Undecided("rounding of an infinity or a large number")
    if not trial.is_constant(a):
        halves = a.shadow * 2
        if (np.abs(halves - np.rint(halves)) < 1e-6).any():
            raise Redraw("rounding close to a jump")
        trial.comparisons += a.shadow.size
    return found.astype(np.int64)


@reads("rem")
def _remainder(trial: Trial, eqn: Any, a: Value, b: Value) -> Any:
    if not a.real:
        return whole_numbers(eqn, [a, b])
    quotient = divide(trial, a, b)
    steps = trial.whole(_as_whole(trial, quotient, np.trunc(quotient.shadow)))
    return subtract(trial, a, multiply(trial, steps, b))


@reads("convert_element_type")
def _convert(trial: Trial, eqn: Any, a: Value) -> Any:
    dtype = np.dtype(eqn.outvars[0].aval.dtype)
    if is_float(eqn):
        return a if a.real else trial.whole(a.shadow)
    if a.real and kind_of(dtype) == "bool":
        return Value(~trial.same(a, trial.rational(0)))
    if a.real:
        return Value(_as_whole(trial, a, np.trunc(a.shadow)).astype(dtype))
    return whole_numbers(eqn, [a])
