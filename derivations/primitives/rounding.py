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
            return lambda x: whole.within(lifting, _rounded(math.trunc)(x), dtype_of(eqn))
        case _:
            return lambda x: x


def _rounded(function: Callable[[Fraction], int]) -> Callable[[Node], Node]:
    def rounded(x: Node) -> Node:
        if whole.is_whole(x) or x.op == "inf":
            return x
        if x.op == "const":
            return g.const(function(x.data))
        if x.op == "select":
            return g.select(x.args[0], rounded(x.args[1]), rounded(x.args[2]))
        raise Unsupported("rounding of a number that depends on the inputs")

    return rounded


def _away_from_zero(x: Fraction) -> int:
    return math.floor(abs(x) + Fraction(1, 2)) * (1 if x > 0 else -1)


@reads("floor", "ceil")
def _floor(lifting: Lifting, eqn: Any, a: Array) -> Array:
    function = {"floor": math.floor, "ceil": math.ceil}[eqn.primitive.name]
    return elementwise(_rounded(function))(lifting, eqn, a)


@reads("round")
def _round(lifting: Lifting, eqn: Any, a: Array) -> Array:
    # JAX's two methods: 0 takes halves away from zero, 1 to the even number, as Python does.
    function = (_away_from_zero, round)[int(eqn.params["rounding_method"])]
    return elementwise(_rounded(function))(lifting, eqn, a)
