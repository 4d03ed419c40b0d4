"""How many linear regions a ReLU network on [0, 1] has, counted exactly: depth folds.

A network of ReLU units is linear between breakpoints. With rational weights the breakpoints are
rational, and walking through the layers finds them all.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

Number = int | Fraction
Unit = tuple[Number, ...]
"""A unit of a layer: its bias, then its weights."""


class Piece(NamedTuple):
    """An interval on which every unit is linear.

    Attributes:
      start: Where it starts; it ends where the next one starts, or at 1.
      lines: For each unit its slope and its value at 0.
    """

    start: Fraction
    lines: tuple[tuple[Fraction, Fraction], ...]


def linear_regions(layers: Sequence[Sequence[Unit]]) -> list[Piece]:
    """Finds the linear regions of a ReLU network from [0, 1], exactly.

    Args:
      layers: Each a sequence of units, each its bias and then its weights, whole numbers or
        fractions. All layers but the last are followed by a ReLU; the first takes one input.

    Returns:
      The regions in order, as few as possible: on neighbouring ones the outputs differ in slope.

    Raises:
      ValueError: There is no layer, or a unit has not one weight for each unit before it.

    Example:
      >>> absolute = [[(Fraction(-1, 2), 1), (Fraction(1, 2), -1)], [(0, 1, 1)]]  # |x - 1/2|
      >>> [str(piece.start) for piece in linear_regions(absolute)]
      ['0', '1/2']

    Reference:
      G. Montúfar, R. Pascanu, K. Cho, Y. Bengio, "On the Number of Linear Regions of Deep Neural
      Networks", 2014, section 2.
    """
    if not layers:
        raise ValueError("There must be at least one layer. Got none.")
    pieces = [Piece(Fraction(0), ((Fraction(1), Fraction(0)),))]
    for number, layer in enumerate(layers):
        width = len(pieces[0].lines)
        for unit in layer:
            if len(unit) != width + 1:
                raise ValueError(
                    f"A unit of layer {number} must have a bias and {width} weights. "
                    f"Got {len(unit)} numbers."
                )
        pieces = [
            Piece(p.start, tuple(_sum(bias, weights, p.lines) for bias, *weights in layer))
            for p in pieces
        ]
        if number < len(layers) - 1:
            ends = [p.start for p in pieces[1:]] + [Fraction(1)]
            pieces = [q for p, end in zip(pieces, ends, strict=True) for q in _rectified(p, end)]
    kept = pieces[:1]
    for piece in pieces[1:]:
        if piece.lines != kept[-1].lines:
            kept.append(piece)
    return kept


def folding(depth: int) -> list[list[Unit]]:
    """Gives a ReLU network of two units a layer that folds [0, 1] onto itself `depth` times.

    Each hidden layer with the sum after it is the tent, `2 relu(x) - 4 relu(x - 1/2)`, which maps
    both halves of [0, 1] onto the whole; so `depth` hidden layers have 2^depth linear regions. One
    hidden layer of as many units in all, 2 depth, has at most 2 depth + 1.

    Raises:
      ValueError: `depth` is below 1.

    Example:
      >>> [len(linear_regions(folding(depth))) for depth in range(1, 6)]
      [2, 4, 8, 16, 32]

    Reference:
      G. Montúfar et al. 2014, section 2.2; M. Telgarsky, "Benefits of Depth in Neural Networks",
      2016.
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1. Got {depth}.")
    half = Fraction(1, 2)
    first: list[Unit] = [(0, 1), (-half, 1)]
    later: list[Unit] = [(0, 2, -4), (-half, 2, -4)]
    return [first, *[later] * (depth - 1), [(0, 2, -4)]]


def _sum(
    bias: Number, weights: Sequence[Number], lines: Sequence[tuple[Fraction, Fraction]]
) -> tuple[Fraction, Fraction]:
    pairs = list(zip(weights, lines, strict=True))
    slope = sum((w * a for w, (a, _) in pairs), Fraction(0))
    return slope, sum((w * b for w, (_, b) in pairs), Fraction(bias))


def _rectified(piece: Piece, end: Fraction) -> list[Piece]:
    """Cuts a piece where a unit crosses 0, and sets the units to 0 where they are negative."""
    zeros = {-b / a for a, b in piece.lines if a}
    starts = [piece.start, *sorted(z for z in zeros if piece.start < z < end)]
    result = []
    for start, stop in zip(starts, [*starts[1:], end], strict=True):
        middle = (start + stop) / 2
        lines = tuple(
            (a, b) if a * middle + b > 0 else (Fraction(0), Fraction(0)) for a, b in piece.lines
        )
        result.append(Piece(start, lines))
    return result
