"""Sums: along axes, of products, over windows, and at positions that are computed."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from derivations.lift import Unsupported
from derivations.modular import fields as ff
from derivations.modular.arithmetic import add, negate, products_along
from derivations.modular.degree import multiplied, repeated, summed
from derivations.modular.registry import by_jax, reads, whole_numbers
from derivations.modular.trial import Trial
from derivations.modular.value import Exponential, Undecided, Value


def _all_finite(*values: Value) -> None:
    for value in values:
        if not np.isfinite(value.shadow).all():
            raise Undecided("a sum over an infinity")


@reads("reduce_sum")
def _reduce_sum(trial: Trial, eqn: Any, a: Value) -> Any:
    axes = tuple(eqn.params["axes"])
    if not a.real:
        return whole_numbers(eqn, [a])
    count = math.prod(a.shadow.shape[i] for i in axes)

    def exponential() -> Exponential:
        e = trial.exponential(a)
        found = []
        for r, f in zip(e.residues, trial.fields, strict=True):
            for axis in sorted(axes, reverse=True):
                r = products_along(r, axis, f)
            found.append(r)
        return e._replace(residues=tuple(found), degree=repeated(e.degree, count))

    return trial.finite(
        Value(
            a.shadow.sum(axes),
            tuple(
                ff.reduced(r.sum(axes), f) for r, f in zip(a.residues, trial.fields, strict=True)
            ),
            summed(a.degree, count),
            exponential,
            None if a.number is None else a.number * count,
            factor=a.factor if a.number is None else None,
        ),
        Value(np.where(np.isfinite(a.shadow).all(axes), 0.0, np.nan)),
    )


@reads("dot_general")
def _dot_general(trial: Trial, eqn: Any, a: Value, b: Value) -> Any:
    if not a.real:
        return whole_numbers(eqn, [a, b])
    (contract_a, contract_b), (batch_a, batch_b) = eqn.params["dimension_numbers"]
    count = math.prod(a.shadow.shape[i] for i in contract_a)
    free_a = [i for i in range(a.shadow.ndim) if i not in (*contract_a, *batch_a)]
    free_b = [i for i in range(b.shadow.ndim) if i not in (*contract_b, *batch_b)]
    batch = [a.shadow.shape[i] for i in batch_a]
    shape = (*batch, *(a.shadow.shape[i] for i in free_a), *(b.shadow.shape[i] for i in free_b))

    def multiply(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        left = x.transpose([*batch_a, *free_a, *contract_a]).reshape(*batch, -1, count)
        right = y.transpose([*batch_b, *contract_b, *free_b]).reshape(*batch, count, -1)
        return (left @ right).reshape(shape)

    if not count or 0 in shape:
        return trial.rational(0, shape)
    return _bilinear(trial, a, b, multiply, count)


@reads("conv_general_dilated")
def _convolution(trial: Trial, eqn: Any, a: Value, b: Value) -> Value:
    def multiply(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return by_jax(eqn, [x, y], preferred_element_type=np.dtype(np.float64))[0]

    return _bilinear(trial, a, b, multiply, b.shadow.size)


def _bilinear(
    trial: Trial,
    a: Value,
    b: Value,
    multiply: Callable[[np.ndarray, np.ndarray], np.ndarray],
    count: int,
) -> Value:
    _all_finite(a, b)
    residues = tuple(
        ff.bilinear(x, y, f, multiply, count)
        for x, y, f in zip(a.residues, b.residues, trial.fields, strict=True)
    )
    degree = summed(multiplied(a.degree, b.degree), count)
    value = Value(multiply(a.shadow, b.shadow), residues, degree, factor=a.factor * b.factor)
    return trial.finite(value, Value(np.zeros(())))


# --- sums that JAX itself makes: of whole numbers below 2³¹, at most 2²⁰ of them, in float64 ------


def _linear(trial: Trial, a: Value, count: int, run: Callable[[np.ndarray], np.ndarray]) -> Value:
    _all_finite(a)
    if count > ff.MOST_SUMMANDS:
        raise Unsupported(f"a sum of {count} terms")
    residues = tuple(
        ff.reduced(run(r.astype(np.float64)).astype(np.int64), f)
        for r, f in zip(a.residues, trial.fields, strict=True)
    )
    return Value(run(a.shadow), residues, summed(a.degree, count), factor=a.factor)


@reads("cumsum")
def _cumsum(trial: Trial, eqn: Any, a: Value) -> Any:
    if not a.real:
        return whole_numbers(eqn, [a])
    count = a.shadow.shape[eqn.params["axis"]]
    return _linear(trial, a, count, lambda x: by_jax(eqn, [x])[0])


@reads("reduce_window_sum")
def _reduce_window_sum(trial: Trial, eqn: Any, a: Value) -> Any:
    if not a.real:
        return whole_numbers(eqn, [a])
    count = math.prod(eqn.params["window_dimensions"])
    return _linear(trial, a, count, lambda x: by_jax(eqn, [x])[0])


@reads("select_and_scatter_add")
def _select_and_scatter_add(trial: Trial, eqn: Any, source: Value, operand: Value) -> Value:
    tell_apart(trial, operand)
    count = math.prod(eqn.params["window_dimensions"])
    return _linear(trial, source, count, lambda x: by_jax(eqn, [x, operand.shadow])[0])


def tell_apart(trial: Trial, a: Value) -> None:
    """Makes sure that all entries of an array are different numbers, so that one is the largest."""
    flat = a.shadow.reshape(-1)
    order = np.argsort(flat, kind="stable")
    low = a.moved(lambda x: x.reshape(-1)[order[:-1]], trial.atom)
    high = a.moved(lambda x: x.reshape(-1)[order[1:]], trial.atom)
    if flat.size > 1 and trial.same(low, high).any():
        raise Undecided("a tie in a window")


@reads("scatter-add", "scatter-sub")
def _scatter_add(trial: Trial, eqn: Any, a: Value, indices: Value, updates: Value) -> Any:
    if not a.real:
        return whole_numbers(eqn, [a, indices, updates])
    p = eqn.params

    def scattered(x: np.ndarray) -> np.ndarray:
        return np.asarray(
            jax.lax.scatter_add(
                jnp.zeros(a.shadow.shape, jnp.float64),
                jnp.asarray(indices.shadow),
                jnp.asarray(x),
                p["dimension_numbers"],
                indices_are_sorted=p["indices_are_sorted"],
                unique_indices=p["unique_indices"],
                mode=p["mode"],
            )
        )

    count = max(1, indices.shadow.size)
    if eqn.primitive.name == "scatter-sub":
        updates = negate(trial, updates)
    return add(trial, a, _linear(trial, updates, count, scattered))
