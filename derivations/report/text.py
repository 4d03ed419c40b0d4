"""A report in plain text, for a terminal."""

import textwrap

from derivations.report.words import MARKS, remarks, seconds, witness_lines
from derivations.verdict import Obligation, Report

_WIDTH = 100


def text(report: Report) -> str:
    """Prints a report: one line per obligation, with what it rests on below."""
    return "\n".join(_report(report, ""))


def _report(report: Report, indent: str) -> list[str]:
    verdict = f"{MARKS[str(report.verdict)]} {report.verdict}"
    lines = [f"{indent}{report.subject} ({report.kind}): {verdict} in {seconds(report.seconds)}"]
    column = max((len(o.name) for o in report.obligations), default=0)
    for obligation in report.obligations:
        lines += _obligation(obligation, column, indent + "  ")
    for part in report.parts:
        lines += _report(part, indent + "  ")
    return lines


def _obligation(obligation: Obligation, column: int, indent: str) -> list[str]:
    verdict = f"{MARKS[str(obligation.verdict)]} {obligation.verdict}"
    head = f"{indent}{obligation.name:<{column}}  {verdict:<11}  "
    lines = _wrapped(head, obligation.statement or obligation.reason)
    below = " " * len(head)
    ground = "; ".join(part for part in (obligation.ground, obligation.scope) if part)
    if ground:
        lines += _wrapped(below, ground)
    for title, remark in remarks(obligation):
        lines += _wrapped(f"{below}{title.lower()}: ", remark)
    for title, remark in witness_lines(obligation):
        lines += _wrapped(f"{below}{title[0].lower()}{title[1:]}: ", remark)
    return lines


def _wrapped(head: str, body: str) -> list[str]:
    # What continues a line stands below its text, or, after a long head, a little further in.
    hanging = len(head) if len(head) < _WIDTH // 2 else len(head) - len(head.lstrip()) + 2
    filled = textwrap.wrap(
        body, _WIDTH, initial_indent=head, subsequent_indent=" " * hanging, break_on_hyphens=False
    )
    return filled or [head.rstrip()]
