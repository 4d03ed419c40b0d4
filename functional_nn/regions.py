"""Booleans over the reals: a network of threshold units that fires exactly inside a region.

Half-planes and convex polygons are closed: their border belongs to them. Unions and intersections
of closed regions are closed again. A complement is exact: it has every point that the region lacks,
so the complement of a closed region is without the border, and a hole takes its border with it.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from functional_nn.neurons import mcculloch_pitts, with_bias

Number = int | Fraction
Unit = tuple[Number, ...]
"""A threshold unit: its bias, then its weights. It fires where `bias + weights·x >= 0`."""


class HalfPlane(NamedTuple):
    """The points with `normal·x + offset >= 0`, in any dimension."""

    normal: tuple[Number, ...]
    offset: Number


class Polygon(NamedTuple):
    """A convex polygon with its border; the corners go counter-clockwise."""

    corners: tuple[tuple[Number, ...], ...]


class Union(NamedTuple):
    """The points in some of the parts."""

    parts: tuple["Region", ...]


class Intersection(NamedTuple):
    """The points in all of the parts."""

    parts: tuple["Region", ...]


class Complement(NamedTuple):
    """The points that are not in the part."""

    part: "Region"


Region = HalfPlane | Polygon | Union | Intersection | Complement


def half_plane(normal: Sequence[Number], offset: Number) -> HalfPlane:
    """The closed half-plane `normal·x + offset >= 0`.

    Args:
      normal: The direction that points inside, whole numbers or fractions, not all 0.
      offset: A whole number or a fraction.

    Raises:
      ValueError: The normal is zero.
      TypeError: A number is not rational.

    Example:
      >>> contains(half_plane([1, 0], -2), (2, 5))  # x >= 2
      True
    """
    _rational(*normal, offset)
    if not any(normal):
        raise ValueError(
            f"The normal of a half-plane must not be zero. Got {_text(normal)}. "
            "Give the direction that points inside."
        )
    return HalfPlane(tuple(normal), offset)


def polygon(corners: Sequence[Sequence[Number]]) -> Polygon:
    """The closed convex polygon with these corners, in either order around it.

    Args:
      corners: At least three points of whole numbers or fractions, no three in a line.

    Raises:
      ValueError: Fewer than three corners, repeated or collinear ones, edges that cross, or a
        corner that turns inwards; the message names the points.
      TypeError: A coordinate is not rational.

    Example:
      >>> square = polygon([(0, 0), (1, 0), (1, 1), (0, 1)])
      >>> contains(square, (1, 1)), contains(square, (Fraction(11, 10), 1))
      (True, False)
    """
    points = [tuple(corner) for corner in corners]
    for point in points:
        _rational(*point)
        if len(point) != 2:
            raise ValueError(f"A corner has two coordinates. Got {_text(point)}.")
    if len(points) < 3:
        raise ValueError(f"A polygon has at least three corners. Got {_texts(points)}.")
    for i, point in enumerate(points):
        if point in points[:i]:
            raise ValueError(f"The corners must be different. Got {_text(point)} twice.")
    triples = list(zip(points, points[1:] + points[:1], points[2:] + points[:2], strict=True))
    for triple in triples:
        if _turn(*triple) == 0:
            raise ValueError(
                f"No three neighbouring corners may lie in a line. Got {_texts(triple)}. "
                "Leave out the middle one."
            )
    edges = [(a, b) for a, b, _ in triples]
    for i, (a, b) in enumerate(edges):
        for c, d in edges[i + 2 :]:
            apart = _turn(a, b, c) * _turn(a, b, d) > 0 or _turn(c, d, a) * _turn(c, d, b) > 0
            if _turn(a, b, c) == _turn(a, b, d) == 0:  # on one line, where points have an order
                apart = max(a, b) < min(c, d) or max(c, d) < min(a, b)
            if a != d and not apart:
                raise ValueError(
                    "The edges of a polygon must not meet. Got "
                    f"{_text(a)} to {_text(b)} and {_text(c)} to {_text(d)}. "
                    "List the corners in their order around the polygon."
                )
    # The edges do not cross, so the lowest and then leftmost corner turns the right way.
    lowest = min(triples, key=lambda triple: (triple[1][1], triple[1][0]))
    around = 1 if _turn(*lowest) > 0 else -1
    for triple in triples:
        if _turn(*triple) * around < 0:
            raise ValueError(
                f"A polygon must be convex. Got the corner {_text(triple[1])} between "
                f"{_text(triple[0])} and {_text(triple[2])}, which turns inwards. "
                "Make it a union of convex ones."
            )
    return Polygon(tuple(points[::around]))


def union(*regions: Region) -> Union:
    """The points in some of the regions.

    Raises:
      ValueError: No region, or regions of different dimensions.
    """
    _require_parts(regions)
    return Union(regions)


def intersection(*regions: Region) -> Intersection:
    """The points in all of the regions.

    Raises:
      ValueError: No region, or regions of different dimensions.
    """
    _require_parts(regions)
    return Intersection(regions)


def complement(region: Region) -> Complement:
    """The points that are not in the region: of a closed region, without its border."""
    return Complement(region)


def minus(region: Region, hole: Region) -> Intersection:
    """The region without the hole, and without the border of a closed hole.

    Raises:
      ValueError: The two have different dimensions.

    Example:
      >>> square = polygon([(0, 0), (3, 0), (3, 3), (0, 3)])
      >>> frame = minus(square, polygon([(1, 1), (2, 1), (2, 2), (1, 2)]))
      >>> [contains(frame, point) for point in [(0, 0), (1, 1), (Fraction(1, 2), 1)]]
      [True, False, True]
    """
    return intersection(region, complement(hole))


def contains(region: Region, point: Sequence[Number]) -> bool:
    """Tells whether a rational point is in the region: its definition, without any network.

    Of a polygon only the corners are used: a point is on an edge, or a ray from it crosses the
    border an odd number of times.

    Raises:
      TypeError: A coordinate is not rational.
    """
    _rational(*point)
    match region:
        case HalfPlane(normal, offset):
            return sum(n * c for n, c in zip(normal, point, strict=True)) + offset >= 0
        case Polygon(corners):
            return _inside(corners, point)
        case Union(parts):
            return any(contains(part, point) for part in parts)
        case Intersection(parts):
            return all(contains(part, point) for part in parts)
        case Complement(part):
            return not contains(part, point)


def network(region: Region) -> tuple[tuple[Unit, ...], ...]:
    """Builds the network of threshold units that fires exactly inside the region.

    The first layer has a unit for each half-plane and each edge of a polygon. Then "all of n" is a
    unit with weights 1 and bias -n, "some of" one with weights 1 and bias -1, "not" one with weight
    -1 and bias 0; a unit with weight 1 and bias -1 hands on what a later layer needs.

    Returns:
      The layers, each a tuple of units, each its bias and then its weights, all exact. The last
      layer has one unit.

    Example:
      >>> network(complement(half_plane([1, 0], -2)))
      (((-2, 1, 0),), ((0, -1),))
    """
    match region:
        case HalfPlane(normal, offset):
            return (((offset, *normal),),)
        case Polygon(corners):
            edges = zip(corners, corners[1:] + corners[:1], strict=True)
            return network(Intersection(tuple(_left_of(a, b) for a, b in edges)))
        case Union(parts):
            return _joined(parts, -1)
        case Intersection(parts):
            return _joined(parts, -len(parts))
        case Complement(part):
            return (*network(part), ((0, -1),))


def truth_table(outputs: Sequence[int]) -> tuple[tuple[Unit, ...], ...]:
    """Builds a network with one hidden layer that computes a truth table.

    Each row of the table whose output is 1 has a hidden unit that fires at this row alone; the
    output unit fires if some of them do.

    Args:
      outputs: The 2^n outputs, 0 or 1, of the rows 0...00, 0...01, 0...10 and so on.

    Returns:
      The layers, as those of `network`.

    Raises:
      ValueError: The number of outputs is not 2, 4, 8, ..., or one of them is neither 0 nor 1.

    Example:
      >>> xor = truth_table([0, 1, 1, 0])
      >>> [fires(xor, row) for row in [(0, 0), (0, 1), (1, 0), (1, 1)]]
      [False, True, True, False]
    """
    count = len(outputs)
    inputs = count.bit_length() - 1
    if count < 2 or count != 2**inputs or any(v not in (0, 1) for v in outputs):
        raise ValueError(
            "A truth table must have 2, 4, 8, ... outputs, each 0 or 1. "
            f"Got {count}: {list(outputs)}."
        )
    rows = [i for i, value in enumerate(outputs) if value]
    bits = [[i >> k & 1 for k in reversed(range(inputs))] for i in rows]
    if not rows:
        return (((-1, *[0] * inputs),), ((-1, 1),))  # one hidden unit, which never fires
    # Twice the weights 1 and -1, so that the border lies halfway to the next row.
    hidden = tuple((1 - 2 * sum(row), *(4 * bit - 2 for bit in row)) for row in bits)
    return (hidden, ((-1, *[1] * len(rows)),))


def fires(layers: Sequence[Sequence[Unit]], point: Sequence[Number]) -> bool:
    """Evaluates a network of threshold units on a rational point, exactly.

    Raises:
      ValueError: The point has another dimension than the network.
      TypeError: A coordinate is not rational.
    """
    _rational(*point)
    values = list(point)
    for layer in layers:
        values = [
            int(bias + sum(w * v for w, v in zip(weights, values, strict=True)) >= 0)
            for bias, *weights in layer
        ]
    return bool(values[0])


def apply(layers: Sequence[Sequence[Unit]], x: ArrayLike) -> jax.Array:
    """Evaluates a network of threshold units on an array of floats, under `jit` too.

    Weights are rounded to the dtype of `x`, so that beside a border which is not made of such
    numbers, points within the rounding may be told wrongly.

    Args:
      layers: From `network` or `truth_table`.
      x: Points, shape (..., d), floating.

    Returns:
      1 where the network fires, 0 elsewhere; shape (...), the dtype of `x`.

    Raises:
      ValueError: The points have another dimension than the network.
      TypeError: `x` is not floating.

    Example:
      >>> apply(truth_table([0, 1, 1, 0]), jnp.float32([[0, 0], [0, 1]])).tolist()
      [0.0, 1.0]
    """
    values = jnp.asarray(x)
    for layer in layers:
        w = [[float(v) for v in unit] for unit in layer]
        values = mcculloch_pitts(with_bias(values), jnp.asarray(w, values.dtype).T)
    return values[..., 0]


def _joined(parts: tuple[Region, ...], bias: int) -> tuple[tuple[Unit, ...], ...]:
    """The networks of the parts side by side, and a unit with weights 1 over them."""
    networks = [network(part) for part in parts]
    depth = max(map(len, networks))
    padded = [[*layers, *[((-1, 1),)] * (depth - len(layers))] for layers in networks]
    joined = [tuple(unit for layers in padded for unit in layers[0])]
    for level in range(1, depth):
        widths = [len(layers[level - 1]) for layers in padded]
        units = []
        for i, layers in enumerate(padded):
            before, after = (0,) * sum(widths[:i]), (0,) * sum(widths[i + 1 :])
            units += [(b, *before, *weights, *after) for b, *weights in layers[level]]
        joined.append(tuple(units))
    return (*joined, ((bias, *[1] * len(parts)),))


def _left_of(a: Sequence[Number], b: Sequence[Number]) -> HalfPlane:
    """The half-plane on the left of the way from a to b."""
    normal = (a[1] - b[1], b[0] - a[0])
    return HalfPlane(normal, -(normal[0] * a[0] + normal[1] * a[1]))


def _inside(corners: Sequence[Any], point: Sequence[Number]) -> bool:
    x, y = point
    odd = False
    for a, b in zip(corners, [*corners[1:], corners[0]], strict=True):
        between = min(a[0], b[0]) <= x <= max(a[0], b[0]) and min(a[1], b[1]) <= y <= max(
            a[1], b[1]
        )
        if between and _turn(a, b, point) == 0:
            return True
        if (a[1] > y) != (b[1] > y):
            crossing = a[0] + Fraction(y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
            odd ^= crossing > x
    return odd


def _turn(a: Any, b: Any, c: Any) -> Number:
    """Twice the area of a triangle: positive where the way a, b, c turns left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _dimension(region: Region) -> int:
    match region:
        case HalfPlane(normal, _):
            return len(normal)
        case Polygon(_):
            return 2
        case Union(parts) | Intersection(parts):
            return _dimension(parts[0])
        case Complement(part):
            return _dimension(part)


def _require_parts(regions: Sequence[Region]) -> None:
    if len(dimensions := {_dimension(region) for region in regions}) != 1:
        raise ValueError(
            "There must be at least one region, and all of one dimension. "
            f"Got {len(regions)} regions of dimensions {sorted(dimensions)}."
        )


def _rational(*numbers: Any) -> None:
    for number in numbers:
        if not isinstance(number, int | Fraction):
            raise TypeError(
                f"Numbers must be whole or fractions. Got {number!r}. "
                "Write it as a fractions.Fraction; for arrays of floats use apply."
            )


def _text(point: Sequence[Number]) -> str:
    return f"({', '.join(map(str, point))})"


def _texts(points: Sequence[Sequence[Number]]) -> str:
    return ", ".join(map(_text, points)) or "none"
