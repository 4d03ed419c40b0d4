"""One rule by itself: traced at all sizes where that works, and every obligation settled."""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from derivations import obligations
from derivations.differentiate import Undifferentiable
from derivations.doors import as_declared, redrawn, subject_of
from derivations.evidence import Follows
from derivations.lift import Unsupported
from derivations.naming import named
from derivations.subject import Subject
from derivations.timeout import OutOfTime, time_limit
from derivations.traced import Traced
from derivations.tracings import Tracings
from derivations.verdict import WORST_FIRST, Named, Obligation, Report, Verdict

SIZES = "the sizes "  # with which the scope of a tracing at numbers begins
# Parts of the time left, for an obligation, and for an attempt at it that another one follows.
CLAIM, GENERAL, GIVEN, EXACT, OTHER = 0.5, 0.4, 0.3, 0.6, 0.2
PATIENCE = 0.2  # part of the budget by which code that does not look at the clock may exceed it
NAMING = 2.0  # seconds to find the name of a mistake in
SHORTEST = 0.2  # seconds that every attempt may take


def check_rule(
    thing: Any,
    *args: Any,
    textbook: Any = None,
    declared: Callable[..., Any] | None = None,
    sizes: str = "all",
    budget: float,
) -> Report:
    """Checks one rule or leaf layer; the arguments are those of `check`."""
    deadline = time.monotonic() + budget
    if declared is not None:
        intended = as_declared(thing, args, declared)
        return check_subject(subject_of(thing, args), intended=intended, sizes=sizes, budget=budget)
    free = subject_of(thing, args, free=True)
    if free.symbols:
        # What is invisible at the value of a hyper-parameter is seen at others.
        report = check_subject(free, sizes=sizes, budget=budget / 3)
        if report.verdict in (Verdict.PROVED, Verdict.REFUTED):
            return report
    others = redrawn(thing, args)
    if others is not None:
        report = check_subject(subject_of(thing, others), sizes=sizes, budget=budget / 3)
        if report.verdict is Verdict.REFUTED:
            return report
    subject = subject_of(thing, args)
    return check_subject(subject, textbook=textbook, sizes=sizes, budget=budget, deadline=deadline)


def check_subject(
    subject: Subject,
    *,
    textbook: Any = None,
    intended: Subject | None = None,
    sizes: str = "all",
    budget: float,
    deadline: float | None = None,
) -> Report:
    """Checks what `subject_of` gives.

    Args:
      subject: What is checked.
      textbook: An entry to compare it with as well.
      intended: The subject with the backward pass that its author declares.
      sizes: `"all"` or `"given"`.
      budget: Seconds.
      deadline: When the time is up, if part of the budget has been spent already.
    """
    deadline = time.monotonic() + budget if deadline is None else deadline
    tracings = Tracings(subject, sizes, deadline)
    settled: list[Obligation] = []
    for claim in _claims(subject, textbook, intended):
        begun = time.monotonic()
        if claim.name == "linear" and (followed := _linear(settled)) is not None:
            settled.append(followed)
            continue
        if claim.first_order and any(o.verdict is Verdict.REFUTED for o in settled):
            continue
        try:
            # Whatever looks at the clock ends by the deadline; what does not is interrupted.
            with time_limit(deadline + PATIENCE * budget - begun):
                obligation = _settled(claim, tracings, _share(deadline, CLAIM))
        except OutOfTime:
            obligation = Obligation(
                claim.name,
                claim.statement,
                Verdict.UNDECIDED,
                reason=f"the budget of {budget:g} s ran out",
            )
        if obligation.verdict is Verdict.REFUTED:
            obligation = obligation._replace(mistake=_named(subject, obligation, deadline))
        settled.append(obligation._replace(seconds=time.monotonic() - begun))
        if tracings.nothing and obligation.verdict is Verdict.UNDECIDED:
            break  # nothing can be traced: once said, it holds for every obligation
    return Report(subject.name, subject.kind, tuple(settled), source=subject)


