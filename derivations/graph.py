"""Expressions as a hash-consed graph: the one language that textbook, rule and `jax.grad` meet in.

A node is a real number or a truth value, built from entries of tensors such as `w[i, j]`. Indices
may be whole numbers or index variables that run over a size, so that one node stands for an entry
of an array of any size. `sum` and `rmax` bind an index variable. Equal expressions are the same
object, so comparing and memorising them costs nothing.

Nodes keep comparisons exactly as the code makes them (`<` is not `<=`): what holds away from the
boundaries is decided later (`normal.py`), what holds on them too (`kinks.py`).
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any, ClassVar, Literal

Dim = int | str  # a size: a number, or the name of a symbolic size


class Index:
    """An index variable that runs over `0, ..., size - 1`. Each object is a variable of its own."""

    __slots__ = ("name", "size", "uid")
    _count = itertools.count()

    def __init__(self, name: str, size: Dim):
        self.name = name
        self.size = size
        self.uid = next(Index._count)

    def __repr__(self) -> str:
        return f"{self.name}{self.uid}"


At = Index | int  # a position along one axis


class Node:
    """An expression. Build nodes with the functions of this module, never directly."""

    __slots__ = ("args", "data", "free", "op", "uid")
    _interned: ClassVar[dict[Any, "Node"]] = {}
    _count: ClassVar[Iterator[int]] = itertools.count()

    op: str
    args: tuple["Node", ...]
    data: Any
    free: frozenset[Index]  # the index variables that no sum inside binds
    uid: int

    def __repr__(self) -> str:
        inside = ", ".join(map(repr, self.args))
        data = "" if self.data is None else f"[{self.data}]"
        return f"{self.op}{data}({inside})" if self.args else f"{self.op}{data}"


def _node(op: str, args: tuple[Node, ...] = (), data: Any = None) -> Node:
    key = (op, args, data)
    found = Node._interned.get(key)
    if found is not None:
        return found
    node = object.__new__(Node)
    node.op, node.args, node.data, node.uid = op, args, data, next(Node._count)
    free = frozenset[Index]().union(*(a.free for a in args))
    if op == "entry":
        free = frozenset(i for i in data[1] if isinstance(i, Index))
    elif op == "index":
        free = frozenset((data,))
    elif op in ("sum", "rmax"):
        free -= {data}
    elif op == "argmax":
        bound, at = data
        free = (free - {bound}) | ({at} if isinstance(at, Index) else set())
    elif op == "apply":
        _, slots, at = data
        free = free.difference(*slots) | {i for i in at if isinstance(i, Index)}
    node.free = free
    Node._interned[key] = node
    return node


def nodes_of(*nodes: Node) -> set[Node]:
    """Gives nodes and everything that they are made of."""
    seen: set[Node] = set()
    stack = [*nodes]
    while stack:
        here = stack.pop()
        if here not in seen:
            seen.add(here)
            stack.extend(here.args)
    return seen


def const(value: int | Fraction | float) -> Node:
    """Gives an exact number. A float stands for the binary fraction that it is."""
    if isinstance(value, float):
        if value != value:
            return _node("nan")
        if value in (float("inf"), float("-inf")):
            return _node("inf", (), 1 if value > 0 else -1)
    return _node("const", (), Fraction(value))


ZERO = const(0)
ONE = const(1)
TRUE = _node("true")
FALSE = _node("false")


Numbers = Literal["real", "whole", "positive"]  # what an input tensor holds


def entry(tensor: str, at: Iterable[At], *, numbers: Numbers = "real") -> Node:
    """Gives an entry of an input tensor."""
    return _node("entry", (), (tensor, tuple(at), numbers))


def size(dim: Dim) -> Node:
    """Gives a size as a number."""
    return const(dim) if isinstance(dim, int) else _node("size", (), dim)


def index(at: At) -> Node:
    """Gives the value of an index."""
    return const(at) if isinstance(at, int) else _node("index", (), at)


PI = _node("pi")
NAN = _node("nan")


def _masked(node: Node) -> bool:
    """Tells whether a choice has an infinite branch: what a mask before a softmax looks like."""
    return node.op == "select" and any(a.op == "inf" or _masked(a) for a in node.args[1:])


def _inside_mask(function: Callable[..., Node], args: Sequence[Node]) -> Node | None:
    """Gives f(choice) as a choice of f's, so that an infinity never meets a real number."""
    for i, a in enumerate(args):
        if _masked(a):
            condition, yes, no = a.args
            return select(
                condition,
                function(*args[:i], yes, *args[i + 1 :]),
                function(*args[:i], no, *args[i + 1 :]),
            )
    return None


