"""What is counted and computed exactly: operations, paths, linear pieces, a saddle, symmetries."""

import itertools
from typing import Any, NamedTuple

import sympy

from derivations.folding import folding, linear_regions
from derivations.landscape import linear_network_at_origin
from derivations.lectures.claim import Finding, Measured, Status
from derivations.lectures.code import Agreement, agrees
from derivations.lectures.runs import gradient, two_units
from derivations.work import operations
from derivations.work import paths as paths_through

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
    """Counts the operations of fnn.value_and_grad in its jaxpr, for networks of width 4."""
    counts = [operations(*gradient(WIDTH, layers)) for layers in DEPTHS]
    holds = _grows(counts, depth.growth)
    told = Measured(
        f"operations of one gradient at depths {DEPTHS[0]} to {DEPTHS[-1]}",
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
    counts = [paths_through([WIDTH] * (layers + 1)) for layers in DEPTHS]
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


def pieces(claim: Folding) -> Finding:
    """Counts the linear regions of l layers of the tent map 2 relu(x) − 4 relu(x − ½)."""
    depths = range(1, 9)
    counts = [len(linear_regions(folding(depth))) for depth in depths]
    claimed = [claim.base**depth if claim.base else depth + 1 for depth in depths]
    told = Measured(
        "linear pieces of 1 to 8 folds", ", ".join(map(str, counts)),
        ", ".join(map(str, claimed)), counts == claimed,
    )  # fmt: skip
    wide = f"one layer with as many units has at most {2 * 8 + 1} pieces, where 8 folds have 2^8"
    return Finding(
        Status.MEASURED, "counted exactly, from breakpoint to breakpoint",
        lines=(wide,), measured=(told,),
    )  # fmt: skip


class Saddle(NamedTuple):
    """The target c of L(u, v) = ½ (u v − c)²."""

    target: int


def saddle(data: Saddle) -> Finding:
    """Finds gradient and eigenvalues of the Hessian at 0, exactly."""
    found = linear_network_at_origin(sympy.Matrix([[data.target]]), hidden=1)
    told = f"gradient {found.gradient.flat()}, eigenvalues {sorted(found.eigenvalues)}"
    right = found.kind == "saddle"
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
