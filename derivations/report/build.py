"""The whole report: put together, printed and written."""

import platform
from collections import Counter
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from derivations.report import document as d
from derivations.report import plots
from derivations.report.files import require_writable, write_files
from derivations.report.html import html
from derivations.report.limits import limits_section
from derivations.report.markdown import markdown
from derivations.report.network import Network, network_section
from derivations.report.operation import Checked, anchor, operation_section
from derivations.report.tex import tex
from derivations.report.words import MEANINGS, seconds
from derivations.verdict import Report, Verdict

Format = Literal["html", "markdown", "latex"]

_PACKAGES = ("functional-nn", "jax", "sympy", "python-flint")


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
    sections = [_overview(operations, network), _reading()]
    if network is not None:
        sections.append(network_section(network, names))
    if figures:
        sections.append(d.Section("Training", "figures", tuple(figures)))
    if operations:
        inner = tuple(operation_section(checked) for checked in operations)
        note = () if plots.available() else (_NO_PLOTS,)
        sections.append(d.Section("Operations", "operations", (*note, *inner)))
    sections.append(limits_section())
    return d.Document(
        "Backward passes and their proofs",
        _lead(operations, network),
        tuple(sections),
        f"Made with {', '.join(_versions())}.",
    )


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
    return d.Document(report.subject, lead, (section, limits_section()))


_NO_PLOTS = d.Paragraph(
    ("Plots need matplotlib: ", d.Mono("pip install 'functional-nn[plots]'"), ".")
)


def _lead(operations: Sequence[Checked], network: Network | None) -> d.Line:
    verdicts = [checked.report.verdict for checked in operations]
    if network is not None:
        verdicts.append(network.report.verdict)
    counts = Counter(verdicts)
    found = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    what = [f"{len(operations)} operation{'s' * (len(operations) != 1)}"] * bool(operations)
    what += ["one network"] * (network is not None)
    return (
        f"{' and '.join(what).capitalize()}, each with its definition, its derivative and the code "
        f"that computes both: {found}.",
    )


def _overview(operations: Sequence[Checked], network: Network | None) -> d.Section:
    rows = []
    if network is not None:
        rows.append(_row(d.Link(network.title, "network"), network.report))
    for checked in operations:
        link = d.Link(checked.entry.title, anchor(checked.entry.name))
        rows.append(_row(link, checked.report))
    header = ("Subject", "Verdict", "Holds for", "Time")
    return d.Section("Overview", "overview", (d.Table(header, tuple(rows)),))


def _row(link: d.Link, report: Report) -> tuple[d.Line, ...]:
    scopes = dict.fromkeys(
        obligation.scope
        for obligation in report.obligations
        if obligation.scope and obligation.name != "kinks"
    )
    return (
        (link,),
        (d.Badge(report.verdict),),
        ("; ".join(scopes),),
        (seconds(report.seconds).replace(" ", "\N{NO-BREAK SPACE}"),),
    )


def _reading() -> d.Section:
    verdicts = tuple((d.Badge(verdict), " ", meaning) for verdict, meaning in MEANINGS.items())
    letters = (
        (
            "n counts the examples of a batch, i the inputs of a layer, j its outputs, and k the "
            "classes.",
        ),
        ("dx is the derivative of the cost in x, which books write ∂C/∂x: the cotangent of x.",),
        ("δ with two indices is 1 where they are equal and 0 elsewhere.",),
        (
            "In the code, fwd computes the value and keeps what bwd needs; bwd turns the cotangent "
            "of the output into those of the arguments.",
        ),
    )
    return d.Section(
        "How to read this page",
        "reading",
        (
            d.Paragraph(
                (
                    "Every claim below is about the code that runs: its trace is read, and "
                    "compared with the textbook's definition and with the derivative.",
                )
            ),
            d.Items(verdicts),
            d.Items(letters),
        ),
    )


def _versions() -> list[str]:
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue  # run from a checkout that is not installed
    return [*found, f"Python {platform.python_version()}"]
