"""One rule by itself: traced at all sizes where that works, and every obligation settled."""

import itertools
import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from derivations import obligations
from derivations.differentiate import Undifferentiable
from derivations.lift import Unsupported
from derivations.refute import sizes_to_try
from derivations.subject import Subject, redrawn, subject_of
from derivations.timeout import OutOfTime, time_limit
from derivations.trace import Shapes, concrete, symbolic
from derivations.traced import Traced, traced, validate
from derivations.verdict import Obligation, Report, Verdict

SIZES = "the sizes "  # with which the scope of a tracing at numbers begins
MOST_ENTRIES = 400  # of an array whose positions are written out one by one
GENERAL, SINGLE = 0.4, 0.5  # parts of the time left, for an attempt that another one follows
PATIENCE = 0.2  # part of the budget by which code that does not look at the clock may exceed it


def check_rule(
    thing: Any, *args: Any, textbook: Any = None, sizes: str = "all", budget: float
) -> Report:
    """Checks one rule or leaf layer; the arguments are those of `check`."""
    deadline = time.monotonic() + budget
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
    sizes: str = "all",
    budget: float,
    deadline: float | None = None,
) -> Report:
    """Checks what `subject_of` gives, by a deadline that is the budget's unless part is spent."""
    deadline = time.monotonic() + budget if deadline is None else deadline
    tracings = _Tracings(subject, sizes)
    settled: list[Obligation] = []
    for claim in _claims(subject, textbook):
        begun = time.monotonic()
        try:
            # Whatever looks at the clock ends by the deadline; what does not is interrupted.
            with time_limit(deadline + PATIENCE * budget - begun):
                obligation = _settled(claim, tracings, deadline)
        except OutOfTime:
            obligation = Obligation(
                claim.name,
                claim.statement,
                Verdict.UNDECIDED,
                reason=f"the budget of {budget:g} s ran out",
            )
        settled.append(obligation._replace(seconds=time.monotonic() - begun))
        if tracings.nothing:
            break  # nothing can be traced: once said, it holds for every obligation
    return Report(subject.name, subject.kind, tuple(settled))


class _Claim(NamedTuple):
    """An obligation to be settled.

    Attributes:
      name: Its name.
      prove: Settles it for one tracing, by a deadline.
      everywhere: Whether what is proved for all sizes is held against single sizes as well.
      smaller: Whether explicit sizes are tried where the general tracing decides nothing.
    """

    name: str
    prove: Callable[[Traced, float], Obligation]
    everywhere: bool = False
    smaller: bool = False

    @property
    def statement(self) -> str:
        """What is claimed."""
        return obligations.statement(self.name)


def _claims(subject: Subject, textbook: Any) -> Iterator[_Claim]:
    if textbook is not None:
        yield _Claim("textbook", lambda t, d: obligations.textbook(t, textbook, d))
        yield _Claim("cited", lambda t, d: obligations.cited(t, textbook, d))
    yield _Claim("value", obligations.value, everywhere=True, smaller=True)
    for place, argument in enumerate(subject.wanted):
        yield _Claim(
            f"cotangent[{subject.names[argument]}]",
            lambda t, d, place=place: obligations.cotangent(t, place, d),
            everywhere=True,
            smaller=True,
        )
    # What is the vector-Jacobian product at every size is linear there too.
    yield _Claim("linear", obligations.linear, smaller=True)
    yield _Claim("kinks", obligations.kinks)
    yield _Claim("second order", obligations.second_order, smaller=True)
    yield _Claim("contract", obligations.contract)


