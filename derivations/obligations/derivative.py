"""That a rule is the derivative: its value, its cotangents, and that it is linear."""

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp

from derivations import graph as g
from derivations.differentiate import Undifferentiable
from derivations.evidence import Types
from derivations.lift import Array, Unsupported
from derivations.obligations.decide import Pair, decided
from derivations.obligations.statements import statement
from derivations.refute import Tensor
from derivations.trace import Shapes, lifted
from derivations.traced import NOT_ASKED, Traced, output_avals, positions, unused
from derivations.verdict import Obligation, Verdict


def value(this: Traced, deadline: float) -> Obligation:
    """The first output of the forward pass is the primal."""
    return _value("value", this, deadline)


def again(this: Traced, deadline: float) -> Obligation:
    """What is made again from the residuals is the primal: it stands where the value does."""
    return _value("again", this, deadline)


def _value(name: str, this: Traced, deadline: float) -> Obligation:
    shapes = [_told(a.shape) for a in this.value], [_told(a.shape) for a in this.primal]
    if shapes[0] != shapes[1]:
        given, wanted = (", ".join(s) for s in shapes)
        reason = f"{'fwd' if name == 'value' else name} gives {given}, and the primal {wanted}"
        shown = [
            ("output", a.shape, b.shape) for a, b in zip(this.value, this.primal, strict=False)
        ]
        return _refuted_by_shape(name, this, reason, shown)
    claims = [
        (f"output[{i}]" if len(this.primal) > 1 else "output", list(_pairs(this, v, p)))
        for i, (v, p) in enumerate(zip(this.value, this.primal, strict=True))
    ]
    return decided(name, this, claims, deadline)


def _refuted_by_shape(
    name: str, this: Traced, reason: str, shown: list[tuple[str, tuple[g.Dim, ...], Any]]
) -> Obligation:
    return Obligation(
        name,
        statement(name),
        Verdict.REFUTED,
        ground="by its shape",
        scope=this.shapes.scope,
        reason=reason,
        evidence=(Types("shape", tuple(shown)),),
    )


def _pairs(this: Traced, found: Array, truth: Array) -> Iterable[Pair]:
    for at in positions(found, explicit=this.shapes.explicit):
        yield at, found.at(*at), truth.at(*at)


def cotangent(this: Traced, place: int, deadline: float) -> Obligation:
    """The rule's cotangent is the vector-Jacobian product of the primal."""
    argument = this.wanted[place]
    name = this.subject.names[argument]
    found = this.pulled[place]
    shape = Array(_dims(this, argument), "float", lambda at: g.ZERO)
    given = shape if found is None else found
    if found is not None and found.shape != shape.shape:
        reason = f"d{name} has shape {_told(found.shape)}, and {name} {_told(shape.shape)}"
        shown = [(f"d{name}", found.shape, shape.shape)]
        return _refuted_by_shape(f"cotangent[{name}]", this, reason, shown)
    where = positions(shape, explicit=this.shapes.explicit)
    assumptions: tuple[str, ...] = ()
    try:
        own = [(at, given.at(*at), this.expected[place].at(*at)) for at in where]
    except Undifferentiable as error:
        if this.jax is None:
            raise Unsupported(f"{error}; and jax.grad: {this.jax_reason}") from error
        own = []
        assumptions = ("JAX's own derivative rules: the project's are missing " + str(error),)
    result = decided(f"cotangent[{name}]", this, [(f"d{name}", own)], deadline)
    if result.verdict is not Verdict.PROVED:
        return result
    result = result._replace(assumptions=(*result.assumptions, *assumptions))
    if this.jax is None and this.jax_reason == NOT_ASKED:
        return result
    if this.jax is None:
        reason = f"it is the derivative, but jax.grad could not be lifted: {this.jax_reason}"
        return result._replace(verdict=Verdict.UNDECIDED, reason=reason)
    theirs = [(at, given.at(*at), this.jax[place].at(*at)) for at in where]
    second = decided(result.name, this, [(f"d{name}", theirs)], deadline, domains=False)
    if second.verdict is Verdict.PROVED:
        return result._replace(
            seconds=result.seconds + second.seconds,
            evidence=(*result.evidence, *second.evidence),
        )
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
        *(unused(f"second {c}", this.subject.names) for c in this.cotangents),
        unused("factor", this.subject.names),
    )
    arrays = lifted(excess, shapes, names, this.assumptions)
    tensors = [
        *this.tensors,
        *(
            t._replace(name=name)
            for t, name in zip(this.tensors[count:], names[count + outputs :], strict=False)
        ),
        Tensor(names[-1], (), "float"),
    ]
    claims = [
        (
            f"d{this.subject.names[i]}",
            [(at, a.at(*at), g.ZERO) for at in positions(a, explicit=this.shapes.explicit)],
        )
        for i, a in zip(this.wanted, arrays, strict=True)
        if a is not None
    ]
    return decided("linear", this, claims, deadline, tensors, domains=False)


def _with_cotangents(this: Traced) -> Shapes:
    outputs = output_avals(this)
    scalar = jax.ShapeDtypeStruct((), jnp.float64)
    return this.shapes._replace(avals=(*this.shapes.avals, *outputs, *outputs, scalar))
