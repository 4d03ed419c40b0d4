"""The words of an obligation, shared by all printers."""

from typing import Any

from derivations.verdict import Obligation, Verdict

# By word, for the verdicts of checks and the statuses of claims alike.
MARKS = {"PROVED": "✓", "EXACT": "≡", "MEASURED": "~", "UNDECIDED": "?", "REFUTED": "✗"}

MEANINGS = {
    Verdict.PROVED: (
        "an argument that cannot be wrong over the stated domain, sizes and assumptions."
    ),
    Verdict.EXACT: (
        'equal in modular arithmetic at the stated size, with a bound on a wrong "equal".'
    ),
    Verdict.UNDECIDED: "neither proved nor refuted; the reason is given.",
    Verdict.REFUTED: "wrong: a counterexample is given, at exact inputs.",
}


def count(number: int, noun: str) -> str:
    """Writes how many there are of something.

    Example:
      >>> count(1, "step"), count(3, "step")
      ('1 step', '3 steps')
    """
    return f"{number} {noun}{'s' * (number != 1)}"


def seconds(duration: float) -> str:
    """Writes a duration for a reader.

    Example:
      >>> seconds(0.0002), seconds(0.0123), seconds(2.34)
      ('< 1 ms', '12 ms', '2.3 s')
    """
    if duration < 0.001:
        return "< 1 ms"
    return f"{duration:.1f} s" if duration >= 1 else f"{1000 * duration:.0f} ms"


def remarks(obligation: Obligation) -> list[tuple[str, str]]:
    """Gives what an obligation says besides its ground and scope, as titles and texts."""
    lines = [("Assumes", text) for text in obligation.assumptions]
    if obligation.reason:
        lines.append(("Reason", obligation.reason))
    if obligation.mistake is not None:
        lines.append(("Looks like", f"{obligation.mistake.title}: {obligation.mistake.text}"))
    return lines + [("Detail", text) for text in obligation.details]


def witness_lines(obligation: Obligation) -> list[tuple[str, str]]:
    """Gives the counterexample of an obligation: its inputs, and both values."""
    witness = obligation.witness
    if witness is None:
        return []
    inputs = [(f"At {name}", value(entries)) for name, entries in witness.inputs.items()]
    return [
        *inputs,
        (f"The rule gives for {witness.output}", witness.found),
        ("The true value is", witness.expected),
    ]


def value(entries: Any) -> str:
    """Writes nested lists of exact rationals.

    Example:
      >>> value([["1", "-1/2"], ["0", "3"]])
      '[[1, -1/2], [0, 3]]'
    """
    if isinstance(entries, list | tuple):
        return f"[{', '.join(map(value, entries))}]"
    return str(entries)
