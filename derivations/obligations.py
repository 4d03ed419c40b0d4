"""What a rule has to show, one function for each obligation."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from derivations import graph as g
from derivations.differentiate import Undifferentiable
from derivations.evaluate import Point, evaluate, rational
from derivations.formula import definition_of, pullback_of
from derivations.graph import At, Index, Node
from derivations.kinks import Kink, Unlocated, boundaries, kink_at, on_boundary
from derivations.lift import Array, Unsupported
from derivations.normal import equal
from derivations.refute import Tensor, witness
from derivations.trace import lifted
from derivations.traced import Traced, expected, positions
from derivations.verdict import Obligation, Verdict

Pair = tuple[tuple[At, ...], Node, Node]  # where, found, expected


def value(this: Traced, deadline: float) -> Obligation:
    """The first output of the forward pass is the primal."""
    claims = [
        (f"output[{i}]" if len(this.primal) > 1 else "output", list(_pairs(this, v, p)))
        for i, (v, p) in enumerate(zip(this.value, this.primal, strict=True))
    ]
    if len(this.value) != len(this.primal):
        raise Unsupported("fwd gives another number of outputs than the primal")
    return _decided("value", "fwd returns the value of the primal", this, claims, deadline)


def _pairs(this: Traced, found: Array, truth: Array) -> Iterable[Pair]:
    for at in positions(found, explicit=this.shapes.explicit):
        yield at, found.at(*at), truth.at(*at)


def cotangent(this: Traced, place: int, deadline: float) -> Obligation:
    """The rule's cotangent is the vector-Jacobian product of the primal."""
    argument = this.wanted[place]
    name = this.subject.names[argument]
    statement = f"d{name} is the vector-Jacobian product of the primal, and what jax.grad gives"
    found = this.pulled[place]
    shape = Array(_dims(this, argument), "float", lambda at: g.ZERO)
    given = shape if found is None else found
    if found is not None and found.shape != shape.shape:
        raise Unsupported(f"a cotangent of shape {found.shape} for an argument of {shape.shape}")
    where = positions(shape, explicit=this.shapes.explicit)
    assumptions: tuple[str, ...] = ()
    try:
        own = [(at, given.at(*at), expected(this, argument, at)) for at in where]
    except Undifferentiable as error:
        if this.jax is None:
            raise Unsupported(f"{error}; and jax.grad: {this.jax_reason}") from error
        own = []
        assumptions = ("JAX's own derivative rules: the project's are missing " + str(error),)
    result = _decided(f"cotangent[{name}]", statement, this, [(f"d{name}", own)], deadline)
    if result.verdict is not Verdict.PROVED:
        return result
    result = result._replace(assumptions=(*result.assumptions, *assumptions))
    if this.jax is None:
        reason = f"it is the derivative, but jax.grad could not be lifted: {this.jax_reason}"
        return result._replace(verdict=Verdict.UNDECIDED, reason=reason)
    theirs = [(at, given.at(*at), this.jax[place].at(*at)) for at in where]
    second = _decided(result.name, statement, this, [(f"d{name}", theirs)], deadline)
    if second.verdict is Verdict.PROVED:
        return result._replace(seconds=result.seconds + second.seconds)
    if own:
        reason = f"it is the derivative, but not shown to be what jax.grad gives: {second.reason}"
        return result._replace(verdict=Verdict.UNDECIDED, reason=reason)
    return second


def _dims(this: Traced, argument: int) -> tuple[g.Dim, ...]:
    return this.tensors[argument].shape


