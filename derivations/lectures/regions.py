"""Booleans over the reals: networks of threshold units, proved to fire exactly inside a region.

Such a network sees a point only through the units of its first layer, one for each half-plane; and
so does the region. Where both agree for all ways to lie in these half-planes, they agree at every
point. That a polygon is what its edges enclose is looked at on rational points, borders included.
"""

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from derivations.lectures.claim import Altered, Finding, Part, Status
from functional_nn import regions
from functional_nn.regions import (
    Complement,
    HalfPlane,
    Intersection,
    Polygon,
    Union,
    contains,
    fires,
    minus,
    network,
    polygon,
)  # fmt: skip

_SQUARE = polygon([(-2, -2), (2, -2), (2, 2), (-2, 2)])
_INNER = polygon([(-1, -1), (1, -1), (1, 1), (-1, 1)])
_TRIANGLE = polygon([(1, 0), (5, 0), (1, 4)])
REGIONS: dict[str, regions.Region] = {
    "a half-plane": regions.half_plane([1, 2], -1),
    "a convex polygon": _TRIANGLE,
    "a union of polygons": regions.union(_SQUARE, _TRIANGLE),
    "a region with a hole": minus(_SQUARE, _INNER),
}
GRID = [Fraction(n, 2) for n in range(-8, 13)]


class Inside(NamedTuple):
    """A region by name, and how far the bias of the last unit is off."""

    name: str
    off: int = 0


def region(name: str) -> Part:
    """The network for a region, and what another bias does to it."""
    data = Inside(name)
    return Part(
        f"a network of threshold units fires exactly inside {name}", data, fires_inside,
        (Altered("the last bias one lower", data._replace(off=-1)),),
    )  # fmt: skip


def fires_inside(data: Inside) -> Finding:
    """Settles it for every real point."""
    shape = REGIONS[data.name]
    first, *above = network(shape)
    layers = [first, *above]
    if data.off:
        (bias, *weights), *_ = layers[-1]
        layers[-1] = ((bias + data.off, *weights),)
    wrong = [
        point
        for point in itertools.product(GRID, repeat=2)
        if fires(layers, point) != contains(shape, point)
    ]
    if wrong:
        x, y = wrong[0]
        told = f"at ({x}, {y}) the network gives {fires(layers, wrong[0])}"
        return Finding(Status.REFUTED, "an exact rational point", reason=told)
    for units in itertools.product((0, 1), repeat=len(first)):
        fired = fires(layers[1:], units) if above else bool(units[0])
        if fired != _holds(shape, iter(units)):
            told = f"where the first layer gives {units}, the network gives {fired}"
            return Finding(Status.UNDECIDED, "", reason=told)
    return Finding(
        Status.PROVED, f"all {2 ** len(first)} ways to lie in {len(first)} half-planes",
        "every real point, borders included",
        (f"and against the corners at {len(GRID) ** 2} rational points, borders among them",),
    )  # fmt: skip


def _holds(shape: regions.Region, units: Iterator[int]) -> bool:
    """Tells whether a point is in a region, from which half-planes hold it, all of them taken."""
    match shape:
        case HalfPlane():
            return bool(next(units))
        case Polygon(corners):
            return sum(next(units) for _ in corners) == len(corners)
        case Union(parts):
            return sum(_holds(part, units) for part in parts) > 0
        case Intersection(parts):
            return sum(_holds(part, units) for part in parts) == len(parts)
        case Complement(part):
            return not _holds(part, units)
