"""Kinks: what a rule does exactly on the boundaries that the code branches on.

At a point on a boundary the one-sided derivatives of the primal are computed exactly, by evaluating
it at x ± ε with an infinitesimal ε, and the value that the rule takes is placed among them. That is
done along one entry, for the reader, and for the whole gradient: on a boundary between two regions
a rule must lie on the segment between the limits of the gradients of both.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

import flint
import numpy as np

from derivations.boundaries import Boundary, moved
from derivations.evaluate import Point, ball
from derivations.refute import Tensor, differ, matters, shown, written
from derivations.series import FEW, MANY, Ambiguous, NoValue, Unresolved, beside, limit, slope

Class = Literal[
    "smooth",
    "left",
    "right",
    "middle",
    "inside",
    "outside",
    "like jax.grad",
    "without value",
    "as run",
    "singular",
    "jump",
    "undefined",
    "unresolved",
]
DIRECTIONS = 12
LONGEST = 40  # characters of an exact number that are still read
MOST_LIMITS = 6  # of the gradient: where there are more, they may be a continuum
FAILURES = 3  # directions without a limit, after which no other is tried
ROUNDING = 1e-6  # how far from an exact value a number in double precision may be

Entry = tuple[Tensor, tuple[int, ...]]  # an argument, and a position in it
Found = TypeVar("Found")


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
        left, right, rule, jax = map(_readable, (self.left, self.right, self.rule, self.jax))
        if self.kind == "smooth":
            return f"{where}: smooth, derivative {left}{note}"
        if self.kind == "jump":
            return f"{where}: the primal jumps, so that it has no derivative{note}"
        if self.kind == "undefined":
            return f"{where}: the primal has no value{note}"
        return (
            f"{where}: left {left}, right {right}; the rule takes {rule} "
            f"({self.kind}), jax.grad takes {jax} ({self.jax_kind}){note}"
        )


def _readable(text: str) -> str:
    """Gives a number as it is, unless an exact one takes too many digits to be read."""
    if len(text) <= LONGEST or text.startswith("["):
        return text
    return shown(flint.arb(flint.fmpq(*map(int, text.split("/")))))


class Run(NamedTuple):
    """What the code gives at a point, run in double precision, each as one vector."""

    primal: list[float]
    value: list[float]
    rule: list[float]
    jax: list[float]


class Views(NamedTuple):
    """What is evaluated at a point, as numbers.

    Attributes:
      scalar: The primal, contracted with the point's cotangents.
      gradient: The true cotangents of all arguments, as one vector.
      rule: The rule's, likewise; `None` for an entry that has no value.
      jax: Those of `jax.grad`; `None` where they are not known.
      difference: What the forward pass gives less what the primal gives, as one vector.
      run: The code itself; `None` where it could not be run.
    """

    scalar: Callable[[Point], Any]
    gradient: Callable[[Point], list[Any]]
    rule: Callable[[Point], list[Any]]
    jax: Callable[[Point], list[Any]] | None
    difference: Callable[[Point], list[Any]]
    run: Callable[[Point], Run | None]


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
    here = below = left = above = right = None
    try:
        here = views.scalar(point)
        below, left = _side(views.scalar, point, moving, at, -1)
        above, right = _side(views.scalar, point, moving, at, 1)
    except NoValue:
        pass
    except Ambiguous:
        resolved = False
    rule, jax = views.rule(point), views.jax(point) if views.jax is not None else None
    taken, taken_by_jax = rule[entry], jax[entry] if jax is not None else None
    kind = classify(taken, left, right)
    jax_kind = classify(taken_by_jax, left, right)
    note = ""
    whole = None not in rule
    if not resolved:
        kind = jax_kind = "unresolved"
    elif here is None:
        kind = jax_kind = "undefined"
    elif _jumps([below, above, here]):
        kind = jax_kind = "jump"
    elif kind == "without value":
        kind, note = _run_instead(views.run(point), entry, left, right)
    elif kind != "outside" and whole:
        limits: list[list[Any]] = []
        for reached in _limits(views.gradient, point, arguments):
            limits.append(reached)
            if _in_hull(rule, limits):
                break  # and in the hull of more of them
        if not _in_hull(rule, limits):
            if _in_hull(rule, limits, _apart):
                kind = "unresolved"
            else:
                kind, note = "outside", "the gradient as a whole lies outside the limits around it"
    if jax_kind == "without value":
        jax_kind = "singular"
    if kind == "outside" and whole and jax is not None and None not in jax and _same(rule, jax):
        # What jax.grad itself makes of a composition of kinks is no mistake of this rule.
        kind, note = "like jax.grad", "outside the one-sided derivatives, as jax.grad is"
    if kind != "undefined" and (wrong := forward(views, point)):
        kind, note = "outside", wrong
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


def holes(rule: list[Any], arguments: Sequence[Tensor], point: Point) -> list[Entry]:
    """Gives the first entry without a value of each argument's cotangent."""
    found, before = [], 0
    for tensor in arguments:
        shape = point.tensors[tensor.name].shape
        own = rule[before : before + math.prod(shape)]
        before += len(own)
        if None in own:
            place = np.unravel_index(own.index(None), shape) if shape else ()
            found.append((tensor, tuple(map(int, place))))
    return found


