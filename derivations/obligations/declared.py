"""Rules that are meant not to be the derivative: each is what its author declares."""

from typing import Any

from derivations.lift import Unsupported
from derivations.obligations.decide import decided
from derivations.obligations.derivative import cotangent
from derivations.subject import Subject
from derivations.trace import lifted
from derivations.traced import Traced, output_avals, positions
from derivations.verdict import Obligation, Verdict


def declared(this: Traced, place: int, intended: Subject, deadline: float) -> Obligation:
    """The rule's cotangent is the declared one; how it differs from the derivative is told.

    `intended` is the subject with the declared backward pass.
    """
    name = this.subject.names[this.wanted[place]]
    count = len(this.subject.names)

    def asked(*everything: Any) -> list[Any]:
        return [intended.pull(everything[:count], everything[count:])[this.wanted[place]]]

    shapes = this.shapes._replace(avals=(*this.shapes.avals, *output_avals(this)))
    (truth,) = lifted(asked, shapes, (*this.subject.names, *this.cotangents), this.assumptions)
    found = this.pulled[place]
    if found is None or truth is None:
        raise Unsupported(f"d{name} is None in the {'rule' if found is None else 'declaration'}")
    if found.shape != truth.shape:
        raise Unsupported(f"d{name} has shape {found.shape}, and the declared one {truth.shape}")
    pairs = [
        (at, found.at(*at), truth.at(*at)) for at in positions(found, explicit=this.shapes.explicit)
    ]
    result = decided(f"declared[{name}]", this, [(f"d{name}", pairs)], deadline)
    if result.verdict is not Verdict.PROVED:
        return result._replace(reason=result.reason.replace("the derivative", "what is declared"))
    return result._replace(details=(_beside_the_derivative(this, place, deadline),))


def _beside_the_derivative(this: Traced, place: int, deadline: float) -> str:
    other = cotangent(this, place, deadline)
    if other.verdict is Verdict.PROVED:
        return "it is the derivative as well"
    if other.witness is None:
        return f"whether it is the derivative is not decided: {other.reason}"
    inputs = ", ".join(f"{name} = {value}" for name, value in other.witness.inputs.items())
    return (
        f"it is not the derivative: at {inputs} it gives {other.witness.found} for "
        f"{other.witness.output}, and the derivative is {other.witness.expected}"
    )
