"""How the lectures' files write their parts: equations, worked examples, and errata."""

from typing import Any

from derivations.lectures.claim import Altered, Finding, Part, Role, Status
from derivations.lectures.example import Example, Number, by_formula, by_textbook
from derivations.lectures.identity import Identity, holds
from derivations.lectures.runs import by_layers
from derivations.verdict import Verdict


def equation(
    text: str,
    statement: Any,
    *altered: tuple[str, Any],
    given: tuple[Any, ...] = (),
    hypothesis: Any = None,
    role: Role = Role.STATED,
) -> Part:
    """Gives an equation; what is altered are equations for the same letters."""

    def of(equation: Any) -> Identity:
        if isinstance(equation, Identity):
            return equation
        return Identity(equation, given, hypothesis)

    changed = tuple(Altered(change, of(other)) for change, other in altered)
    return Part(text, of(statement), holds, changed, role)


def example(
    text: str, worked: Example, *altered: tuple[str, Example], role: Role = Role.STATED
) -> tuple[Part, ...]:
    """Gives a worked example, twice: by the textbook's definitions, and by the library's layers."""
    changed = tuple(Altered(change, other) for change, other in altered)
    return (
        Part(text, worked, by_textbook, changed, role),
        Part(f"{text}, by the library's layers", worked, by_layers, changed, role),
    )


def number(
    text: str, worked: Number, *altered: tuple[str, Number], role: Role = Role.STATED
) -> Part:
    """Gives a number that is printed for a formula."""
    return Part(text, worked, by_formula, tuple(Altered(c, o) for c, o in altered), role)


def verdict_of(verdict: Verdict) -> Status:
    """Gives the status of a statement that a check has settled for all real inputs."""
    return {
        Verdict.PROVED: Status.PROVED,
        Verdict.REFUTED: Status.REFUTED,
    }.get(verdict, Status.UNDECIDED)


def of_report(report: Any) -> Finding:
    """Gives what a check of running code found, in the ledger's words."""
    lines = [f"{o.name}: {o.verdict}, {o.ground}; {o.scope}" for o in report.obligations]
    lines += [f"{part.subject}: {part.verdict}" for part in report.parts]
    witness = next((o.witness for o in report.obligations if o.witness is not None), None)
    bad = [o.reason for o in report.obligations if o.verdict is not Verdict.PROVED]
    return Finding(
        verdict_of(report.verdict), "the code that runs, read over the reals",
        report.obligations[0].scope, tuple(lines), witness, reason="; ".join(filter(None, bad)),
    )  # fmt: skip
