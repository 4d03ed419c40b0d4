"""Kinks: what a rule does exactly on the boundaries that the code branches on.

For each comparison of reals (and each maximum over an axis) a point is solved for at which it is a
tie. There the one-sided derivatives of the primal are computed exactly, by evaluating it at x ± ε
with an infinitesimal ε, and the value that the rule takes is placed among them.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import flint
import numpy as np

from derivations.evaluate import Ambiguous, Dual, Point, Tie, ball, evaluate
from derivations.graph import Index, Node
from derivations.refute import Tensor, differ, points, shown, written

Class = Literal["smooth", "left", "right", "middle", "inside", "outside", "singular", "jump"]
MOST_TRIES = 60


class Kink(NamedTuple):
    """One boundary, met at one point, seen along one entry of one argument.

    Attributes:
      boundary: The condition that is a tie there, in words.
      argument: Which entry moves, such as `x[0, 1]`.
      at: That entry's value on the boundary.
      left: The derivative from below.
      right: The derivative from above.
      rule: The value that the rule takes.
      jax: The value that `jax.grad` takes.
      kind: Where the rule's value lies.
      jax_kind: Where the value of `jax.grad` lies.
      inputs: The whole point.
    """

    boundary: str
    argument: str
    at: str
    left: str
    right: str
    rule: str
    jax: str
    kind: Class
    jax_kind: Class
    inputs: dict[str, Any]

    def __str__(self) -> str:
        where = f"{self.boundary}, along {self.argument} at {self.at}"
        if self.kind == "smooth":
            return f"{where}: smooth, derivative {self.left}"
        return (
            f"{where}: left {self.left}, right {self.right}; the rule takes {self.rule} "
            f"({self.kind}), jax.grad takes {self.jax} ({self.jax_kind})"
        )


class Boundary(NamedTuple):
    """A condition, as a number that is zero on its boundary."""

    words: str
    difference: Callable[[Point], np.ndarray]
    node: Node


class Unlocated(Exception):
    """No exact point was found on a boundary."""


def boundaries(nodes: Sequence[Node]) -> Iterator[Boundary]:
    """Gives every comparison of reals and every maximum over an axis, each once."""
    seen: set[Node] = set()
    stack = list(nodes)
    conditions: set[frozenset[Node]] = set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        stack.extend(node.args)
        if node.op == "compare" and not node.data[1]:
            a, b = node.args
            if frozenset(node.args) not in conditions:
                conditions.add(frozenset(node.args))
                yield Boundary(f"{_words(a)} = {_words(b)}", _gap(a, b), node)
        elif node.op == "rmax":
            yield Boundary("two largest values are equal", _lead(node), node)


def _words(node: Node) -> str:
    """Gives a short name of an expression."""
    if node.op == "entry":
        return node.data[0]
    if node.op == "const":
        return str(node.data)
    if not node.args:
        return node.op
    inside = sorted(_inputs(node))
    return f"f({', '.join(inside)})" if inside else "a constant"


def _inputs(node: Node) -> set[str]:
    if node.op == "entry":
        return {node.data[0]}
    return set().union(*(_inputs(a) for a in node.args)) if node.args else set()


def _gap(a: Node, b: Node) -> Callable[[Point], np.ndarray]:
    free = sorted(a.free | b.free, key=lambda i: i.uid)

    def difference(point: Point) -> np.ndarray:
        shape = [point.length(i.size) for i in free]
        left = _over(a, point, free, shape)
        return np.asarray(_over(b, point, free, shape) - left, dtype=object)

    return difference


def _over(node: Node, point: Point, free: list[Index], shape: list[int]) -> np.ndarray:
    own = [i for i in free if i in node.free]
    values = evaluate(node, point, own)
    return np.broadcast_to(
        values.reshape([n if i in own else 1 for i, n in zip(free, shape, strict=True)]), shape
    )


def _lead(node: Node) -> Callable[[Point], np.ndarray]:
    """Gives by how much the largest value leads, where the second is the second at `point`."""
    bound, (body,) = node.data, node.args
    free = [*sorted(node.free, key=lambda i: i.uid), bound]

    def difference(point: Point) -> np.ndarray:
        values = evaluate(body, point, free)
        result = np.empty(values.shape[:-1], dtype=object)
        for at in np.ndindex(*result.shape):
            ordered = sorted(values[at], key=lambda v: float(ball(v).mid()))
            result[at] = ordered[-1] - ordered[-2] if len(ordered) > 1 else flint.fmpq(1)
        return result

    return difference


def on_boundary(
    boundary: Boundary,
    tensors: Sequence[Tensor],
    sizes: Mapping[str, int],
    moving: Tensor,
    deadline: float,
) -> tuple[Point, tuple[int, ...]] | None:
    """Solves for a point on a boundary by moving one entry of one argument.

    Gives the point and the entry; `None` if no entry of this argument moves the condition.

    Raises:
      Unlocated: It moves the condition, but no exact point was found.
    """
    drawn = points(tensors, sizes, ties=True, seed=1)
    draw = random.Random(2)
    moves = False
    for _ in range(MOST_TRIES):
        if time.monotonic() > deadline:
            raise Unlocated("the budget ran out")
        point = next(drawn)
        shape = point.tensors[moving.name].shape
        if 0 in shape:
            return None
        at = tuple(draw.randrange(n) for n in shape)

        def gap(value: Any, point: Point = point, at: tuple[int, ...] = at) -> np.ndarray:
            return boundary.difference(_moved(point, moving.name, at, value))

        start = point.tensors[moving.name][at]
        try:
            first, second = gap(start), gap(start + 1)
        except (Ambiguous, Tie):
            continue
        for where in np.ndindex(*first.shape):
            a, b = first[where], second[where]
            if not differ(a, b):
                continue
            moves = True
            if not (isinstance(a, flint.fmpq) and isinstance(b, flint.fmpq)):
                continue
            root = start - a / (b - a)  # exact if the condition is linear in this entry
            moved = _moved(point, moving.name, at, root)
            try:
                value = boundary.difference(moved)[where]
            except (Ambiguous, Tie):
                continue
            if isinstance(value, flint.fmpq) and value == 0:
                return moved, at
    if moves:
        raise Unlocated("no rational point of it was found")
    return None


def _moved(point: Point, name: str, at: tuple[int, ...], value: Any) -> Point:
    array = point.tensors[name].copy()
    array[at] = value
    return point._replace(tensors={**point.tensors, name: array})


def classify(rule: Any, left: Any, right: Any) -> Class:
    """Places a value among one-sided derivatives."""
    values = [rule, left, right]
    if any(v is None for v in values):
        return "singular"
    if not differ(left, right):
        return "outside" if differ(rule, left) else "smooth"
    if not differ(rule, left):
        return "left"
    if not differ(rule, right):
        return "right"
    if not differ(2 * ball(rule), ball(left) + ball(right)):
        return "middle"
    low, high = sorted((ball(left), ball(right)), key=lambda b: float(b.mid()))
    return "inside" if low < ball(rule) < high else "outside"


def kink_at(
    boundary: Boundary,
    point: Point,
    moving: Tensor,
    at: tuple[int, ...],
    scalar: Callable[[Point], Any],
    rule: Callable[[Point], Any],
    jax: Callable[[Point], Any],
) -> Kink:
    """Examines one boundary at one point, along one entry.

    Args:
      boundary: The condition.
      point: A point at which it is a tie.
      moving: The argument.
      at: Its entry.
      scalar: The primal, contracted with the point's cotangents.
      rule: The rule's cotangent for that entry.
      jax: That of `jax.grad`.
    """
    sides = []
    for direction in (-1, 1):
        value = Dual(point.tensors[moving.name][at], flint.fmpq(direction))
        try:
            result = scalar(_moved(point, moving.name, at, value))
        except Ambiguous:
            sides.append((None, None))
            continue
        dual = result if isinstance(result, Dual) else Dual(result, flint.fmpq(0))
        sides.append((dual.value, flint.fmpq(direction) * dual.slope))
    (below, left), (above, right) = sides
    taken = _value(rule, point)
    taken_by_jax = _value(jax, point)
    kind, jax_kind = classify(taken, left, right), classify(taken_by_jax, left, right)
    if below is not None and above is not None and differ(below, above):
        kind = jax_kind = "jump"
    position = str(list(at)) if at else ""
    texts = [shown(v) if v is not None else "none" for v in (left, right, taken, taken_by_jax)]
    return Kink(
        boundary=boundary.words,
        argument=f"{moving.name}{position}",
        at=shown(point.tensors[moving.name][at]),
        left=texts[0],
        right=texts[1],
        rule=texts[2],
        jax=texts[3],
        kind=kind,
        jax_kind=jax_kind,
        inputs=written(point),
    )


def _value(function: Callable[[Point], Any], point: Point) -> Any:
    try:
        return function(point)
    except Ambiguous:
        return None
