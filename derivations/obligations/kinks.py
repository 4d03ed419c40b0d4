"""That a rule takes a value between the sides on every boundary, and where it divides by zero."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from derivations import clock
from derivations.boundaries import Boundary, Unlocated, boundaries, on_boundary
from derivations.evaluate import Point, rational
from derivations.evidence import Boundaries
from derivations.graph import At, Node, nodes_of
from derivations.kinks import Entry, Kink, examine, forward, holes
from derivations.lift import Array
from derivations.obligations.statements import statement
from derivations.obligations.views import contracted, views_of
from derivations.singular import (
    MOST_PLACES,
    SECONDS,
    drawn_points,
    half_line,
    points_of,
    singular_places,
)
from derivations.smooth import smooth
from derivations.traced import Traced, positions
from derivations.verdict import Obligation, Verdict, Witness

MOST_TOLD = 3
NOT_FINITE = "not finite"  # what a witness says of a rule without a value


def kinks(this: Traced, deadline: float) -> Obligation:
    """On each boundary, and where it divides by zero, the rule takes a value between the sides."""
    start = clock.now()
    explicit = this.shapes.explicit
    primal, rest = (
        [a.at(*at) for a in arrays for at in positions(a, explicit=explicit)]
        for arrays in (this.primal, [*this.value, *(p for p in this.pulled if p is not None)])
    )
    every = (*primal, *rest)
    cancels = {n for n in every if _compares(n) and smooth(n, this.forms)}
    rest = [n for n in rest if n not in cancels]
    conditions = boundaries([n for n in every if n not in cancels])
    places, half = singular_places(rest, primal), half_line(rest, primal)
    found: list[Kink] = []
    missed: list[str] = []
    met = 0
    if conditions or places or half is not None:
        here = _Here(this)
        missed = here.on_boundaries(conditions, deadline)
        met = here.at_places(places, min(deadline, clock.now() + SECONDS))
        if half is not None:
            here.where_negative(half)
        found = here.found
    # A boundary may be met twice, once through an intermediate result: the plain words stay.
    told: dict[Any, Kink] = {}
    for kink in sorted(found, key=lambda k: k.boundary.startswith("f(")):
        told.setdefault(kink[1:-1], kink)
    base = Obligation(
        "kinks",
        statement("kinks"),
        Verdict.PROVED,
        ground="exact one-sided derivatives",
        scope=_scope(len(conditions), len(places), met, told.values(), cancels=bool(cancels)),
        details=tuple(map(str, told.values())),
        seconds=clock.now() - start,
    )
    rule, scalar = (_entries(this, this.pulled), contracted(this)) if found else ((), None)
    seen = tuple(told.values())
    count = len(conditions) + len(places)
    evidence = Boundaries(every, rule, scalar, seen, count, this.tensors)
    base = base._replace(evidence=(evidence,))
    for kink in found:
        if kink.kind == "outside":
            return base._replace(
                verdict=Verdict.REFUTED,
                reason=str(kink),
                witness=Witness(kink.inputs, f"d{kink.argument}", *_found_and_expected(kink)),
            )
    # Where no finite one-sided derivatives exist, no value of the rule could be wrong.
    open_ = [str(k) for k in found if k.kind in ("unresolved", "like jax.grad")]
    reasons = list(dict.fromkeys(missed + open_))
    if reasons:
        more = f"; and {len(reasons) - MOST_TOLD} more" if len(reasons) > MOST_TOLD else ""
        told_reasons = "; ".join(reasons[:MOST_TOLD]) + more
        return base._replace(verdict=Verdict.UNDECIDED, reason=told_reasons)
    return base


class _Here:
    """A rule at the points that are looked at, and what was found there."""

    def __init__(self, this: Traced):
        self.this, self.views = this, views_of(this)
        self.arguments = [this.tensors[i] for i in this.wanted]
        self.sizes = dict(this.shapes.sizes)
        if this.shapes.symbolic:
            self.sizes = {name: 2 + i for i, name in enumerate(self.sizes)}
        self.found: list[Kink] = []

    def on_boundaries(self, conditions: Sequence[Boundary], deadline: float) -> list[str]:
        """Looks at each boundary along each argument; gives those of which no point was found."""
        missed = []
        for boundary, moving in itertools.product(conditions, self.arguments):
            try:
                located = on_boundary(boundary, self.this.tensors, self.sizes, moving, deadline)
            except Unlocated as error:
                missed.append(f"{boundary.words}, along {moving.name}: {error}")
                continue
            if located is not None:
                point = _plain_cotangents(self.this, located[0])
                entry = (moving, located[1])
                others = [e for e in self._holes(point) if e != entry]
                self.found += [self._examined(boundary, point, e) for e in (entry, *others)]
        return missed

    def at_places(self, places: Sequence[Boundary], deadline: float) -> int:
        """Looks at singular places, where there is no value; tells at how many there is a point."""
        met = 0
        for place in places[:MOST_PLACES]:
            some = points_of(place, self.this.tensors, self.sizes, self.arguments, deadline)
            for point in (plain := [_plain_cotangents(self.this, p) for p in some]):
                self._look(place, point)
            met += bool(plain)
        return met

    def where_negative(self, half: Boundary) -> None:
        """Looks for a point at which the rule takes the root of a negative number, say."""
        before = len(self.found)
        for point in drawn_points(self.this.tensors, self.sizes):
            self._look(half, _plain_cotangents(self.this, point))
            if len(self.found) > before:
                return

    def _look(self, place: Boundary, point: Point) -> None:
        entries = self._holes(point)
        if not entries and forward(self.views, point):
            first = self.arguments[0]
            entries = [(first, (0,) * len(first.shape))]
        kinks = [self._examined(place, point, e) for e in entries]
        # Where the primal has no value either, there is nothing to be said.
        self.found += [k for k in kinks if k.kind != "undefined"]

    def _holes(self, point: Point) -> list[Entry]:
        return holes(self.views.rule(point), self.arguments, point)

    def _examined(self, boundary: Boundary, point: Point, entry: Entry) -> Kink:
        return examine(boundary, point, self.arguments, *entry, self.views)


def _found_and_expected(kink: Kink) -> tuple[str, str]:
    sides = kink.left if kink.left == kink.right else f"between {kink.left} and {kink.right}"
    if kink.rule == "none":
        return NOT_FINITE, sides
    return kink.rule, kink.note or sides


def _compares(node: Node) -> bool:
    """Tells whether real numbers are compared."""
    return any(n.op == "compare" and not n.data[1] for n in nodes_of(node))


def _scope(branches: int, places: int, met: int, told: Iterable[Kink], *, cancels: bool) -> str:
    """Tells where the rule was looked at, and where it has no value although the primal does."""
    if branches:
        scope = f"at one exact point of each of {branches} boundaries"
    elif cancels:
        scope = "what the code compares cancels: it is smooth at every point"
    else:
        scope = "the code branches nowhere"
    if places:
        scope += f"; at exact points of {met} of {places} places where it may divide by zero"
    alike = dict.fromkeys(k.boundary for k in told if k.kind == "singular" and k.rule == "none"
                          and "none" not in (k.left, k.right))  # fmt: skip
    if alike:
        scope += f"; but for {', '.join(alike)}, where bwd and jax.grad have no value"
    return scope


def _entries(
    this: Traced, arrays: Sequence[Array | None]
) -> tuple[tuple[str, tuple[At, ...], Node], ...]:
    """Gives the entries of the wanted arguments' cotangents, with names and positions."""
    return tuple(
        (this.tensors[argument].name, at, array.at(*at))
        for argument, array in zip(this.wanted, arrays, strict=True)
        if array is not None
        for at in positions(array, explicit=this.shapes.explicit)
    )


def _plain_cotangents(this: Traced, point: Point) -> Point:
    """Gives the point with cotangents 1, 2, 3, ..., so that the values read as derivatives."""
    tensors = dict(point.tensors)
    for name in this.cotangents:
        counted = [rational(1 + i) for i in range(tensors[name].size)]
        array = np.empty(len(counted), dtype=object)
        array[:] = counted
        tensors[name] = array.reshape(tensors[name].shape)
    return point._replace(tensors=tensors)
