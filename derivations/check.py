"""`check`: is a hand-written derivative right? For every rule, the same obligations."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

from derivations import obligations
from derivations.lift import Unsupported
from derivations.refute import sizes_to_try
from derivations.subject import Subject, is_objective, subject_of
from derivations.trace import Shapes, concrete, symbolic
from derivations.traced import Traced, traced, validate
from derivations.verdict import Obligation, Report, Verdict

MOST_ENTRIES = 400  # of an array whose positions are written out one by one


def check(
    thing: Any,
    *args: Any,
    textbook: Any = None,
    sizes: Literal["all", "given"] = "all",
    budget: float = 30.0,
) -> Report:
    """Proves or refutes that a hand-written derivative is the derivative.

    The traced code is read over the real numbers; a verdict therefore says nothing of rounding.

    Args:
      thing: A `jax.custom_vjp` or `jax.custom_jvp` function, a `functional_nn.Rule`, or a
        `functional_nn.Layer`.
      *args: Example arguments: arrays, `jax.ShapeDtypeStruct`s, Python numbers, or pytrees of them.
        Their shapes and dtypes matter, their values do not.
      textbook: A `derivations.textbook.Entry` to compare with as well.
      sizes: `"all"` proves for every size where it can; sizes that are equal in the example stay
        equal. `"given"` speaks for the example's sizes only.
      budget: Seconds. What they run out on is `UNDECIDED`.

    Returns:
      A report; `report.verdict` is the worst of its obligations.

    Raises:
      TypeError: `thing` has no hand-written derivative, or the arguments do not fit.
      ValueError: `budget` is not positive, or `sizes` is neither word.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> @jax.custom_vjp
      ... def square(x):
      ...     return x * x
      >>> square.defvjp(lambda x: (x * x, x), lambda x, dy: (3 * x * dy,))
      >>> report = check(square, jnp.ones(4))
      >>> str(report.verdict)
      'REFUTED'
    """
    if not budget > 0:
        raise ValueError(f"budget is a positive number of seconds. Got {budget!r}.")
    if sizes not in ("all", "given"):
        raise ValueError(f"sizes is 'all' or 'given'. Got {sizes!r}.")
    if is_objective(thing) or getattr(thing, "parts", ()):
        from derivations import composition

        whole = composition.check_objective if is_objective(thing) else composition.check_network
        return whole(thing, *args, budget=budget)
    subject = subject_of(thing, args)
    kind = "rule" if subject.kind == "rule" else subject.kind
    deadline = time.monotonic() + budget
    return Report(subject.name, kind, tuple(_obligations(subject, textbook, sizes, deadline)))


def _obligations(
    subject: Subject, textbook: Any, sizes: str, deadline: float
) -> Iterator[Obligation]:
    start = time.monotonic()
    attempts, reasons = _attempts(subject, sizes)
    spent = time.monotonic() - start
    if not attempts:
        yield Obligation(
            "value", "fwd returns the value of the primal", Verdict.UNDECIDED,
            reason="; ".join(dict.fromkeys(reasons)), seconds=spent,
        )  # fmt: skip
        return
    first = attempts[0]
    if textbook is not None:
        yield _tried("textbook", attempts, lambda t: obligations.textbook(t, textbook, deadline))
    yield _tried("value", attempts, lambda t: obligations.value(t, deadline))
    for place, argument in enumerate(first.wanted):
        yield _tried(
            f"cotangent[{subject.names[argument]}]",
            attempts,
            lambda t, place=place: obligations.cotangent(t, place, deadline),
        )
    yield _tried("linear", attempts, lambda t: obligations.linear(t, deadline))
    yield _tried("kinks", attempts, lambda t: obligations.kinks(t, deadline))


def _attempts(subject: Subject, sizes: str) -> tuple[list[Traced], list[str]]:
    """Gives the tracings to try, the most general first, and why others failed."""
    tracings, reasons = [], []
    for shapes in _candidates(subject, sizes):
        try:
            this = traced(subject, shapes)
            validate(this)
            tracings.append(this)
        except Unsupported as error:
            reasons.append(str(error))
            continue
        if not shapes.explicit:
            break
    return tracings, reasons


def _candidates(subject: Subject, sizes: str) -> Iterator[Shapes]:
    general = symbolic(subject.shapes, subject.names)
    given = dict(general.sizes)
    if sizes == "given":
        yield concrete(general, given)
    else:
        yield general
        for small in sizes_to_try(general.sizes):
            yield concrete(general, small, explicit=True)
    entries = max((_count(a.shape) for a in concrete(general, given).avals), default=1)
    if entries <= MOST_ENTRIES:
        yield concrete(general, given, explicit=True)


def _count(shape: tuple[int, ...]) -> int:
    result = 1
    for n in shape:
        result *= n
    return result


def _tried(name: str, attempts: list[Traced], prove: Callable[[Traced], Obligation]) -> Obligation:
    """Gives the general verdict, or what the separate sizes say together."""
    outcomes: list[Obligation] = []
    reasons: list[str] = []
    for this in attempts:
        start = time.monotonic()
        try:
            outcome = prove(this)
        except Unsupported as error:
            reasons.append(str(error))
            continue
        outcome = outcome._replace(seconds=time.monotonic() - start)
        if not this.shapes.explicit or outcome.verdict is Verdict.REFUTED:
            return outcome
        outcomes.append(outcome)
    if not outcomes:
        return Obligation(name, "", Verdict.UNDECIDED, reason="; ".join(dict.fromkeys(reasons)))
    for outcome in outcomes:
        if outcome.verdict is Verdict.UNDECIDED:
            return outcome
    return outcomes[0]._replace(
        scope="; ".join(o.scope for o in outcomes),
        seconds=sum(o.seconds for o in outcomes),
    )
