"""Cutting arrays up and putting them together: slice, pad, concatenate, split, stack, tile."""

from collections.abc import Sequence
from typing import Any

from derivations import graph as g
from derivations.graph import At, Dim, Node
from derivations.lift import (
    Array,
    Lifting,
    Unsupported,
    dim_of,
    dim_value,
    number_of,
    numbered,
)
from derivations.masks import choice
from derivations.primitives import whole
from derivations.primitives.gathering import entry_at
from derivations.primitives.registry import kind_at, reads, shape_of


def _known(position: At) -> int:
    assert isinstance(position, int)  # what `numbered` has made sure of
    return position


def _numbers(shape: Sequence[Dim], axes: Sequence[int]) -> list[int]:
    """Gives those of the axes along which positions can be told apart."""
    return [axis for axis in axes if isinstance(shape[axis], int)]


@reads("slice")
def _slice(lifting: Lifting, eqn: Any, a: Array) -> Array:
    starts = [dim_value(start) for start in eqn.params["start_indices"]]
    strides = [g.const(int(stride)) for stride in eqn.params["strides"] or [1] * len(starts)]
    shape = shape_of(eqn)
    moved = [
        axis
        for axis, cut in enumerate(zip(starts, strides, a.shape, shape, strict=True))
        if not (cut[0] is g.ZERO and cut[1] is g.ONE and cut[2] == cut[3])
    ]

    def at(position: tuple[At, ...]) -> Node:
        where: list[At | Node] = list(position)
        for axis in moved:
            where[axis] = g.add(starts[axis], g.mul(strides[axis], g.index(position[axis])))
        return entry_at(lifting, a, where)

    axes = _numbers(shape, moved)
    return Array(shape, a.kind, lambda position: numbered(position, axes, at))


@reads("rev")
def _rev(lifting: Lifting, eqn: Any, a: Array) -> Array:
    axes = [int(axis) for axis in eqn.params["dimensions"]]

    def at(position: tuple[At, ...]) -> Node:
        where: list[At | Node] = list(position)
        for axis in axes:
            last = g.sub(g.size(a.shape[axis]), g.ONE)
            where[axis] = g.sub(last, g.index(position[axis]))
        return entry_at(lifting, a, where)

    return Array(shape_of(eqn), a.kind, at)


@reads("pad")
def _pad(lifting: Lifting, eqn: Any, a: Array, value: Array) -> Array:
    config = [(dim_value(low), int(inner)) for low, _, inner in eqn.params["padding_config"]]
    shape = shape_of(eqn)
    moved = [
        axis
        for axis, (low, inner) in enumerate(config)
        if not (low is g.ZERO and inner == 0 and a.shape[axis] == shape[axis])
    ]

    def at(position: tuple[At, ...]) -> Node:
        where: list[At | Node] = list(position)
        inside = g.TRUE
        for axis in moved:
            low, inner = config[axis]
            offset = g.sub(g.index(position[axis]), low)
            if inner:
                if offset.op != "const":
                    raise Unsupported("holes between entries, at a symbolic position")
                quotient, rest = divmod(int(offset.data), inner + 1)
                if rest:
                    return value.at()
                offset = g.const(quotient)
            inside = g.and_(inside, whole.inside(offset, a.shape[axis]))
            where[axis] = offset
        if inside is g.FALSE:
            return value.at()
        return choice(inside, entry_at(lifting, a, where), value.at())

    axes = _numbers(shape, moved)
    return Array(shape, a.kind, lambda position: numbered(position, axes, at))


@reads("concatenate")
def _concatenate(_: Lifting, eqn: Any, *parts: Array) -> Array:
    axis = eqn.params["dimension"]
    return _joined(shape_of(eqn), axis, parts)


def _joined(shape: Sequence[Dim], axis: int, parts: Sequence[Array]) -> Array:
    def at(position: tuple[At, ...]) -> Node:
        p = _known(position[axis])
        for part in parts:
            length = number_of(part.shape[axis])
            if p < length:
                return part.at(*position[:axis], p, *position[axis + 1 :])
            p -= length
        raise Unsupported("a position outside an array")

    return Array(shape, parts[0].kind, lambda position: numbered(position, [axis], at))


@reads("split")
def _split(_: Lifting, eqn: Any, a: Array) -> list[Array]:
    axis = eqn.params["axis"]
    sizes = [dim_of(size) for size in eqn.params["sizes"]]
    if len(sizes) == 1:
        return [a]
    starts = [sum(map(number_of, sizes[:i])) for i in range(len(sizes))]

    def part(output: int) -> Array:
        def at(position: tuple[At, ...]) -> Node:
            p = starts[output] + _known(position[axis])
            return a.at(*position[:axis], p, *position[axis + 1 :])

        return Array(shape_of(eqn, output), a.kind, lambda p: numbered(p, [axis], at))

    return list(map(part, range(len(sizes))))


@reads("stack")
def _stack(_: Lifting, eqn: Any, *parts: Array) -> Array:
    return stacked(shape_of(eqn), eqn.params["axis"], parts)


def stacked(shape: Sequence[Dim], axis: int, parts: Sequence[Array]) -> Array:
    """Gives arrays of one shape along a new axis."""

    def at(position: tuple[At, ...]) -> Node:
        return parts[_known(position[axis])].at(*position[:axis], *position[axis + 1 :])

    return Array(shape, parts[0].kind, lambda position: numbered(position, [axis], at))


@reads("unstack")
def _unstack(_: Lifting, eqn: Any, a: Array) -> list[Array]:
    return [row(a, i, eqn.params["axis"]) for i in range(len(eqn.outvars))]


def row(a: Array, i: int, axis: int = 0) -> Array:
    """Gives the part of an array at one position along an axis."""
    shape = a.shape[:axis] + a.shape[axis + 1 :]
    return Array(shape, a.kind, lambda at: a.at(*at[:axis], i, *at[axis:]))


@reads("tile")
def _tile(_: Lifting, eqn: Any, a: Array) -> Array:
    shape = shape_of(eqn)
    moved = [axis for axis, reps in enumerate(eqn.params["reps"]) if reps != 1]

    def at(position: tuple[At, ...]) -> Node:
        where = list(position)
        for axis in moved:
            where[axis] = _known(position[axis]) % number_of(a.shape[axis])
        return a.at(*where)

    return Array(shape, a.kind, lambda position: numbered(position, moved, at))


@reads("empty", "empty2")
def _empty(_: Lifting, eqn: Any) -> Array:
    # What was never written has no value: nothing can be proved that depends on it.
    return Array(shape_of(eqn), kind_at(eqn), lambda at: g.NAN)
