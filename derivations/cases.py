"""What whole numbers of the input decide, case by case.

A comparison of such a number with a known one is true or false. Where it decides what is divided
by, or what stands under a root or a logarithm, an expression is read once in each of the cases that
there are: in each of them it is one formula, without conditions.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from math import floor, prod
from typing import NamedTuple

from derivations import graph as g
from derivations.graph import Node, nodes_of
from derivations.kernels import Unnormalised
from derivations.normal import normal
from derivations.polynomial import Gen, TooLarge
from derivations.regions import Split
from derivations.substitute import replaced

MOST_CASES = 64

Case = Mapping[Node, bool]  # a comparison -> whether it holds


class _Test(NamedTuple):
    """The comparison of `slope y + rest` with zero, for a whole number `y` of the input."""

    y: Gen
    op: str
    slope: Fraction
    rest: Fraction

    def holds(self, y: int) -> bool:
        value = self.slope * y + self.rest
        return {"lt": value > 0, "le": value >= 0, "eq": value == 0}[self.op]


def in_cases(found: Node, truth: Node) -> Iterator[tuple[Node, Node]]:
    """Gives two expressions in every case; as they are if there is one case, or too many.

    Example:
      >>> y, x = g.entry("y", (), numbers="whole"), g.entry("x", ())
      >>> seen = g.select(g.compare("lt", g.ZERO, y, whole=True), x, g.ONE)
      >>> [one for one, _ in in_cases(g.log(seen), x)] == [g.ZERO, g.log(x)]
      True
    """
    tests = {c: t for c in _deciding((found, truth)) if (t := _read(c)) is not None}
    cases = [_cases_of(y, tests) for y in dict.fromkeys(t.y for t in tests.values())]
    if prod(map(len, cases)) > MOST_CASES:
        cases = []
    for case in itertools.product(*cases):
        known = {c: held for part in case for c, held in part.items()}
        truths = {c: g.TRUE if held else g.FALSE for c, held in known.items()}
        yield replaced(found, truths), replaced(truth, truths)


def _deciding(nodes: Iterable[Node]) -> list[Node]:
    """Gives the comparisons of whole numbers that decide what is not a sum or product of both."""
    whole = (n for n in nodes_of(*nodes) if n.op == "kernel" or (n.op == "pow" and n.data < 0))
    found = [n for n in nodes_of(*whole) if n.op == "compare" and n.data[1] and not n.free]
    return sorted(found, key=lambda n: n.uid)


def _read(comparison: Node) -> _Test | None:
    a, b = comparison.args
    try:
        difference = normal(g.sub(b, a))
    except (Split, Unnormalised, TooLarge):
        return None
    slopes = {m: c for m, c in difference.items() if m}
    if len(slopes) != 1:
        return None
    (monomial, slope), *_ = slopes.items()
    (y, e), *others = monomial
    if others or e != 1 or y.kind != "entry" or y.data[2] != "whole":
        return None
    return _Test(y, comparison.data[0], slope, difference.get((), Fraction(0)))


def _cases_of(y: Gen, tests: Mapping[Node, _Test]) -> list[Case]:
    """Gives each way in which the comparisons of one number can fall together."""
    own = {c: t for c, t in tests.items() if t.y is y}
    # A test is the same on both sides of the number at which it changes, up to that number.
    changes = {floor(-t.rest / t.slope) for t in own.values()}
    numbers = sorted({at + step for at in changes for step in (-1, 0, 1)})
    ways = {tuple(t.holds(at) for t in own.values()): None for at in numbers}
    return [dict(zip(own, way, strict=True)) for way in ways]
