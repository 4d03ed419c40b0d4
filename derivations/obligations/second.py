"""That a rule can be differentiated again: a stopped residual would give zero, in silence."""

from typing import Any

import jax

from derivations import graph as g
from derivations.differentiate import Undifferentiable
from derivations.lift import Array, Unsupported
from derivations.obligations.decide import decided
from derivations.obligations.statements import statement
from derivations.refute import Tensor
from derivations.trace import double_precision, lifted
from derivations.traced import Traced, output_avals, positions, pullback, unused
from derivations.verdict import Obligation, Verdict

NAME = "second order"


def second_order(this: Traced, deadline: float) -> Obligation:
    """JAX's derivative of the rule's backward pass is the derivative of what it computes."""
    count, outputs = len(this.subject.names), len(this.cotangents)
    given = [i for i, p in zip(this.wanted, this.pulled, strict=True) if p is not None]

    def pulled(*everything: Any) -> list[Any]:
        result = this.subject.pull(everything[:count], everything[count:])
        return [result[i] for i in given]

    def again(*everything: Any) -> list[Any]:
        inputs, seconds = everything[: count + outputs], everything[count + outputs :]
        moving = [*this.wanted, *range(count, count + outputs)]

        def of_floats(*some: Any) -> list[Any]:
            full = list(inputs)
            for i, value in zip(moving, some, strict=True):
                full[i] = value
            return pulled(*full)

        _, pullback = jax.vjp(of_floats, *(inputs[i] for i in moving))
        return list(pullback(list(seconds)))

    first = [p for p in this.pulled if p is not None]
    avals = (*this.shapes.avals, *output_avals(this))
    names = (*this.subject.names, *this.cotangents)
    seconds = tuple(unused(f"second cotangent[{this.subject.names[i]}]", names) for i in given)
    try:
        with double_precision():
            shapes = this.shapes._replace(avals=(*avals, *jax.eval_shape(pulled, *avals)))
            jax.eval_shape(again, *shapes.avals)
    except Exception as error:  # whatever JAX or the rule says where there is no derivative
        text = (str(error).strip() or type(error).__name__).splitlines()[0]
        return Obligation(
            NAME, statement(NAME), Verdict.PROVED, ground="by an attempt", scope=this.shapes.scope,
            details=(f"not differentiable again: {type(error).__name__}: {text}",),
        )  # fmt: skip
    found = lifted(again, shapes, (*names, *seconds), this.assumptions)
    second_tensors = [
        Tensor(name, p.shape, "float") for name, p in zip(seconds, first, strict=True)
    ]
    wanted = [*(this.tensors[i] for i in this.wanted), *this.tensors[count:]]
    truth = pullback(first, seconds, wanted, explicit=this.shapes.explicit)
    claims = []
    for tensor, ours, theirs in zip(wanted, truth, found, strict=True):
        where = positions(ours, explicit=this.shapes.explicit)
        taken = theirs or Array(ours.shape, "float", lambda at: g.ZERO)
        pairs = [(at, taken.at(*at), ours.at(*at)) for at in where]
        claims.append((f"the derivative of bwd in {tensor.name}", pairs))
    try:
        return decided(
            NAME, this, claims, deadline, [*this.tensors, *second_tensors], domains=False
        )
    except Undifferentiable as error:
        raise Unsupported(str(error)) from error
