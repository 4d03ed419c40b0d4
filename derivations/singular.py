"""Singular places: where a rule has no value, and the primal has one.

Code may branch nowhere and still fail at a point: a rule that divides by what the primal only
multiplies with, or by a norm. What the primal itself always divides by is no such place: where that
is zero, the primal has no value. A rule that takes the root or the logarithm of what is negative
fails on a whole region.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import islice

from derivations import clock
from derivations.boundaries import Boundary, Unlocated, on_boundary, simple_points, vanishing
from derivations.evaluate import Point
from derivations.graph import Node
from derivations.refute import Tensor, points

MOST_PLACES = 8
TRIES = 12
DRAWN = 6
SECONDS = 1.0  # for all places together

UNKNOWN, NOT_NEGATIVE, POSITIVE = range(3)
_SIGNED = frozenset(["add", "mul", "sum", "rmax", "select", "pow", "kernel"])


def singular_places(rule: Sequence[Node], primal: Sequence[Node]) -> list[Boundary]:
    """Gives what a rule divides by, or takes the logarithm of, and the primal does not.

    Args:
      rule: What the forward and the backward pass compute.
      primal: What the primal computes.
    """
    given = _denominators(primal, always=True)
    needed = [node for node in _denominators(rule, always=False) if node not in given]
    found = {key: place for node in needed for key, place in vanishing(node).items()}
    for node in given if found else ():
        for key in vanishing(node):
            found.pop(key, None)
    return list(found.values())


def half_line(rule: Sequence[Node], primal: Sequence[Node]) -> Boundary | None:
    """Gives what a rule takes the root or the logarithm of, may be negative, and the primal not."""
    given = {n.args[0] for n in _inside(primal, always=True) if _is_half(n)}
    for node in _inside(rule, always=False):
        if _is_half(node) and node.args[0] not in given and _least(node.args[0]) == UNKNOWN:
            words = "the root or logarithm of a negative number"
            return Boundary(words, node.args[0], ())
    return None


def _inside(nodes: Sequence[Node], *, always: bool) -> Iterator[Node]:
    """Gives all nodes; if `always`, those that are evaluated on every branch."""
    seen: set[Node] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node in seen or (always and node.op in ("select", "compare")):
            continue
        seen.add(node)
        stack.extend(node.args)
        yield node


def _is_half(node: Node) -> bool:
    return node.op == "kernel" and node.data in ("log", "sqrt")


def _denominators(nodes: Sequence[Node], *, always: bool) -> dict[Node, None]:
    """Gives the numbers that must not be zero."""
    found: dict[Node, None] = {}
    for node in _inside(nodes, always=always):
        if (node.op == "pow" and node.data < 0) or (node.op == "kernel" and node.data == "log"):
            found.update(dict.fromkeys(_zeros(node.args[0])))
    return found


def _zeros(node: Node) -> Iterator[Node]:
    """Gives simpler numbers, of which one is zero where this one is."""
    if _least(node) == POSITIVE:
        return
    match node.op:
        case "kernel" if node.data == "sqrt":
            yield from _zeros(node.args[0])
        case "pow":
            if node.data > 0:
                yield from _zeros(node.args[0])
        case "mul":
            for factor in node.args:
                yield from _zeros(factor)
        case "select":
            for branch in node.args[1:]:
                yield from _zeros(branch)
        case _:
            yield node


@cache
def _least(node: Node) -> int:
    """Tells what is certain of a number's sign, as it is written."""
    below = [_least(a) for a in node.args] if node.op in _SIGNED else []
    match node.op:
        case "const":
            return POSITIVE if node.data > 0 else NOT_NEGATIVE if node.data == 0 else UNKNOWN
        case "pi" | "size":
            return POSITIVE
        case "index":
            return NOT_NEGATIVE
        case "entry":
            return POSITIVE if node.data[2] == "positive" else UNKNOWN
        case "add":
            return max(below) if UNKNOWN not in below else UNKNOWN
        case "mul" | "sum" | "rmax":
            return min(below)
        case "select":
            return min(below[1:])
        case "pow":
            return max(below[0], NOT_NEGATIVE) if node.data % 2 == 0 else below[0]
        case "kernel" if node.data == "exp":
            return POSITIVE
        case "kernel" if node.data == "sqrt":
            return max(below[0], NOT_NEGATIVE)
        case _:
            return UNKNOWN


def points_of(
    place: Boundary,
    tensors: Sequence[Tensor],
    sizes: Mapping[str, int],
    arguments: Sequence[Tensor],
    deadline: float,
) -> Iterator[Point]:
    """Gives exact points of a place: one with a single zero, as a rule, and a simple one."""
    for moving in arguments:
        if clock.now() > deadline:
            return
        try:
            located = on_boundary(place, tensors, sizes, moving, deadline, TRIES)
        except Unlocated:
            continue
        if located is not None:
            yield located[0]
            break
    yield from islice(simple_points(tensors, sizes, place), 1)


def drawn_points(tensors: Sequence[Tensor], sizes: Mapping[str, int]) -> Iterator[Point]:
    """Gives points of both signs."""
    return islice(points(tensors, sizes, ties=True, seed=1), DRAWN)
