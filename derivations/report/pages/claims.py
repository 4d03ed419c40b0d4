"""The section of one claim: what the lecture states, and what the computation made of it."""

from typing import Any

from sympy import Symbol

from derivations.lectures.claim import Claim, Finding, Part, Role, Settled, Status
from derivations.lectures.identity import Identity
from derivations.lectures.worked import WORKED
from derivations.report import document as d
from derivations.report.derivation import derivation_section, proof_of
from derivations.report.diagram import diagram
from derivations.report.gallery import gallery
from derivations.report.pages.mentions import claim_anchor, links_from
from derivations.report.words import value
from derivations.steps import derivation


def claim_section(entry: Settled) -> d.Section:
    """Gives the section of a claim, with its derivation in the lecture's own letters."""
    claim = entry.claim
    pictures = (diagram(worked) for worked in WORKED if worked.claim == claim.id)
    links = links_from(claim)
    blocks: list[Any] = [d.Paragraph((d.Typed(claim.statement),)), d.Paragraph(status_line(entry))]
    blocks += [d.Caption((d.Typed(f"Holds if: {c}."),)) for c in claim.conditions]
    given: Any = None
    for part, finding in zip(claim.parts, entry.findings, strict=True):
        blocks.append(_statement(part, finding, given))
        given = _given(part) or given
    blocks += [picture for picture in (*pictures, gallery(claim.id)) if picture is not None]
    blocks += [d.Caption((d.Strong("Note."), " ", d.Typed(f"{claim.note}.")))] if claim.note else []
    blocks += [d.Caption(links)] if links else []
    blocks += [_derivation(claim)] if claim.derivation else []
    return d.Section(f"{claim.id} {claim.topic}", claim_anchor(claim), tuple(blocks))


def status_line(entry: Settled) -> d.Line:
    """Gives the badges of a claim, each with the role of the statements it is about."""
    line: list[d.Inline] = [f"{str(entry.claim.kind).capitalize()}: "]
    for badges in badges_of(entry):
        line += [*badges, "; "]
    line[-1] = "." if entry.as_claimed else ". This is not what the ledger expects."
    return tuple(line)


def badges_of(entry: Settled) -> list[d.Line]:
    """Gives what became of a claim: the statuses of each role, once each."""
    told: dict[Role, dict[str, d.Line]] = {}
    for part, finding in zip(entry.claim.parts, entry.findings, strict=True):
        exceeded = finding.status is Status.MEASURED and not finding.holds
        badge = (d.Badge(finding.status), *((" bound exceeded",) if exceeded else ()))
        told.setdefault(part.role, {})[str(badge)] = badge
    lines = []
    for role, badges in told.items():
        line: list[d.Inline] = []
        for badge in badges.values():
            line += [*([" "] if line else []), *badge]
        lines.append((*line, *((f" {role}",) if role is not Role.STATED else ())))
    return lines


def _statement(part: Part, finding: Finding, above: Any) -> d.Statement:
    role = "" if part.role is Role.STATED else f"{str(part.role).capitalize()}: "
    line = (d.Badge(finding.status), f" {role}", d.Typed(part.text))
    blocks = [*_formulas(part, above), *_told(part, finding), *_counterexample(finding)]
    if finding.measured:
        blocks.append(_measurements(finding))
    ground = "; ".join(filter(None, (finding.ground, finding.scope)))
    reason = finding.reason if finding.witness is None else ""
    if reason:
        blocks.append(d.Caption((d.Typed(f"Reason: {reason}."),)))
    if ground:
        blocks.append(d.Caption((d.Typed(f"Ground: {ground}."),)))
    return d.Statement(line, tuple(blocks))


def _formulas(part: Part, above: Any) -> list[Any]:
    """Shows an equation as it was settled, and what its letters stand for if that is not above."""
    if not isinstance(part.data, Identity):
        return []
    given, equation = _given(part), d.Formula(part.data.equation)
    if not given:
        return [equation]
    if given == above:
        return [equation, d.Caption(("with the letters as above",))]
    return [equation, d.Caption(("with",)), *map(d.Formula, given)]


def _given(part: Part) -> tuple[Any, ...]:
    """Gives what the letters of an equation stand for, and what is taken for granted."""
    if not isinstance(part.data, Identity):
        return ()
    hypothesis = part.data.hypothesis
    return (*part.data.given, *(() if hypothesis is None else (hypothesis,)))


def _told(part: Part, finding: Finding) -> list[Any]:
    lines = list(finding.lines)
    if isinstance(part.data, Identity):
        # The equation and its letters stand above, as formulas.
        lines = lines[1 + len(part.data.given) :]
    return [d.Items(tuple((d.Typed(line),) for line in lines))] if lines else []


def _counterexample(finding: Finding) -> list[Any]:
    witness = finding.witness
    if witness is None:
        return []
    lines: list[d.Line] = [
        ("At ", d.Maths(Symbol(name)), ": ", d.Mono(value(entries)))
        for name, entries in witness.inputs.items()
    ]
    lines.append((f"There {witness.output} is ", d.Mono(witness.found)))
    lines.append(("It should be ", d.Mono(witness.expected)))
    return [d.Paragraph((d.Strong("Counterexample."),)), d.Items(tuple(lines))]


def _measurements(finding: Finding) -> d.Table:
    rows = tuple(
        ((d.Typed(m.quantity),), (m.value,), (d.Typed(m.bound),), ("yes" if m.holds else "NO",))
        for m in finding.measured
    )
    return d.Table(("Measured", "Value", "Bound", "Holds"), rows)


def _derivation(claim: Claim) -> d.Section:
    found, notation = derivation(claim.derivation), f"lecture-{claim.lecture.number}"
    title = "Derivation in the letters of the lecture"
    section = derivation_section(found, proof_of(found.name), notation, title)
    return section._replace(anchor=f"{claim_anchor(claim)}-derivation")
