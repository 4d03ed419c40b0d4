"""Where a counterexample is looked for, and what makes a point one: two values surely differ."""

import itertools
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import flint
import numpy as np

from derivations.evaluate import Point, Tie, ball, evaluate, rational
from derivations.graph import Dim, Index, Node
from derivations.series import Ambiguous
from derivations.verdict import Witness

DIGITS = 15
MOST_POINTS = 24
# A hyper-parameter is seen at other values than its own, but not far from there: a rate below one
# stays below two, and often below one.
BESIDE = tuple(Fraction(n, 4) for n in (2, 3, 5, 6, 7))
SMALLEST = sys.float_info.min
ROUNDING = 1e-6  # relative: float32 constants are common


class Tensor(NamedTuple):
    """An input: its name, its shape (numbers and symbols) and its kind of number.

    `near`: for a hyper-parameter, the positive value that it was given; others are drawn near it.
    `label`: whether a whole number may have to be an index of an axis.
    """

    name: str
    shape: tuple[Dim, ...]
    kind: str
    near: Fraction | None = None
    label: bool = True


def sizes_to_try(symbols: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Gives small sizes: all different, then each in turn one, then all different the other way."""
    names = list(symbols)
    yield {name: 2 + i for i, name in enumerate(names)}
    for alone in names:
        yield {name: 1 if name == alone else 2 + i for i, name in enumerate(names)}
    if names:
        yield {name: 3 + len(names) - i for i, name in enumerate(names)}


def points(
    tensors: Sequence[Tensor], sizes: Mapping[str, int], *, ties: bool = False, seed: int = 0
) -> Iterator[Point]:
    """Gives points of several scales: small whole numbers first, then fractions and others."""
    draw = random.Random(seed)
    # Whole numbers are labels as often as not: below every size, they are in range of any axis.
    lengths = [d for t in tensors for d in t.shape if isinstance(d, int) and d > 1]
    most = min([*sizes.values(), *lengths], default=2)
    beyond = max([*sizes.values(), *lengths], default=2) + 1
    scales = [
        lambda: draw.choice([-3, -2, -1, 1, 2, 3]),
        lambda: Fraction(draw.randint(-40, 40), 16),
        lambda: draw.choice([0, 0, 1, -1, 2]),
        lambda: Fraction(draw.randint(-64, 64), 1024),
        lambda: draw.randint(-12, 12),
        lambda: Fraction(draw.randint(-400, 400), 8),
        lambda: Fraction(draw.randint(1, 48), 16),
    ]
    for turn in itertools.count():
        for scale in scales:
            values = {}
            for tensor in tensors:
                shape = [d if isinstance(d, int) else sizes[d] for d in tensor.shape]
                array = np.empty(shape, dtype=object)
                for at in np.ndindex(*shape):
                    array[at] = rational(
                        draw.choice((beyond, draw.randint(-1, beyond)))
                        if tensor.kind == "int" and turn and not tensor.label
                        else draw.randrange(most) if tensor.kind == "int"
                        else draw.randrange(2) if tensor.kind == "bool"
                        else tensor.near * draw.choice(BESIDE) if tensor.near is not None
                        else scale()
                    )  # fmt: skip
                values[tensor.name] = array
            yield Point(sizes, values, ties)


class Suspect(NamedTuple):
    """Two expressions that may differ.

    Attributes:
      found: The rule's value, at the open indices `at`.
      expected: The true value.
      at: The position: index variables, and numbers along axes of length one.
      output: The name of the output, for the report.
    """

    found: Node
    expected: Node
    at: tuple[Index | int, ...]
    output: str


def counterexample(suspect: Suspect, point: Point) -> Witness | None:
    """Tells whether and where two expressions surely differ at a point off every boundary."""
    free = [i for i in suspect.at if isinstance(i, Index)]
    try:
        pair = evaluate(suspect.found, point, free), evaluate(suspect.expected, point, free)
    except (Tie, Ambiguous):
        return None
    for where in np.ndindex(*pair[0].shape):
        a, b = pair[0][where], pair[1][where]
        if differ(a, b) and matters(a, b):
            position = iter(where)
            full = [next(position) if isinstance(i, Index) else i for i in suspect.at]
            suffix = str(full) if full else ""
            return Witness(written(point), f"{suspect.output}{suffix}", shown(a), shown(b))
    return None


def matters(a: Any, b: Any) -> bool:
    """Tells whether a difference is more than the rounding of a constant in the code.

    Nor does it matter below the smallest float: JAX's own code drops what underflows.
    """
    x, y = ball(a), ball(b)
    return bool(abs(x - y) > ROUNDING * (abs(x) + abs(y)) and abs(x - y) > SMALLEST)


def differ(a: Any, b: Any) -> bool:
    """Tells whether two numbers are different for certain."""
    if isinstance(a, flint.fmpq) and isinstance(b, flint.fmpq):
        return bool(a != b)
    difference = ball(a) - ball(b)
    return bool(difference.is_finite()) and not difference.contains(0)


def shown(value: Any) -> str:
    """Gives a number for the reader: exactly if it is rational, else with its error radius."""
    return str(value) if isinstance(value, flint.fmpq) else value.str(DIGITS)


def written(point: Point) -> dict[str, Any]:
    """Gives a point's inputs as nested lists of exact rationals."""
    return {
        name: np.vectorize(str, otypes=[object])(array).tolist() if array.size else []
        for name, array in point.tensors.items()
    }
