"""One rule by itself: traced at all sizes where that works, and every obligation settled."""

from collections.abc import Callable, Iterator
from typing import Any

from derivations import clock, obligations, variants
from derivations.blackbox import evidence
from derivations.doors import as_declared, made_again, subject_of
from derivations.evidence import Follows
from derivations.naming import named
from derivations.settle import Claim, settled
from derivations.subject import Subject
from derivations.timeout import OutOfTime, time_limit
from derivations.tracings import Tracings
from derivations.verdict import WORST_FIRST, Named, Obligation, Report, Verdict

CLAIM = 0.5  # part of the time left that one obligation may take
PATIENCE = 0.2  # part of the budget by which code that does not look at the clock may exceed it
NAMING = 3.0  # seconds to find the name of a mistake in
AT_LEAST = 0.2  # seconds, even where the budget is gone


def check_rule(
    thing: Any,
    *args: Any,
    textbook: Any = None,
    declared: Callable[..., Any] | None = None,
    sizes: str = "all",
    budget: float,
) -> Report:
    """Checks one rule or leaf layer; the arguments are those of `check`."""
    deadline = clock.now() + budget
    if declared is not None:
        intended = as_declared(thing, args, declared)
        return check_subject(subject_of(thing, args), intended=intended, sizes=sizes, budget=budget)
    free = subject_of(thing, args, free=True)
    if free.symbols:
        # What is invisible at the value of a hyper-parameter is seen at others.
        report = check_subject(free, sizes=sizes, budget=budget / 3)
        if report.verdict in (Verdict.PROVED, Verdict.REFUTED):
            return report
    until = clock.share(deadline, CLAIM)  # the rest is for the values as they are
    for other in variants.redrawn(thing, args):
        left = until - clock.now()
        if left <= 0:
            break
        report = check_subject(other, sizes=sizes, budget=min(budget / 4, left))
        # Code that raises at another value may not be meant for it.
        if any(o.witness is not None for o in report.obligations):
            return report
    subject = subject_of(thing, args)
    report = check_subject(
        subject, textbook=textbook, sizes=sizes, budget=budget, deadline=deadline
    )
    if sizes == "all" and report.verdict is not Verdict.REFUTED:
        report = _refuted_at_other_sizes(subject, deadline) or report
    again = made_again(thing, args)
    if again is not None:
        obligation = _again(again, sizes, deadline)
        report = report._replace(obligations=(*report.obligations, obligation))
    return report


def _again(subject: Subject, sizes: str, deadline: float) -> Obligation:
    begun = clock.now()
    claim = Claim("again", obligations.again, everywhere=True, smaller=True)
    obligation = settled(claim, Tracings(subject, sizes, deadline), deadline)
    return obligation._replace(seconds=clock.now() - begun)


def _refuted_at_other_sizes(subject: Subject, deadline: float) -> Report | None:
    """Gives the refutation at sizes that the example hides, if there is one.

    Axes of length one are made longer, many at once before few: code that broadcasts runs
    with some of them longer although it is meant for all of them. So nothing is refuted where the
    rule is not wrong with more of them longer. Then equal sizes are made different.
    """
    right: list[tuple[frozenset[variants.Axis], Subject]] = []
    for axes, longer in variants.lengthened(subject):
        if any(axes <= more for more, _ in right):
            continue
        report = _first_order(longer, deadline)
        if report is None or _is_wrong(report):
            return report
        right.append((axes, longer))
    other = variants.untied(right[0][1] if right else subject)
    report = None if other is None else _first_order(other, deadline)
    return report if report is not None and _is_wrong(report) else None


def _first_order(subject: Subject, deadline: float) -> Report | None:
    """Checks the value and the cotangents, if there is time."""
    left = clock.share(deadline, CLAIM) - clock.now()
    return check_subject(subject, budget=left, first_order=True) if left > 0 else None


def _is_wrong(report: Report) -> bool:
    """Tells whether a report refutes, all of it by counterexamples: a shape says nothing."""
    refuted = [o for o in report.obligations if o.verdict is Verdict.REFUTED]
    return bool(refuted) and all(o.witness is not None for o in refuted)


