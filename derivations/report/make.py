"""The command `derivations report`: what it computes, and where it puts it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from rich.console import Console
from rich.progress import Progress

from derivations.catalog import CATALOG
from derivations.lectures import CLAIMS
from derivations.lectures.claim import Settled
from derivations.report import document as d
from derivations.report.html_site import html_site
from derivations.report.kept import MANIFEST, manifest
from derivations.report.markdown_site import markdown_site
from derivations.report.operation import Checked
from derivations.report.pages.build import Parts, claims_about, report_site
from derivations.report.replace import replace_folder
from derivations.report.settling import settle
from derivations.report.site import Site
from derivations.report.tex_site import tex_site
from derivations.report.words import MARKS, seconds
from derivations.verdict import Verdict, worst

Format = Literal["html", "markdown", "latex"]

_PRINTERS: dict[str, tuple[Callable[[Site], Mapping[str, bytes]], str]] = {
    "html": (html_site, "index.html"),
    "markdown": (markdown_site, "index.md"),
    "latex": (tex_site, "report.tex"),
}


class Made(NamedTuple):
    """What was made: the file to open, and the exit status that its verdicts come to."""

    first: str
    status: int


def make(names: Sequence[str], *, out: Path, format: Format, key: str, console: Console) -> Made:
    """Checks, settles, and writes a site.

    Args:
      names: The operations; none for everything there is.
      out: The folder, which is replaced.
      format: What it is written as.
      key: What it is made from, as `kept.key` gives it.
      console: Where progress is shown.

    Returns:
      Which file to open, and the exit status that the verdicts come to: 0, 1 or 2.
    """
    with Progress(console=console, transient=True) as progress:
        chosen = list(names) or list(CATALOG)
        claims = claims_about(names) if names else list(CLAIMS.values())
        checking = progress.add_task("Checking", total=len(chosen))
        settling = progress.add_task("Settling", total=len(claims))

        parts = Parts({}, {})

        def told(found: Checked | Settled) -> None:
            # Other processes go on meanwhile.
            parts.add(found, claims)
            if isinstance(found, Settled):
                progress.advance(settling)
                return
            progress.advance(checking)
            report = found.report
            verdict = f"{MARKS[str(report.verdict)]} {report.verdict}"
            console.print(f"{verdict:<11}  {found.entry.name} ({seconds(report.seconds)})")

        operations, entries = settle(chosen, [claim.id for claim in claims], told)
        progress.add_task("Writing", total=None)
        site = report_site(operations, entries, parts, theorems=not names)
        print_site, first = _PRINTERS[format]
        files = dict(print_site(site))
    status = status_of(site, entries)
    replace_folder(out, files | {MANIFEST: manifest(key, first, status, files)})
    return Made(first, status)


def status_of(site: Site, entries: Sequence[Settled]) -> int:
    """Gives 1 where anything is refuted or came out otherwise than claimed, 2 where it is open."""
    shown: list[Any] = [page.document.verdict for page in site.pages]
    shown += [
        node.verdict
        for page in site.pages
        for node in d.nodes(page.document)
        if isinstance(node, d.Section)
    ]
    verdict = worst([Verdict.PROVED, *(v for v in shown if v is not None)])
    odd = [entry for entry in entries if not entry.as_claimed]
    if verdict is Verdict.REFUTED or any(not entry.undecided for entry in odd):
        return 1
    return 2 if odd or verdict is Verdict.UNDECIDED else 0
