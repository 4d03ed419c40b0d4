"""Is one expression the other? The normal form of a graph, region by region.

`equal` is a proof where it says yes: every step of the normal form is an identity of real numbers
on the open region at hand, and the difference came out as zero. Where it says no, nothing is
refuted: the normal form may not know an identity, and only a witness refutes.
"""

import time
from typing import NamedTuple

from derivations import graph as g
from derivations import index, kernels
from derivations.evaluate import nonzero_somewhere
from derivations.fraction import is_zero
from derivations.graph import Index, Node
from derivations.kernels import Unnormalised
from derivations.polynomial import (
    Gen,
    Poly,
    TooLarge,
    free,
    gens,
    number,
    plus,
    scaled,
    thaw,
    times,
    to_power,
)
from derivations.regions import Split, feasible, sign
from derivations.signs import Signs, analytic
from derivations.signs import whole as is_whole

MOST_REGIONS = 512


class Equality(NamedTuple):
    """Whether two expressions are equal, on how many open regions, and if not why not."""

    equal: bool
    regions: int
    reason: str = ""


def equal(left: Node, right: Node, *, deadline: float = float("inf")) -> Equality:
    """Proves that two expressions are the same function wherever no boundary is touched."""
    if left is right:
        return Equality(True, 1)
    pending: list[dict] = [{}]
    regions = 0
    memory: _Memory = {}
    while pending:
        known = pending.pop()
        if time.monotonic() > deadline:
            return Equality(False, regions, "the budget ran out")
        try:
            difference = plus(
                _normal(left, known, memory), scaled(_normal(right, known, memory), -1)
            )
            if not is_zero(_resolved(difference, known)):
                return Equality(False, regions, "the normal forms differ")
            regions += 1
        except Split as split:
            pending += [signs for s in (1, -1) if feasible(signs := {**known, split.factor: s})]
        except (TooLarge, Unnormalised) as error:
            return Equality(False, regions, str(error))
        if regions + len(pending) > MOST_REGIONS:
            return Equality(False, regions, f"more than {MOST_REGIONS} regions")
    return Equality(True, regions)


def _resolved(poly: Poly, known: dict) -> Poly:
    """Gives the value of indicators that a delta has brought out of their sum into this region."""
    terms = []
    for monomial, c in poly.items():
        steps = [generator for generator, _ in monomial if generator.kind == "step"]
        if all(sign(thaw(step.data), known) > 0 for step in steps):
            terms.append({tuple(item for item in monomial if item[0] not in steps): c})
    return plus(*terms)


_Memory = dict[tuple[Node, frozenset | None], Poly]


def normal(node: Node, known: Signs | None = None) -> Poly:
    """Gives the normal form of a real-valued expression in one region."""
    return _normal(node, dict(known or {}), {})


def _normal(node: Node, known: dict, memory: _Memory) -> Poly:
    key = (node, frozenset(known.items()) if _branches(node) else None)
    found = memory.get(key)
    if found is None:
        found = memory[key] = _compute(node, known, memory)
    return found


_BRANCHES: dict[Node, bool] = {}


def _branches(node: Node) -> bool:
    """Tells whether a normal form depends on the region."""
    found = _BRANCHES.get(node)
    if found is None:
        own = node.op == "compare" or (node.op == "kernel" and node.data == "sqrt")
        found = _BRANCHES[node] = own or any(_branches(a) for a in node.args)
    return found


def _compute(node: Node, known: dict, memory: _Memory) -> Poly:
    def of(child: Node) -> Poly:
        return _normal(child, known, memory)

    match node.op:
        case "const":
            return number(node.data)
        case "size":
            return index.size_of(node.data)
        case "index":
            return index.position(node.data)
        case "entry":
            return index.entry(*node.data)
        case "add":
            return plus(*map(of, node.args))
        case "mul":
            result = of(node.args[0])
            for factor in node.args[1:]:
                result = times(result, of(factor))
            return result
        case "pow":
            base = of(node.args[0])
            return to_power(base if node.data > 0 else kernels.inverse(base), abs(node.data))
        case "kernel":
            return kernels.kernel(node.data, of(node.args[0]), lambda p: sign(p, known))
        case "select":
            condition = _truth(node.args[0], known, memory)
            if isinstance(condition, bool):
                return of(node.args[1] if condition else node.args[2])
            yes, no = of(node.args[1]), of(node.args[2])
            return plus(no, times(condition, plus(yes, scaled(no, -1))))
        case "sum":
            return index.bind([node.data], _body(node.args[0], {node.data}, known, memory))
        case "rmax":
            return index.largest(node.data, _body(node.args[0], {node.data}, known, memory))
        case "argmax":
            bound, at = node.data
            return index.argmax(bound, _body(node.args[0], {bound}, known, memory), at)
        case "apply":
            name, slots, at = node.data
            bodies = [
                (own, _body(body, set(own), known, memory))
                for own, body in zip(slots, node.args, strict=True)
            ]
            return index.apply(name, bodies, at)
        case "inf" | "nan":
            raise Unnormalised("an infinite value or NaN in an open region")
        case op:
            raise Unnormalised(f"a truth value ({op}) where a number is needed")


