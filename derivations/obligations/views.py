"""A rule, its primal and `jax.grad` as functions of a point: by their graphs, and by running."""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from derivations import graph as g
from derivations.evaluate import Point, ball, evaluate
from derivations.graph import At, Index, Node
from derivations.kinks import Run, Views
from derivations.lift import Unsupported
from derivations.series import Ambiguous
from derivations.trace import by_jax, double_precision
from derivations.traced import Traced, positions, summed, to_numpy


def contracted(this: Traced) -> Node:
    """Gives the primal, contracted with the cotangents."""
    scalar = []
    for array, name in zip(this.primal, this.cotangents, strict=True):
        for at in positions(array, explicit=this.shapes.explicit):
            scalar.append(summed(at, g.mul(g.entry(name, at), array.at(*at))))
    return g.add(*scalar, g.ZERO)


def views_of(this: Traced) -> Views:
    """Gives the primal, the rule and `jax.grad` as functions of a point.

    Raises:
      Unsupported: What is to be compared has different shapes.
    """
    scalar = contracted(this)
    given = [p.shape for p in this.pulled if p is not None]
    right = [e.shape for e, p in zip(this.expected, this.pulled, strict=True) if p is not None]
    if given != right or [v.shape for v in this.value] != [p.shape for p in this.primal]:
        raise Unsupported("what bwd or fwd gives has another shape than it should")
    taken, differences = [], []

    @cache
    def gradient() -> Callable[[Point], list[Any]]:
        return _vector(
            [
                (expected.at(*at), at)
                for expected in this.expected
                for at in positions(expected, explicit=this.shapes.explicit)
            ]
        )

    for expected, pulled in zip(this.expected, this.pulled, strict=True):
        for at in positions(expected, explicit=this.shapes.explicit):
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
        scalar=lambda point: evaluate(scalar, point)[()],
        gradient=lambda point: gradient()(point),
        rule=_with_holes(taken),
        jax=None if theirs is None else _with_holes(theirs),
        difference=_vector(differences),
        run=_run(this),
    )


def _run(this: Traced) -> Callable[[Point], Run | None]:
    """Gives the code itself, in double precision: it may reach a number by way of an infinity."""
    count = len(this.subject.names)

    @cache
    def compiled() -> Callable[..., Any]:
        theirs = by_jax(this.subject, this.wanted)

        def run(*everything: Any) -> Any:
            inputs, cotangents = everything[:count], everything[count:]
            pulled = this.subject.pull(inputs, cotangents)
            taken = [
                jnp.zeros_like(inputs[i]) if pulled[i] is None else pulled[i] for i in this.wanted
            ]
            return (
                list(this.subject.primal(*inputs)),
                list(this.subject.value(*inputs)),
                taken,
                theirs(*everything),
            )

        return jax.jit(run)

    def there(point: Point) -> Run | None:
        inputs = [to_numpy(point.tensors[t.name], t.kind) for t in this.tensors]
        try:
            with double_precision():
                found = compiled()(*inputs)
        except Exception:  # whatever the code raises where it is not only traced
            return None
        return Run(*([float(v) for a in part for v in np.ravel(a)] for part in found))

    return there


def _with_holes(entries: Sequence[tuple[Node, tuple[At, ...]]]) -> Callable[[Point], list[Any]]:
    def values(point: Point) -> list[Any]:
        result: list[Any] = []
        memory: dict[Node, Any] = {}
        for node, at in entries:
            free = [i for i in at if isinstance(i, Index)]
            try:
                own = evaluate(node, point, free, holes=True, memory=memory).reshape(-1).tolist()
            except Ambiguous:
                own = [None] * math.prod(point.length(i.size) for i in free)
            result += [v if v is not None and ball(v).is_finite() else None for v in own]
        return result

    return values


def _vector(entries: Sequence[tuple[Node, tuple[At, ...]]]) -> Callable[[Point], list[Any]]:
    def values(point: Point) -> list[Any]:
        result = []
        memory: dict[Node, Any] = {}
        for node, at in entries:
            free = [i for i in at if isinstance(i, Index)]
            result += evaluate(node, point, free, memory=memory).reshape(-1).tolist()
        return result

    return values
