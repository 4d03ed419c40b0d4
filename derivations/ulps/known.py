"""Which activation of the library is a function? By a proof that their definitions are equal."""

from functools import cache
from typing import Any

import numpy as np

from derivations import clock
from derivations.catalog import CATALOG
from derivations.equality import equal
from derivations.graph import Node
from derivations.lift import Unsupported
from derivations.ulps.balls import Points, Unevaluated
from derivations.ulps.contract import CONTRACT, Bound
from derivations.ulps.scalar import scalar

_SECONDS = 5.0  # for all proofs of one function
_PLACES = np.array([-2.5, -0.75, 0.625, 3.25])  # where equal functions agree


def known_as(truth: Node) -> str | None:
    """Gives the name of the activation that a function is over the real numbers.

    Args:
      truth: The function of the variable `derivations.ulps.scalar.X`.

    Returns:
      A name of the catalogue whose value and derivative are promised to keep their digits; `None`
      if no such activation is proved to be equal.
    """
    deadline = clock.now() + _SECONDS
    for name in CONTRACT:
        definition = _definition(name)
        if definition is None or not _agree(truth, definition):
            continue
        if equal(definition, truth, deadline=deadline).equal:
            return name
    return None


def promise(name: str) -> Bound:
    """Gives what an activation keeps to in single precision, in ulps."""
    return CONTRACT[name]["float32"]


@cache
def _definition(name: str) -> Node | None:
    try:
        return scalar(CATALOG[name].rule, "float32").truth
    except Unsupported:
        return None


def _agree(one: Node, other: Node) -> bool:
    points: Any = Points(_PLACES)
    try:
        pairs = zip(points.numbers(one), points.numbers(other), strict=True)
        return all(a.overlaps(b) for a, b in pairs)
    except Unevaluated:
        return False