def check_subject(
    subject: Subject,
    *,
    textbook: Any = None,
    intended: Subject | None = None,
    sizes: str = "all",
    budget: float,
    deadline: float | None = None,
    first_order: bool = False,
) -> Report:
    """Checks what `subject_of` gives.

    Args:
      subject: What is checked.
      textbook: An entry to compare it with as well.
      intended: The subject with the backward pass that its author declares.
      sizes: `"all"` or `"given"`.
      budget: Seconds.
      deadline: When the time is up, if part of the budget has been spent already.
      first_order: Whether to look at the value and the cotangents alone.
    """
    deadline = clock.now() + budget if deadline is None else deadline
    tracings = Tracings(subject, sizes, deadline)
    done: list[Obligation] = []
    ran = False  # whether code that cannot be read has been run instead
    for claim in _claims(subject, textbook, intended):
        if first_order and (claim.pair is None or claim.first_order):
            continue
        begun = clock.now()
        if claim.name == "linear" and (followed := _linear(done)) is not None:
            done.append(followed)
            continue
        if claim.first_order and any(o.verdict is Verdict.REFUTED for o in done):
            continue
        try:
            # Whatever looks at the clock ends by the deadline; what does not is interrupted.
            with time_limit(deadline + PATIENCE * budget - begun):
                obligation = settled(claim, tracings, clock.share(deadline, CLAIM))
        except OutOfTime:
            obligation = Obligation(
                claim.name,
                claim.statement,
                Verdict.UNDECIDED,
                reason=f"the budget of {budget:g} s ran out",
            )
        if obligation.verdict is Verdict.REFUTED:
            obligation = obligation._replace(mistake=_named(subject, obligation, deadline))
        if tracings.nothing and not ran and obligation.verdict is Verdict.UNDECIDED:
            ran = True
            obligation = _run_instead(subject, obligation, deadline)
        done.append(obligation._replace(seconds=clock.now() - begun))
    return Report(subject.name, subject.kind, tuple(done), source=subject)


def _run_instead(subject: Subject, obligation: Obligation, deadline: float) -> Obligation:
    """Adds what running a rule that cannot be read speaks for: evidence, and no verdict."""
    told = "" if subject.symbols else evidence(subject, deadline)
    return obligation._replace(reason=f"{obligation.reason}; {told}") if told else obligation


def _linear(done: list[Obligation]) -> Obligation | None:
    """Gives that a rule is linear where that follows: vector-Jacobian products are."""
    cotangents = [o for o in done if o.name.startswith("cotangent")]
    last = min(cotangents, key=lambda o: WORST_FIRST.index(o.verdict), default=None)
    if last is None or last.verdict not in (Verdict.PROVED, Verdict.EXACT):
        return None
    return Obligation(
        "linear",
        obligations.statement("linear"),
        last.verdict,
        ground="it is the vector-Jacobian product, which is linear",
        scope=last.scope,
        assumptions=tuple(sorted({a for o in cotangents for a in o.assumptions})),
        evidence=(Follows(tuple(o.name for o in cotangents)),),
    )


def _named(subject: Subject, obligation: Obligation, deadline: float) -> Named | None:
    """Names the mistake, if that does not take long."""
    left = min(deadline - clock.now(), NAMING)
    try:
        with time_limit(left + AT_LEAST):
            return named(subject, obligation, clock.now() + left)
    except (OutOfTime, RecursionError):
        return None


def _claims(subject: Subject, textbook: Any, intended: Subject | None) -> Iterator[Claim]:
    if textbook is not None:
        yield Claim("textbook", lambda t, d: obligations.textbook(t, textbook, d))
        yield Claim("cited", lambda t, d: obligations.cited(t, textbook, d))
    yield Claim(
        "value", obligations.value, everywhere=True, smaller=True,
        pair=obligations.value_pair(subject),
    )  # fmt: skip
    if intended is not None:
        for place, argument in enumerate(subject.wanted):
            yield Claim(
                f"declared[{subject.names[argument]}]",
                lambda t, d, place=place: obligations.declared(t, place, intended, d),
                everywhere=True,
                smaller=True,
            )
        yield Claim("contract", untraced=obligations.contract)
        return
    for place, argument in enumerate(subject.wanted):
        yield Claim(
            f"cotangent[{subject.names[argument]}]",
            lambda t, d, place=place: obligations.cotangent(t, place, d),
            everywhere=True,
            smaller=True,
            pair=obligations.cotangent_pair(subject, place),
        )
    if subject.kind == "function":
        return  # the rest is said of each rule inside it
    yield Claim("linear", obligations.linear, smaller=True)
    yield Claim("kinks", obligations.kinks)
    yield Claim("contract", untraced=obligations.contract)
    yield Claim(
        "second order", obligations.second_order, smaller=True, first_order=True,
        pair=obligations.second_order_pair(subject),
    )  # fmt: skip