def add(*terms: Node) -> Node:
    """Gives the sum of the terms."""
    infinite = {t.data for t in terms if t.op == "inf"}
    if infinite:
        return NAN if len(infinite) == 2 else _node("inf", (), infinite.pop())
    if (moved := _inside_mask(add, terms)) is not None:
        return moved
    total, rest = Fraction(0), []
    for term in terms:
        if term.op == "const":
            total += term.data
        elif term.op == "add":
            rest.extend(term.args)
        else:
            rest.append(term)
    if total or not rest:
        rest.append(const(total))
    return rest[0] if len(rest) == 1 else _node("add", tuple(rest))


def mul(*factors: Node) -> Node:
    """Gives the product of the factors."""
    if any(f.op == "inf" for f in factors) and all(f.op in ("inf", "const") for f in factors):
        side = 1
        for f in factors:
            side *= (f.data > 0) - (f.data < 0)
        return _node("inf", (), side) if side else NAN
    if (moved := _inside_mask(mul, factors)) is not None:
        return moved
    total, rest = Fraction(1), []
    for factor in factors:
        if factor.op == "const":
            total *= factor.data
        elif factor.op == "mul":
            rest.extend(factor.args)
        else:
            rest.append(factor)
    if total == 0 and not any(f.op in ("inf", "nan") for f in rest):
        return ZERO
    if total != 1 or not rest:
        rest.append(const(total))
    return rest[0] if len(rest) == 1 else _node("mul", tuple(rest))


def neg(a: Node) -> Node:
    """Gives -a."""
    return mul(const(-1), a)


def sub(a: Node, b: Node) -> Node:
    """Gives a - b."""
    return add(a, neg(b))


def power(a: Node, exponent: int) -> Node:
    """Gives a to a whole power."""
    if exponent == 0:
        return ONE
    if exponent == 1:
        return a
    if a.op == "const" and (a.data != 0 or exponent > 0):
        return const(a.data**exponent)
    return _node("pow", (a,), exponent)


def div(a: Node, b: Node) -> Node:
    """Gives a / b."""
    return mul(a, power(b, -1))


# Functions that the graph knows by name. Every other one is written in terms of these.
KERNELS = ("exp", "log", "sqrt", "erf", "sin", "cos", "atan", "floor")


def kernel(name: str, a: Node) -> Node:
    """Gives exp, log, sqrt, erf, sin, cos, atan or floor of `a`."""
    if name not in KERNELS:
        raise ValueError(f"A kernel is one of {', '.join(KERNELS)}. Got {name!r}.")
    if a.op == "inf" and name == "exp":
        return a if a.data > 0 else ZERO
    if (moved := _inside_mask(lambda x: kernel(name, x), (a,))) is not None:
        return moved
    if a is ZERO and name in ("exp", "cos"):
        return ONE
    if (a is ZERO and name in ("sqrt", "erf", "sin", "atan")) or (a is ONE and name == "log"):
        return ZERO
    return _node("kernel", (a,), name)


def exp(a: Node) -> Node:
    """Gives e to the power of a."""
    return kernel("exp", a)


def log(a: Node) -> Node:
    """Gives the natural logarithm of a."""
    return kernel("log", a)


