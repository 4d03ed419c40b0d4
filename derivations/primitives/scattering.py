"""Writing and adding at positions that are computed: what indexing turns into backwards.

An entry of the result is that of the operand, and whatever the updates whose index hits it bring.
"""

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

from derivations import graph as g
from derivations.graph import At, Dim, Node
from derivations.lift import Array, Lifting, Unsupported, number_of
from derivations.masks import choice
from derivations.primitives import whole
from derivations.primitives.arithmetic import larger, smaller
from derivations.primitives.gathering import entry_at, started
from derivations.primitives.registry import dtype_of, kind_at, reads, shape_of, summed

APART = "no two updates of a scatter meet"


class _Updates(NamedTuple):
    """The updates of a scatter, seen from an entry of its operand."""

    lifting: Lifting
    eqn: Any
    operand: Array
    indices: Array
    updates: Array

    @property
    def numbers(self) -> Any:
        return self.eqn.params["dimension_numbers"]

    def free(self) -> list[Dim]:
        """Gives the sizes of the axes along which several updates may hit one entry."""
        batching = self.numbers.scatter_indices_batching_dims
        return [d for i, d in enumerate(self.indices.shape[:-1]) if i not in batching]

    def hit(self, position: tuple[At, ...], free: tuple[At, ...]) -> tuple[Node, Node]:
        """Gives whether an update hits an entry, and what it brings."""
        numbers = self.numbers
        batching = dict(
            zip(numbers.scatter_indices_batching_dims, numbers.operand_batching_dims, strict=True)
        )
        rest = iter(free)
        batch = [
            position[batching[i]] if i in batching else next(rest)
            for i in range(len(self.indices.shape) - 1)
        ]
        away = {*numbers.inserted_window_dims, *numbers.operand_batching_dims}
        kept = [axis for axis in range(len(self.operand.shape)) if axis not in away]
        window = dict(zip(kept, numbers.update_window_dims, strict=True))
        offsets: dict[int, At | Node] = {axis: position[axis] for axis in kept}
        condition = g.TRUE
        for i, axis in enumerate(numbers.scatter_dims_to_operand_dims):
            length = self.updates.shape[window[axis]] if axis in window else 1
            start, outside = started(
                self.lifting, self.eqn, self.indices.at(*batch, i), self.operand.shape[axis], length
            )
            offset = g.sub(g.index(position[axis]), start)
            offsets[axis] = offset
            condition = g.and_(condition, g.and_(g.not_(outside), whole.inside(offset, length)))
        for axis in kept:
            if axis not in numbers.scatter_dims_to_operand_dims:
                fits = whole.inside(g.index(position[axis]), self.updates.shape[window[axis]])
                condition = g.and_(condition, fits)
        if condition is g.FALSE:
            return condition, g.ZERO
        others = iter(batch)
        where = [
            offsets[kept[numbers.update_window_dims.index(i)]]
            if i in numbers.update_window_dims
            else next(others)
            for i in range(len(self.updates.shape))
        ]
        return condition, entry_at(self.lifting, self.updates, where)

    def hits(self, position: tuple[At, ...]) -> Iterator[tuple[Node, Node]]:
        """Gives the updates one by one, those that may hit."""
        for free in itertools.product(*(range(number_of(d)) for d in self.free())):
            condition, value = self.hit(position, free)
            if condition is not g.FALSE:
                yield condition, value

    def sum(self, position: tuple[At, ...]) -> Node:
        """Gives the sum of what hits."""

        def body(*free: At) -> Node:
            condition, value = self.hit(position, free)
            return choice(condition, value, g.ZERO)

        return summed(self.lifting, self.free(), body)

    def hit_count(self, position: tuple[At, ...]) -> Node:
        """Gives how many updates hit."""

        def body(*free: At) -> Node:
            return g.select(self.hit(position, free)[0], g.ONE, g.ZERO)

        return summed(self.lifting, self.free(), body)


@reads("scatter-add", "scatter-sub")
def _scatter_add(lifting: Lifting, eqn: Any, a: Array, indices: Array, updates: Array) -> Array:
    hitting = _Updates(lifting, eqn, a, indices, updates)
    combine = g.sub if "sub" in eqn.primitive.name else g.add

    def at(position: tuple[At, ...]) -> Node:
        result = combine(a.at(*position), hitting.sum(position))
        return result if a.kind == "float" else whole.within(lifting, result, dtype_of(eqn))

    if a.kind == "bool":
        raise Unsupported("arithmetic of truth values")
    return Array(shape_of(eqn), a.kind, at)


@reads("scatter-mul", "scatter-min", "scatter-max")
def _scatter_fold(lifting: Lifting, eqn: Any, a: Array, indices: Array, updates: Array) -> Array:
    hitting = _Updates(lifting, eqn, a, indices, updates)
    name = eqn.primitive.name[-3:]
    if name == "mul" and a.kind != "float":
        raise Unsupported("a product of whole numbers")
    combine = {"mul": lambda _: g.mul, "min": smaller, "max": larger}[name](a.kind)

    def at(position: tuple[At, ...]) -> Node:
        result = a.at(*position)
        for condition, value in hitting.hits(position):
            result = choice(condition, combine(result, value), result)
        return result

    return Array(shape_of(eqn), a.kind, at)


@reads("scatter")
def _scatter(lifting: Lifting, eqn: Any, a: Array, indices: Array, updates: Array) -> Array:
    update = eqn.params["update_jaxpr"]
    if update is not None and update.outvars[0] is not update.invars[1]:
        raise Unsupported("a function that is applied to some entries")
    hitting = _Updates(lifting, eqn, a, indices, updates)

    def at(position: tuple[At, ...]) -> Node:
        if any(isinstance(d, str) for d in hitting.free()):
            lifting.assumptions.add(APART)
            missed = whole.compare("eq", hitting.hit_count(position), g.ZERO)
            return choice(missed, a.at(*position), hitting.sum(position))
        hits = list(hitting.hits(position))
        if len(hits) > 1 and not eqn.params["unique_indices"]:
            if sum(condition is g.TRUE for condition, _ in hits) > 1:
                raise Unsupported("an entry that is written twice")
            lifting.assumptions.add(APART)
        result = a.at(*position)
        for condition, value in hits:
            result = choice(condition, value, result)
        return result

    return Array(shape_of(eqn), a.kind, at)


@reads("dynamic_update_slice")
def _dynamic_update_slice(
    lifting: Lifting, eqn: Any, a: Array, update: Array, *starts: Array
) -> Array:
    def at(position: tuple[At, ...]) -> Node:
        inside = g.TRUE
        where: list[At | Node] = []
        for p, start, length, size in zip(position, starts, update.shape, a.shape, strict=True):
            if length == size:
                where.append(p)  # there is one place for it
                continue
            last = g.sub(g.size(size), g.size(length))
            offset = g.sub(g.index(p), whole.clamp(start.at(), g.ZERO, last))
            inside = g.and_(inside, whole.inside(offset, length))
            where.append(offset)
        if inside is g.FALSE:
            return a.at(*position)
        return choice(inside, entry_at(lifting, update, where), a.at(*position))

    return Array(shape_of(eqn), kind_at(eqn), at)
