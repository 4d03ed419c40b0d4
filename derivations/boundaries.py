"""The boundaries that code branches on, and exact points that lie on them."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import flint
import numpy as np

from derivations import clock
from derivations import graph as g
from derivations.denormal import expression
from derivations.evaluate import Point, Tie, evaluate, sorted_indices
from derivations.fraction import factored, is_zero
from derivations.graph import Index, Node
from derivations.index import rename
from derivations.kernels import Unnormalised
from derivations.normal import normal
from derivations.polynomial import (
    Exponent,
    Gen,
    Poly,
    TooLarge,
    free,
    freeze,
    gens,
    height,
    label,
    of,
    thaw,
)
from derivations.refute import Tensor, differ, points
from derivations.regions import Split
from derivations.series import Ambiguous
from derivations.signs import never_zero, whole

MOST_TRIES = 60


class Boundary(NamedTuple):
    """A condition of the code, as a number that is zero where it is a tie.

    Attributes:
      words: The condition, for the reader.
      node: The number.
      free: Its open index variables.
      tops: For two entries of a maximum: one of them, and the maximum, which must be equal too.
    """

    words: str
    node: Node
    free: tuple[Index, ...]
    tops: tuple[Node, Node] | None = None


class Unlocated(Exception):
    """No exact point was found on a boundary."""


def boundaries(nodes: Sequence[Node]) -> list[Boundary]:
    """Gives every comparison of reals and every maximum over an axis, each boundary once."""
    found: dict[Any, Boundary] = {}
    seen: set[Node] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        stack.extend(node.args)
        if node.op == "compare" and not node.data[1]:
            a, b = node.args
            found.update(vanishing(g.sub(a, b)))
        elif node.op == "rmax":
            bound, (body,) = node.data, node.args
            i, j = Index(bound.name, bound.size), Index(bound.name, bound.size)
            try:
                poly = normal(body)
                first, second = (expression(rename(poly, {bound: other})) for other in (i, j))
            except (Split, Unnormalised, TooLarge, ValueError):
                continue  # the maximum of what itself branches: its own comparisons are met
            found.update(vanishing(g.sub(first, second), (first, node)))
    return list(found.values())


def vanishing(node: Node, tops: tuple[Node, Node] | None = None) -> dict[Any, Boundary]:
    """Gives the boundaries on which a number is zero: one for each factor that can be.

    The keys are the same for the same boundary, whatever its indices are called.
    """
    pieces: dict[Any, Node]
    names: dict[Any, str]
    try:
        poly = normal(node)
        if is_zero(poly) or all(map(whole, gens(poly))):
            return {}
        _, powers, factors = factored(poly)
        # A factor below the line is a pole, not a tie.
        frozen = [freeze(of(generator)) for generator, e in powers.items() if e > 0]
        frozen += [factor for factor, e in factors.items() if e > 0]
        pieces = {f: expression(thaw(f)) for f in frozen if not never_zero(f)}
        names = {f: _words(thaw(f)) for f in pieces}
    except (Split, Unnormalised, TooLarge, ValueError):
        # The difference itself branches: taken as it stands.
        pieces = {node: node}
        names = {node: f"f({', '.join(sorted(_inputs(node)))}) = 0"}
    if tops is not None:
        names = dict.fromkeys(pieces, "two largest values are equal")
    # Of two products only a factor may be compared, at a position that the other does not have.
    everywhere = frozenset[Index]().union(*(n.free for n in tops or ()))
    return {
        _anonymous(key): Boundary(
            names[key], piece, tuple(sorted_indices(piece.free | everywhere)), tops
        )
        for key, piece in pieces.items()
    }


def _anonymous(key: Any) -> Any:
    """Gives what makes two boundaries the same, whatever their open indices are called."""
    if isinstance(key, Node):
        return key
    poly = thaw(key)
    names = {i: label(height(poly) + n, i.size) for n, i in enumerate(sorted_indices(free(poly)))}
    return freeze(rename(poly, names))


def _words(poly: Poly) -> str:
    """Gives a boundary in words, for the common ones: `x = 6`, `a = b`."""
    constant = poly.get((), 0)
    rest = [(m, c) for m, c in poly.items() if m]
    letters = [m[0][0].data[0] for m, _ in rest if len(m) == 1 and _is_entry(*m[0])]
    if len(letters) == len(rest) == 1:
        return f"{letters[0]} = {-constant / rest[0][1]}"
    if len(letters) == len(rest) == 2 and not constant and rest[0][1] == -rest[1][1]:
        return f"{letters[0]} = {letters[1]}"
    return f"f({', '.join(sorted(_inputs(expression(poly))))}) = 0"


def _is_entry(generator: Gen, e: Exponent) -> bool:
    return generator.kind == "entry" and e == 1


def _inputs(node: Node) -> set[str]:
    """Gives the tensors that a number depends on."""
    found, seen, stack = set[str](), {node}, [node]
    while stack:
        part = stack.pop()
        if part.op == "entry":
            found.add(part.data[0])
        new = [a for a in part.args if a not in seen]
        seen.update(new)
        stack += new
    return found


def _gap(boundary: Boundary, point: Point) -> np.ndarray:
    return evaluate(boundary.node, point, boundary.free)


def _is_tie(boundary: Boundary, point: Point, where: tuple[int, ...]) -> bool:
    value = _gap(boundary, point)[where]
    if not (isinstance(value, flint.fmpq) and value == 0):
        return False
    if boundary.tops is None:
        return True
    top, largest = boundary.tops
    at = dict(zip(boundary.free, where, strict=True))
    if len({at[i] for i in boundary.free}) < 2 and len(boundary.free) == 2:
        return False  # an entry beside itself
    first, most = (
        evaluate(n, point, tuple(sorted_indices(n.free)))[
            tuple(at[i] for i in sorted_indices(n.free))
        ]
        for n in (top, largest)
    )
    return not differ(first, most)


def on_boundary(
    boundary: Boundary,
    tensors: Sequence[Tensor],
    sizes: Mapping[str, int],
    moving: Tensor,
    deadline: float,
    tries: int = MOST_TRIES,
) -> tuple[Point, tuple[int, ...]] | None:
    """Solves for a point on a boundary by moving one entry of one argument.

    Gives the point and the entry; `None` if no entry of this argument moves the condition. Where no
    single entry leads there, the points at which arrays are zero, constant or equal are tried.

    Raises:
      Unlocated: It moves the condition, but no exact point was found.
    """
    if moving.name not in _inputs(boundary.node):
        return None
    drawn = points(tensors, sizes, ties=True, seed=1)
    draw = random.Random(2)
    moves = False
    for _ in range(tries):
        if clock.now() > deadline:
            raise Unlocated("the budget ran out")
        point = next(drawn)
        shape = point.tensors[moving.name].shape
        if 0 in shape:
            return None
        at = tuple(draw.randrange(n) for n in shape)

        start = point.tensors[moving.name][at]
        try:
            first, second = (
                _gap(boundary, moved(point, moving.name, at, v)) for v in (start, start + 1)
            )
        except (Ambiguous, Tie):
            continue
        for where in np.ndindex(*first.shape):
            a, b = first[where], second[where]
            if not differ(a, b):
                continue
            moves = True
            if not (isinstance(a, flint.fmpq) and isinstance(b, flint.fmpq)):
                continue
            # Exact if the condition is linear in this entry.
            there = moved(point, moving.name, at, start - a / (b - a))
            try:
                if _is_tie(boundary, there, where):
                    return there, at
            except (Ambiguous, Tie):
                continue
    if moves:
        for point in simple_points(tensors, sizes, boundary):
            return point, (0,) * point.tensors[moving.name].ndim
        raise Unlocated("no rational point of it was found")
    return None


def simple_points(
    tensors: Sequence[Tensor], sizes: Mapping[str, int], boundary: Boundary
) -> Iterator[Point]:
    """Gives the points of a boundary among those where an array is zero, constant, or another."""
    start = next(points(tensors, sizes, ties=True, seed=1))
    floats = [t for t in tensors if t.kind == "float" and t.near is None]
    for tensor in floats:
        array = start.tensors[tensor.name]
        others = [start.tensors[t.name] for t in floats if t.name != tensor.name]
        numbers = [np.full_like(array, flint.fmpq(n)) for n in (0, 1)]
        for other in [*numbers, *(o for o in others if o.shape == array.shape)]:
            point = start._replace(tensors={**start.tensors, tensor.name: other})
            try:
                if any(
                    _is_tie(boundary, point, w) for w in np.ndindex(*_gap(boundary, point).shape)
                ):
                    yield point
            except (Ambiguous, Tie):
                continue


def moved(point: Point, name: str, at: tuple[int, ...], value: Any) -> Point:
    """Gives a point with another value of one entry."""
    array = point.tensors[name].copy()
    array[at] = value
    return point._replace(tensors={**point.tensors, name: array})