def _linear(settled: list[Obligation]) -> Obligation | None:
    """Gives that a rule is linear where that follows: vector-Jacobian products are."""
    cotangents = [o for o in settled if o.name.startswith("cotangent")]
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
    left = min(deadline - time.monotonic(), NAMING)
    try:
        with time_limit(left + SHORTEST):
            return named(subject, obligation, time.monotonic() + left)
    except OutOfTime:
        return None


class _Claim(NamedTuple):
    """An obligation to be settled.

    Attributes:
      name: Its name.
      prove: Settles it for one tracing, by a deadline.
      everywhere: Whether what is proved for all sizes is held against single sizes as well.
      smaller: Whether explicit sizes are tried where the general tracing decides nothing.
      pair: What modular execution compares, where no proof is found.
      first_order: Whether it only makes sense for a rule that may be right to first order.
    """

    name: str
    prove: Callable[[Traced, float], Obligation]
    everywhere: bool = False
    smaller: bool = False
    first_order: bool = False
    pair: obligations.Pair | None = None

    @property
    def statement(self) -> str:
        """What is claimed."""
        return obligations.statement(self.name)


def _claims(subject: Subject, textbook: Any, intended: Subject | None) -> Iterator[_Claim]:
    if textbook is not None:
        yield _Claim("textbook", lambda t, d: obligations.textbook(t, textbook, d))
        yield _Claim("cited", lambda t, d: obligations.cited(t, textbook, d))
    yield _Claim(
        "value", obligations.value, everywhere=True, smaller=True,
        pair=obligations.value_pair(subject),
    )  # fmt: skip
    if intended is not None:
        for place, argument in enumerate(subject.wanted):
            yield _Claim(
                f"declared[{subject.names[argument]}]",
                lambda t, d, place=place: obligations.declared(t, place, intended, d),
                everywhere=True,
                smaller=True,
            )
        yield _Claim("contract", obligations.contract)
        return
    for place, argument in enumerate(subject.wanted):
        yield _Claim(
            f"cotangent[{subject.names[argument]}]",
            lambda t, d, place=place: obligations.cotangent(t, place, d),
            everywhere=True,
            smaller=True,
            pair=obligations.cotangent_pair(subject, place),
        )
    if subject.kind == "function":
        return  # the rest is said of each rule inside it
    yield _Claim("linear", obligations.linear, smaller=True)
    yield _Claim("kinks", obligations.kinks)
    yield _Claim("contract", obligations.contract)
    yield _Claim("second order", obligations.second_order, smaller=True, first_order=True)


def _settled(claim: _Claim, tracings: Tracings, deadline: float) -> Obligation:
    """Gives the general verdict, held against single sizes, or what smaller sizes say together."""
    general = tracings.general()
    outcome = None
    if general is not None:
        outcome = _tried(claim, general, _share(deadline, GENERAL) if claim.smaller else deadline)
        if outcome.verdict is Verdict.PROVED and claim.everywhere:
            return _held(claim, outcome, tracings, deadline)
        if outcome.verdict is not Verdict.UNDECIDED:
            return outcome
    if not claim.smaller:
        first = outcome or next((_tried(claim, t, deadline) for t in tracings.first()), None)
        return first or _untraceable(claim, tracings)
    return _at_smaller_sizes(claim, outcome, tracings, deadline)


def _share(deadline: float, part: float) -> float:
    now = time.monotonic()
    return now + part * max(0.0, deadline - now)


def _held(claim: _Claim, proved: Obligation, tracings: Tracings, deadline: float) -> Obligation:
    """Holds a general proof against single sizes, where Python code may have branched on one."""
    seen = []
    for this in tracings.singles():
        single = _tried(claim, this, deadline)
        if single.verdict is not Verdict.PROVED and single.reason != obligations.NOWHERE:
            return single._replace(reason=f"{single.scope}: {single.reason}")
        seen.append(this.shapes.scope.removeprefix(SIZES))
    if not seen:
        return proved
    held = f"Python code does not branch on a size (held against {'; '.join(seen)})"
    return proved._replace(assumptions=(*proved.assumptions, held))


