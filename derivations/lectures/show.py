"""The ledger for a reader at a terminal, and for a program."""

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from sympy import Symbol

from derivations.lectures.claim import Claim, Finding, Part, Settled
from derivations.report.plain import plain
from derivations.report.words import MARKS, seconds, value


def table(entries: Sequence[Settled]) -> RenderableType:
    """Gives the ledger as a table, a claim a row."""
    rows = Table(box=None, padding=(0, 1), show_edge=False, header_style="bold")
    rows.add_column("claim", no_wrap=True)
    rows.add_column("statement", ratio=1)
    rows.add_column("kind", no_wrap=True)
    rows.add_column("status", max_width=36)
    for entry in entries:
        mark = "" if entry.as_claimed else "!! "
        rows.add_row(
            entry.claim.id, escape(entry.claim.statement), str(entry.claim.kind),
            f"{mark}{escape(entry.status)}",
        )  # fmt: skip
    return rows


def summary(entries: Sequence[Settled]) -> str:
    """Counts the claims, and what came out otherwise than claimed."""
    odd = [entry.claim.id for entry in entries if not entry.as_claimed]
    total = seconds(sum(entry.seconds for entry in entries))
    told = f"{len(entries)} claims settled in {total}"
    return f"{told}; not as claimed: {', '.join(odd)}" if odd else f"{told}, all as claimed"


def full(entry: Settled) -> RenderableType:
    """Gives one claim with the findings of all its parts, and its derivation."""
    claim = entry.claim
    source = ", ".join(filter(None, (claim.lecture.author, claim.lecture.title, claim.topic)))
    head = [f"{claim.id}  {claim.statement}", f"{source} ({claim.kind})"]
    head += [f"condition: {condition}" for condition in claim.conditions]
    head += [f"note: {claim.note}"] if claim.note else []
    blocks: list[RenderableType] = [Text("\n".join(head)), Text(f"status: {entry.status}")]
    blocks += [
        Text("\n".join(_lines(part, finding)))
        for part, finding in zip(claim.parts, entry.findings, strict=True)
    ]
    if claim.derivation:
        blocks.append(Text(_derivation(claim)))
    spaced: list[RenderableType] = []
    for block in blocks:
        spaced += [block, Text("")]
    return Group(*spaced[:-1])


def _lines(part: Part, finding: Finding) -> list[str]:
    lines = [f"{MARKS[str(finding.status)]} {finding.status} {part.role}: {part.text}"]
    ground = "; ".join(filter(None, (finding.ground, finding.scope)))
    told = [ground] if ground else []
    told += finding.lines
    told += [f"reason: {finding.reason}"] if finding.reason else []
    if finding.witness is not None:
        witness = finding.witness
        inputs = ", ".join(
            f"{plain(Symbol(name))} = {value(v)}" for name, v in witness.inputs.items()
        )
        told.append(f"counterexample: {inputs}")
        told.append(f"there {witness.output} is {witness.found}; it should be {witness.expected}")
    for m in finding.measured:
        held = "holds" if m.holds else "DOES NOT HOLD"
        told.append(f"measured: {m.quantity}: {m.value}; bound: {m.bound}: {held}")
    return lines + [f"    {line}" for line in told]


def _derivation(claim: Claim) -> str:
    from derivations.steps import derivation, proved
    from derivations.steps.show import text

    found = derivation(claim.derivation)
    return text(found, proved(found), f"lecture-{claim.lecture.number}")


def to_json(entries: Sequence[Settled]) -> str:
    """Gives the ledger for a program."""
    return json.dumps([_data(entry) for entry in entries], indent=2, ensure_ascii=False)


def _data(entry: Settled) -> dict[str, Any]:
    claim = entry.claim
    return {
        "id": claim.id,
        "source": claim.lecture._asdict() | {"topic": claim.topic},
        "kind": str(claim.kind),
        "statement": claim.statement,
        "conditions": list(claim.conditions),
        "note": claim.note,
        "derivation": claim.derivation,
        "status": entry.status,
        "as_claimed": entry.as_claimed,
        "seconds": entry.seconds,
        "parts": [
            {
                "role": str(part.role),
                "statement": part.text,
                "latex": part.latex,
                "status": str(finding.status),
                "holds": finding.holds,
                "ground": finding.ground,
                "scope": finding.scope,
                "lines": list(finding.lines),
                "reason": finding.reason,
                "witness": finding.witness._asdict() if finding.witness else None,
                "measured": [m._asdict() for m in finding.measured],
            }
            for part, finding in zip(claim.parts, entry.findings, strict=True)
        ],
    }
