"""Comparisons, logic, and the choices made by them."""

from collections.abc import Callable
from typing import Any

from derivations import graph as g
from derivations.graph import Node
from derivations.lift import Array, Lifting, Unsupported
from derivations.masks import choice
from derivations.primitives import whole
from derivations.primitives.registry import (
    PRIMITIVES,
    Reading,
    dtype_of,
    elementwise,
    entrywise,
    kind_at,
    reads,
)

Test = Callable[[Node, Node], Node]


def compared(op: str, kind: str) -> Test:
    """Gives the test `a op b`, op in lt, le, eq, for a kind of number."""
    if kind == "float":
        return lambda a, b: g.compare(op, a, b)
    if kind == "int":
        return lambda a, b: whole.compare(op, a, b)
    return {
        "lt": lambda p, q: g.and_(g.not_(p), q),
        "le": lambda p, q: g.or_(g.not_(p), q),
        "eq": lambda p, q: choice(p, q, g.not_(q)),
    }[op]


def _comparison(op: str, *, swapped: bool = False, negated: bool = False) -> Reading:
    def reading(lifting: Lifting, eqn: Any, a: Array, b: Array) -> Array:
        test = compared(op, a.kind)

        def function(x: Node, y: Node) -> Node:
            result = test(y, x) if swapped else test(x, y)
            return g.not_(result) if negated else result

        return elementwise(function)(lifting, eqn, a, b)

    return reading


PRIMITIVES["lt"] = _comparison("lt")
PRIMITIVES["le"] = _comparison("le")
PRIMITIVES["gt"] = _comparison("lt", swapped=True)
PRIMITIVES["ge"] = _comparison("le", swapped=True)
PRIMITIVES["eq"] = _comparison("eq")
PRIMITIVES["ne"] = _comparison("eq", negated=True)


@reads("lt_to", "le_to", "eq_to")
def _total_order(lifting: Lifting, eqn: Any, a: Array, b: Array) -> Array:
    lifting.assumptions.add("zeros have no sign, and nothing is NaN")
    return _comparison(eqn.primitive.name.removesuffix("_to"))(lifting, eqn, a, b)


@reads("is_finite")
def _is_finite(lifting: Lifting, eqn: Any, a: Array) -> Array:
    def function(x: Node) -> Node:
        if _infinite_inside(x):
            raise Unsupported("whether a sum or a maximum over masked entries is finite")
        return g.FALSE if x.op in ("inf", "nan") else g.TRUE

    return elementwise(function)(lifting, eqn, a)


def _infinite_inside(node: Node) -> bool:
    """Tells whether an index is bound over something infinite, so that it may be infinite too."""
    seen: set[tuple[Node, bool]] = set()
    stack = [(node, False)]
    while stack:
        here, bound = stack.pop()
        if (here, bound) in seen:
            continue
        if bound and here.op == "inf":
            return True
        seen.add((here, bound))
        stack += [(a, bound or here.op in ("sum", "rmax")) for a in here.args]
    return False


# --- logic, and the bits of known whole numbers -------------------------------------------------


def _logical(function: Callable[..., Node], of_bits: Callable[..., int]) -> Reading:
    bits = whole.of_known(of_bits, "bits of whole numbers that depend on the inputs")

    def reading(lifting: Lifting, eqn: Any, *operands: Array) -> Array:
        if kind_at(eqn) == "bool":
            return elementwise(function)(lifting, eqn, *operands)
        if dtype_of(eqn).kind == "u":
            raise Unsupported("bits of unsigned numbers")
        return elementwise(bits)(lifting, eqn, *operands)

    return reading


PRIMITIVES["not"] = _logical(g.not_, lambda a: ~a)
PRIMITIVES["and"] = _logical(g.and_, lambda a, b: a & b)
PRIMITIVES["or"] = _logical(g.or_, lambda a, b: a | b)
PRIMITIVES["xor"] = _logical(lambda p, q: choice(p, g.not_(q), q), lambda a, b: a ^ b)


# --- choices ------------------------------------------------------------------------------------


@reads("select_n")
def _select_n(lifting: Lifting, eqn: Any, which: Array, *cases: Array) -> Array:
    # Not element-wise: a choice is where an infinity may stand.
    choose = entrywise(lambda p, *values: picked(p, values, which.kind))
    return choose(lifting, eqn, which, *cases)


def picked(which: Node, cases: tuple[Node, ...], kind: str) -> Node:
    """Gives case number `which`, the first or the last where it is outside; JAX's own order."""
    if len(cases) == 1:
        return cases[0]
    if kind == "bool":
        return choice(which, cases[1], cases[0])
    result = cases[-1]
    for number in reversed(range(len(cases) - 1)):
        result = choice(whole.compare("le", which, g.const(number)), cases[number], result)
    return result