def _body(body: Node, bound: set[Index], known: dict, memory: _Memory) -> Poly:
    """Gives the normal form under a binder, where regions become indicators: one for each index."""
    try:
        return _normal(body, known, memory)
    except Split as split:
        factor = thaw(split.factor)
        if not free(factor) & bound:
            raise
        yes = _body(body, bound, {**known, split.factor: 1}, memory)
        no = _body(body, bound, {**known, split.factor: -1}, memory)
        return plus(no, times(index.positive(factor), plus(yes, scaled(no, -1))))


def _truth(node: Node, known: dict, memory: _Memory) -> bool | Poly:
    """Gives a truth value, or the indicator of a condition that no region decides."""
    match node.op:
        case "true" | "false":
            return node.op == "true"
        case "not":
            inner = _truth(node.args[0], known, memory)
            return not inner if isinstance(inner, bool) else plus(number(1), scaled(inner, -1))
        case "and":
            first = _truth(node.args[0], known, memory)
            if first is False:
                return False
            second = _truth(node.args[1], known, memory)
            if isinstance(first, bool):
                return second
            return first if second is True else second and times(first, second)
        case "select":
            first = _truth(node.args[0], known, memory)
            if isinstance(first, bool):
                return _truth(node.args[1] if first else node.args[2], known, memory)
            yes, no = (_as_poly(_truth(a, known, memory)) for a in node.args[1:])
            return plus(no, times(first, plus(yes, scaled(no, -1))))
        case "compare":
            op, whole = node.data
            a, b = (_normal(child, known, memory) for child in node.args)
            difference = plus(b, scaled(a, -1))
            if whole or all(map(is_whole, gens(difference))):
                return _compare_whole(op, difference)
            return _compare(op, difference, known, g.sub(node.args[1], node.args[0]))
        case op:
            raise Unnormalised(f"a number ({op}) where a truth value is needed")


def _as_poly(value: bool | Poly) -> Poly:
    return number(int(value)) if isinstance(value, bool) else value


def _compare(op: str, difference: Poly, known: dict, node: Node) -> bool | Poly:
    """Decides a comparison of reals off the boundary, where `<` and `<=` are the same.

    An analytic function that is not zero somewhere is zero on a null set only. That it is not is
    seen at a point: a normal form may miss that an expression vanishes identically.
    """
    if is_zero(difference):
        return op != "lt"
    if op != "eq":
        try:
            return sign(difference, known) > 0
        except Split:
            if not _differs(difference, node):
                raise Unnormalised("a comparison of what may be equal everywhere") from None
            raise
    if all(map(analytic, gens(difference))):
        if not _differs(difference, node):
            raise Unnormalised("a comparison of what may be equal everywhere")
        return False
    return index.truth("zero", difference)


def _differs(difference: Poly, node: Node) -> bool:
    """Tells whether an analytic difference surely does not vanish identically, at any size."""
    if not any(g.kind in ("sum", "size") for g in _everywhere(difference)):
        return nonzero_somewhere(node)
    # A sum may vanish at some size and not at others (x - mean(x), for one entry). It cannot where
    # an entry of a tensor that stands nowhere else is added to it.
    for monomial in difference:
        if len(monomial) == 1 and monomial[0][1] == 1 and monomial[0][0].kind == "entry":
            own = monomial[0][0]
            others = _everywhere({m: c for m, c in difference.items() if m != monomial})
            if not is_whole(own) and own.data[0] not in {
                other.data[0] for other in others if other.kind == "entry"
            }:
                return True
    return False


def _everywhere(poly: Poly) -> set[Gen]:
    """Gives the generators of a polynomial and those inside them."""
    found: set[Gen] = set()
    stack = list(gens(poly))
    while stack:
        here = stack.pop()
        if here in found:
            continue
        found.add(here)
        match here.kind:
            case "sum":
                stack += [inner for inner, _ in here.data[1]]
            case "entry" | "size" | "index" | "delta" | "max" | "argmax" | "apply":
                pass
            case _:
                stack += [inner for m, _ in here.data for inner, _ in m]
    return found


def _compare_whole(op: str, difference: Poly) -> bool | Poly:
    """Decides a comparison of whole numbers, which may hold on the boundary."""
    if set(difference) <= {()}:
        value = difference.get((), 0)
        return {"lt": value > 0, "le": value >= 0, "eq": value == 0}[op]
    if op == "eq":
        return index.zero_of_whole(difference)
    if op == "lt":
        return index.truth("less", scaled(difference, -1))
    return plus(number(1), scaled(index.truth("less", difference), -1))
