"""Whole numbers: positions, sizes and labels, and what can be said of them without their values.

A position lies between 0 and its size less one, and a size is at least one. Comparisons that
follow from that are decided here, so that index arithmetic that JAX adds (negative indices wrapped
round, starts clamped) disappears again.
"""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from derivations import graph as g
from derivations.graph import Index, Node
from derivations.lift import Lifting, Unsupported
from derivations.masks import choice

MOST_CASES = 128  # of choices among known numbers, that are told apart in a formula

Linear = dict[Node, Fraction]  # g.ONE stands for the constant


def is_whole(node: Node) -> bool:
    """Tells whether a real number is surely a whole one."""
    match node.op:
        case "const":
            return node.data.denominator == 1
        case "size" | "index":
            return True
        case "entry":
            return node.data[2] == "whole"
        case "add" | "mul":
            return all(map(is_whole, node.args))
        case "select":
            return all(map(is_whole, node.args[1:]))
        case _:
            return False


def linear(node: Node) -> Linear:
    """Gives a number as a linear combination of what cannot be taken apart further."""
    if node.op == "const":
        return {g.ONE: node.data} if node.data else {}
    if node.op == "add":
        return _combined(*((linear(a), Fraction(1)) for a in node.args))
    if node.op == "mul" and node.args[-1].op == "const" and len(node.args) == 2:
        return _combined((linear(node.args[0]), node.args[1].data))
    return {node: Fraction(1)}


def _combined(*parts: tuple[Linear, Fraction]) -> Linear:
    result: Linear = {}
    for part, factor in parts:
        for atom, c in part.items():
            result[atom] = result.get(atom, Fraction(0)) + c * factor
    return {atom: c for atom, c in result.items() if c}


def least(form: Linear) -> Fraction | None:
    """Gives a number that a linear form surely reaches, if one is known."""
    # A position goes first: its largest value is a size, which may cancel against others.
    bounded: Linear = {}
    for atom, c in form.items():
        if atom.op == "index":
            dim = atom.data.size
            most = {g.size(dim): c, g.ONE: -c} if isinstance(dim, str) else {g.ONE: c * (dim - 1)}
            bounded = _combined((bounded, Fraction(1)), (most if c < 0 else {}, Fraction(1)))
        else:
            bounded = _combined((bounded, Fraction(1)), ({atom: c}, Fraction(1)))
    total = Fraction(0)
    for atom, c in bounded.items():
        if atom is g.ONE or (atom.op == "size" and c > 0):
            total += c
        else:
            ends = _ends(atom)
            if ends is None:
                return None
            total += min(c * end for end in ends)
    return total


@cache
def _ends(node: Node) -> tuple[Fraction, Fraction] | None:
    """Gives the smallest and the largest value of a choice among known numbers."""
    if node.op == "const":
        return node.data, node.data
    if node.op != "select":
        return None
    found = [_ends(a) for a in node.args[1:]]
    if any(f is None for f in found):
        return None
    pairs = [f for f in found if f is not None]
    return min(low for low, _ in pairs), max(high for _, high in pairs)


@cache
def compare(op: str, a: Node, b: Node) -> Node:
    """Gives the truth value of `a op b` for whole numbers, op in lt, le, eq."""
    difference = _combined((linear(b), Fraction(1)), (linear(a), Fraction(-1)))
    low = least(difference)
    high = least(_combined((difference, Fraction(-1))))  # of a - b
    above, below = low is not None and low > 0, high is not None and high > 0
    if op == "eq" and (above or below or not difference):
        return g.FALSE if difference else g.TRUE
    if op == "lt" and (above or (high is not None and high >= 0)):
        return g.TRUE if above else g.FALSE
    if op == "le" and ((low is not None and low >= 0) or below):
        return g.FALSE if below else g.TRUE
    for first in (a, b):
        # One of several known numbers: the comparison is one of several known truth values.
        if first.op == "select" and _ends(first) and _ends(a) and _ends(b):
            condition, yes, no = first.args
            branches = [(yes, b), (no, b)] if first is a else [(a, yes), (a, no)]
            return choice(condition, *(compare(op, *pair) for pair in branches))
    return g.compare(op, a, b, whole=True)