def linear(this: Traced, deadline: float) -> Obligation:
    """The backward pass is linear in the cotangent."""
    count = len(this.subject.names)
    outputs = len(this.cotangents)

    def excess(*everything: Any) -> list[Any]:
        arrays = everything[:count]
        first = everything[count : count + outputs]
        second = everything[count + outputs : count + 2 * outputs]
        factor = everything[-1]
        mixed = [a + factor * b for a, b in zip(first, second, strict=True)]
        whole, left, right = (this.subject.pull(arrays, ct) for ct in (mixed, first, second))
        return [
            None if whole[i] is None else whole[i] - left[i] - factor * right[i]
            for i in this.wanted
        ]

    shapes = _with_cotangents(this)
    names = (
        *this.subject.names,
        *this.cotangents,
        *(f"second {c}" for c in this.cotangents),
        "factor",
    )
    arrays = lifted(excess, shapes, names, set())
    tensors = [
        *this.tensors,
        *(t._replace(name=f"second {t.name}") for t in this.tensors[count:]),
        Tensor("factor", (), "float"),
    ]
    claims = [
        (
            f"d{this.subject.names[i]}",
            [(at, a.at(*at), g.ZERO) for at in positions(a, explicit=this.shapes.explicit)],
        )
        for i, a in zip(this.wanted, arrays, strict=True)
        if a is not None
    ]
    statement = "bwd is linear in the cotangent"
    return _decided("linear", statement, this, claims, deadline, tensors)


def _with_cotangents(this: Traced) -> Any:
    outputs = [jax.ShapeDtypeStruct(o.shape, o.dtype) for o in _output_avals(this)]
    scalar = jax.ShapeDtypeStruct((), jnp.float64)
    return this.shapes._replace(avals=(*this.shapes.avals, *outputs, *outputs, scalar))


def _output_avals(this: Traced) -> Sequence[Any]:
    with jax.enable_x64(True):
        return jax.eval_shape(this.subject.primal, *this.shapes.avals)


def textbook(this: Traced, entry: Any, deadline: float) -> Obligation:
    """The primal is the textbook's definition, and the rule what SymPy derives from it."""
    start = time.monotonic()
    if this.shapes.explicit:
        raise Unsupported("the textbook is compared with code of symbolic sizes only")
    names, dims = this.subject.names, [t.shape for t in this.tensors]
    if len(this.primal) != 1 or len(entry.arguments) != len(names):
        raise Unsupported("the textbook's entry has another number of arguments or outputs")
    inputs = {a.name: (name, d) for a, name, d in zip(entry.arguments, names, dims, strict=False)}
    claims = []
    output = this.primal[0]
    (at,) = positions(output, explicit=False)
    claims.append(("output", [(at, output.at(*at), definition_of(entry, inputs, at))]))
    for place, argument in enumerate(this.wanted):
        pulled = this.pulled[place]
        if pulled is None:
            continue
        (at,) = positions(pulled, explicit=False)
        right = pullback_of(entry, entry.arguments[argument], inputs, this.cotangents[0], at)
        claims.append((f"d{names[argument]}", [(at, pulled.at(*at), right)]))
    statement = "the primal is the textbook's definition, and bwd is what SymPy derives from it"
    result = _decided("textbook", statement, this, claims, deadline)
    return result._replace(seconds=time.monotonic() - start)


def kinks(this: Traced, deadline: float) -> Obligation:
    """On the boundaries that the code branches on, the rule takes a value between the two sides."""
    start = time.monotonic()
    found: list[Kink] = []
    missed: list[str] = []
    nodes = [a.at(*at) for a in _graphs(this) for at in positions(a, explicit=this.shapes.explicit)]
    sizes = {name: 2 + i for i, name in enumerate(this.shapes.sizes)}
    if this.shapes.explicit:
        sizes = dict(this.shapes.sizes)
    conditions = list(boundaries(nodes))
    examine = _examiner(this)
    for boundary in conditions:
        for place, argument in enumerate(this.wanted):
            moving = this.tensors[argument]
            try:
                located = on_boundary(boundary, this.tensors, sizes, moving, deadline)
            except Unlocated as error:
                missed.append(f"{boundary.words}, along {moving.name}: {error}")
                continue
            if located is not None:
                point, at = located
                found.append(examine(boundary, _plain_cotangents(this, point), at, place))
    seconds = time.monotonic() - start
    statement = (
        "on each boundary that the code branches on, bwd lies between the one-sided derivatives"
    )
    details = tuple(dict.fromkeys(map(str, found)))
    base = Obligation(
        "kinks", statement, Verdict.PROVED,
        ground="exact one-sided derivatives",
        scope=f"at one exact point of each of {len(conditions)} boundaries"
        if conditions else "the code branches nowhere",
        details=details, seconds=seconds,
    )  # fmt: skip
    outside = [
        k for k in found
        if k.kind == "outside" or (k.kind == "singular" and k.jax_kind != "singular")
    ]  # fmt: skip
    if outside:
        return base._replace(verdict=Verdict.REFUTED, reason=str(outside[0]))
    open_ = [str(k) for k in found if k.kind in ("singular", "jump")]
    if missed or open_:
        return base._replace(verdict=Verdict.UNDECIDED, reason="; ".join(missed + open_))
    return base