def compare(op: str, a: Node, b: Node, *, whole: bool = False) -> Node:
    """Gives the truth value of `a op b` for op in lt, le, eq. `whole`: both are whole numbers."""
    infinite = {"inf", "nan"} & {a.op, b.op}
    if a is b and "nan" not in infinite:
        return FALSE if op == "lt" else TRUE
    if a.op == b.op == "const":
        held = {"lt": a.data < b.data, "le": a.data <= b.data, "eq": a.data == b.data}[op]
        return TRUE if held else FALSE
    if infinite:  # every real number is finite
        if "nan" in infinite or op == "eq":
            return FALSE
        if a.op == b.op:
            return TRUE if {"lt": a.data < b.data, "le": a.data <= b.data}[op] else FALSE
        low = a.data < 0 if a.op == "inf" else b.data > 0
        return TRUE if low else FALSE
    if (moved := _inside_mask(lambda x, y: compare(op, x, y, whole=whole), (a, b))) is not None:
        return moved
    for choice, other in ((a, b), (b, a)):
        # A condition written as a number, 1 or 0, and compared again is the condition.
        if choice.op == "select" and {n.op for n in (*choice.args[1:], other)} == {"const"}:
            condition, *branches = choice.args
            sides = [(x, other) if choice is a else (other, x) for x in branches]
            return select(condition, *(compare(op, x, y, whole=whole) for x, y in sides))
    return _node("compare", (a, b), (op, whole))


def not_(p: Node) -> Node:
    """Gives the negation."""
    if p in (TRUE, FALSE):
        return FALSE if p is TRUE else TRUE
    return p.args[0] if p.op == "not" else _node("not", (p,))


def and_(p: Node, q: Node) -> Node:
    """Gives the conjunction."""
    if FALSE in (p, q):
        return FALSE
    return q if p is TRUE else p if q is TRUE or p is q else _node("and", (p, q))


def or_(p: Node, q: Node) -> Node:
    """Gives the disjunction."""
    return not_(and_(not_(p), not_(q)))


def select(p: Node, if_true: Node, if_false: Node) -> Node:
    """Gives one of two values (numbers, or truth values)."""
    if p.op == "not":
        return select(p.args[0], if_false, if_true)
    if p is TRUE or if_true is if_false:
        return if_true
    return if_false if p is FALSE else _node("select", (p, if_true, if_false))


def maximum(a: Node, b: Node) -> Node:
    """Gives the larger of two numbers."""
    return select(compare("lt", a, b), b, a)


def minimum(a: Node, b: Node) -> Node:
    """Gives the smaller of two numbers."""
    return select(compare("lt", b, a), b, a)


def absolute(a: Node) -> Node:
    """Gives the absolute value."""
    return select(compare("lt", a, ZERO), neg(a), a)


def sign(a: Node) -> Node:
    """Gives -1, 0 or 1."""
    return select(compare("lt", a, ZERO), const(-1), select(compare("lt", ZERO, a), ONE, ZERO))


def total(bound: Index, body: Node) -> Node:
    """Gives the sum of `body` over an index variable."""
    if body is ZERO:
        return ZERO
    return _node("sum", (body,), bound)


def largest(bound: Index, body: Node) -> Node:
    """Gives the largest value of `body` over an index variable."""
    return body if bound not in body.free else _node("rmax", (body,), bound)


def argmax_is(bound: Index, body: Node, at: At) -> Node:
    """Gives 1 if `body` is largest at `at`, else 0: the derivative of `largest` off the ties."""
    return _node("argmax", (body,), (bound, at))


def apply(
    name: str, slots: tuple[tuple[Index, ...], ...], bodies: tuple[Node, ...], at: tuple[At, ...]
) -> Node:
    """Gives entry `at` of an unknown function of whole arrays.

    Argument number `a` is the array whose entry at `slots[a]` is `bodies[a]`.
    """
    return _node("apply", bodies, (name, slots, at))


def equal_index(i: At, j: At) -> Node:
    """Gives 1 if two positions are the same, else 0 (the Kronecker delta)."""
    if isinstance(i, int) and isinstance(j, int):
        return ONE if i == j else ZERO
    return select(compare("eq", index(i), index(j), whole=True), ONE, ZERO)
