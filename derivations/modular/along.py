"""Products, running products and extremes along an axis; the k largest; copies."""

from collections.abc import Callable
from typing import Any

import numpy as np

from derivations.modular.arithmetic import add, multiply
from derivations.modular.functions import exponential, logarithm
from derivations.modular.ordering import apart, larger, smaller
from derivations.modular.registry import READINGS, is_float, reads, shape_of, whole_numbers
from derivations.modular.structure import joined
from derivations.modular.trial import Trial
from derivations.modular.value import Value

Combine = Callable[[Trial, Value, Value], Value]


def _rows(trial: Trial, a: Value, axis: int) -> list[Value]:
    return [
        a.moved(lambda x, i=i: np.take(x, i, axis), trial.atom) for i in range(a.shadow.shape[axis])
    ]


@reads("reduce_prod")
def _reduce_prod(trial: Trial, eqn: Any, a: Value) -> Any:
    if not a.real:
        return whole_numbers(eqn, [a])
    result = a
    for axis in sorted(eqn.params["axes"], reverse=True):
        shape = np.delete(result.shadow.shape, axis)
        product = trial.rational(1, tuple(int(d) for d in shape))
        for row in _rows(trial, result, axis):
            product = multiply(trial, product, row)
        result = product
    return result


def _running(combine: Combine) -> Callable[..., Any]:
    def reading(trial: Trial, eqn: Any, a: Value) -> Any:
        if not a.real:
            return whole_numbers(eqn, [a])
        return _accumulated(trial, eqn, a, combine)

    return reading


def _accumulated(trial: Trial, eqn: Any, a: Value, combine: Combine) -> Value:
    axis, reverse = eqn.params["axis"], eqn.params["reverse"]
    rows = _rows(trial, a, axis)
    if not rows:
        return a
    order = rows[::-1] if reverse else rows
    found = [order[0]]
    for row in order[1:]:
        found.append(combine(trial, found[-1], row))
    return joined(trial, found[::-1] if reverse else found, lambda xs: np.stack(xs, axis))


READINGS["cumprod"] = _running(multiply)
READINGS["cummax"] = _running(larger)
READINGS["cummin"] = _running(smaller)


@reads("cumlogsumexp")
def _cumlogsumexp(trial: Trial, eqn: Any, a: Value) -> Any:
    return logarithm(trial, _accumulated(trial, eqn, exponential(trial, a), add))


@reads("top_k")
def _top_k(trial: Trial, eqn: Any, a: Value) -> Any:
    if not a.real:
        return whole_numbers(eqn, [a])
    axis, k = eqn.params.get("axis", -1) % a.shadow.ndim, eqn.params["k"]
    order = np.argsort(-a.shadow, axis, kind="stable")
    apart(trial, a, order, axis)
    order = np.take(order, np.arange(k), axis)
    dtype = np.dtype(eqn.outvars[1].aval.dtype)
    best = a.moved(lambda x: np.take_along_axis(x, order, axis), trial.atom)
    return [best, Value(order.astype(dtype))]


@reads("tile")
def _tile(trial: Trial, eqn: Any, a: Value) -> Value:
    return a.moved(lambda x: np.tile(x, eqn.params["reps"]), trial.atom)


@reads("stack")
def _stack(trial: Trial, eqn: Any, *parts: Value) -> Value:
    return joined(trial, list(parts), lambda xs: np.stack(xs, eqn.params["axis"]))


@reads("unstack")
def _unstack(trial: Trial, eqn: Any, a: Value) -> list[Value]:
    return _rows(trial, a, eqn.params["axis"])


@reads("empty", "empty2")
def _empty(trial: Trial, eqn: Any) -> Value:
    shape = shape_of(eqn)
    if is_float(eqn):
        # What was never written has no value.
        return trial.constant(np.full(shape, np.nan))
    return Value(np.zeros(shape, eqn.outvars[0].aval.dtype))