class _Tracings:
    """A subject traced at one set of sizes after another, at each of them once.

    Attributes:
      general: At symbolic sizes, or at the given ones if these alone are asked for.
      given: The example's own sizes.
      reasons: Why tracings failed.
    """

    def __init__(self, subject: Subject, sizes: str):
        self.subject = subject
        self.reasons: list[str] = []
        self._memory: dict[Any, Traced | None] = {}
        self._every = sizes == "all"
        try:
            shapes = symbolic(subject.shapes, subject.names)
            self._shapes: Shapes | None = shapes._replace(positive=frozenset(subject.symbols))
        except Unsupported as error:
            self._shapes = None
            self.reasons.append(str(error))

    @property
    def nothing(self) -> bool:
        """Whether no tracing has worked."""
        return bool(self.reasons) and not any(self._memory.values())

    def general(self) -> Traced | None:
        """Gives the tracing that speaks for all sizes, if the code can be lifted so."""
        if self._shapes is None:
            return None
        return self._at(self._shapes if self._every else self._given(self._shapes))

    def given(self) -> str:
        """Gives the text of the example's own sizes."""
        return "" if self._shapes is None else self._given(self._shapes).scope

    def _given(self, shapes: Shapes, *, explicit: bool = False) -> Shapes:
        return concrete(shapes, shapes.sizes, explicit=explicit)

    def singles(self) -> Iterator[Traced]:
        """Gives tracings at which a general proof is held: given sizes, and each of them one."""
        shapes = self._shapes
        if shapes is None or not self._every or not shapes.sizes:
            return
        for numbers in (shapes.sizes, *({**shapes.sizes, name: 1} for name in shapes.sizes)):
            this = self._at(concrete(shapes, numbers), automatic=False, held=False)
            if this is not None:
                yield this

    def smaller(self) -> Iterator[tuple[Traced, ...]]:
        """Gives, for each set of numbers, tracings that decide more: first the example's own.

        Of the same numbers the first tracing is read by index calculus, the second entry by entry.
        """
        shapes = self._shapes
        if shapes is None:
            return
        others = sizes_to_try(shapes.sizes) if self._every else ()
        for numbers in dict.fromkeys(tuple(n.items()) for n in (shapes.sizes, *others)):
            ways = [concrete(shapes, dict(numbers))] if shapes.sizes and self._every else []
            written_out = concrete(shapes, dict(numbers), explicit=True)
            if _entries(written_out) <= MOST_ENTRIES:
                ways.append(written_out)
            yield tuple(t for t in map(self._at, ways) if t is not None)

    def first(self) -> Iterator[Traced]:
        """Gives the tracing at the smallest numbers tried that works, if there is one."""
        yield from itertools.islice((t for ways in self.smaller() for t in ways), 1)

    def _at(self, shapes: Shapes, *, automatic: bool = True, held: bool = True) -> Traced | None:
        key = (shapes.scope, shapes.explicit, automatic, held)
        if key not in self._memory:
            self._memory[key] = None  # also if it is interrupted
            try:
                this = traced(self.subject, shapes, automatic=automatic)
                if held:
                    validate(this)
                self._memory[key] = this
            except Unsupported as error:
                self.reasons.append(
                    f"at {shapes.scope}: {error}" if shapes.explicit else str(error)
                )
        return self._memory[key]


def _entries(shapes: Shapes) -> int:
    return max((math.prod(a.shape) for a in shapes.avals), default=1)


def _settled(claim: _Claim, tracings: _Tracings, deadline: float) -> Obligation:
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


def _held(claim: _Claim, proved: Obligation, tracings: _Tracings, deadline: float) -> Obligation:
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
    claim: _Claim, general: Obligation | None, tracings: _Tracings, deadline: float
) -> Obligation:
    outcomes: dict[str, Obligation] = {}
    for ways in tracings.smaller():
        for this in ways:
            scope = this.shapes.scope
            outcomes[scope] = outcome = _tried(claim, this, _share(deadline, SINGLE))
            # A wrong shape at a size that is not the example's: the code was not meant for it.
            meant = scope == tracings.given() or outcome.witness is not None
            if outcome.verdict is Verdict.REFUTED and meant:
                return outcome
            if outcome.verdict is Verdict.PROVED:
                break
        if time.monotonic() > deadline:
            break
    proved = {scope: o for scope, o in outcomes.items() if o.verdict is Verdict.PROVED}
    base = next(iter(outcomes.values()), general)
    told = [general.reason] if general is not None else []
    given = proved.get(tracings.given())
    if given is not None:
        # What follows the sizes ("off the boundaries") stays at the end.
        beyond = given.scope.removeprefix(tracings.given())
        others = [f"; {s.removeprefix(SIZES)}" for s in proved if s != tracings.given()]
        return given._replace(
            scope=tracings.given() + "".join(others) + beyond,
            details=tuple(f"not proved for all sizes: {reason}" for reason in told),
            assumptions=tuple(sorted({a for o in proved.values() for a in o.assumptions})),
        )
    failed = [o.reason for o in outcomes.values() if o.reason]
    reason = "; ".join(dict.fromkeys(told + failed + ([] if told else tracings.reasons)))
    shown = f"proved at {'; '.join(proved)}, not at {tracings.given()}: " if proved else ""
    if base is None:
        return _untraceable(claim, tracings)
    return base._replace(
        verdict=Verdict.UNDECIDED, scope=tracings.given(), reason=shown + reason, ground=""
    )


def _untraceable(claim: _Claim, tracings: _Tracings) -> Obligation:
    reason = "; ".join(dict.fromkeys(tracings.reasons))
    return Obligation(claim.name, claim.statement, Verdict.UNDECIDED, reason=reason)


def _tried(claim: _Claim, this: Traced, deadline: float) -> Obligation:
    try:
        return claim.prove(this, deadline)
    except (Unsupported, Undifferentiable) as error:
        return Obligation(
            claim.name,
            claim.statement,
            Verdict.UNDECIDED,
            scope=this.shapes.scope,
            reason=str(error),
        )
