"""Entries at other places: broadcasting, transposing, reshaping."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from derivations import graph as g
from derivations.graph import At, Dim, Index, Node
from derivations.lift import Array, Lifting, Unsupported, dim_value, numbered
from derivations.primitives.registry import kind_at, reads, shape_of


@reads("iota")
def _iota(_: Lifting, eqn: Any, *dims: Array) -> Array:
    axis = eqn.params["dimension"]
    return Array(shape_of(eqn), kind_at(eqn), lambda at: g.index(at[axis]))


@reads("dim_as_value")
def _dim_as_value(_: Lifting, eqn: Any) -> Array:
    value = dim_value(eqn.params["dim"])
    return Array((), "int", lambda at: value)


@reads("broadcast_in_dim")
def _broadcast_in_dim(_: Lifting, eqn: Any, a: Array, *dims: Array) -> Array:
    axes = eqn.params["broadcast_dimensions"]
    return Array(shape_of(eqn), a.kind, lambda at: a.at(*(at[int(axis)] for axis in axes)))


@reads("transpose")
def _transpose(_: Lifting, eqn: Any, a: Array) -> Array:
    return _transposed(a, eqn.params["permutation"])


def _transposed(a: Array, permutation: Sequence[int]) -> Array:
    order = [int(p) for p in permutation]
    shape = [a.shape[p] for p in order]
    return Array(shape, a.kind, lambda at: a.at(*(at[order.index(i)] for i in range(len(at)))))


# --- joining and splitting axes -----------------------------------------------------------------


@reads("reshape", "squeeze")
def _reshape(_: Lifting, eqn: Any, a: Array, *dims: Array) -> Array:
    shape = shape_of(eqn)
    order = eqn.params.get("dimensions") if eqn.primitive.name == "reshape" else None
    source = a if order is None else _transposed(a, order)
    groups = list(_groups(shape, source.shape))
    moved = [axis for new, old in groups if len(new) != 1 or len(old) != 1 for axis in new]

    def at(position: tuple[At, ...]) -> Node:
        where: list[At] = [0] * len(source.shape)
        for new, old in groups:
            if len(new) == len(old) == 1:
                where[old[0]] = position[new[0]]
            else:
                flat = _ravel([position[i] for i in new], [shape[i] for i in new])
                sizes = [source.shape[i] for i in old]
                for axis, p in zip(old, _unravel(flat, sizes), strict=True):
                    where[axis] = p
        return source.at(*where)

    return Array(shape, a.kind, lambda position: numbered(position, moved, at))


def _groups(
    new: Sequence[Dim], old: Sequence[Dim]
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Gives the shortest runs of axes that hold the same entries; axes of length one are left out.

    Raises:
      Unsupported: A symbolic size is joined with another, or split.
    """
    left, right = ([i for i, d in enumerate(shape) if d != 1] for shape in (new, old))
    while left or right:
        runs = ([left.pop(0)] if left else [], [right.pop(0)] if right else [])
        while (sizes := (_size(new, runs[0]), _size(old, runs[1])))[0] != sizes[1]:
            if isinstance(sizes[0], str) or isinstance(sizes[1], str):
                raise Unsupported("axes of symbolic size that are joined or split")
            shorter = 0 if sizes[0] < sizes[1] else 1
            if not (left, right)[shorter]:
                break  # no entries at all
            runs[shorter].append((left, right)[shorter].pop(0))
        yield tuple(runs[0]), tuple(runs[1])


def _size(shape: Sequence[Dim], run: Sequence[int]) -> Dim:
    dims = [shape[i] for i in run]
    if len(dims) == 1:
        return dims[0]
    numbers = [d for d in dims if isinstance(d, int)]
    if len(numbers) < len(dims):
        raise Unsupported("axes of symbolic size that are joined or split")
    return math.prod(numbers)


def _ravel(position: Sequence[At], shape: Sequence[Dim]) -> int:
    flat = 0
    for p, d in zip(position, shape, strict=True):
        if isinstance(p, Index) or not isinstance(d, int):
            raise Unsupported("axes joined or split at a symbolic position")
        flat = flat * d + p
    return flat


def _unravel(flat: int, shape: Sequence[Dim]) -> tuple[int, ...]:
    position = []
    for d in reversed(shape):
        if not isinstance(d, int):
            raise Unsupported("axes joined or split at a symbolic size")
        flat, p = divmod(flat, d)
        position.append(p)
    return tuple(reversed(position))
