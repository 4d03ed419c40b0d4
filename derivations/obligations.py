"""What a rule has to show, one function for each obligation."""

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from derivations import graph as g
from derivations.boundaries import Unlocated, boundaries, on_boundary
from derivations.differentiate import Undifferentiable
from derivations.equality import equal
from derivations.evaluate import Point, evaluate, rational
from derivations.formula import definition_of, printed, pullback_of
from derivations.graph import At, Index, Node
from derivations.kinks import Kink, Views, examine
from derivations.lift import Array, Unsupported
from derivations.normal import branches
from derivations.refute import Tensor, witness
from derivations.trace import lifted
from derivations.traced import NOT_ASKED, Traced, expected, positions, summed
from derivations.verdict import Obligation, Verdict, Witness

NOWHERE = "the truth has no value anywhere at these sizes"

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
        reason = f"d{name} has shape {_told(found.shape)}, and {name} {_told(shape.shape)}"
        return Obligation(
            f"cotangent[{name}]",
            statement,
            Verdict.REFUTED,
            ground="by its shape",
            scope=this.shapes.scope,
            reason=reason,
        )
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
    if this.jax is None and this.jax_reason == NOT_ASKED:
        return result
    if this.jax is None:
        reason = f"it is the derivative, but jax.grad could not be lifted: {this.jax_reason}"
        return result._replace(verdict=Verdict.UNDECIDED, reason=reason)
    theirs = [(at, given.at(*at), this.jax[place].at(*at)) for at in where]
    second = _decided(result.name, statement, this, [(f"d{name}", theirs)], deadline, domains=False)
    if second.verdict is Verdict.PROVED:
        return result._replace(seconds=result.seconds + second.seconds)
    if own:
        reason = f"it is the derivative, but not shown to be what jax.grad gives: {second.reason}"
        return result._replace(verdict=Verdict.UNDECIDED, reason=reason)
    return second


def _told(shape: tuple[g.Dim, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


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
    return _decided("linear", statement, this, claims, deadline, tensors, domains=False)


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


def cited(this: Traced, entry: Any, deadline: float) -> Obligation:
    """The derivatives that books print follow from the definition."""
    start = time.monotonic()
    names, dims = this.subject.names, [t.shape for t in this.tensors]
    inputs = {a.name: (name, d) for a, name, d in zip(entry.arguments, names, dims, strict=False)}
    base = Obligation(
        "cited",
        "each derivative that a book prints is that of the definition",
        Verdict.PROVED,
        ground="over the reals, by index calculus" if this.shapes.sizes else "over the reals",
        scope=this.shapes.scope,
    )
    told, assumptions = [], []
    for source in entry.cited:
        claim = printed(entry, source, inputs, this.cotangents[0])
        outcome = equal(
            claim.printed, claim.derived, deadline=deadline, hypothesis=claim.hypothesis
        )
        condition = f", for {source.condition}" if source.condition else ""
        told.append(f"{source.source}{condition}")
        if claim.hypothesis is not None:
            assumptions.append(source.condition)
        if not outcome.equal:
            return base._replace(
                verdict=Verdict.UNDECIDED,
                reason=f"{source.source}: {outcome.reason}",
                seconds=time.monotonic() - start,
            )
    return base._replace(
        details=tuple(told), assumptions=tuple(assumptions), seconds=time.monotonic() - start
    )


def kinks(this: Traced, deadline: float) -> Obligation:
    """On the boundaries that the code branches on, the rule takes a value between the sides."""
    start = time.monotonic()
    explicit = this.shapes.explicit
    nodes = [a.at(*at) for a in _graphs(this) for at in positions(a, explicit=explicit)]
    sizes = dict(this.shapes.sizes)
    if not explicit:
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
        "on each boundary that the code branches on, bwd lies between the one-sided derivatives",
        Verdict.PROVED,
        ground="exact one-sided derivatives",
        scope=f"at one exact point of each of {len(conditions)} boundaries"
        if conditions
        else "the code branches nowhere",
        details=tuple(map(str, told.values())),
        seconds=time.monotonic() - start,
    )
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
        if k.kind == "unresolved" or (k.kind == "singular" and "none" not in (k.left, k.right))
    ]
    if missed or open_:
        return base._replace(verdict=Verdict.UNDECIDED, reason="; ".join(missed + open_))
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


def _views(this: Traced) -> Views:
    """Gives the primal, the rule and `jax.grad` as functions of a point."""
    scalar = []
    for array, name in zip(this.primal, this.cotangents, strict=True):
        for at in positions(array, explicit=this.shapes.explicit):
            scalar.append(summed(at, g.mul(g.entry(name, at), array.at(*at))))
    contracted = g.add(*scalar, g.ZERO)
    truth, taken, differences = [], [], []
    for place, argument in enumerate(this.wanted):
        shape = Array(this.tensors[argument].shape, "float", lambda at: g.ZERO)
        pulled = this.pulled[place]
        for at in positions(shape, explicit=this.shapes.explicit):
            truth.append((expected(this, argument, at), at))
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


def _decided(
    name: str,
    statement: str,
    this: Traced,
    claims: Sequence[tuple[str, Sequence[Pair]]],
    deadline: float,
    tensors: Sequence[Tensor] | None = None,
    *,
    domains: bool = True,
) -> Obligation:
    """Proves every pair equal, or looks for a witness."""
    start = time.monotonic()
    regions = 1
    off = any(branches(n) for _, pairs in claims for _, a, b in pairs for n in (a, b))
    base = Obligation(
        name,
        statement,
        Verdict.PROVED,
        scope=this.shapes.scope + (", off the boundaries" if off else ""),
        assumptions=tuple(sorted(this.assumptions)),
    )
    for output, pairs in claims:
        for at, found, truth in pairs:
            outcome = equal(found, truth, deadline=deadline, domains=domains)
            if outcome.equal and not outcome.regions:
                return base._replace(verdict=Verdict.UNDECIDED, reason=NOWHERE)
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
