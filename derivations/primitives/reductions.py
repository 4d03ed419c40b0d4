"""Sums, products, extremes and logic over axes, and where an extreme stands."""

import itertools
from collections.abc import Callable
from typing import Any

from derivations import graph as g
from derivations.graph import At, Dim, Node
from derivations.lift import Array, Lifting, Unsupported, number_of
from derivations.masks import choice, outside_masks
from derivations.primitives import whole
from derivations.primitives.arithmetic import larger, smaller
from derivations.primitives.conditions import compared
from derivations.primitives.registry import PRIMITIVES, Reading, dtype_of, reads, shape_of

OneAxis = Callable[[str, Dim, Callable[[At], Node]], Node]  # (name, size, body) -> its reduction


def _reduction(one_axis_of: Callable[[Lifting, Any, Array], OneAxis]) -> Reading:
    def reading(lifting: Lifting, eqn: Any, a: Array) -> Array:
        axes = sorted(int(axis) for axis in eqn.params["axes"])
        one_axis = one_axis_of(lifting, eqn, a)

        def at(position: tuple[At, ...]) -> Node:
            def over(remaining: list[int], full: dict[int, At]) -> Node:
                if not remaining:
                    rest = iter(position)
                    return a.at(
                        *(full[i] if i in full else next(rest) for i in range(len(a.shape)))
                    )
                axis, *others = remaining
                return one_axis("r", a.shape[axis], lambda p: over(others, {**full, axis: p}))

            return over(axes, {})

        return Array(shape_of(eqn), a.kind, at)

    return reading


def _sum(lifting: Lifting, eqn: Any, a: Array) -> OneAxis:
    if a.kind == "bool":
        raise Unsupported("arithmetic of truth values")
    if a.kind == "float":
        return lifting.sum
    return lambda *axis: whole.within(lifting, lifting.sum(*axis), dtype_of(eqn))


def _largest(lifting: Lifting, _: Any, a: Array) -> OneAxis:
    if a.kind == "float" and not lifting.explicit:
        return lifting.largest
    return _folded(larger(a.kind), _end(a, g.FALSE, float("-inf")))


def _smallest(lifting: Lifting, _: Any, a: Array) -> OneAxis:
    if a.kind == "float" and not lifting.explicit:
        return lambda name, dim, body: g.neg(
            lifting.largest(name, dim, lambda p: outside_masks(g.neg, [body(p)]))
        )
    return _folded(smaller(a.kind), _end(a, g.TRUE, float("inf")))


def _end(a: Array, of_truth: Node, of_real: float) -> Node | None:
    return {"bool": of_truth, "float": g.const(of_real), "int": None}[a.kind]


def _folded(function: Callable[[Node, Node], Node], empty: Node | None) -> OneAxis:
    def one_axis(_: str, dim: Dim, body: Callable[[At], Node]) -> Node:
        values = [body(i) for i in range(number_of(dim))]
        if not values:
            if empty is None:
                raise Unsupported("an extreme of no whole numbers")
            return empty
        result = values[0]
        for value in values[1:]:
            result = outside_masks(function, [result, value])
        return result

    return one_axis


def _product(lifting: Lifting, eqn: Any, a: Array) -> OneAxis:
    if a.kind == "float":
        return _folded(g.mul, g.ONE)
    return _folded(lambda x, y: whole.within(lifting, g.mul(x, y), dtype_of(eqn)), g.ONE)


def _any(lifting: Lifting, _: Any, a: Array) -> OneAxis:
    if a.kind != "bool":
        raise Unsupported("bits of whole numbers")

    def one_axis(name: str, dim: Dim, body: Callable[[At], Node]) -> Node:
        if lifting.explicit or dim in (0, 1):
            return _folded(g.or_, g.FALSE)(name, dim, body)
        count = lifting.sum(name, dim, lambda p: g.select(body(p), g.ONE, g.ZERO))
        return g.not_(whole.compare("eq", count, g.ZERO))

    return one_axis


def _all(lifting: Lifting, eqn: Any, a: Array) -> OneAxis:
    some = _any(lifting, eqn, a)
    return lambda name, dim, body: g.not_(some(name, dim, lambda p: g.not_(body(p))))


def _odd(_: Lifting, __: Any, a: Array) -> OneAxis:
    if a.kind != "bool":
        raise Unsupported("bits of whole numbers")
    return _folded(lambda p, q: choice(p, g.not_(q), q), g.FALSE)


PRIMITIVES["reduce_sum"] = _reduction(_sum)
PRIMITIVES["reduce_max"] = _reduction(_largest)
PRIMITIVES["reduce_min"] = _reduction(_smallest)
PRIMITIVES["reduce_prod"] = _reduction(_product)
PRIMITIVES["reduce_or"] = _reduction(_any)
PRIMITIVES["reduce_and"] = _reduction(_all)
PRIMITIVES["reduce_xor"] = _reduction(_odd)


@reads("argmax", "argmin")
def _argmax(_: Lifting, eqn: Any, a: Array) -> Array:
    (axis,) = eqn.params["axes"]
    less = compared("lt", a.kind)
    highest = eqn.primitive.name == "argmax"

    def at(position: tuple[At, ...]) -> Node:
        where = [
            a.at(*position[:axis], i, *position[axis:]) for i in range(number_of(a.shape[axis]))
        ]
        best, place = where[0], g.ZERO
        for i, value in enumerate(where[1:], start=1):
            # The first of several stays.
            better = outside_masks(less, [best, value] if highest else [value, best])
            best = choice(better, value, best)
            place = g.select(better, g.const(i), place)
        return place

    return Array(shape_of(eqn), "int", at)


@reads("reduce")
def _reduce(lifting: Lifting, eqn: Any, *operands: Array) -> list[Array]:
    """A reduction by any function: folded from the start value, entry after entry."""
    arrays, starts = operands[: len(operands) // 2], operands[len(operands) // 2 :]
    axes = [int(axis) for axis in eqn.params["dimensions"]]
    lifting.assumptions.add("the function of a reduction is associative and commutative")

    def folded(position: tuple[At, ...]) -> list[Node]:
        rank = len(arrays[0].shape)
        sizes = [number_of(arrays[0].shape[axis]) for axis in axes]
        state = list(starts)
        for inner in itertools.product(*map(range, sizes)):
            places = dict(zip(axes, inner, strict=True))
            rest = iter(position)
            where = [places[i] if i in places else next(rest) for i in range(rank)]
            state = lifting.closed(
                eqn.params["jaxpr"], [*state, *(_scalar(a, where) for a in arrays)]
            )
        return [s.at() for s in state]

    memory: dict[tuple[At, ...], list[Node]] = {}

    def output(i: int) -> Array:
        def at(position: tuple[At, ...]) -> Node:
            if position not in memory:
                memory[position] = folded(position)
            return memory[position][i]

        return Array(shape_of(eqn, i), arrays[i].kind, at)

    return list(map(output, range(len(arrays))))


def _scalar(a: Array, where: list[At]) -> Array:
    return Array((), a.kind, lambda _: a.at(*where))