def _at_smaller_sizes(
    claim: _Claim, general: Obligation | None, tracings: Tracings, deadline: float
) -> Obligation:
    """Tries the example's sizes, in modular arithmetic if need be, and then small ones."""
    outcomes: dict[str, Obligation] = {}
    modular = None
    for ways in tracings.smaller():
        scope = ""
        for this in ways:
            scope = this.shapes.scope
            part = GIVEN if scope == tracings.given() else OTHER
            outcomes[scope] = outcome = _tried(claim, this, _share(deadline, part))
            # A wrong shape at a size that is not the example's: the code was not meant for it.
            meant = scope == tracings.given() or outcome.witness is not None
            if outcome.verdict is Verdict.REFUTED and meant:
                return outcome
            if outcome.verdict is Verdict.PROVED:
                break
        if modular is None and tracings.given() not in _proved(outcomes):
            modular = _modular(claim, tracings, _share(deadline, EXACT))
        if time.monotonic() > deadline:
            break
    return _together(claim, general, outcomes, modular, tracings)


def _modular(claim: _Claim, tracings: Tracings, deadline: float) -> Obligation | None:
    shapes = tracings.given_shapes
    if claim.pair is None or shapes is None:
        return None
    return obligations.exact(claim.name, tracings.subject, shapes, claim.pair, deadline)


def _proved(outcomes: dict[str, Obligation]) -> list[str]:
    return [scope for scope, o in outcomes.items() if o.verdict is Verdict.PROVED]


def _together(
    claim: _Claim,
    general: Obligation | None,
    outcomes: dict[str, Obligation],
    modular: Obligation | None,
    tracings: Tracings,
) -> Obligation:
    """Gives what several sizes say together: the example's have to be among them."""
    proved, given = _proved(outcomes), tracings.given()
    told = [general.reason] if general is not None else []
    if given in proved:
        # What follows the sizes ("off the boundaries") stays at the end.
        beyond = outcomes[given].scope.removeprefix(given)
        ordered = [given, *(scope for scope in proved if scope != given)]
        others = [f"; {scope.removeprefix(SIZES)}" for scope in ordered[1:]]
        return outcomes[given]._replace(
            scope=given + "".join(others) + beyond,
            details=tuple(f"not proved for all sizes: {reason}" for reason in told),
            assumptions=tuple(sorted({a for s in proved for a in outcomes[s].assumptions})),
            evidence=tuple(e for s in ordered for e in outcomes[s].evidence or ()),
        )
    failed = told + [o.reason for o in outcomes.values() if o.reason]
    if modular is not None and modular.verdict is Verdict.EXACT:
        details = [f"not proved: {reason}" for reason in dict.fromkeys(failed)]
        details += [f"proved at {'; '.join(proved)}"] if proved else []
        return modular._replace(details=(*modular.details, *details))
    base = general if general is not None else next(iter(outcomes.values()), None)
    if base is None:
        return _untraceable(claim, tracings)
    failed += [modular.reason] if modular is not None else []
    reason = "; ".join(dict.fromkeys(failed + ([] if told else tracings.reasons)))
    shown = f"proved at {'; '.join(proved)}, not at {given}: " if proved else ""
    return base._replace(verdict=Verdict.UNDECIDED, scope=given, reason=shown + reason, ground="")


def _untraceable(claim: _Claim, tracings: Tracings) -> Obligation:
    reason = "; ".join(dict.fromkeys(tracings.reasons))
    return Obligation(claim.name, claim.statement, Verdict.UNDECIDED, reason=reason)


def _tried(claim: _Claim, this: Traced, deadline: float) -> Obligation:
    left = max(deadline - time.monotonic(), 0.0)
    try:
        with time_limit((1 + PATIENCE / 2) * left + SHORTEST):
            return claim.prove(this, deadline)
    except OutOfTime:
        return Obligation(
            claim.name, claim.statement, Verdict.UNDECIDED, scope=this.shapes.scope,
            reason="the budget ran out",
        )  # fmt: skip
    except (Unsupported, Undifferentiable) as error:
        return Obligation(
            claim.name,
            claim.statement,
            Verdict.UNDECIDED,
            scope=this.shapes.scope,
            reason=str(error),
        )