def maximum(a: Node, b: Node) -> Node:
    """Gives the larger of two whole numbers."""
    return choice(compare("lt", a, b), b, a)


def minimum(a: Node, b: Node) -> Node:
    """Gives the smaller of two whole numbers."""
    return choice(compare("lt", b, a), b, a)


def inside(offset: Node, length: g.Dim) -> Node:
    """Tells whether a place lies along an axis."""
    if length == 1:
        return compare("eq", offset, g.ZERO)
    return g.and_(compare("le", g.ZERO, offset), compare("lt", offset, g.size(length)))


def clamp(a: Node, low: Node, high: Node) -> Node:
    """Gives the number between `low` and `high` that is nearest to `a`."""
    return minimum(maximum(a, low), high)


def within(lifting: Lifting, node: Node, dtype: Any) -> Node:
    """Gives a whole number that was computed, if its type surely holds it.

    Raises:
      Unsupported: It may not: unsigned numbers wrap round, and a known one is too large.
    """
    form = linear(node)
    if all(atom is g.ONE or atom.op in ("size", "index") or _ends(atom) for atom in form):
        # No size comes near the largest number of its type; known numbers are looked at.
        info = np.iinfo(dtype)
        low, high = least(form), least(_combined((form, Fraction(-1))))
        low = info.min if low is None and info.min else low
        if low is not None and low >= info.min and (high is None or -high <= info.max):
            return node
        raise Unsupported(f"a whole number that {np.dtype(dtype)} does not hold")
    if np.dtype(dtype).kind == "u":
        raise Unsupported("arithmetic of unsigned numbers, which wraps round")
    lifting.assumptions.add("whole numbers stay in the range of their type")
    return node


def by_cases(function: Callable[..., Node], args: Sequence[Node]) -> Node:
    """Gives a function of numbers that are choices among known ones, as such a choice."""
    condition = next((a.args[0] for a in args if a.op == "select"), None)
    count = math.prod(map(_cases, args))
    if condition is None or count > MOST_CASES or not all(map(one_of_several, args)):
        return function(*args)
    return choice(
        condition,
        by_cases(function, [_branch(a, condition, 1) for a in args]),
        by_cases(function, [_branch(a, condition, 2) for a in args]),
    )


@cache
def _cases(node: Node) -> int:
    return sum(map(_cases, node.args[1:])) if node.op == "select" else 1


def _branch(node: Node, condition: Node, which: int) -> Node:
    return node.args[which] if node.op == "select" and node.args[0] is condition else node


def of_known(function: Callable[..., int], reason: str) -> Callable[..., Node]:
    """Gives a function of known whole numbers, and of choices among such.

    Raises:
      Unsupported: A number depends on the inputs otherwise, for the stated reason.
    """

    def known(*args: Node) -> Node:
        if any(a.op != "const" or a.data.denominator != 1 for a in args):
            raise Unsupported(reason)
        return g.const(function(*(int(a.data) for a in args)))

    return lambda *args: by_cases(known, args)


def as_position(node: Node, size: g.Dim) -> g.At | None:
    """Gives a whole number as a position along an axis, if it is one."""
    if node.op == "const":
        there = node.data < size if isinstance(size, int) else node.data == 0
        return int(node.data) if there and node.data >= 0 else None
    if node.op != "index":
        return None
    index: Index = node.data
    both = isinstance(size, int) and isinstance(index.size, int)
    fits = index.size <= size if both else index.size == size  # type: ignore[operator]
    return index if fits else None


def one_of_several(node: Node) -> bool:
    """Tells whether a number is a choice among known ones."""
    return _ends(node) is not None


@cache
def depends_on_inputs(node: Node) -> bool:
    """Tells whether a value is more than a matter of positions and sizes."""
    return node.op in ("entry", "apply") or any(map(depends_on_inputs, node.args))


def counted_from_the_front(node: Node, dim: g.Dim) -> Node:
    """Gives i for `i + dim if i < 0 else i`, which is how negative indices are allowed for."""
    if node.op != "select" or node.args[0].op != "compare":
        return node
    condition, wrapped, plain = node.args
    difference = _combined((linear(wrapped), Fraction(1)), (linear(plain), Fraction(-1)))
    is_wrap = condition is compare("lt", plain, g.ZERO) and difference == linear(g.size(dim))
    return plain if is_wrap else node
