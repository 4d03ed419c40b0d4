"""Kinks: what a rule does exactly on the boundaries that the code branches on.

At a point on a boundary the one-sided derivatives of the primal are computed exactly, by evaluating
it at x ± ε with an infinitesimal ε, and the value that the rule takes is placed among them. That is
done along one entry, for the reader, and for the whole gradient: on a boundary between two regions
a rule must lie on the segment between the limits of the gradients of both.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import flint
import numpy as np

from derivations.boundaries import Boundary, moved
from derivations.evaluate import Ambiguous, Dual, Point, Unresolved, ball
from derivations.refute import Tensor, differ, matters, shown, written

Class = Literal[
    "smooth",
    "left",
    "right",
    "middle",
    "inside",
    "outside",
    "like jax.grad",
    "singular",
    "jump",
    "unresolved",
]
DIRECTIONS = 12


class Kink(NamedTuple):
    """One boundary, met at one point, seen along one entry of one argument.

    Attributes:
      boundary: The condition that is a tie there, in words.
      argument: Which entry moves, such as `x[0, 1]`.
      at: That entry's value on the boundary.
      left: The derivative from below, "none" if there is no finite one.
      right: The derivative from above.
      rule: The value that the rule takes.
      jax: The value that `jax.grad` takes.
      kind: Where the rule's value lies.
      jax_kind: Where the value of `jax.grad` lies.
      note: What is wrong with the gradient as a whole, if something is.
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
    note: str
    inputs: dict[str, Any]

    def __str__(self) -> str:
        where = f"{self.boundary}, along {self.argument} at {self.at}"
        note = f"; {self.note}" if self.note else ""
        if self.kind == "smooth":
            return f"{where}: smooth, derivative {self.left}{note}"
        if self.kind == "jump":
            return f"{where}: the primal jumps, so that it has no derivative{note}"
        return (
            f"{where}: left {self.left}, right {self.right}; the rule takes {self.rule} "
            f"({self.kind}), jax.grad takes {self.jax} ({self.jax_kind}){note}"
        )


class Views(NamedTuple):
    """What is evaluated at a point, as numbers.

    Attributes:
      scalar: The primal, contracted with the point's cotangents.
      gradient: The true cotangents of all arguments, as one vector.
      rule: The rule's, likewise.
      jax: Those of `jax.grad`; `None` where they are not known.
      difference: What the forward pass gives less what the primal gives, as one vector.
    """

    scalar: Callable[[Point], Any]
    gradient: Callable[[Point], list[Any]]
    rule: Callable[[Point], list[Any]]
    jax: Callable[[Point], list[Any]] | None
    difference: Callable[[Point], list[Any]]


def examine(
    boundary: Boundary,
    point: Point,
    arguments: Sequence[Tensor],
    moving: Tensor,
    at: tuple[int, ...],
    views: Views,
) -> Kink:
    """Examines one boundary at one point.

    Args:
      boundary: The condition.
      point: A point at which it is a tie.
      arguments: The arguments that have cotangents, in the order of the vectors of `views`.
      moving: The argument along which one-sided derivatives are told.
      at: Its entry that moves.
      views: The primal, the rule and `jax.grad`.
    """
    entry = _offset(arguments, moving, at, point)
    resolved = True
    try:
        below, left = _side(views.scalar, point, moving, at, -1)
        above, right = _side(views.scalar, point, moving, at, 1)
    except Unresolved:
        resolved = False
        below = left = above = right = None
    rule, jax = _values(views.rule, point), _values(views.jax, point)
    taken, taken_by_jax = (v[entry] if v is not None else None for v in (rule, jax))
    kind = classify(taken, taken_by_jax, left, right)
    jax_kind = classify(taken_by_jax, None, left, right)
    note = ""
    difference = _values(views.difference, point)
    if not resolved:
        kind = jax_kind = "unresolved"
    elif _jumps([below, above, _value(views.scalar, point)]):
        kind = jax_kind = "jump"
    elif rule is None or kind == "outside":
        pass
    elif not _in_hull(rule, limits := _limits(views.gradient, point, arguments)):
        if _in_hull(rule, limits, _apart):
            kind = "unresolved"
        else:
            kind, note = "outside", "the gradient as a whole lies outside the limits around it"
    if kind == "outside" and rule is not None and jax is not None and _same(rule, jax):
        # What jax.grad itself makes of a composition of kinks is no mistake of this rule.
        kind, note = "like jax.grad", "outside the one-sided derivatives, as jax.grad is"
    if difference is not None and any(differ(d, flint.fmpq(0)) for d in difference):
        kind, note = "outside", "fwd gives another value there than the primal"
    texts = [shown(v) if v is not None else "none" for v in (left, right, taken, taken_by_jax)]
    return Kink(
        boundary=boundary.words,
        argument=f"{moving.name}{list(at)}" if at else moving.name,
        at=shown(point.tensors[moving.name][at]),
        left=texts[0],
        right=texts[1],
        rule=texts[2],
        jax=texts[3],
        kind=kind,
        jax_kind=jax_kind,
        note=note,
        inputs=written(point),
    )


