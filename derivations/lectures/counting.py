"""What is counted and computed exactly: operations, paths, linear pieces, a saddle, symmetries."""

import itertools
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import sympy

from derivations.lectures.claim import Finding, Measured, Status
from derivations.lectures.code import Agreement, agrees
from derivations.lectures.library import multiplications, two_units

DEPTHS = range(2, 10)
WIDTH = 4


class Depth(NamedTuple):
    """How something is claimed to grow with the depth: "linear" or "exponential"."""

    growth: str


def _grows(counts: list[int], growth: str) -> bool:
    pairs = list(itertools.pairwise(counts))
    if growth == "linear":
        return len({b - a for a, b in pairs}) == 1
    return all(b >= 2 * a for a, b in pairs)


def work_of_backpropagation(depth: Depth) -> Finding:
    """Counts the multiplications of fnn.value_and_grad in its jaxpr, for networks of width 4."""
    counts = [multiplications(WIDTH, layers) for layers in DEPTHS]
    holds = _grows(counts, depth.growth)
    told = Measured(
        f"multiplications of one gradient at depths {DEPTHS[0]} to {DEPTHS[-1]}",
        ", ".join(map(str, counts)),
        "the same number more with each layer" if depth.growth == "linear"
        else "at least twice as many with each layer",
        holds,
    )  # fmt: skip
    if depth.growth == "exponential" and not holds:
        return Finding(
            Status.REFUTED, "counted in the jaxpr of fnn.value_and_grad", measured=(told,),
            reason=f"the counts are {told.value}: each layer adds {counts[1] - counts[0]}",
        )  # fmt: skip
    return Finding(Status.MEASURED, "counted in the jaxpr of fnn.value_and_grad", measured=(told,))


def paths(depth: Depth) -> Finding:
    """Counts the paths from the inputs to the outputs of fully connected networks of width 4."""
    step = np.ones((WIDTH, WIDTH), dtype=object)
    counts, reached = [], np.ones(WIDTH, dtype=object)
    for _ in DEPTHS:
        reached = step @ reached
        counts.append(int(reached.sum()))
    told = Measured(
        "paths, with one layer more each", ", ".join(map(str, counts)),
        "the same number more with each layer" if depth.growth == "linear"
        else "at least twice as many with each layer",
        _grows(counts, depth.growth),
    )  # fmt: skip
    return Finding(Status.MEASURED, "counted in whole numbers", measured=(told,))


class Folding(NamedTuple):
    """The claimed number of pieces of l folds: base^l, or l + 1 for base 0."""

    base: int


def pieces(folding: Folding) -> Finding:
    """Counts the linear pieces of t(t(… t(x))) on [0, 1], t(x) = 2 relu(x) − 4 relu(x − ½)."""
    counts = []
    for folds in range(1, 9):
        cells = 2 ** (folds + 2)
        values = [Fraction(n, cells) for n in range(cells + 1)]
        for _ in range(folds):
            values = [2 * max(v, 0) - 4 * max(v - Fraction(1, 2), 0) for v in values]
        slopes = [b - a for a, b in itertools.pairwise(values)]
        counts.append(1 + sum(a != b for a, b in itertools.pairwise(slopes)))
    claimed = [folding.base**f if folding.base else f + 1 for f in range(1, 9)]
    told = Measured(
        "linear pieces of 1 to 8 folds", ", ".join(map(str, counts)),
        ", ".join(map(str, claimed)), counts == claimed,
    )  # fmt: skip
    wide = f"one layer with as many units has at most {2 * 8 + 1} pieces, where 8 folds have 2^8"
    return Finding(
        Status.MEASURED, "counted in exact numbers, breakpoints at multiples of 2^−l",
        lines=(wide,), measured=(told,),
    )  # fmt: skip


class Saddle(NamedTuple):
    """The target c of L(u, v) = ½ (u v − c)²."""

    target: int


def saddle(data: Saddle) -> Finding:
    """Finds gradient and eigenvalues of the Hessian at 0, exactly."""
    u, v = sympy.symbols("u v", real=True)
    loss: Any = (u * v - data.target) ** 2 / 2
    zero = {u: 0, v: 0}
    gradient = [sympy.diff(loss, s).subs(zero) for s in (u, v)]
    values = sorted(sympy.hessian(loss, (u, v)).subs(zero).eigenvals())
    told = f"gradient {gradient}, eigenvalues {values}"
    right = gradient == [0, 0] and values[0] < 0 < values[-1]
    return Finding(
        Status.PROVED if right else Status.REFUTED, "derivatives in exact numbers", lines=(told,),
        reason="" if right else f"no saddle: {told}",
    )  # fmt: skip


class Swap(NamedTuple):
    """Whether the weights above two exchanged units are exchanged with those below."""

    both: bool


def permuted(swap: Swap) -> Finding:
    """Settles whether a network with two hidden units exchanged is the same function."""

    def exchanged(x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
        return two_units(x, w1[:, ::-1], b1[::-1], w2[::-1] if swap.both else w2, b2)

    shapes = (("x", (3, 2)), ("w1", (2, 2)), ("b1", (2,)), ("w2", (2, 1)), ("b2", (1,)))
    return agrees(Agreement(exchanged, two_units, shapes, explicit=True))
