"""The normal form of a graph in one region of its inputs.

Every step is an identity of real numbers on that region, so that two expressions whose normal
forms have the difference zero are equal there. The conditions under which an expression is defined
at all are collected on the way (`domain.py`).
"""

from collections.abc import Callable

from derivations import domain, index, kernels
from derivations import graph as g
from derivations.counts import vanishing
from derivations.denormal import expression
from derivations.domain import Domain
from derivations.evaluate import nonzero_somewhere
from derivations.fraction import is_zero
from derivations.graph import Index, Node
from derivations.kernels import Unnormalised
from derivations.polynomial import (
    INDICATORS,
    Frozen,
    Gen,
    Poly,
    free,
    gen,
    gens,
    number,
    plus,
    scaled,
    thaw,
    times,
    to_power,
)
from derivations.polynomial import of as of_generator
from derivations.regions import Signs, Split, sign
from derivations.signs import analytic
from derivations.signs import whole as is_whole

Region = dict  # a factor's frozen form -> its sign


def normal(node: Node, known: Signs | None = None) -> Poly:
    """Gives the normal form of a real-valued expression in one region."""
    return Normaliser().poly(node, dict(known or {}))


class Normaliser:
    """Normal forms and domains of graphs, each worked out once for a region.

    Args:
      absent: Indicators that are zero at all positions, as `domain.everywhere` names them.
    """

    def __init__(self, absent: frozenset[Frozen] = frozenset()) -> None:
        self._absent = absent
        self._memory: dict[tuple[Node, frozenset | None], tuple[Poly, Domain]] = {}
        self._collecting: list[set[domain.Condition]] = [set()]

    def poly(self, node: Node, known: Region) -> Poly:
        """Gives a normal form; raises `Split` where the region does not decide a branch."""
        return self._both(node, known)[0]

    def domain(self, node: Node, known: Region) -> Domain:
        """Gives the conditions under which the expression is defined."""
        return self._both(node, known)[1]

    def _both(self, node: Node, known: Region) -> tuple[Poly, Domain]:
        key = (node, frozenset(known.items()) if branches(node) else None)
        found = self._memory.get(key)
        if found is None:
            self._collecting.append(set())
            try:
                poly = self._compute(node, known)
            finally:
                conditions = self._collecting.pop()
            found = self._memory[key] = (poly, frozenset(conditions))
        self._collecting[-1].update(found[1])
        return found

    def _need(self, conditions: Domain) -> None:
        self._collecting[-1].update(conditions)

    def _compute(self, node: Node, known: Region) -> Poly:
        def of(child: Node) -> Poly:
            return self.poly(child, known)

        match node.op:
            case "const":
                return number(node.data)
            case "pi":
                return of_generator(gen("pi", None, frozenset()))
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
                if node.data < 0 and base:
                    self._need(domain.nonzero(base))
                return to_power(base if node.data > 0 else kernels.inverse(base), abs(node.data))
            case "kernel":
                inside = of(node.args[0])
                if node.data in ("log", "sqrt") and inside:
                    self._need(domain.positive(inside))
                return kernels.kernel(node.data, inside, lambda p: sign(p, known))
            case "select":
                return self._choice(node, known)
            case "sum":
                return index.bind([node.data], self._body(node.args[0], {node.data}, known))
            case "rmax":
                return index.largest(node.data, *self._masked(node.data, node.args[0], known))
            case "argmax":
                bound, at = node.data
                return index.argmax(bound, *self._masked(bound, node.args[0], known), at)
            case "apply":
                name, slots, at = node.data
                bodies = [
                    (own, self._body(body, set(own), known))
                    for own, body in zip(slots, node.args, strict=True)
                ]
                return index.apply(name, bodies, at)
            case "inf" | "nan":
                raise Unnormalised("an infinite value or NaN in an open region")
            case op:
                raise Unnormalised(f"a truth value ({op}) where a number is needed")

    def _choice(self, node: Node, known: Region) -> Poly:
        condition = self._truth(node.args[0], known)
        if isinstance(condition, bool):
            return self.poly(node.args[1 if condition else 2], known)
        yes, no = (
            self._perhaps(lambda branch=branch: self.poly(branch, known))
            for branch in node.args[1:]
        )
        return plus(no, times(condition, plus(yes, scaled(no, -1))))

    def _perhaps(self, read: Callable[[], Poly]) -> Poly:
        """Gives the normal form of what is asked for only where a choice says so."""
        self._collecting.append(set())
        try:
            return read()
        finally:
            conditions = self._collecting.pop()
            self._need(frozenset(c._replace(certain=False) for c in conditions))

    def _masked(self, bound: Index, body: Node, known: Region) -> tuple[Poly, Poly]:
        """Gives what a maximum is taken of, and the indicator of what takes part in it.

        What a mask sets to minus infinity does not.
        """
        if body.op == "select" and body.args[2].op == "inf" and body.args[2].data < 0:
            condition = g.select(body.args[0], g.ONE, g.ZERO)
            return (
                self._body(body.args[1], {bound}, known),
                self._body(condition, {bound}, known),
            )
        return self._body(body, {bound}, known), number(1)

    def _body(self, body: Node, bound: set[Index], known: Region) -> Poly:
        """Gives the normal form under a binder: regions become indicators, one for each index."""
        try:
            return self.poly(body, known)
        except Split as split:
            frozen, factor = split.factor, thaw(split.factor)
            if not free(factor) & bound:
                raise
            yes, no = (
                self._perhaps(lambda s=s: self._body(body, bound, {**known, frozen: s}))
                for s in (1, -1)
            )
            return plus(no, times(index.positive(factor), plus(yes, scaled(no, -1))))

    def _truth(self, node: Node, known: Region) -> bool | Poly:
        """Gives a truth value, or the indicator of a condition that no region decides."""
        found = self._read_truth(node, known)
        if (
            self._absent
            and not isinstance(found, bool)
            and domain.everywhere(found) in self._absent
        ):
            return False
        return found

    def _read_truth(self, node: Node, known: Region) -> bool | Poly:
        match node.op:
            case "true" | "false":
                return node.op == "true"
            case "not":
                inner = self._truth(node.args[0], known)
                return not inner if isinstance(inner, bool) else plus(number(1), scaled(inner, -1))
            case "and":
                first = self._truth(node.args[0], known)
                if first is False:
                    return False
                second = self._truth(node.args[1], known)
                if isinstance(first, bool) or second is False:
                    return second
                return first if second is True else times(first, second)
            case "select":
                first = self._truth(node.args[0], known)
                if isinstance(first, bool):
                    return self._truth(node.args[1] if first else node.args[2], known)
                yes, no = (_as_poly(self._truth(a, known)) for a in node.args[1:])
                return plus(no, times(first, plus(yes, scaled(no, -1))))
            case "compare":
                op, whole = node.data
                a, b = (self.poly(child, known) for child in node.args)
                difference = plus(b, scaled(a, -1))
                if whole or all(map(is_whole, gens(difference))):
                    return _compare_whole(op, difference)
                return _compare(op, difference, known)
            case op:
                raise Unnormalised(f"a number ({op}) where a truth value is needed")


