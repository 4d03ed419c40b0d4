"""What no proof decides, executed at its real size in modular arithmetic."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax

from derivations.evidence import Executed
from derivations.modular import Comparison, compare
from derivations.obligations.statements import statement
from derivations.subject import Subject
from derivations.trace import Shapes, by_jax, double_precision
from derivations.verdict import Obligation, Verdict

Flat = Callable[..., list[Any]]


class Pair(NamedTuple):
    """Two functions of flat arrays that an obligation says are one.

    Attributes:
      found: What the rule computes.
      truth: What it should be.
      pulled: Whether they take the outputs' cotangents after the arrays.
      trusted: What a verdict on them takes for granted.
    """

    found: Flat
    truth: Flat
    pulled: bool = False
    trusted: str = ""


def value_pair(subject: Subject) -> Pair:
    """Gives the functions that the obligation `value` compares."""
    return Pair(subject.value, subject.primal)


def cotangent_pair(subject: Subject, place: int) -> Pair:
    """Gives the functions that the obligation `cotangent` of one argument compares."""
    argument, count = subject.wanted[place], len(subject.names)

    def found(*everything: Any) -> list[Any]:
        return [subject.pull(everything[:count], everything[count:])[argument]]

    truth = by_jax(subject, [argument])
    return Pair(found, truth, pulled=True, trusted="JAX's own derivatives of the plain code")


def exact(name: str, subject: Subject, shapes: Shapes, pair: Pair, deadline: float) -> Obligation:
    """Compares two functions by modular execution at the given sizes.

    Args:
      name: The obligation.
      subject: What is checked.
      shapes: The example's own sizes, as numbers.
      pair: The two functions.
      deadline: When to give up, by `time.monotonic`.
    """
    avals: Sequence[Any] = shapes.avals
    if pair.pulled:
        with double_precision():
            avals = (*avals, *jax.eval_shape(subject.primal, *avals))
    outcome = compare(pair.found, pair.truth, *avals, deadline=deadline)
    base = Obligation(name, statement(name), Verdict.UNDECIDED, scope=shapes.scope)
    if outcome.outcome != "equal":
        return base._replace(reason=f"by modular execution {outcome.outcome}: {outcome.reason}")
    trusted = {pair.trusted, *subject.assumptions, *outcome.assumptions} - {""}
    branches = ", on the branches taken at the drawn points" if outcome.comparisons else ""
    return base._replace(
        verdict=Verdict.EXACT,
        ground=f"by modular execution of all {outcome.entries} entries; the chance of a wrong "
        f"'equal' is below {outcome.bound:.1e}",
        scope=shapes.scope + branches,
        assumptions=tuple(sorted(trusted)),
        details=(_told(outcome),),
        evidence=(Executed(outcome),),
    )


def _told(outcome: Comparison) -> str:
    trials = zip(outcome.seeds, outcome.primes, strict=True)
    return "trials: " + "; ".join(
        f"seed {seed}, primes {' and '.join(map(str, primes))}" for seed, primes in trials
    )
