"""How one obligation is settled: for all sizes, at the example's, at small ones, or exactly."""

from collections.abc import Callable
from typing import NamedTuple

from derivations import clock, obligations
from derivations.differentiate import Undifferentiable
from derivations.lift import Unsupported
from derivations.subject import Subject
from derivations.timeout import OutOfTime, time_limit
from derivations.trace import Shapes
from derivations.traced import Traced
from derivations.tracings import TOO_DEEP, Tracings
from derivations.verdict import Obligation, Verdict

SIZES = "the sizes "  # with which the scope of a tracing at numbers begins
# Parts of the time left, for attempts that another one follows.
GENERAL, GIVEN, EXACT, OTHER = 0.4, 0.3, 0.6, 0.2
PATIENCE = 0.1  # part of the time by which code that does not look at the clock may exceed it
SHORTEST = 0.2  # seconds that every attempt may take
FAILED = "a defect of the checker"  # how the reason begins where it failed


class Claim(NamedTuple):
    """An obligation to be settled.

    Attributes:
      name: Its name.
      prove: Settles it for one tracing, by a deadline.
      untraced: Settles it without one, for the sizes.
      everywhere: Whether what is proved for all sizes is held against single sizes as well.
      smaller: Whether explicit sizes are tried where the general tracing decides nothing.
      pair: What modular execution compares, where no proof is found.
      first_order: Whether it only makes sense for a rule that may be right to first order.
    """

    name: str
    prove: Callable[[Traced, float], Obligation] | None = None
    untraced: Callable[[Subject, Shapes], Obligation] | None = None
    everywhere: bool = False
    smaller: bool = False
    first_order: bool = False
    pair: obligations.Pair | None = None

    @property
    def statement(self) -> str:
        """What is claimed."""
        return obligations.statement(self.name)


def settled(claim: Claim, tracings: Tracings, deadline: float) -> Obligation:
    """Gives the general verdict, held against single sizes, or what smaller sizes say together."""
    if claim.untraced is not None:
        shapes = tracings.shapes
        return (
            _untraceable(claim, tracings)
            if shapes is None
            else (claim.untraced(tracings.subject, shapes))
        )
    general = tracings.general()
    outcome = None
    if general is not None:
        outcome = _tried(
            claim, general, clock.share(deadline, GENERAL) if claim.smaller else deadline
        )
        if outcome.verdict is Verdict.PROVED and claim.everywhere:
            return _held(claim, outcome, tracings, deadline)
        if outcome.verdict is not Verdict.UNDECIDED:
            return outcome
    if not claim.smaller:
        first = outcome or next((_tried(claim, t, deadline) for t in tracings.first()), None)
        return first or _untraceable(claim, tracings)
    return _at_smaller_sizes(claim, outcome, tracings, deadline)


def _held(claim: Claim, proved: Obligation, tracings: Tracings, deadline: float) -> Obligation:
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
    claim: Claim, general: Obligation | None, tracings: Tracings, deadline: float
) -> Obligation:
    """Tries the example's sizes, in modular arithmetic if need be, and then small ones."""
    outcomes: dict[str, Obligation] = {}
    modular = None
    for ways in tracings.smaller():
        scope = ""
        for this in ways:
            scope = this.shapes.scope
            part = GIVEN if scope == tracings.given() else OTHER
            outcomes[scope] = outcome = _tried(claim, this, clock.share(deadline, part))
            # A wrong shape at a size that is not the example's: the code was not meant for it.
            meant = scope == tracings.given() or outcome.witness is not None
            if outcome.verdict is Verdict.REFUTED and meant:
                return outcome
            if outcome.verdict is Verdict.PROVED:
                if this.shapes.explicit:
                    tracings.entry_by_entry = (True,)
                break
        if modular is None and tracings.given() not in _proved(outcomes):
            modular = _modular(claim, tracings, clock.share(deadline, EXACT))
            if modular is not None and modular.verdict is Verdict.EXACT:
                deadline = clock.share(
                    deadline, OTHER
                )  # what is left to see is a mistake at other sizes
        if clock.now() > deadline:
            break
    return _together(claim, general, outcomes, modular, tracings)


def _modular(claim: Claim, tracings: Tracings, deadline: float) -> Obligation | None:
    shapes = tracings.given_shapes
    if claim.pair is None or shapes is None:
        return None
    return obligations.exact(claim.name, tracings.subject, shapes, claim.pair, deadline)


def _proved(outcomes: dict[str, Obligation]) -> list[str]:
    return [scope for scope, o in outcomes.items() if o.verdict is Verdict.PROVED]


def _together(
    claim: Claim,
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


def _untraceable(claim: Claim, tracings: Tracings) -> Obligation:
    reason = "; ".join(dict.fromkeys(tracings.reasons))
    return Obligation(claim.name, claim.statement, Verdict.UNDECIDED, reason=reason)


def _tried(claim: Claim, this: Traced, deadline: float) -> Obligation:
    assert claim.prove is not None
    left = max(deadline - clock.now(), 0.0)
    try:
        with time_limit((1 + PATIENCE / 2) * left + SHORTEST):
            return claim.prove(this, deadline)
    except OutOfTime:
        reason = "the budget ran out"
    except RecursionError:
        reason = TOO_DEEP
    except (Unsupported, Undifferentiable) as error:
        reason = str(error)
    except Exception as error:
        # A defect in one argument takes neither the other obligations nor the process with it.
        reason = f"{FAILED} ({type(error).__name__}: {error}); please report it, with the rule"
    return Obligation(
        claim.name, claim.statement, Verdict.UNDECIDED, scope=this.shapes.scope, reason=reason
    )
