"""A report as JSON, for programs."""

import json
from typing import Any

from derivations.verdict import Obligation, Report


def to_json(report: Report) -> str:
    """Prints a report as JSON with sorted sense: the fields in the order of their definition."""
    return json.dumps(_report(report), indent=2, ensure_ascii=False)


def _report(report: Report) -> dict[str, Any]:
    return {
        "subject": report.subject,
        "kind": report.kind,
        "verdict": str(report.verdict),
        "seconds": report.seconds,
        "obligations": [_obligation(obligation) for obligation in report.obligations],
        "parts": [_report(part) for part in report.parts],
    }


def _obligation(obligation: Obligation) -> dict[str, Any]:
    witness, mistake = obligation.witness, obligation.mistake
    fields = obligation._asdict()
    del fields["evidence"]
    return fields | {
        "verdict": str(obligation.verdict),
        "witness": None if witness is None else witness._asdict(),
        "mistake": None if mistake is None else mistake._asdict(),
    }
