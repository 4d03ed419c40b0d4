"""The command `derivations report`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from derivations.command.terminal import say
from derivations.command.usage import EXAMPLES, UsageError, nearest


def add(commands: Any) -> None:
    """Adds the command `report`."""
    report = commands.add_parser(
        "report",
        help="check the library's own operations, and write derivations and claims as pages",
        description=(
            "Checks the operations of functional_nn, settles what the lectures state, and writes "
            "it all as pages that link to one another: the ledger of claims, each operation, each "
            "lecture, the chain rule and backpropagation. With names: these operations, and the "
            "claims about them. What is unchanged is not made again."
        ),
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    report.add_argument(
        "names", metavar="NAME", nargs="*", help="which operations (default: all of them)"
    )
    report.add_argument(
        "--out",
        metavar="DIR",
        required=True,
        type=Path,
        help="a folder for the report alone, which is replaced as a whole: new, empty, or of ours",
    )
    report.add_argument(
        "--format",
        choices=("html", "markdown", "latex"),
        default="html",
        help="pages for a browser, without network; or Markdown, or LaTeX for pdflatex, with the "
        "pictures (default: html)",
    )
    report.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> int:
    from derivations.report.kept import key, unchanged
    from derivations.report.replace import require_replaceable

    names = sorted(set(options.names))
    try:
        require_replaceable(options.out)
    except OSError as error:
        raise UsageError(str(error)) from error
    made_from = key(options.format, names)
    there = unchanged(options.out, made_from)
    if there is not None:
        print(f"Unchanged, and every file is as it was written: {options.out}", file=sys.stderr)
        say(options.out / there.first)
        return there.status

    from rich.console import Console

    from derivations.catalog import CATALOG
    from derivations.report.make import make

    for name in names:
        if name not in CATALOG:
            raise UsageError(f"there is no operation {name!r}.{nearest(name, CATALOG)}")
    console = Console(stderr=True, highlight=False)
    ordered = [name for name in CATALOG if name in names]
    made = make(ordered, out=options.out, format=options.format, key=made_from, console=console)
    say(options.out / made.first)
    return made.status
