"""Two pieces of code, or code and a formula: do they compute the same, read over the reals?"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from derivations import clock
from derivations.equality import equal
from derivations.graph import At, Index, Node
from derivations.lectures.claim import Finding, Status
from derivations.lift import Assumptions, Unsupported
from derivations.normal import branches
from derivations.refute import Tensor, sizes_to_try
from derivations.trace import Shapes, lifted
from derivations.witness import witness

SECONDS = 30.0


class Agreement(NamedTuple):
    """Two pieces of code that are claimed to compute the same, read over the reals.

    Attributes:
      code: The library's, a function of arrays.
      formula: The lecture's.
      shapes: The arguments: a name and a shape each, of numbers or of symbolic sizes.
      explicit: Whether sums are written out: for code that picks out single positions.
    """

    code: Callable[..., Any]
    formula: Callable[..., Any]
    shapes: tuple[tuple[str, tuple[Any, ...]], ...]
    explicit: bool = False


def agrees(claim: Agreement) -> Finding:
    """Settles whether two functions of arrays give the same arrays."""
    names = [name for name, _ in claim.shapes]
    symbols = sorted({str(d) for _, shape in claim.shapes for d in shape if not isinstance(d, int)})
    sizes = {symbol: 2 + place for place, symbol in enumerate(symbols)}
    avals = tuple(jax.ShapeDtypeStruct(shape, jnp.float64) for _, shape in claim.shapes)
    scope = f"all sizes {', '.join(symbols)}" if symbols else "the sizes given"
    shapes = Shapes(avals, sizes, scope, explicit=claim.explicit)
    try:
        pairs = [
            lifted(lambda *arrays, f=f: jax.tree.leaves(f(*arrays)), shapes, names, Assumptions())
            for f in (claim.code, claim.formula)
        ]
    except (Unsupported, TypeError, ValueError) as error:
        return Finding(Status.UNDECIDED, "", reason=str(error).splitlines()[0])
    deadline = clock.now() + SECONDS
    tensors = [
        Tensor(name, tuple(d if isinstance(d, int) else str(d) for d in shape), "float")
        for name, shape in claim.shapes
    ]
    compared: list[tuple[int, tuple[At, ...], Node, Node]] = []
    for place, (found, truth) in enumerate(zip(*pairs, strict=True), 1):
        if found is None or truth is None or list(found.shape) != list(truth.shape):
            return Finding(Status.UNDECIDED, "", reason="arrays of different shapes")
        general = [tuple(0 if d == 1 else Index("i", d) for d in found.shape)]
        positions = np.ndindex(*found.shape) if claim.explicit else general
        compared += [(place, at, found.at(*at), truth.at(*at)) for at in positions]
    for place, at, left, right in compared:
        outcome = equal(left, right, deadline=deadline)
        if outcome.equal and outcome.regions:
            continue
        counterexample = witness(
            left, right, at, f"output {place}", tensors,
            sizes_to_try(sizes) if sizes else [{}], deadline,
        )  # fmt: skip
        if counterexample is None:
            return Finding(Status.UNDECIDED, "", reason=outcome.reason)
        return Finding(
            Status.REFUTED, "over the reals, by a counterexample", scope,
            witness=counterexample, reason="the code computes something else",
        )  # fmt: skip
    return Finding(Status.PROVED, "the code that runs, read over the reals", scope)


def same(found: Node, truth: Node, tensors: list[Tensor]) -> Finding:
    """Settles whether two scalar expressions are equal, off the boundaries that they branch on."""
    deadline = clock.now() + SECONDS
    outcome = equal(found, truth, deadline=deadline, domains=False)
    ground = "the code that runs, read over the reals"
    off = "all real x" + (", off the boundaries" if branches(found) or branches(truth) else "")
    if outcome.equal and outcome.regions:
        return Finding(Status.PROVED, ground, off)
    counterexample = witness(found, truth, (), "the code", tensors, [{}], deadline)
    if counterexample is None:
        return Finding(Status.UNDECIDED, "", reason=outcome.reason)
    return Finding(Status.REFUTED, "over the reals, by a counterexample", off,
                   witness=counterexample, reason="the code computes something else")  # fmt: skip
