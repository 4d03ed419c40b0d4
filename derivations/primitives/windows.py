"""Sliding windows: pooling, and what it turns into backwards."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from derivations import graph as g
from derivations.graph import At, Dim, Node
from derivations.lift import Array, Lifting, Unsupported, number_of, numbered
from derivations.masks import choice, outside_masks
from derivations.primitives import whole
from derivations.primitives.arithmetic import larger, smaller
from derivations.primitives.conditions import compared
from derivations.primitives.registry import dtype_of, reads, shape_of

Place = tuple[At, ...]


class _Windows(NamedTuple):
    """Where the windows of an operation lie."""

    shape: tuple[Dim, ...]  # of what the windows slide over
    lengths: Sequence[int]
    strides: Sequence[int]
    padding: Sequence[tuple[int, int]]
    holes: Sequence[int]  # between the entries of the array
    gaps: Sequence[int]  # between the entries of a window

    @classmethod
    def of(cls, eqn: Any, a: Array) -> "_Windows":
        params, ones = eqn.params, (1,) * len(a.shape)
        return cls(
            a.shape,
            params["window_dimensions"],
            params["window_strides"],
            params["padding"],
            params.get("base_dilation") or ones,
            params.get("window_dilation") or ones,
        )

    def moved(self) -> list[int]:
        """Gives the axes along which a window is more than the one entry it stands at."""
        settings = zip(self.lengths, self.strides, self.padding, self.holes, strict=True)
        return [
            axis
            for axis, (length, stride, padding, hole) in enumerate(settings)
            if (length, stride, *padding, hole) != (1, 1, 0, 0, 1)
        ]

    def places(self, position: Place) -> Iterator[Place]:
        """Gives the positions inside a window, first to last, those in the padding left out."""
        moved = self.moved()
        for inner in itertools.product(*(range(self.lengths[axis]) for axis in moved)):
            where = list(position)
            for axis, k in zip(moved, inner, strict=True):
                p = position[axis]
                assert isinstance(p, int)  # what `numbered` has made sure of
                low, _ = self.padding[axis]
                step = p * self.strides[axis] + k * self.gaps[axis] - low
                q, hole = divmod(step, self.holes[axis])
                if hole or not 0 <= q < number_of(self.shape[axis]):
                    break
                where[axis] = q
            else:
                yield tuple(where)


def _pooled(
    lifting: Lifting, eqn: Any, a: Array, start: Node, function: Callable[[Node, Node], Node]
) -> Array:
    windows = _Windows.of(eqn, a)

    def at(position: Place) -> Node:
        result = start
        for place in windows.places(position):
            result = outside_masks(function, [result, a.at(*place)])
        if a.kind == "int":
            return whole.within(lifting, result, dtype_of(eqn))
        return result

    return Array(shape_of(eqn), a.kind, lambda p: numbered(p, windows.moved(), at))


@reads("reduce_window_sum", "reduce_window_max", "reduce_window_min")
def _reduce_window(lifting: Lifting, eqn: Any, a: Array) -> Array:
    if a.kind != "float":
        raise Unsupported("windows over what is not a real number")
    function, start = {
        "sum": (g.add, g.ZERO),
        "max": (larger("float"), g.const(float("-inf"))),
        "min": (smaller("float"), g.const(float("inf"))),
    }[eqn.primitive.name[-3:]]
    return _pooled(lifting, eqn, a, start, function)


@reads("reduce_window")
def _reduce_window_by(lifting: Lifting, eqn: Any, a: Array, start: Array, *more: Array) -> Array:
    jaxpr = eqn.params["jaxpr"]
    if more or a.kind != "float" or [e.primitive.name for e in jaxpr.eqns] != ["mul"]:
        raise Unsupported("windows reduced by a function of one's own")
    lifting.assumptions.add("the start value of a window is one that changes nothing")
    return _pooled(lifting, eqn, a, start.at(), g.mul)


# --- the derivative of the largest entry --------------------------------------------------------


def _selected(eqn: Any, a: Array, places: Sequence[Place], which: Place) -> Node:
    """Tells whether an entry is the one of its window that is selected: the first best."""
    less = compared("lt", a.kind)
    smallest = str(eqn.params["select_prim"]) == "le"
    condition, before = g.TRUE, True
    for place in places:
        if place == which:
            before = False
            continue
        one, other = a.at(*which), a.at(*place)
        if smallest:
            one, other = other, one
        # An earlier entry has to be worse, a later one must not be better.
        test = outside_masks(less, [other, one] if before else [one, other])
        condition = g.and_(condition, test if before else g.not_(test))
    return condition


@reads("select_and_scatter_add")
def _select_and_scatter_add(lifting: Lifting, eqn: Any, source: Array, a: Array) -> Array:
    windows = _Windows.of(eqn, a)
    moved = windows.moved()
    counts = [range(number_of(source.shape[axis])) for axis in moved]

    def at(position: Place) -> Node:
        terms = []
        for window in itertools.product(*counts):
            where = list(position)
            for axis, p in zip(moved, window, strict=True):
                where[axis] = p
            places = list(windows.places(tuple(where)))
            if position in places:
                chosen = _selected(eqn, a, places, position)
                terms.append(choice(chosen, source.at(*where), g.ZERO))
        return g.add(*terms, g.ZERO)

    return Array(shape_of(eqn), a.kind, lambda position: numbered(position, moved, at))


@reads("select_and_gather_add")
def _select_and_gather_add(lifting: Lifting, eqn: Any, tangents: Array, a: Array) -> Array:
    windows = _Windows.of(eqn, a)
    # Forwards, the compiler folds a window in an order of its own.
    lifting.assumptions.add("no two entries of a window are equal")

    def at(position: Place) -> Node:
        places = list(windows.places(position))
        terms = [
            choice(_selected(eqn, a, places, place), tangents.at(*place), g.ZERO)
            for place in places
        ]
        return g.add(*terms, g.ZERO)

    return Array(shape_of(eqn), a.kind, lambda position: numbered(position, windows.moved(), at))
