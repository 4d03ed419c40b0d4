"""From one kind of number to another, and rounding to whole numbers."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from derivations import graph as g
from derivations.graph import Node
from derivations.lift import Array, Lifting, Unsupported
from derivations.primitives import whole
from derivations.primitives.registry import dtype_of, elementwise, kind_at, reads


@reads("convert_element_type")
def _convert(lifting: Lifting, eqn: Any, a: Array) -> Array:
    return elementwise(_conversion(lifting, eqn, a.kind))(lifting, eqn, a)


def _conversion(lifting: Lifting, eqn: Any, kind: str) -> Callable[[Node], Node]:
    match kind, kind_at(eqn):
        case (_, "bool") if kind != "bool":
            # Whatever is not zero is true.
            compare = whole.compare if kind == "int" else g.compare
            return lambda x: g.not_(compare("eq", x, g.ZERO))
        case ("bool", "int" | "float"):
            return lambda p: g.select(p, g.ONE, g.ZERO)
        case ("int", "int"):
            return lambda x: whole.within(lifting, x, dtype_of(eqn))
        case ("float", "int"):
            return lambda x: whole.within(lifting, _towards_zero(x), dtype_of(eqn))
        case _:
            return lambda x: x


def _floor(x: Node) -> Node:
    if whole.is_whole(x) or x.op == "inf":
        return x
    if x.op == "const":
        return g.const(math.floor(x.data))
    if x.op == "select":
        return g.select(x.args[0], _floor(x.args[1]), _floor(x.args[2]))
    return g.kernel("floor", x)


def _ceil(x: Node) -> Node:
    return g.neg(_floor(g.neg(x)))


def _towards_zero(x: Node) -> Node:
    return x if whole.is_whole(x) else g.select(g.compare("lt", x, g.ZERO), _ceil(x), _floor(x))


def _nearest(method: int) -> Callable[[Node], Node]:
    """Rounds to the nearest whole number. JAX's methods: 0 takes halves away from zero, 1 to even.

    For what depends on the inputs halves are boundaries, off which both are the same.
    """

    def rounded(x: Node) -> Node:
        if x.op == "const":
            away = math.floor(abs(x.data) + Fraction(1, 2)) * (1 if x.data > 0 else -1)
            return g.const(round(x.data) if method else away)
        if x.op == "select":
            return g.select(x.args[0], rounded(x.args[1]), rounded(x.args[2]))
        if whole.is_whole(x):
            return x
        if not whole.depends_on_inputs(x):
            raise Unsupported("rounding of known numbers at a symbolic position")
        return _floor(g.add(x, g.const(Fraction(1, 2))))

    return rounded


@reads("floor", "ceil")
def _rounded(lifting: Lifting, eqn: Any, a: Array) -> Array:
    function = {"floor": _floor, "ceil": _ceil}[eqn.primitive.name]
    return elementwise(function)(lifting, eqn, a)


@reads("round")
def _round(lifting: Lifting, eqn: Any, a: Array) -> Array:
    return elementwise(_nearest(int(eqn.params["rounding_method"])))(lifting, eqn, a)