_BRANCHES: dict[Node, bool] = {}


def branches(node: Node) -> bool:
    """Tells whether a normal form depends on the region."""
    found = _BRANCHES.get(node)
    if found is None:
        real = node.op == "compare" and not node.data[1]
        own = real or (node.op == "kernel" and node.data in ("sqrt", "floor"))
        found = _BRANCHES[node] = own or any(branches(a) for a in node.args)
    return found


def _as_poly(value: bool | Poly) -> Poly:
    return number(int(value)) if isinstance(value, bool) else value


def _compare(op: str, difference: Poly, known: Region) -> bool | Poly:
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
            if not _differs(difference):
                raise Unnormalised("a comparison of what may be equal everywhere") from None
            raise
    if (zero := vanishing(difference)) is not None:
        return zero if set(zero) - {()} else bool(zero)
    if all(map(analytic, gens(difference))):
        if not _differs(difference):
            raise Unnormalised("a comparison of what may be equal everywhere")
        return False
    return index.truth("zero", difference)


def _differs(difference: Poly) -> bool:
    """Tells whether an analytic difference surely does not vanish identically, at any size."""
    found = everywhere(difference)
    sized = any(g.kind in ("sum", "size") for g in found)
    if not sized and not any(g.kind == "index" or g.kind in INDICATORS for g in found):
        try:
            return nonzero_somewhere(expression(difference))
        except ValueError:
            return False  # an unknown function, which may be zero
    # A sum may vanish at some size and not at others (x - mean(x), for one entry), and what hangs
    # on a position at some position (a masked entry). Neither can where an entry of a tensor that
    # stands nowhere else is added to it.
    for monomial in difference:
        if len(monomial) == 1 and monomial[0][1] == 1 and monomial[0][0].kind == "entry":
            own = monomial[0][0]
            others = everywhere({m: c for m, c in difference.items() if m != monomial})
            if not is_whole(own) and own.data[0] not in {
                other.data[0] for other in others if other.kind == "entry"
            }:
                return True
    return False


def everywhere(poly: Poly) -> set[Gen]:
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
            case "entry" | "pi" | "size" | "index" | "delta" | "max" | "argmax" | "apply":
                pass
            case _:
                stack += [inner for m, _ in here.data for inner, _ in m]
    return found


def _compare_whole(op: str, difference: Poly) -> bool | Poly:
    """Decides a comparison of whole numbers, which may hold on the boundary."""
    if set(difference) <= {()}:
        value = difference.get((), 0)
        return {"lt": value > 0, "le": value >= 0, "eq": value == 0}[op]
    if _at_least(difference, 1) or _at_least(scaled(difference, -1), 1):
        return op != "eq" and _at_least(difference, 1)
    if op == "eq":
        return index.zero_of_whole(difference)
    if op == "lt":
        return index.negative_whole(scaled(difference, -1))
    return plus(number(1), scaled(index.negative_whole(difference), -1))


def _at_least(poly: Poly, bound: int) -> bool:
    """Tells whether a polynomial of sizes surely reaches a bound, sizes being at least one."""
    grows = all(c > 0 for m, c in poly.items() if m)
    return grows and all(g.kind == "size" for g in gens(poly)) and sum(poly.values()) >= bound
