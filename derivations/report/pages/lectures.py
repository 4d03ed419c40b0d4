"""The page of a lecture: its claims, one after the other."""

from collections import Counter
from collections.abc import Sequence

from derivations.lectures.claim import Kind, Lecture, Settled
from derivations.report import document as d
from derivations.report.pages.mentions import lecture_stem
from derivations.report.site import Page
from derivations.report.words import count


def lecture_page(
    lecture: Lecture, entries: Sequence[Settled], sections: Sequence[d.Section], whole: int
) -> Page:
    """Gives the page of a lecture.

    Args:
      lecture: The lecture.
      entries: Its claims, settled; all of them, or those that belong to some operations.
      sections: The section of each.
      whole: How many claims the ledger has of it.
    """
    lead = (_lead(lecture, entries, whole),)
    title = f"Lecture {lecture.number}: {lecture.title}"
    short = f"{lecture.number} {lecture.title.partition(' (')[0]}"
    return Page(
        lecture_stem(lecture.number), d.Document(title, lead, tuple(sections)), "Lectures", short
    )


def counted(entries: Sequence[Settled]) -> str:
    """Counts claims by their kind, such as "3 claims: 2 identities, 1 erratum"."""
    kinds = Counter(entry.claim.kind for entry in entries)
    told = [f"{kinds[kind]} {_named(kind, kinds[kind])}" for kind in Kind if kinds[kind]]
    return f"{count(len(entries), 'claim')}: {', '.join(told)}"


def _named(kind: Kind, count: int) -> str:
    plural = {Kind.IDENTITY: "identities", Kind.PROPERTY: "properties", Kind.ERRATUM: "errata"}
    return str(kind) if count == 1 else plural.get(kind, f"{kind}s")


def _lead(lecture: Lecture, entries: Sequence[Settled], whole: int) -> str:
    author = f"By {lecture.author}. " if lecture.author else ""
    part = f", of {whole} in the ledger" if len(entries) < whole else ""
    odd = sum(not entry.as_claimed for entry in entries)
    all_well = "all came out as the ledger expects" if not odd else f"{odd} came out otherwise"
    return f"{author}{counted(entries)}{part}; {all_well}."
