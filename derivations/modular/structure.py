"""Entries at other places: moved by NumPy, or by JAX itself on an array of positions."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from derivations.lift import Unsupported
from derivations.modular.degree import largest
from derivations.modular.registry import by_jax, placed, reads, shape_of
from derivations.modular.trial import Trial
from derivations.modular.value import Value, chosen


@reads("broadcast_in_dim")
def _broadcast_in_dim(trial: Trial, eqn: Any, a: Value, *_: Value) -> Value:
    shape, axes = shape_of(eqn), eqn.params["broadcast_dimensions"]
    spread = [1] * len(shape)
    for size, axis in zip(a.shadow.shape, axes, strict=True):
        spread[axis] = size
    return a.moved(lambda x: np.broadcast_to(x.reshape(spread), shape), trial.atom)


@reads("reshape", "squeeze", "expand_dims")
def _reshape(trial: Trial, eqn: Any, a: Value, *_: Value) -> Value:
    shape, order = shape_of(eqn), None
    if eqn.primitive.name == "reshape":
        order = eqn.params.get("dimensions")
    return a.moved(
        lambda x: (x if order is None else x.transpose(order)).reshape(shape), trial.atom
    )


@reads("transpose")
def _transpose(trial: Trial, eqn: Any, a: Value) -> Value:
    return a.moved(lambda x: x.transpose(eqn.params["permutation"]), trial.atom)


@reads("rev")
def _rev(trial: Trial, eqn: Any, a: Value) -> Value:
    return a.moved(lambda x: np.flip(x, eqn.params["dimensions"]), trial.atom)


@reads("slice")
def _slice(trial: Trial, eqn: Any, a: Value) -> Value:
    p = eqn.params
    strides = p["strides"] or [1] * len(p["start_indices"])
    cut = tuple(map(slice, p["start_indices"], p["limit_indices"], strides))
    return a.moved(lambda x: x[cut], trial.atom)


@reads("concatenate")
def _concatenate(trial: Trial, eqn: Any, *parts: Value) -> Value:
    axis = eqn.params["dimension"]
    return joined(trial, list(parts), lambda xs: np.concatenate(xs, axis))


@reads("split")
def _split(trial: Trial, eqn: Any, a: Value) -> list[Value]:
    axis, ends = eqn.params["axis"], np.cumsum(eqn.params["sizes"])
    return [
        a.moved(lambda x, i=i: np.split(x, ends[:-1], axis)[i], trial.atom)
        for i in range(len(ends))
    ]


def joined(trial: Trial, parts: list[Value], join: Any) -> Value:
    """Gives one array made of the entries of several."""
    shadow = join([p.shadow for p in parts])
    whole = None
    if not parts[0].real:
        return Value(shadow)
    if all(p.whole is not None for p in parts):
        whole = join([p.whole for p in parts])
    numbers, factors = {p.number for p in parts}, {p.factor for p in parts}
    return Value(
        shadow,
        tuple(join(list(rs)) for rs in zip(*(p.residues for p in parts), strict=True)),
        largest(*(p.degree for p in parts)),
        lambda: chosen(join, [trial.exponential(p) for p in parts]),
        numbers.pop() if len(numbers) == 1 else None,
        whole,
        factors.pop() if len(factors) == 1 else None,
    )


# --- where JAX itself says which entry goes where -----------------------------------------------


def positions_of(a: Value) -> np.ndarray:
    """Gives the number of each entry, from one on: zero is what lies outside."""
    return np.arange(1, a.shadow.size + 1, dtype=np.int64).reshape(a.shadow.shape)


def _whole(values: tuple[Value, ...]) -> list[np.ndarray]:
    if any(v.real for v in values):
        raise Unsupported("positions that are no whole numbers")
    return [v.shadow for v in values]


@reads("gather")
def _gather(trial: Trial, eqn: Any, a: Value, indices: Value) -> Value:
    (found,) = by_jax(eqn, [positions_of(a), *_whole((indices,))], fill_value=0)
    fill = eqn.params.get("fill_value")
    if (found == 0).any() and (a.real or fill not in (None, 0)):
        # Out of bounds, JAX fills with NaN; its derivative drops.
        moved = placed(trial, a, found - 1)
        if a.real and fill is None:
            moved.shadow = np.where(found == 0, np.nan, moved.shadow)
        elif fill not in (None, 0):
            raise Unsupported("a fill value")
        return moved
    return placed(trial, a, found - 1)


@reads("dynamic_slice")
def _dynamic_slice(trial: Trial, eqn: Any, a: Value, *starts: Value) -> Value:
    (found,) = by_jax(eqn, [positions_of(a), *_whole(starts)])
    return placed(trial, a, found - 1)


@reads("pad")
def _pad(trial: Trial, eqn: Any, a: Value, filling: Value) -> Value:
    (found,) = by_jax(eqn, [positions_of(a), np.zeros((), np.int64)])
    return _or(trial, found, a, filling)


def _or(trial: Trial, found: np.ndarray, a: Value, filling: Value) -> Value:
    """Gives entries of one array, and where there is none a number."""
    outside = found == 0

    def join(xs: list[np.ndarray]) -> np.ndarray:
        values = xs[0].reshape(-1)
        taken = (
            values[np.maximum(found - 1, 0)] if values.size else np.zeros(found.shape, xs[1].dtype)
        )
        return np.where(outside, xs[1], taken)

    return joined(trial, [a, filling], join)


@reads("dynamic_update_slice")
def _dynamic_update_slice(trial: Trial, eqn: Any, a: Value, update: Value, *starts: Value) -> Value:
    of_update = positions_of(update) + a.shadow.size
    (found,) = by_jax(eqn, [positions_of(a), of_update, *_whole(starts)])
    return _picked(trial, a, update, found)


def _picked(trial: Trial, a: Value, b: Value, found: np.ndarray) -> Value:
    """Gives entries of two arrays; positions count from one, through the first and the second."""
    return joined(trial, [a, b], lambda xs: np.concatenate([x.reshape(-1) for x in xs])[found - 1])


@reads("scatter")
def _scatter(trial: Trial, eqn: Any, a: Value, indices: Value, updates: Value) -> Value:
    p = eqn.params
    options = {
        "indices_are_sorted": p["indices_are_sorted"],
        "unique_indices": p["unique_indices"],
        "mode": p["mode"],
    }
    where, numbers = jnp.asarray(_whole((indices,))[0]), p["dimension_numbers"]
    ones = jnp.ones(updates.shadow.shape, jnp.int64)
    empty = jnp.zeros(a.shadow.shape, jnp.int64)
    if int(jax.lax.scatter_add(empty, where, ones, numbers, **options).max(initial=0)) > 1:
        raise Unsupported("a scatter whose updates meet")
    placed_at = jnp.asarray(positions_of(updates) + a.shadow.size)
    found = jax.lax.scatter(jnp.asarray(positions_of(a)), where, placed_at, numbers, **options)
    return _picked(trial, a, updates, np.asarray(found))