def _plain_cotangents(this: Traced, point: Point) -> Point:
    """Gives the point with cotangents 1, 2, 3, ..., so that the values read as derivatives."""
    tensors = dict(point.tensors)
    for name in this.cotangents:
        shape = tensors[name].shape
        counted = [rational(1 + i) for i in range(tensors[name].size)]
        array = np.empty(len(counted), dtype=object)
        array[:] = counted
        tensors[name] = array.reshape(shape)
    return point._replace(tensors=tensors)


def _graphs(this: Traced) -> list[Array]:
    return [*this.primal, *(p for p in this.pulled if p is not None)]


def _examiner(this: Traced) -> Callable[..., Kink]:
    explicit = this.shapes.explicit

    def contracted() -> Node:
        terms = []
        for array, name in zip(this.primal, this.cotangents, strict=True):
            for at in positions(array, explicit=explicit):
                term = g.mul(g.entry(name, at), array.at(*at))
                for index in reversed(at):
                    if isinstance(index, Index):
                        term = g.total(index, term)
                terms.append(term)
        return g.add(*terms)

    scalar = contracted()

    def entry_of(array: Array | None, point: Any, at: tuple[int, ...]) -> Any:
        if array is None:
            return evaluate(g.ZERO, point)[()]
        if explicit:
            return evaluate(array.at(*at), point)[()]
        (general,) = positions(array, explicit=False)
        free = [i for i in general if isinstance(i, Index)]
        kept = tuple(p for p, i in zip(at, general, strict=True) if isinstance(i, Index))
        return evaluate(array.at(*general), point, free)[kept]

    def examine(boundary: Any, point: Any, at: tuple[int, ...], place: int) -> Kink:
        theirs = None if this.jax is None else this.jax[place]
        return kink_at(
            boundary, point, this.tensors[this.wanted[place]], at,
            lambda p: evaluate(scalar, p)[()],
            lambda p: entry_of(this.pulled[place], p, at),
            lambda p: entry_of(theirs, p, at),
        )  # fmt: skip

    return examine


def _decided(
    name: str,
    statement: str,
    this: Traced,
    claims: Sequence[tuple[str, Sequence[Pair]]],
    deadline: float,
    tensors: Sequence[Tensor] | None = None,
) -> Obligation:
    """Proves every pair equal, or looks for a witness."""
    start = time.monotonic()
    regions = 1
    base = Obligation(
        name, statement, Verdict.PROVED, scope=this.shapes.scope,
        assumptions=tuple(sorted(this.assumptions)),
    )  # fmt: skip
    for output, pairs in claims:
        for at, found, truth in pairs:
            outcome = equal(found, truth, deadline=deadline)
            if outcome.equal:
                regions = max(regions, outcome.regions)
                continue
            counterexample = witness(
                found, truth, at, output, tensors or this.tensors,
                {} if this.shapes.explicit else this.shapes.sizes, deadline,
            )  # fmt: skip
            seconds = time.monotonic() - start
            if counterexample is None:
                return base._replace(
                    verdict=Verdict.UNDECIDED, seconds=seconds,
                    reason=f"{output}: {outcome.reason}, and no counterexample was found",
                )  # fmt: skip
            return base._replace(
                verdict=Verdict.REFUTED, ground="over the reals, by a counterexample",
                reason=f"{output} is not the derivative" if output.startswith("d")
                else f"{output} differs",
                witness=counterexample, seconds=seconds,
            )  # fmt: skip
    how = (
        "by index calculus" if this.shapes.sizes and not this.shapes.explicit else "by normal form"
    )
    where = f", on {regions} open regions" if regions > 1 else ""
    return base._replace(ground=f"over the reals, {how}{where}", seconds=time.monotonic() - start)
