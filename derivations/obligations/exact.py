"""What no proof decides, executed at its real size in modular arithmetic."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from derivations.evidence import Executed
from derivations.modular import Comparison, compare
from derivations.obligations.statements import statement
from derivations.subject import MalformedRule, Subject
from derivations.trace import Shapes, by_jax, double_precision
from derivations.traced import first_line
from derivations.verdict import Obligation, Verdict

TRUSTED = "JAX's own derivatives of the plain code"
Flat = Callable[..., list[Any]]


class Pair(NamedTuple):
    """Two functions of flat arrays that an obligation says are one.

    Attributes:
      found: What the rule computes.
      truth: What it should be.
      more: The arguments that they take after the arrays, from the shapes of these.
      trusted: What a verdict on them takes for granted.
    """

    found: Flat
    truth: Flat
    more: Callable[..., Sequence[Any]] = lambda *arrays: ()
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
    return Pair(found, truth, subject.primal, TRUSTED)


def second_order_pair(subject: Subject) -> Pair:
    """Gives the second derivatives that the obligation `second order` compares."""
    count = len(subject.names)
    plain = by_jax(subject, subject.wanted)

    def rule(*everything: Any) -> list[Any]:
        pulled = subject.pull(everything[:count], everything[count:])
        return [jnp.zeros_like(everything[i]) if pulled[i] is None else pulled[i]
                for i in subject.wanted]  # fmt: skip

    def more(*arrays: Any) -> list[Any]:
        outputs = subject.primal(*arrays)
        return [*outputs, *rule(*arrays, *outputs)]

    return Pair(_again(rule, subject), _again(plain, subject), more, f"{TRUSTED}, to second order")


def _again(gradient: Flat, subject: Subject) -> Flat:
    """Gives the vector-Jacobian product of a gradient, in the arrays and the cotangents."""
    count, wanted = len(subject.names), subject.wanted

    def again(*everything: Any) -> list[Any]:
        inputs = everything[: len(everything) - len(wanted)]
        moving = [*wanted, *range(count, len(inputs))]

        def of_floats(*some: Any) -> list[Any]:
            full = list(inputs)
            for i, value in zip(moving, some, strict=True):
                full[i] = value
            return gradient(*full)

        _, pullback = jax.vjp(of_floats, *(inputs[i] for i in moving))
        return list(pullback(list(everything[len(inputs) :])))

    return again


def exact(name: str, subject: Subject, shapes: Shapes, pair: Pair, deadline: float) -> Obligation:
    """Compares two functions by modular execution at the given sizes.

    Args:
      name: The obligation.
      subject: What is checked.
      shapes: The example's own sizes, as numbers.
      pair: The two functions.
      deadline: When to give up, by `clock.now`.
    """
    base = Obligation(name, statement(name), Verdict.UNDECIDED, scope=shapes.scope)
    avals: Sequence[Any] = shapes.avals
    try:
        with double_precision():
            avals = (*avals, *jax.eval_shape(pair.more, *avals))
        outcome = compare(pair.found, pair.truth, *avals, deadline=deadline, whole=subject.whole)
    except MalformedRule:
        raise
    except Exception as error:  # whatever the traced code raises at these sizes
        return base._replace(reason=f"tracing failed: {first_line(error)}")
    if outcome.outcome != "equal":
        return base._replace(reason=f"by modular execution {outcome.outcome}: {outcome.reason}")
    trusted = {pair.trusted, *subject.assumptions, *outcome.assumptions} - {""}
    return base._replace(
        verdict=Verdict.EXACT,
        ground=f"by modular execution of all {outcome.entries} entries; the chance of a wrong "
        f"'equal' is below {outcome.bound:.1e}",
        scope=shapes.scope + _drawn(outcome, avals),
        assumptions=tuple(sorted(trusted)),
        details=(_told(outcome),),
        evidence=(Executed(outcome),),
    )


def _drawn(outcome: Comparison, avals: Sequence[Any]) -> str:
    """Says of what only some cases were seen."""
    whole = any(not jnp.issubdtype(a.dtype, jnp.floating) for a in avals)
    parts = [
        words
        for words, some in (
            ("on the branches", outcome.comparisons),
            ("in the orders", outcome.orders),
            ("for the whole numbers and truth values", whole),
        )
        if some
    ]
    if not parts:
        return ""
    *rest, last = parts
    return f", {', '.join(rest)}{' and ' if rest else ''}{last} that were drawn"


def _told(outcome: Comparison) -> str:
    trials = zip(outcome.seeds, outcome.primes, strict=True)
    return "trials: " + "; ".join(
        f"seed {seed}, primes {' and '.join(map(str, primes))}" for seed, primes in trials
    )
