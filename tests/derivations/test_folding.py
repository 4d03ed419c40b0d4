"""Linear regions of ReLU networks, against depth and against the function itself."""

import itertools
import random
import re
from fractions import Fraction

import pytest

from derivations.folding import folding, linear_regions


def value(layers, x):
    """The network at a rational point, evaluated directly."""
    values = [x]
    for number, layer in enumerate(layers):
        values = [b + sum(w * v for w, v in zip(ws, values, strict=True)) for b, *ws in layer]
        if number < len(layers) - 1:
            values = [max(v, Fraction(0)) for v in values]
    return values


def drawn(seed, widths):
    draw = random.Random(seed)

    def unit(inputs):
        return tuple(Fraction(draw.randint(-6, 6), draw.randint(1, 6)) for _ in range(inputs + 1))

    sizes = itertools.pairwise(widths)
    return [[unit(inputs) for _ in range(units)] for inputs, units in sizes]


@pytest.mark.parametrize("depth", range(1, 11))
def test_folding_doubles_with_each_layer(depth):
    regions = linear_regions(folding(depth))
    assert len(regions) == 2**depth
    assert [piece.start * 2**depth for piece in regions] == list(range(2**depth))
    assert {abs(piece.lines[0][0]) for piece in regions} == {2**depth}


@pytest.mark.parametrize("seed", range(5))
def test_pieces_are_the_function(seed):
    layers = drawn(seed, [1, 5, 4, 2])
    regions = linear_regions(layers)
    ends = [*(piece.start for piece in regions[1:]), Fraction(1)]
    for piece, end in zip(regions, ends, strict=True):
        for x in (piece.start, (piece.start + 2 * end) / 3, end):
            assert value(layers, x) == [a * x + b for a, b in piece.lines]
    assert all(a.lines != b.lines for a, b in itertools.pairwise(regions))


@pytest.mark.parametrize("seed", range(5))
def test_one_hidden_layer_has_at_most_a_region_more_than_units(seed):
    assert len(linear_regions(drawn(seed, [1, 8, 1]))) <= 9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linear_regions([]), "at least one layer"),
        (lambda: linear_regions([[(0, 1, 1)]]), "layer 0 must have a bias and 1 weights. Got 3"),
        (lambda: folding(0), "at least 1. Got 0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
