"""Entries at positions that are computed: indexing, embeddings, windows that move.

A label that is not known picks an entry as a sum over all of them: w[i] = Σ_v [i = v] w[v].
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

from jax.lax import GatherScatterMode

from derivations import graph as g
from derivations.graph import At, Dim, Node
from derivations.lift import Array, Lifting, Unsupported, dim_of
from derivations.masks import choice
from derivations.primitives import whole
from derivations.primitives.registry import kind_at, reads, shape_of

IN_RANGE = "every index lies within its axis, counted from the front"


def entry_at(lifting: Lifting, a: Array, where: Sequence[At | Node]) -> Node:
    """Gives the entry of an array at positions some of which are computed whole numbers.

    Outside the array it is zero, or false.
    """
    return _entry_at(lifting, a, tuple(where), {})


def _entry_at(
    lifting: Lifting,
    a: Array,
    where: tuple[At | Node, ...],
    memory: dict[tuple[At | Node, ...], Node],
) -> Node:
    if where in memory:
        return memory[where]
    computed = [axis for axis, p in enumerate(where) if isinstance(p, Node)]
    if not computed:
        return a.at(*(p for p in where if not isinstance(p, Node)))
    axis = computed[0]

    def put(p: At | Node) -> Node:
        return _entry_at(lifting, a, (*where[:axis], p, *where[axis + 1 :]), memory)

    result = memory[where] = _along(lifting, a, axis, cast(Node, where[axis]), put)
    return result


def _along(
    lifting: Lifting, a: Array, axis: int, p: Node, put: Callable[[At | Node], Node]
) -> Node:
    """Gives the entry at a computed place along one axis."""
    dim, nothing = a.shape[axis], g.FALSE if a.kind == "bool" else g.ZERO
    position = whole.as_position(p, dim)
    if position is not None:
        return put(position)
    if p.op == "const" and (isinstance(dim, int) or p.data < 0):
        return nothing
    if p.op == "select" and whole.one_of_several(p):
        return choice(p.args[0], put(p.args[1]), put(p.args[2]))

    def picked(v: At) -> Node:
        here = whole.compare("eq", p, g.index(v))
        if a.kind == "bool":
            return choice(g.and_(here, put(v)), g.ONE, g.ZERO)
        return choice(here, put(v), nothing)

    total = lifting.sum("v", dim, picked)
    return whole.compare("eq", total, g.ONE) if a.kind == "bool" else total


@reads("gather")
def _gather(lifting: Lifting, eqn: Any, a: Array, indices: Array) -> Array:
    numbers = eqn.params["dimension_numbers"]
    lengths = [dim_of(d) for d in eqn.params["slice_sizes"]]
    away = {*numbers.collapsed_slice_dims, *numbers.operand_batching_dims}
    kept = [axis for axis in range(len(a.shape)) if axis not in away]
    fill = _fill(eqn, a)

    def at(position: tuple[At, ...]) -> Node:
        offsets = {axis: position[i] for axis, i in zip(kept, numbers.offset_dims, strict=True)}
        batch = [p for i, p in enumerate(position) if i not in numbers.offset_dims]
        where: list[At | Node] = [offsets.get(axis, 0) for axis in range(len(a.shape))]
        for axis, i in zip(
            numbers.operand_batching_dims, numbers.start_indices_batching_dims, strict=True
        ):
            where[axis] = batch[i]
        outside = g.FALSE
        for i, axis in enumerate(numbers.start_index_map):
            start, missed = started(
                lifting, eqn, indices.at(*batch, i), a.shape[axis], lengths[axis]
            )
            where[axis] = g.add(start, g.index(offsets.get(axis, 0)))
            outside = g.or_(outside, missed)
        if outside is g.TRUE:
            return fill
        return choice(outside, fill, entry_at(lifting, a, where))

    return Array(shape_of(eqn), a.kind, at)


def _fill(eqn: Any, a: Array) -> Node:
    value = eqn.params.get("fill_value")
    if a.kind == "bool":
        return g.TRUE if value in (None, True) else g.FALSE
    return g.const(float("nan") if value is None else float(value))


def started(lifting: Lifting, eqn: Any, start: Node, dim: Dim, length: Dim) -> tuple[Node, Node]:
    """Gives where a window starts, and whether it is outside the array.

    Args:
      lifting: Takes note of what is assumed.
      eqn: A gather or scatter.
      start: The index as it was computed.
      dim: The size of the array.
      length: The size of the window.
    """
    last = g.sub(g.size(dim), g.size(length))
    mode = GatherScatterMode.from_any(eqn.params["mode"])
    if mode == GatherScatterMode.CLIP:
        return whole.clamp(start, g.ZERO, last), g.FALSE
    inside = g.and_(whole.compare("le", g.ZERO, start), whole.compare("le", start, last))
    if mode == GatherScatterMode.FILL_OR_DROP and not whole.depends_on_inputs(inside):
        return start, g.not_(inside)
    if inside is g.FALSE:
        raise Unsupported("an index outside its axis")
    if inside is g.TRUE:
        return start, g.FALSE
    lifting.assumptions.add(IN_RANGE)
    label = whole.counted_from_the_front(start, dim)
    if length == 1:
        lifting.assumptions.in_range(label, dim)
    return label, g.FALSE


@reads("dynamic_slice")
def _dynamic_slice(lifting: Lifting, eqn: Any, a: Array, *starts: Array) -> Array:
    shape = shape_of(eqn)
    starts = starts[: len(shape)]  # sizes that are symbols come after them

    def at(position: tuple[At, ...]) -> Node:
        where = []
        for p, start, length, size in zip(position, starts, shape, a.shape, strict=True):
            last = g.sub(g.size(size), g.size(length))
            where.append(g.add(whole.clamp(start.at(), g.ZERO, last), g.index(p)))
        return entry_at(lifting, a, where)

    return Array(shape, kind_at(eqn), at)
