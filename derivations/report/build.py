"""The whole report: put together, printed and written."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from derivations.report import document as d
from derivations.report.files import require_writable, write_files
from derivations.report.html import html
from derivations.report.limits import limits_section
from derivations.report.markdown import markdown
from derivations.report.network import Network, network_section
from derivations.report.operation import Checked, operation_section
from derivations.report.overview import (
    colophon,
    missing_pictures,
    operation_rows,
    reading_blocks,
    report_row,
)
from derivations.report.site import Page, site
from derivations.report.tex import tex
from derivations.report.words import count
from derivations.verdict import Report, Verdict

Format = Literal["html", "markdown", "latex"]


def write_report(
    operations: Sequence[Checked],
    network: Network | None = None,
    figures: Sequence[d.Figure] = (),
    *,
    out: str | Path,
    format: Format = "html",
) -> Path:
    """Writes a report into a folder.

    Args:
      operations: The operations, each with its textbook entry and its check.
      network: A network made of them, if there is one.
      figures: Pictures of the user's own, such as loss curves.
      out: The folder. It is made if it is not there; other files in it are left alone.
      format: `"html"` for one self-contained page, `"markdown"` for a page and its pictures, or
        `"latex"` for a document and its pictures, which pdflatex sets.

    Returns:
      What was written: `report.html`, `report.md` or `report.tex`.

    Raises:
      OSError: The folder cannot be written. Nothing half-written stays behind.
      ValueError: The format is unknown.
    """
    folder = Path(out)
    require_writable(folder)
    document = report_document(operations, network, figures)
    if format == "html":
        name, files = "report.html", {"report.html": html(document).encode()}
    elif format == "markdown":
        page = markdown(document)
        name, files = "report.md", page.files | {"report.md": page.text.encode()}
    elif format == "latex":
        paper = tex(document)
        name, files = "report.tex", paper.files | {"report.tex": paper.text.encode()}
    else:
        raise ValueError(f"format is 'html', 'markdown' or 'latex'. Got {format!r}.")
    write_files(folder, files)
    return folder / name


def report_document(
    operations: Sequence[Checked],
    network: Network | None = None,
    figures: Sequence[d.Figure] = (),
) -> d.Document:
    """Puts a report together."""
    names = frozenset(checked.entry.name for checked in operations)
    reading = d.Section("How to read this page", "reading", reading_blocks())
    sections = [_overview(operations, network), reading]
    if network is not None:
        sections.append(network_section(network, names))
    if figures:
        sections.append(d.Section("Training", "figures", tuple(figures)))
    if operations:
        inner = tuple(operation_section(checked) for checked in operations)
        sections.append(d.Section("Operations", "operations", (*missing_pictures(), *inner)))
    sections.append(limits_section("page"))
    title = "Backward passes and their proofs"
    document = d.Document(title, _lead(operations, network), tuple(sections), colophon())
    # What this page does not have, such as the derivation of the chain rule, is not linked to.
    return site(title, (Page("report", document, "", title),)).pages[0].document


def check_document(report: Report) -> d.Document:
    """Makes a document of a single check."""

    def blocks(part: Report) -> tuple[Any, ...]:
        inner = tuple(
            d.Section(p.subject, f"part-{number}", blocks(p), p.verdict)
            for number, p in enumerate(part.parts, 1)
        )
        return (*((d.Verdicts(part.obligations),) if part.obligations else ()), *inner)

    section = d.Section(f"{report.subject}", "check", blocks(report), report.verdict)
    lead = (f"The check of the {report.kind} ", d.Mono(report.subject), f": {report.verdict}.")
    return d.Document(report.subject, lead, (section, limits_section("page")))


def _lead(operations: Sequence[Checked], network: Network | None) -> d.Line:
    verdicts = [checked.report.verdict for checked in operations]
    if network is not None:
        verdicts.append(network.report.verdict)
    counts = Counter(verdicts)
    found = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    what = [count(len(operations), "operation")] * bool(operations)
    what += ["one network"] * (network is not None)
    return (
        f"{' and '.join(what).capitalize()}, each with its definition, its derivative and the code "
        f"that computes both: {found}.",
    )


def _overview(operations: Sequence[Checked], network: Network | None) -> d.Section:
    rows = []
    if network is not None:
        rows.append(report_row(d.Link(network.title, "network"), network.report))
    rows += operation_rows(operations)
    header = ("Subject", "Verdict", "Holds for")
    return d.Section("Overview", "overview", (d.Table(header, tuple(rows)),))
