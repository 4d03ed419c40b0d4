"""That a rule takes a value between the sides on every boundary that the code branches on."""

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from derivations import graph as g
from derivations.boundaries import Unlocated, boundaries, on_boundary
from derivations.evaluate import Point, evaluate, rational
from derivations.evidence import Boundaries
from derivations.graph import At, Index, Node
from derivations.kinks import Kink, Views, examine
from derivations.lift import Array
from derivations.obligations.statements import statement
from derivations.traced import Traced, positions, summed
from derivations.verdict import Obligation, Verdict, Witness

MOST_TOLD = 3


def kinks(this: Traced, deadline: float) -> Obligation:
    """On the boundaries that the code branches on, the rule takes a value between the sides."""
    start = time.monotonic()
    explicit = this.shapes.explicit
    nodes = [a.at(*at) for a in _graphs(this) for at in positions(a, explicit=explicit)]
    sizes = dict(this.shapes.sizes)
    if this.shapes.symbolic:
        sizes = {name: 2 + i for i, name in enumerate(sizes)}
    conditions = boundaries(nodes)
    views = _views(this) if conditions else None
    arguments = [this.tensors[i] for i in this.wanted]
    found: list[Kink] = []
    missed: list[str] = []
    for boundary, moving in itertools.product(conditions, arguments):
        try:
            located = on_boundary(boundary, this.tensors, sizes, moving, deadline)
        except Unlocated as error:
            missed.append(f"{boundary.words}, along {moving.name}: {error}")
            continue
        if located is not None and views is not None:
            point, at = located
            point = _plain_cotangents(this, point)
            found.append(examine(boundary, point, arguments, moving, at, views))
    # A boundary may be met twice, once through an intermediate result: the plain words stay.
    told: dict[Any, Kink] = {}
    for kink in sorted(found, key=lambda k: k.boundary.startswith("f(")):
        told.setdefault(kink[1:-1], kink)
    base = Obligation(
        "kinks",
        statement("kinks"),
        Verdict.PROVED,
        ground="exact one-sided derivatives",
        scope=f"at one exact point of each of {len(conditions)} boundaries"
        if conditions
        else "the code branches nowhere",
        details=tuple(map(str, told.values())),
        seconds=time.monotonic() - start,
    )
    rule, scalar = (_entries(this, this.pulled), _scalar(this)) if found else ((), None)
    seen = tuple(told.values())
    evidence = Boundaries(tuple(nodes), rule, scalar, seen, len(conditions), this.tensors)
    base = base._replace(evidence=(evidence,))
    for kink in found:
        if kink.kind == "outside":
            between = f"between {kink.left} and {kink.right}"
            return base._replace(
                verdict=Verdict.REFUTED,
                reason=str(kink),
                witness=Witness(kink.inputs, f"d{kink.argument}", kink.rule, kink.note or between),
            )
    # Where no finite one-sided derivatives exist, no value of the rule could be wrong.
    open_ = [
        str(k)
        for k in found
        if k.kind in ("unresolved", "like jax.grad")
        or (k.kind == "singular" and "none" not in (k.left, k.right))
    ]
    reasons = list(dict.fromkeys(missed + open_))
    if reasons:
        more = f"; and {len(reasons) - MOST_TOLD} more" if len(reasons) > MOST_TOLD else ""
        told_reasons = "; ".join(reasons[:MOST_TOLD]) + more
        return base._replace(verdict=Verdict.UNDECIDED, reason=told_reasons)
    return base


def _plain_cotangents(this: Traced, point: Point) -> Point:
    """Gives the point with cotangents 1, 2, 3, ..., so that the values read as derivatives."""
    tensors = dict(point.tensors)
    for name in this.cotangents:
        counted = [rational(1 + i) for i in range(tensors[name].size)]
        array = np.empty(len(counted), dtype=object)
        array[:] = counted
        tensors[name] = array.reshape(tensors[name].shape)
    return point._replace(tensors=tensors)


def _graphs(this: Traced) -> list[Array]:
    return [*this.primal, *this.value, *(p for p in this.pulled if p is not None)]


def _scalar(this: Traced) -> Node:
    """Gives the primal, contracted with the cotangents."""
    scalar = []
    for array, name in zip(this.primal, this.cotangents, strict=True):
        for at in positions(array, explicit=this.shapes.explicit):
            scalar.append(summed(at, g.mul(g.entry(name, at), array.at(*at))))
    return g.add(*scalar, g.ZERO)


def _entries(
    this: Traced, arrays: Sequence[Array | None]
) -> tuple[tuple[str, tuple[At, ...], Node], ...]:
    """Gives the entries of the wanted arguments' cotangents, with names and positions."""
    return tuple(
        (this.tensors[argument].name, at, array.at(*at))
        for argument, array in zip(this.wanted, arrays, strict=True)
        if array is not None
        for at in positions(array, explicit=this.shapes.explicit)
    )


def _views(this: Traced) -> Views:
    """Gives the primal, the rule and `jax.grad` as functions of a point."""
    contracted = _scalar(this)
    truth, taken, differences = [], [], []
    for expected, pulled in zip(this.expected, this.pulled, strict=True):
        for at in positions(expected, explicit=this.shapes.explicit):
            truth.append((expected.at(*at), at))
            taken.append((pulled.at(*at) if pulled is not None else g.ZERO, at))
    for value_, primal in zip(this.value, this.primal, strict=True):
        for at in positions(primal, explicit=this.shapes.explicit):
            differences.append((g.sub(value_.at(*at), primal.at(*at)), at))
    theirs = None
    if this.jax is not None:
        theirs = [
            (a.at(*at), at) for a in this.jax for at in positions(a, explicit=this.shapes.explicit)
        ]
    return Views(
        scalar=lambda point: evaluate(contracted, point)[()],
        gradient=_vector(truth),
        rule=_vector(taken),
        jax=None if theirs is None else _vector(theirs),
        difference=_vector(differences),
    )


def _vector(entries: Sequence[tuple[Node, tuple[At, ...]]]) -> Callable[[Point], list[Any]]:
    def values(point: Point) -> list[Any]:
        result = []
        for node, at in entries:
            free = [i for i in at if isinstance(i, Index)]
            result += evaluate(node, point, free).reshape(-1).tolist()
        return result

    return values
