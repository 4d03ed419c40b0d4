"""Is each step of a derivation equal to the one before?"""

from typing import Any, NamedTuple

import sympy
from sympy.core.function import AppliedUndef

from derivations import clock
from derivations.differentiate import Undifferentiable
from derivations.equality import equal
from derivations.formula import read
from derivations.kernels import Unnormalised
from derivations.lift import Unsupported
from derivations.polynomial import TooLarge
from derivations.steps.derivation import Derivation
from derivations.steps.reading import Reading
from derivations.verdict import Verdict, worst


class StepVerdict(NamedTuple):
    """Whether a step is proved equal to the one before, and if not why not."""

    verdict: Verdict
    reason: str = ""


class Proof(NamedTuple):
    """The verdicts of a derivation.

    Attributes:
      steps: One for each step.
      lemmas: The proofs of the derivations that it rests on, by name.
    """

    steps: tuple[StepVerdict, ...]
    lemmas: tuple[tuple[str, "Proof"], ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all steps, those of the lemmas included."""
        return worst([s.verdict for s in self.steps] + [proof.verdict for _, proof in self.lemmas])


def proved(derivation: Derivation, *, budget: float = 10.0) -> Proof:
    """Proves every step of a derivation equal to the one before, over the reals and for all sizes.

    A step is equal where the one before is defined, off the boundaries that it branches on.

    Args:
      derivation: The derivation.
      budget: Seconds; what they run out on is undecided.

    Example:
      >>> from derivations.steps import derivation
      >>> proved(derivation("softmax_jacobian")).verdict
      <Verdict.PROVED: 'PROVED'>
    """
    from derivations.steps.table import derivation as of_name

    deadline = clock.now() + budget
    names = Reading(derivation)
    before, outcomes = derivation.subject, []
    for step in derivation.steps:
        given = derivation.hypothesis if step.reason == "hypothesis" else None
        try:
            outcome = _same(step.expression, before, names, derivation.continuous, given, deadline)
        except (Unsupported, Undifferentiable, Unnormalised, TooLarge) as error:
            outcome = StepVerdict(Verdict.UNDECIDED, str(error))
        outcomes.append(outcome)
        before = step.expression
    lemmas = tuple((name, proved(of_name(name), budget=budget)) for name in derivation.lemmas)
    return Proof(tuple(outcomes), lemmas)


def _same(
    found: Any,
    truth: Any,
    names: Reading,
    continuous: frozenset[str],
    given: Any,
    deadline: float,
) -> StepVerdict:
    found, truth = names.as_limit(found), names.as_limit(truth)
    if isinstance(truth, sympy.Limit):
        of, variable, point, _ = truth.args
        if not isinstance(found, sympy.Limit):
            # The limit of what is continuous is its value, and is so by nothing else here.
            if not _is_continuous(of, variable, continuous):
                return StepVerdict(
                    Verdict.UNDECIDED, "a limit of what is not known to be continuous"
                )
            truth = of.xreplace({variable: point})
        elif found.args[1:] == truth.args[1:]:
            # Equal on the way to the limit, with the point itself left out.
            found, truth = found.args[0], of
    hypothesis = None
    if given is not None:
        hypothesis = (read(given.lhs, names), read(given.rhs, names))
    outcome = equal(
        read(found, names), read(truth, names), deadline=deadline, hypothesis=hypothesis
    )
    if not outcome.equal:
        return StepVerdict(Verdict.UNDECIDED, outcome.reason)
    if not outcome.regions:
        return StepVerdict(Verdict.UNDECIDED, "the step before has no value anywhere")
    return StepVerdict(Verdict.PROVED)


def _is_continuous(expression: Any, variable: Any, functions: frozenset[str]) -> bool:
    """Tells whether an expression is made of continuous functions by sums and products."""
    if not expression.has(variable):
        return True
    if isinstance(expression, AppliedUndef):
        return expression.func.__name__ in functions and all(
            a == variable or not a.has(variable) for a in expression.args
        )
    if isinstance(expression, sympy.Pow):
        base, exponent = expression.args
        whole = exponent.is_Integer and exponent > 0
        return whole and _is_continuous(base, variable, functions)
    if isinstance(expression, sympy.Sum):
        return _is_continuous(expression.function, variable, functions)
    if isinstance(expression, sympy.Add | sympy.Mul):
        return all(_is_continuous(a, variable, functions) for a in expression.args)
    return expression == variable