def _run_instead(run: Run | None, entry: int, left: Any, right: Any) -> tuple[Class, str]:
    """Judges a rule that has no exact value, by what its code gives there.

    It is outside only where that is not finite and `jax.grad` is: neither what comes to a number by
    way of an infinity, nor what is as bad as `jax.grad`, is a mistake for certain.
    """
    if run is None:
        return "unresolved", "the rule has no exact value there, and its code could not be run"
    rule, jax = run.rule[entry], run.jax[entry]
    if math.isfinite(rule):
        about = flint.arb(rule, ROUNDING * (1 + abs(rule)))
        if classify(about, left, right) == "outside":
            return "unresolved", f"run, the rule gives {rule:g}"
        return "as run", f"run, the rule gives {rule:g}"
    if math.isfinite(jax):
        return "outside", f"run, the rule gives {rule} and jax.grad {jax:g}"
    return "singular", f"run, the rule gives {rule} and jax.grad {jax}"


def forward(views: Views, point: Point) -> str:
    """Says what is wrong with the forward pass at a point, if something is."""
    try:
        if any(differ(d, flint.fmpq(0)) for d in views.difference(point)):
            return "fwd gives another value there than the primal"
    except NoValue:
        run = views.run(point)
        if run is not None and any(
            math.isfinite(p) and not math.isfinite(v)
            for p, v in zip(run.primal, run.value, strict=True)
        ):
            return "fwd has no value there, and the primal has"
    except Ambiguous:
        pass
    return ""


def classify(rule: Any, left: Any, right: Any) -> Class:
    """Places a value among one-sided derivatives."""
    if left is None or right is None:
        return "singular"
    if rule is None:
        return "without value"
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


def _resolved(compute: Callable[[int], Found]) -> Found:
    """Computes with a few terms of each series, and with many where these decide nothing."""
    try:
        return compute(FEW)
    except Unresolved:
        return compute(MANY)


def _side(
    scalar: Callable[[Point], Any], point: Point, moving: Tensor, at: tuple[int, ...], side: int
) -> tuple[Any, Any]:
    """Gives the value and the derivative on one side; `None` where they are not finite."""
    start = point.tensors[moving.name][at]

    def both(terms: int) -> tuple[Any, Any]:
        result = scalar(moved(point, moving.name, at, beside(start, flint.fmpq(side), terms)))
        return limit(result), flint.fmpq(side) * slope(result)

    try:
        return _resolved(both)
    except NoValue:
        return None, None


def _limits(
    gradient: Callable[[Point], list[Any]], point: Point, arguments: Sequence[Tensor]
) -> Iterator[list[Any]]:
    """Gives the different limits of the gradient, coming to the point from several directions."""
    draw = random.Random(3)
    found: list[list[Any]] = []
    failures = 0
    for _ in range(DIRECTIONS):
        slopes = {
            t.name: [draw.choice((-1, 1)) * draw.randint(1, 99)
                     for _ in range(point.tensors[t.name].size)]
            for t in arguments
        }  # fmt: skip

        def there(terms: int, slopes: dict[str, list[int]] = slopes) -> list[Any]:
            tensors = dict(point.tensors)
            for name, directions in slopes.items():
                array = tensors[name].copy()
                for where, d in zip(np.ndindex(*array.shape), directions, strict=True):
                    array[where] = beside(array[where], flint.fmpq(d), terms)
                tensors[name] = array
            return [limit(v) for v in gradient(point._replace(tensors=tensors))]

        try:
            reached = _resolved(there)
        except Ambiguous:
            failures += 1
            if failures == FAILURES:
                return
            continue
        if not any(_same(reached, other) for other in found):
            found.append(reached)
            yield reached


def _same(a: list[Any], b: list[Any], apart: Callable[[Any, Any], bool] = differ) -> bool:
    return not any(apart(x, y) for x, y in zip(a, b, strict=True))


def _in_hull(
    rule: list[Any], limits: list[list[Any]], apart: Callable[[Any, Any], bool] = differ
) -> bool:
    """Tells whether a vector may lie in the convex hull of the limits: certain only where "no"."""
    many = len(limits) > MOST_LIMITS
    if not limits or many or any(_same(rule, limit, apart) for limit in limits):
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
