"""A graph of one variable in arb balls, at many points at once.

`derivations/evaluate.py` does the same for any graph, at any sizes, exactly as long as it can; this
is the fast way for the one shape that is needed at a hundred thousand points.
"""

import operator
from collections.abc import Callable
from itertools import repeat
from typing import Any

import flint
import numpy as np

from derivations.evaluate import rational
from derivations.graph import Node

NAN = flint.arb("nan")
Column = Any  # a list of balls, one a point, or one ball for all of them
Truths = Any  # 1 where it holds, -1 where it does not, 0 where that is open: an array or a number


class Unevaluated(Exception):
    """The graph holds something that has no value here. The text names it."""


class Points:
    """The points to evaluate at, and what has been found there.

    Attributes:
      x: The points, as float64.
      ties: Where a comparison came out equal: on a boundary between two formulas.
      undefined: Whether to look for places outside a function's domain, which costs time.
    """

    def __init__(self, x: np.ndarray, *, undefined: bool = False):
        self.x = x
        self.ties = np.zeros(len(x), bool)
        self.undefined = undefined
        self._balls = list(map(flint.arb, x.tolist()))
        self._memory: dict[Node, Any] = {}
        self._outside: dict[Node, Any] = {}

    def at(self, node: Node) -> Column:
        """Gives the values of a number, or of a truth value, at the points."""
        found = self._memory.get(node)
        if found is None:
            found = self._memory[node] = self._compute(node)
        return found

    def numbers(self, node: Node) -> list[flint.arb]:
        """Gives one ball for each point."""
        found = self.at(node)
        return found if isinstance(found, list) else [found] * len(self.x)

    def outside(self, node: Node) -> np.ndarray:
        """Tells where a number has no value for certain: 1/0, the logarithm of what is negative."""
        return np.broadcast_to(self._outside.get(node, False), self.x.shape)

    def _compute(self, node: Node) -> Any:
        args = [self.at(a) for a in node.args]
        if self.undefined and node.op not in ("select", "compare", "and", "not"):
            outside: Any = False
            for a in node.args:
                outside = outside | self._outside.get(a, False)
            self._outside[node] = outside | self._leaves_domain(node, args)
        match node.op:
            case "entry":
                return self._balls
            case "const":
                return flint.arb(rational(node.data))
            case "pi":
                return flint.arb.pi()
            case "inf":
                return flint.arb.pos_inf() if node.data > 0 else flint.arb.neg_inf()
            case "nan":
                return NAN
            case "true" | "false":
                return 1 if node.op == "true" else -1
            case "add":
                return _folded(operator.add, args)
            case "mul":
                return _folded(operator.mul, args)
            case "pow":
                return _power(args[0], node.data)
            case "kernel":
                return _each(KERNELS[node.data], args[0])
            case "compare":
                return self._compare(node, *args)
            case "not":
                return -args[0]
            case "and":
                return np.minimum(*args)
            case "select":
                return self._select(node, *args)
            case op:
                raise Unevaluated(f"{op} has no value at a single number")

    def _compare(self, node: Node, a: Column, b: Column) -> Truths:
        op, _ = node.data
        if isinstance(a, flint.arb) and isinstance(b, flint.arb):
            return _settled(op, b - a)
        difference = _folded(operator.sub, [b, a])
        signs = np.array([_sign(d) for d in difference], np.int8)
        self.ties |= signs == 0
        low = {"lt": -1, "le": 1, "eq": 1}[op]
        high = -1 if op == "eq" else 1
        return np.select([signs == 2, signs == 0, signs == 1], [0, low, high], -1)

    def _select(self, node: Node, holds: Truths, yes: Any, no: Any) -> Any:
        _, first, second = node.args
        chosen = np.broadcast_to(holds, self.x.shape)
        if self.undefined:
            sides = (self._outside.get(n, False) for n in (first, second))
            self._outside[node] = np.where(chosen > 0, *sides) & (chosen != 0)
        if not isinstance(yes, (list, flint.arb)):  # truth values
            return np.select([chosen > 0, chosen < 0], [yes, no], 0)
        if (chosen > 0).all():
            return yes
        if (chosen < 0).all():
            return no
        pairs = zip(chosen.tolist(), _listed(yes), _listed(no), strict=False)
        return [a if c > 0 else b if c < 0 else NAN for c, a, b in pairs]

    def _leaves_domain(self, node: Node, args: list[Any]) -> Any:
        if node.op == "pow" and node.data < 0:
            return self._where(args[0], lambda a: a.is_zero())
        if node.op == "kernel" and node.data == "log":
            return self._where(args[0], lambda a: a <= 0)
        if node.op == "kernel" and node.data == "sqrt":
            return self._where(args[0], lambda a: a < 0)
        return node.op in ("nan", "inf")

    def _where(self, column: Column, test: Callable[[flint.arb], bool]) -> Any:
        if isinstance(column, flint.arb):
            return bool(test(column))
        return np.fromiter(map(test, column), bool, len(column))


def _sign(d: flint.arb) -> int:
    """Gives -1, 0 or 1, or 2 where the ball does not tell."""
    return 1 if d > 0 else -1 if d < 0 else 0 if d.is_zero() else 2


def _settled(op: str, difference: flint.arb) -> int:
    sign = _sign(difference)
    holds = {"lt": (1,), "le": (0, 1), "eq": (0,)}[op]
    return 0 if sign == 2 else 1 if sign in holds else -1


def _listed(column: Column) -> Any:
    return column if isinstance(column, list) else repeat(column)


def _each(function: Callable[..., Any], *columns: Column) -> Column:
    if not any(isinstance(c, list) for c in columns):
        return function(*columns)
    return list(map(function, *map(_listed, columns)))


def _folded(function: Callable[[Any, Any], Any], columns: list[Column]) -> Column:
    result = columns[0]
    for other in columns[1:]:
        result = _each(function, result, other)
    return result


def _power(base: Column, exponent: int) -> Column:
    if abs(exponent) == 2:
        raised = _each(operator.mul, base, base)
    else:
        raised = base if abs(exponent) == 1 else _each(operator.pow, base, abs(exponent))
    return _each(operator.truediv, flint.arb(1), raised) if exponent < 0 else raised


KERNELS: dict[str, Callable[[flint.arb], flint.arb]] = {
    name: getattr(flint.arb, name)
    for name in ("exp", "log", "sqrt", "erf", "sin", "cos", "atan", "floor")
}
