"""One rule by itself: traced at all sizes where that works, and every obligation settled."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from derivations import obligations
from derivations.differentiate import Undifferentiable
from derivations.lift import Unsupported
from derivations.refute import sizes_to_try
from derivations.subject import Subject, subject_of
from derivations.trace import Shapes, concrete, symbolic
from derivations.traced import Traced, traced, validate
from derivations.verdict import Obligation, Report, Verdict

MOST_ENTRIES = 400  # of an array whose positions are written out one by one


def check_rule(
    thing: Any, *args: Any, textbook: Any = None, sizes: str = "all", budget: float
) -> Report:
    """Checks one rule or leaf layer; the arguments are those of `check`."""
    subject = subject_of(thing, args)
    deadline = time.monotonic() + budget
    settled = tuple(_obligations(subject, textbook, sizes, deadline))
    return Report(subject.name, subject.kind, settled)


def _obligations(
    subject: Subject, textbook: Any, sizes: str, deadline: float
) -> Iterator[Obligation]:
    start = time.monotonic()
    tracings = _tracings(subject, sizes)
    first = tracings.general or next(iter(tracings.explicit.values()), None)
    if first is None:
        yield Obligation(
            "value",
            "fwd returns the value of the primal",
            Verdict.UNDECIDED,
            reason="; ".join(dict.fromkeys(tracings.reasons)),
            seconds=time.monotonic() - start,
        )
        return
    if textbook is not None:
        yield _settled(
            "textbook", tracings, lambda t: obligations.textbook(t, textbook, deadline), once=True
        )
        yield _settled(
            "cited", tracings, lambda t: obligations.cited(t, textbook, deadline), once=True
        )
    yield _settled("value", tracings, lambda t: obligations.value(t, deadline))
    for place, argument in enumerate(first.wanted):
        yield _settled(
            f"cotangent[{subject.names[argument]}]",
            tracings,
            lambda t, place=place: obligations.cotangent(t, place, deadline),
        )
    # What is the vector-Jacobian product at every size is linear there too.
    yield _settled("linear", tracings, lambda t: obligations.linear(t, deadline), once=True)
    yield _settled("kinks", tracings, lambda t: obligations.kinks(t, deadline), once=True)


class _Tracings(NamedTuple):
    """A subject, traced.

    Attributes:
      general: At symbolic sizes, or at the given ones; `None` if that could not be lifted.
      sizes: The same at single sizes, where Python code may have branched on a size.
      explicit: Where the general one failed: at small sizes, entry by entry, by the sizes' text.
      given: The text of the example's own sizes.
      reasons: Why tracings failed.
    """

    general: Traced | None
    sizes: tuple[Traced, ...]
    explicit: dict[str, Traced]
    given: str
    reasons: tuple[str, ...]


def _tracings(subject: Subject, sizes: str) -> _Tracings:
    try:
        general = symbolic(subject.shapes, subject.names)
    except Unsupported as error:
        return _Tracings(None, (), {}, "", (str(error),))
    given = concrete(general, general.sizes)
    reasons: list[str] = []
    tried = _attempt(subject, general if sizes == "all" else given, reasons)
    if tried is not None:
        single = [given] if sizes == "all" and general.sizes else []
        single += [concrete(general, ones) for ones in _ones(general.sizes)] if single else []
        others = [_attempt(subject, s, reasons, automatic=False, held=False) for s in single]
        return _Tracings(tried, tuple(t for t in others if t), {}, given.scope, tuple(reasons))
    explicit = {}
    for numbers in (
        [*sizes_to_try(general.sizes), general.sizes] if sizes == "all" else [general.sizes]
    ):
        shapes = concrete(general, numbers, explicit=True)
        if shapes.scope in explicit or _entries(shapes) > MOST_ENTRIES:
            continue
        this = _attempt(subject, shapes, reasons)
        if this is not None:
            explicit[shapes.scope] = this
    return _Tracings(None, (), explicit, given.scope, tuple(reasons))


def _ones(sizes: dict[str, int]) -> list[dict[str, int]]:
    return [{**sizes, name: 1} for name in sizes]


def _attempt(
    subject: Subject,
    shapes: Shapes,
    reasons: list[str],
    *,
    automatic: bool = True,
    held: bool = True,
) -> Traced | None:
    try:
        this = traced(subject, shapes, automatic=automatic)
        if held:
            validate(this)
    except Unsupported as error:
        reasons.append(f"at {shapes.scope}: {error}" if shapes.explicit else str(error))
        return None
    return this


def _entries(shapes: Shapes) -> int:
    return max((math.prod(a.shape) for a in shapes.avals), default=1)


def _settled(
    name: str,
    tracings: _Tracings,
    prove: Callable[[Traced], Obligation],
    *,
    once: bool = False,
) -> Obligation:
    """Gives the general verdict, held against single sizes, or what explicit sizes say together."""
    start = time.monotonic()
    if tracings.general is not None:
        outcome = _tried(name, tracings.general, prove)
        singles = () if once or outcome.verdict is not Verdict.PROVED else tracings.sizes
        for this in singles:
            single = _tried(name, this, prove)
            if single.verdict is not Verdict.PROVED and single.reason != obligations.NOWHERE:
                outcome = single._replace(reason=f"{single.scope}: {single.reason}")
                break
        else:
            if singles:
                seen = "; ".join(this.shapes.scope.removeprefix("the sizes ") for this in singles)
                held = f"Python code does not branch on a size (held against {seen})"
                outcome = outcome._replace(assumptions=(*outcome.assumptions, held))
        return outcome._replace(seconds=time.monotonic() - start)
    outcomes = {}
    for scope, this in tracings.explicit.items():
        outcomes[scope] = outcome = _tried(name, this, prove)
        # A wrong shape at a size that is not the example's: the code was not meant for that size.
        meant = scope == tracings.given or outcome.witness is not None
        if outcome.verdict is Verdict.REFUTED and meant:
            return outcome._replace(seconds=time.monotonic() - start)
    proved = [scope for scope, o in outcomes.items() if o.verdict is Verdict.PROVED]
    first = next(iter(outcomes.values()))
    seconds = time.monotonic() - start
    if tracings.given in proved:
        scope = "; ".join(s.removeprefix("the sizes ") for s in proved)
        return first._replace(
            verdict=Verdict.PROVED, reason="", scope=f"the sizes {scope}", seconds=seconds
        )
    failed = [o.reason for o in outcomes.values() if o.reason] + list(tracings.reasons)
    reason = "; ".join(dict.fromkeys(failed))
    shown = f"proved at {'; '.join(proved)}, not at {tracings.given}: " if proved else ""
    return first._replace(
        verdict=Verdict.UNDECIDED, scope=tracings.given, reason=shown + reason, seconds=seconds
    )


def _tried(name: str, this: Traced, prove: Callable[[Traced], Obligation]) -> Obligation:
    start = time.monotonic()
    try:
        return prove(this)
    except (Unsupported, Undifferentiable) as error:
        return Obligation(
            name,
            "",
            Verdict.UNDECIDED,
            scope=this.shapes.scope,
            reason=str(error),
            seconds=time.monotonic() - start,
        )
