"""Gradient descent: that a small step falls, that a large one need not, and that training does."""

from fractions import Fraction
from typing import NamedTuple

from sympy import Subs, Symbol

from derivations.lectures.claim import Altered, Finding, Part, Role, Status
from derivations.lectures.letters import N, d, eq, i, total
from derivations.lectures.parts import equation
from derivations.lectures.runs import Training, trained
from derivations.textbook.notation import function, tensor

_eta, _L0, _L1 = Symbol("eta"), Symbol("L(theta^0)"), Symbol("L(theta^1)")
_t0, _t1 = tensor("theta^0", N), tensor("theta^1", N)
_L = function("L")


def _step(sign: int) -> tuple[object, ...]:
    return (
        eq(_L0, _L(_t0)),
        eq(_t1[i], _t0[i] - sign * _eta * d(_L0, _t0[i])),
        eq(_L1, _L(_t1)),
    )


def falls_when_small() -> Part:
    """At η = 0 the loss changes by minus the squared length of the gradient."""
    squared = total(d(_L0, _t0[i]) ** 2, i, N)
    rate = Subs(d(_L1, _eta), _eta, 0)
    return equation(
        "d/dη L(θ − η ∇L) = −‖∇L‖² at η = 0: the loss falls where the gradient is not zero",
        eq(rate, -squared),
        ("a sign", eq(rate, squared)),
        ("half of it", eq(rate, -squared / 2)),
        given=_step(1),
        role=Role.CONDITIONED,
    )


class Step(NamedTuple):
    """A step on L(θ) = θ² from θ = 1."""

    eta: Fraction
    sign: int = 1


def _falls(step: Step) -> Finding:
    theta = 1 - step.sign * step.eta * 2
    falls = theta**2 < 1
    told = f"from L(1) = 1 to L({theta}) = {theta**2} with η = {step.eta}"
    return Finding(
        Status.PROVED if falls else Status.REFUTED, "exact numbers",
        "L(θ) = θ² at θ = 1", (told,), reason="" if falls else told,
    )  # fmt: skip


def descends() -> Part:
    """One step that is small enough."""
    step = Step(Fraction(1, 4))
    return Part(
        "L(θ^1) < L(θ^0) for L(θ) = θ² at θ = 1, η = 1/4", step, _falls,
        (Altered("uphill", step._replace(sign=-1)), Altered("η = 2", Step(Fraction(2)))),
        Role.CONDITIONED,
    )  # fmt: skip


def large_step() -> Part:
    """One step that is too large."""
    return Part(
        "L(θ^1) < L(θ^0) for L(θ) = θ² at θ = 1, η = 2", Step(Fraction(2)), _falls,
        (Altered("η = 1/4", Step(Fraction(1, 4))),), Role.UNCONDITIONED,
    )  # fmt: skip


def gradient_descent() -> Part:
    """The whole loop, on a small network of the library."""
    run = Training(rate=0.5, steps=60)
    return Part(
        "J falls in every one of 60 steps θ ← θ − η ∇J of a 2-4-1 network, η = 1/2", run, trained,
        (Altered("uphill", run._replace(rate=-0.5)),),
    )  # fmt: skip
