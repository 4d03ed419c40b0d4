"""Networks of threshold units fire exactly inside their regions, borders included."""

import itertools
import re
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from functional_nn import regions
from functional_nn.regions import complement, contains, fires, half_plane, minus, polygon, union

SQUARE = polygon([(0, 0), (4, 0), (4, 4), (0, 4)])
HOLE = polygon([(1, 1), (1, 2), (3, 3)])
TRIANGLE = polygon([(3, 1), (6, 1), (Fraction(9, 2), 5)])
FRAME = minus(SQUARE, HOLE)
REGIONS = {
    "half-plane": half_plane([2, -1], 1),
    "complement": complement(half_plane([2, -1], 1)),
    "polygon": TRIANGLE,
    "intersection": regions.intersection(SQUARE, TRIANGLE, half_plane([0, 1], -2)),
    "hole": FRAME,
    "island in the hole": union(
        FRAME, polygon([(Fraction(3, 2), Fraction(7, 4)), (2, 2), (Fraction(5, 3), 2)])
    ),
    "union with a hole": union(minus(SQUARE, HOLE), TRIANGLE, half_plane([-1, 0], -1)),
    "twice the complement": complement(complement(union(HOLE, TRIANGLE))),
}
# Half steps meet the corners and the borders, thirds of them lie beside.
STEPS = [Fraction(n, 2) for n in range(-3, 14)]
GRID = [*itertools.product(STEPS, STEPS), *((a / 3, b / 3) for a in STEPS for b in STEPS)]


@pytest.mark.parametrize("name", REGIONS)
def test_network_fires_exactly_inside(name):
    region = REGIONS[name]
    layers = regions.network(region)
    told = [fires(layers, point) for point in GRID]
    assert told == [contains(region, point) for point in GRID]
    assert set(told) == {True, False}


@pytest.mark.parametrize("name", sorted(set(REGIONS) - {"island in the hole"}))
def test_arrays_of_floats(name, dtype):
    # The island has thirds for corners, which are rounded. All others, and their sums at half
    # steps, are floats: even the borders are exact.
    points = list(itertools.product(STEPS, STEPS))
    layers = regions.network(REGIONS[name])
    x = jnp.asarray(np.array(points, float), dtype)
    told = jax.jit(lambda x: regions.apply(layers, x))(x)
    assert told.dtype == dtype
    assert told.tolist() == [contains(REGIONS[name], point) for point in points]


def test_borders():
    corner, edge, beside = (0, 0), (2, 0), (2, Fraction(-1, 10**30))
    assert [contains(SQUARE, p) for p in (corner, edge, beside)] == [True, True, False]
    outside = regions.network(complement(SQUARE))
    assert [fires(outside, p) for p in (corner, edge, beside)] == [False, False, True]
    on_the_hole, beside_it = (1, 1), (Fraction(99, 100), 1)
    assert [contains(FRAME, p) for p in (on_the_hole, beside_it)] == [False, True]


def test_either_order_of_the_corners():
    assert polygon([(0, 0), (0, 1), (1, 0)]).corners == ((1, 0), (0, 1), (0, 0))


@pytest.mark.parametrize("inputs", [1, 2, 3])
def test_every_truth_table(inputs):
    rows = list(itertools.product((0, 1), repeat=inputs))
    for outputs in itertools.product((0, 1), repeat=len(rows)):
        layers = regions.truth_table(outputs)
        assert len(layers) == 2
        assert tuple(fires(layers, row) for row in rows) == outputs


HALF: Any = 0.5  # what the types would refuse first
PENTAGRAM = [(0, 3), (2, -3), (-3, 1), (3, 1), (-2, -3)]


@pytest.mark.parametrize(
    ("corners", "message"),
    [
        ([(0, 0), (1, 1)], "at least three corners. Got (0, 0), (1, 1)"),
        ([(0, 0), (1, 0), (0, 1), (1, 0)], "Got (1, 0) twice"),
        ([(0, 0), (1, 1), (2, 2), (0, 1)], "in a line. Got (0, 0), (1, 1), (2, 2)"),
        ([(0, 0), (2, 2), (1, 1)], "in a line"),
        ([(0, 0), (1, 1), (1, 0), (0, 1)], "Got (0, 0) to (1, 1) and (1, 0) to (0, 1)"),
        (PENTAGRAM, "must not meet. Got (0, 3) to (2, -3) and (-3, 1) to (3, 1)"),
        ([(0, 0), (4, 0), (2, 1), (2, 4)], "Got the corner (2, 1) between (4, 0) and (2, 4)"),
        ([(2, 4), (2, 1), (4, 0), (0, 0)], "Got the corner (2, 1) between (2, 4) and (4, 0)"),
        (
            [(0, 0), (6, 0), (6, 2), (4, 2), (3, 1), (2, 2), (0, 2)],
            "Got the corner (3, 1) between (4, 2) and (2, 2)",
        ),
        ([(0, 0), (4, 0), (4, 4), (2, 0), (0, 4)], "(0, 0) to (4, 0) and (4, 4) to (2, 0)"),
        ([(0, 0, 0), (1, 0, 0), (1, 1, 0)], "two coordinates. Got (0, 0, 0)"),
    ],
)
def test_degenerate_polygons(corners, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        polygon(corners)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: half_plane([0, 0], 1), ValueError, "must not be zero. Got (0, 0)"),
        (lambda: half_plane([HALF, 0], 1), TypeError, "Got 0.5. Write it as a fractions.Fraction"),
        (lambda: union(), ValueError, "Got 0 regions"),
        (lambda: union(SQUARE, half_plane([1], 0)), ValueError, "dimensions [1, 2]"),
        (lambda: contains(SQUARE, (HALF, 0)), TypeError, "for arrays of floats use apply"),
        (lambda: regions.truth_table([0, 1, 1]), ValueError, "Got 3: [0, 1, 1]"),
        (lambda: regions.truth_table([0, 2]), ValueError, "each 0 or 1"),
        (lambda: regions.apply(((), ()), jnp.int32([[1]])), TypeError, "floating-point"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()
