"""Exponentials, logarithms, roots, and the functions that are made of them."""

from collections.abc import Callable

from derivations import graph as g
from derivations.graph import Node
from derivations.masks import outside_masks
from derivations.primitives.arithmetic import power
from derivations.primitives.registry import PRIMITIVES, elementwise

_HALF = g.const(0.5)
_TWO = g.const(2)


def _log(a: Node) -> Node:
    if a is g.ZERO:
        return g.const(float("-inf"))
    if a.op == "select" and g.ZERO in a.args[1:]:
        # The logarithm of a mask: minus infinity where it is zero.
        return g.select(a.args[0], _log(a.args[1]), _log(a.args[2]))
    return a if a.op == "inf" and a.data > 0 else g.log(a)


def _sqrt(a: Node) -> Node:
    return a if a.op == "inf" and a.data > 0 else g.kernel("sqrt", a)


def _erf(a: Node) -> Node:
    return g.const(a.data) if a.op == "inf" else g.kernel("erf", a)


def _logistic(a: Node) -> Node:
    return power(g.add(g.ONE, g.exp(g.neg(a))), -1)


def _tanh(a: Node) -> Node:
    # 1 - 2/(1 + e^(2a)): the same function as (e^a - e^-a)/(e^a + e^-a), with one exponential.
    return g.sub(g.ONE, g.mul(_TWO, power(g.add(g.ONE, g.exp(g.mul(_TWO, a))), -1)))


def _half_of(combine: Callable[[Node, Node], Node]) -> Callable[[Node], Node]:
    return lambda a: g.mul(_HALF, combine(g.exp(a), g.exp(g.neg(a))))


def _asin(a: Node) -> Node:
    return g.kernel("atan", g.div(a, g.kernel("sqrt", g.sub(g.ONE, g.power(a, 2)))))


def _atan2(y: Node, x: Node) -> Node:
    up, quarter = g.compare("lt", g.ZERO, y), g.mul(_HALF, g.PI)
    down = g.compare("lt", y, g.ZERO)
    beside = g.kernel("atan", g.div(y, x))
    behind = g.add(beside, g.select(down, g.neg(g.PI), g.PI))
    above = g.select(down, g.neg(quarter), g.select(up, quarter, g.ZERO))
    return g.select(
        g.compare("lt", g.ZERO, x), beside, g.select(g.compare("lt", x, g.ZERO), behind, above)
    )


def _atanh(a: Node) -> Node:
    return g.mul(_HALF, g.sub(_log(g.add(g.ONE, a)), _log(g.sub(g.ONE, a))))


def _inverse_hyperbolic(shift: Node) -> Callable[[Node], Node]:
    return lambda a: _log(g.add(a, _sqrt(g.add(g.power(a, 2), shift))))


def _cbrt(a: Node) -> Node:
    # sign(a) e^(log|a| / 3), where one stands in for a zero, whose sign is zero.
    size = g.select(g.compare("eq", a, g.ZERO), g.ONE, g.absolute(a))
    return g.mul(g.sign(a), g.exp(g.div(g.log(size), g.const(3))))


FUNCTIONS: dict[str, Callable[[Node], Node]] = {
    "sqrt": _sqrt,
    "rsqrt": lambda a: power(_sqrt(a), -1),
    "cbrt": _cbrt,
    "exp": g.exp,
    "exp2": lambda a: g.exp(g.mul(a, g.log(_TWO))),
    "expm1": lambda a: g.sub(g.exp(a), g.ONE),
    "log": _log,
    "log2": lambda a: g.div(_log(a), g.log(_TWO)),
    "log1p": lambda a: _log(g.add(g.ONE, a)),
    "logistic": _logistic,
    "tanh": _tanh,
    "sinh": _half_of(g.sub),
    "cosh": _half_of(g.add),
    "asinh": _inverse_hyperbolic(g.ONE),
    "acosh": _inverse_hyperbolic(g.const(-1)),
    "atanh": _atanh,
    "sin": lambda a: g.kernel("sin", a),
    "cos": lambda a: g.kernel("cos", a),
    "tan": lambda a: g.div(g.kernel("sin", a), g.kernel("cos", a)),
    "atan": lambda a: g.kernel("atan", a),
    "asin": _asin,
    "acos": lambda a: g.sub(g.mul(_HALF, g.PI), _asin(a)),
    "erf": _erf,
    "erfc": lambda a: g.sub(g.ONE, _erf(a)),
    "stop_gradient": lambda a: a,
    "copy": lambda a: a,
    "name": lambda a: a,
    "real": lambda a: a,
    "reduce_precision": lambda a: a,
    "sharding_constraint": lambda a: a,
}

for _name, _function in FUNCTIONS.items():
    PRIMITIVES[_name] = elementwise(_function)
PRIMITIVES["atan2"] = elementwise(_atan2)


def log(a: Node) -> Node:
    """Gives the natural logarithm, minus infinity at zero."""
    return outside_masks(_log, [a])
