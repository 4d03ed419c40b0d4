"""Sums, products, quotients, powers; what is larger; for reals and for whole numbers."""

from collections.abc import Callable
from functools import partial
from typing import Any

from derivations import graph as g
from derivations.graph import Node
from derivations.lift import Array, Lifting, Unsupported
from derivations.primitives import whole
from derivations.primitives.registry import (
    PRIMITIVES,
    Reading,
    dtype_of,
    elementwise,
    kind_at,
    reads,
)

# --- the same formula for reals and whole numbers -------------------------------------------------


def _formula(function: Callable[..., Node]) -> Reading:
    def reading(lifting: Lifting, eqn: Any, *operands: Array) -> Array:
        match kind_at(eqn):
            case "float":
                return elementwise(function)(lifting, eqn, *operands)
            case "int":
                return elementwise(
                    lambda *args: whole.within(
                        lifting, whole.by_cases(function, args), dtype_of(eqn)
                    )
                )(lifting, eqn, *operands)
            case _:
                raise Unsupported("arithmetic of truth values")

    return reading


PRIMITIVES["add"] = PRIMITIVES["add_any"] = _formula(g.add)
PRIMITIVES["sub"] = _formula(g.sub)
PRIMITIVES["mul"] = _formula(g.mul)
PRIMITIVES["neg"] = _formula(g.neg)
PRIMITIVES["square"] = _formula(lambda a: g.power(a, 2))
PRIMITIVES["one_minus_square"] = _formula(lambda a: g.sub(g.ONE, g.power(a, 2)))


@reads("integer_pow")
def _integer_pow(lifting: Lifting, eqn: Any, a: Array) -> Array:
    return _formula(lambda x: power(x, eqn.params["y"]))(lifting, eqn, a)


@reads("polynomial")
def _polynomial(lifting: Lifting, eqn: Any, a: Array, *coefficients: Array) -> Array:
    """Horner's rule: the constant coefficient comes first."""

    def function(x: Node, *numbers: Node) -> Node:
        *lower, result = numbers
        for number in reversed(lower):
            result = g.add(g.mul(result, x), number)
        return result

    return _formula(function)(lifting, eqn, a, *coefficients)


# --- quotients and powers -----------------------------------------------------------------------


def power(a: Node, exponent: int) -> Node:
    """Gives a whole power, that of an infinity included."""
    if a.op == "inf" and exponent:
        if exponent < 0:
            return g.ZERO
        return a if exponent % 2 else g.const(float("inf"))
    return g.power(a, exponent)


@reads("div")
def _div(lifting: Lifting, eqn: Any, a: Array, b: Array) -> Array:
    if kind_at(eqn) == "float":
        return elementwise(lambda x, y: g.mul(x, power(y, -1)))(lifting, eqn, a, b)
    return elementwise(lambda x, y: x if y is g.ONE else _quotient(x, y))(lifting, eqn, a, b)


def _truncated(a: int, b: int) -> int:
    if b == 0:
        raise Unsupported("a division of whole numbers by zero")
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


_quotient = whole.of_known(_truncated, "a division of whole numbers that depend on the inputs")
_remainder = whole.of_known(
    lambda a, b: a - b * _truncated(a, b), "a remainder that depends on the inputs"
)


@reads("rem")
def _rem(lifting: Lifting, eqn: Any, a: Array, b: Array) -> Array:
    def function(x: Node, y: Node) -> Node:
        if kind_at(eqn) == "float" and x.op == y.op == "const" and y.data:
            quotient = x.data / y.data
            return g.const(x.data - y.data * int(quotient))
        return _remainder(x, y)

    return elementwise(function)(lifting, eqn, a, b)


@reads("pow")
def _pow(lifting: Lifting, eqn: Any, a: Array, b: Array) -> Array:
    def function(x: Node, y: Node) -> Node:
        if y.op == "const" and y.data.denominator == 1:
            return power(x, int(y.data))
        if y.op == "const" and y.data.denominator == 2:
            return power(g.kernel("sqrt", x), int(2 * y.data))
        if x.op != "const" or x.data <= 0:
            lifting.assumptions.add("the base of a real power is positive")
        return g.exp(g.mul(y, g.log(x)))

    return elementwise(function)(lifting, eqn, a, b)


# --- larger and smaller -------------------------------------------------------------------------


def larger(kind: str) -> Callable[[Node, Node], Node]:
    """Gives the larger of two numbers of a kind, or the disjunction of truth values."""
    return {"float": g.maximum, "int": whole.maximum, "bool": g.or_}[kind]


def smaller(kind: str) -> Callable[[Node, Node], Node]:
    """Gives the smaller of two numbers of a kind, or the conjunction of truth values."""
    return {"float": g.minimum, "int": whole.minimum, "bool": g.and_}[kind]


def _by_kind(function: Callable[[str], Callable[..., Node]]) -> Reading:
    def reading(lifting: Lifting, eqn: Any, *operands: Array) -> Array:
        return elementwise(function(operands[0].kind))(lifting, eqn, *operands)

    return reading


def _clamped(kind: str) -> Callable[..., Node]:
    return lambda low, a, high: smaller(kind)(larger(kind)(a, low), high)


def _below_zero(kind: str, a: Node) -> Node:
    return whole.compare("lt", a, g.ZERO) if kind == "int" else g.compare("lt", a, g.ZERO)


def _absolute(kind: str, a: Node) -> Node:
    return g.select(_below_zero(kind, a), g.neg(a), a)


def _sign(kind: str, a: Node) -> Node:
    positive = g.select(_below_zero(kind, g.neg(a)), g.ONE, g.ZERO)
    return g.select(_below_zero(kind, a), g.const(-1), positive)


PRIMITIVES["max"] = _by_kind(larger)
PRIMITIVES["min"] = _by_kind(smaller)
PRIMITIVES["clamp"] = _by_kind(_clamped)
PRIMITIVES["abs"] = _by_kind(lambda kind: partial(_absolute, kind))
PRIMITIVES["sign"] = _by_kind(lambda kind: partial(_sign, kind))
