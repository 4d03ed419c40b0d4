"""What the first page of every report says: what was found, and how to read it."""

import platform
from collections.abc import Sequence
from importlib import metadata

from derivations.report import document as d
from derivations.report.canvas import available
from derivations.report.operation import Checked, anchor
from derivations.report.words import MEANINGS
from derivations.verdict import Report

_PACKAGES = ("functional-nn", "jax", "sympy", "python-flint")


def operation_rows(operations: Sequence[Checked]) -> list[tuple[d.Line, ...]]:
    """Gives a row for each operation: a link, its verdict, and what it holds for."""
    return [
        report_row(d.Link(checked.entry.title, anchor(checked.entry.name)), checked.report)
        for checked in operations
    ]


def report_row(link: d.Link, report: Report) -> tuple[d.Line, ...]:
    """Gives the row of one report."""
    scopes = dict.fromkeys(
        obligation.scope
        for obligation in report.obligations
        if obligation.scope and obligation.name != "kinks"
    )
    return (
        (link,),
        (d.Badge(report.verdict),),
        ("; ".join(scopes),),
    )


def reading_blocks(*more: d.Line) -> tuple[d.Paragraph | d.Items, ...]:
    """Tells what the verdicts and the letters mean; `more` are further verdicts."""
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
    return (
        d.Paragraph(
            (
                "Every verdict on an operation is about the code that runs: its trace is read, and "
                "compared with the textbook's definition and with the derivative.",
            )
        ),
        d.Items((*verdicts, *more)),
        d.Items(letters),
    )


def missing_pictures() -> tuple[d.Paragraph, ...]:
    """Tells how to have pictures, where there are none."""
    if available():
        return ()
    install = d.Mono("pip install 'functional-nn[plots]'")
    return (d.Paragraph(("Plots need matplotlib: ", install, ".")),)


def colophon() -> str:
    """Tells what a report was made with."""
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue  # run from a checkout that is not installed
    return f"Made with {', '.join([*found, f'Python {platform.python_version()}'])}."
