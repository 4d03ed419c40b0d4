"""The first page: the ledger of claims, the operations, and how to read what is found."""

from collections import Counter
from collections.abc import Mapping, Sequence

from derivations.lectures.claim import Lecture, Settled, Status
from derivations.report import document as d
from derivations.report.limits import limits_section
from derivations.report.operation import Checked
from derivations.report.overview import missing_pictures, operation_rows, reading_blocks
from derivations.report.pages.claims import badges_of
from derivations.report.pages.lectures import counted
from derivations.report.pages.mentions import claim_anchor, lecture_stem
from derivations.report.site import Page
from derivations.report.words import count
from derivations.verdict import Verdict

TITLE = "Backward passes and their proofs"
INDEX = "index"


def index_page(
    operations: Sequence[Checked],
    claims: Mapping[str, Sequence[Settled]],
    lectures: Mapping[str, Lecture],
    theorems: Sequence[Page],
    colophon: str,
) -> Page:
    """Gives the first page.

    Args:
      operations: The operations, checked.
      claims: The settled claims, by the number of their lecture.
      lectures: The lectures, by number.
      theorems: The pages of the chain rule and of backpropagation.
      colophon: What the site was made with.
    """
    entries = [entry for settled in claims.values() for entry in settled]
    sections = [_ledger(lectures[number], settled) for number, settled in claims.items()]
    parts = [_operations(operations)]
    parts += [_theorems(theorems)] if theorems else []
    parts.append(_reading())
    if sections:
        parts.append(d.Section("The ledger of claims", "ledger", (*_counts(entries), *sections)))
    parts.append(limits_section("site"))
    document = d.Document(TITLE, _lead(operations, theorems, entries), tuple(parts), colophon)
    return Page(INDEX, document, "", "Overview")


def _lead(
    operations: Sequence[Checked], theorems: Sequence[Page], entries: Sequence[Settled]
) -> d.Line:
    verdicts = Counter(checked.report.verdict for checked in operations)
    found = ", ".join(f"{verdicts[v]} {v}" for v in Verdict if verdicts[v])
    told = [f"{count(len(operations), 'operation')}: {found}"]
    if theorems:
        told.append("the chain rule in its cases, and backpropagation, step by step")
    if entries:
        odd = sum(not entry.as_claimed for entry in entries)
        well = "all settled as expected" if not odd else f"{odd} otherwise than expected"
        told.append(f"{len(entries)} claims of lectures, {well}")
    return (f"{'; '.join(told)}.",)


def _operations(operations: Sequence[Checked]) -> d.Section:
    header = ("Operation", "Verdict", "Holds for")
    table = d.Table(header, tuple(operation_rows(operations)))
    return d.Section("Operations", "operations", (*missing_pictures(), table))


def _theorems(pages: Sequence[Page]) -> d.Section:
    rows = tuple(
        ((d.Link(page.document.title, page.stem),), (d.Badge(page.document.verdict),))
        for page in pages
    )
    table = d.Table(("Derivation", "Verdict"), rows)
    return d.Section("The chain rule and backpropagation", "theorems", (table,))


def _counts(entries: Sequence[Settled]) -> tuple[d.Paragraph, ...]:
    statuses = Counter(finding.status for entry in entries for finding in entry.findings)
    line: list[d.Inline] = [f"{counted(entries)}. Their statements: "]
    for status in Status:
        if statuses[status]:
            line += [f"{statuses[status]} ", d.Badge(status), ", "]
    line[-1] = "."
    lead = (
        "What the lectures state, each settled by computation. An error of a lecture is refuted as "
        "it is printed; what is right instead is settled beside it.",
    )
    return (d.Paragraph(lead), d.Paragraph(tuple(line)))


def _ledger(lecture: Lecture, entries: Sequence[Settled]) -> d.Section:
    rows = tuple(
        (
            (d.Link(entry.claim.id, claim_anchor(entry.claim)),),
            (d.Typed(entry.claim.statement),),
            (str(entry.claim.kind),),
            _status(entry),
        )
        for entry in entries
    )
    more = d.Paragraph(
        (
            d.Link(f"Lecture {lecture.number}", lecture_stem(lecture.number)),
            f": {counted(entries)}.",
        )
    )
    table = d.Table(("Claim", "Statement", "Kind", "Status"), rows)
    return d.Section(lecture.title, f"ledger-{lecture.number}", (more, table))


def _status(entry: Settled) -> d.Line:
    line: list[d.Inline] = [] if entry.as_claimed else ["Not as expected: "]
    for badges in badges_of(entry):
        line += [*badges, "; "]
    return tuple(line[:-1])


def _reading() -> d.Section:
    measured = (
        d.Badge(Status.MEASURED),
        " it was run: what was measured stands beside it, and whether its bound holds; no proof.",
    )
    return d.Section("How to read these pages", "reading", reading_blocks(measured))
