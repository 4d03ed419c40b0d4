"""The reference: polynomials that arb certified where there are any, balls everywhere else."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from derivations.graph import Node
from derivations.ulps.floats import Format, place
from derivations.ulps.scalar import Scalar
from derivations.ulps.taylor import BAND, SINGLE, Stretch, stretches
from derivations.ulps.truth import KNOWN, UNDEFINED, Truth, exact

MOST_EXACT = 1 << 16  # points in balls at a time: of more, some are left out, and counted


class Line(NamedTuple):
    """Polynomials along a part of the line, in its order.

    Attributes:
      starts: The place of the first float of each, in float32.
      pieces: The stretches.
    """

    starts: np.ndarray
    pieces: list[Stretch]


@lru_cache(maxsize=64)
def line(truth: Node, *, band: bool) -> Line:
    """Gives the polynomials of a function on the whole line, or on the band and its mirror image.

    No polynomial stands for zero or a subnormal number.
    """
    low, high = BAND if band else (place(SINGLE.tiny, SINGLE), place(SINGLE.largest, SINGLE) + 1)
    pieces = [*stretches(truth, 1 - high, 1 - low), *stretches(truth, low, high)]
    return Line(np.array([p.start for p in pieces]), pieces)


def references(
    function: Scalar, x: np.ndarray, form: Format, *, band: bool = False
) -> tuple[Truth, Truth]:
    """Gives the truth of a function and of its derivative at points in ascending order.

    Returns:
      Both. Of very many points that need balls some are left out: their status is -1.
    """
    truths = [Truth(np.zeros(len(x)), np.zeros(len(x)), np.full(len(x), -1, np.int8)) for _ in "fd"]
    if form.digits <= SINGLE.digits:
        _by_polynomials(line(function.truth, band=band), x, truths)
    left = np.flatnonzero(truths[0].status != KNOWN)
    if len(left) > MOST_EXACT:
        left = left[:: -(-len(left) // MOST_EXACT)]
    for truth, node in zip(truths, (function.truth, function.derived), strict=True):
        found = exact(node, x[left], form, derivative=node is function.derived)
        for whole, part in zip(truth, found, strict=True):
            whole[left] = part
    # Where there is no value, there is no derivative, whatever its formula says.
    truths[1].status[truths[0].status == UNDEFINED] = UNDEFINED
    return truths[0], truths[1]


def _by_polynomials(pieces: Line, x: np.ndarray, truths: list[Truth]) -> None:
    bits = x.astype(np.float32).view(np.int32).astype(np.int64)
    places = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
    ends = np.array([p.stop for p in pieces.pieces])
    first = np.searchsorted(places, pieces.starts).tolist()
    last = np.searchsorted(places, ends).tolist()
    for piece, i, j in zip(pieces.pieces, first, last, strict=True):
        if i == j or piece.value is None or piece.slope is None:
            continue
        t = (x[i:j] - piece.middle) / piece.scale
        for truth, coefficients in zip(truths, (piece.value, piece.slope), strict=True):
            truth.value[i:j] = horner(coefficients, t)
            truth.status[i:j] = KNOWN


def horner(coefficients: np.ndarray, t: np.ndarray) -> Any:
    """Evaluates c0 + c1 t + c2 t² + ... in double precision."""
    result = np.full_like(t, coefficients[-1])
    for c in coefficients[-2::-1].tolist():
        result *= t
        result += c
    return result