def classify(rule: Any, jax: Any, left: Any, right: Any) -> Class:
    """Places a value among one-sided derivatives; one that is not finite beside that of JAX."""
    if left is None or right is None:
        return "singular"
    if rule is None:
        return "singular" if jax is None else "outside"
    if not differ(left, right):
        if not differ(rule, left):
            return "smooth"
        return "outside" if _apart(rule, left) else "unresolved"
    if not differ(rule, left):
        return "left"
    if not differ(rule, right):
        return "right"
    if not differ(2 * ball(rule), ball(left) + ball(right)):
        return "middle"
    low, high = sorted((ball(left), ball(right)), key=lambda b: float(b.mid()))
    if low < ball(rule) < high:
        return "inside"
    return "outside" if _apart(rule, left) and _apart(rule, right) else "unresolved"


def _apart(a: Any, b: Any) -> bool:
    """Tells whether two numbers differ for certain, and by more than a constant is rounded."""
    return differ(a, b) and matters(a, b)


def _jumps(values: list[Any]) -> bool:
    """Tells whether the primal's limits from both sides and its value are not all the same."""
    finite = [v for v in values if v is not None]
    return any(differ(v, finite[0]) for v in finite)


def _offset(arguments: Sequence[Tensor], moving: Tensor, at: tuple[int, ...], point: Point) -> int:
    """Gives the place of an entry in the vector of all cotangents."""
    before = 0
    for tensor in arguments:
        array = point.tensors[tensor.name]
        if tensor.name == moving.name:
            return before + (int(np.ravel_multi_index(at, array.shape)) if at else 0)
        before += array.size
    raise ValueError(f"{moving.name} has no cotangent")


def _side(
    scalar: Callable[[Point], Any], point: Point, moving: Tensor, at: tuple[int, ...], side: int
) -> tuple[Any, Any]:
    """Gives the value and the derivative on one side; `None` where they are not finite."""
    start = Dual(point.tensors[moving.name][at], flint.fmpq(side))
    try:
        result = scalar(moved(point, moving.name, at, start))
    except Unresolved:
        raise
    except Ambiguous:
        return None, None
    if isinstance(result, Dual):
        return result.value, flint.fmpq(side) * result.slope
    return result, flint.fmpq(0)


def _value(function: Callable[[Point], Any], point: Point) -> Any:
    try:
        return function(point)
    except Ambiguous:
        return None


def _values(function: Callable[[Point], list[Any]] | None, point: Point) -> list[Any] | None:
    return None if function is None else _value(function, point)


def _limits(
    gradient: Callable[[Point], list[Any]], point: Point, arguments: Sequence[Tensor]
) -> list[list[Any]]:
    """Gives the different limits of the gradient, coming to the point from several directions."""
    draw = random.Random(3)
    found: list[list[Any]] = []
    for _ in range(DIRECTIONS):
        tensors = dict(point.tensors)
        for tensor in arguments:
            array = tensors[tensor.name].copy()
            for where in np.ndindex(*array.shape):
                slope = flint.fmpq(draw.choice((-1, 1)) * draw.randint(1, 99))
                array[where] = Dual(array[where], slope)
            tensors[tensor.name] = array
        limit = _values(gradient, point._replace(tensors=tensors))
        if limit is not None:
            plain = [v.value if isinstance(v, Dual) else v for v in limit]
            if not any(_same(plain, other) for other in found):
                found.append(plain)
    return found


def _same(a: list[Any], b: list[Any], apart: Callable[[Any, Any], bool] = differ) -> bool:
    return not any(apart(x, y) for x, y in zip(a, b, strict=True))


def _in_hull(
    rule: list[Any], limits: list[list[Any]], apart: Callable[[Any, Any], bool] = differ
) -> bool:
    """Tells whether a vector may lie in the convex hull of the limits: certain only where "no"."""
    if not limits or any(_same(rule, limit, apart) for limit in limits):
        return True
    if len(limits) == 1:
        return False
    if len(limits) == 2:
        first, second = ([ball(v) for v in limit] for limit in limits)
        differing = [i for i, (a, b) in enumerate(zip(first, second, strict=True)) if differ(a, b)]
        pivot = differing[0]
        t = (ball(rule[pivot]) - first[pivot]) / (second[pivot] - first[pivot])
        on_line = all(
            not apart(r, a + t * (b - a)) for r, a, b in zip(rule, first, second, strict=True)
        )
        return on_line and not (t < 0 or t > 1)
    columns = zip(rule, *limits, strict=True)
    return not any(
        all(apart(r, v) for v in around)
        and (all(ball(r) < ball(v) for v in around) or all(ball(r) > ball(v) for v in around))
        for r, *around in columns
    )
