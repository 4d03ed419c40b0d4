"""The whole site, from what was computed."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from derivations.lectures import CLAIMS, LECTURES
from derivations.lectures.claim import Claim, Settled
from derivations.report import document as d
from derivations.report.operation import Checked
from derivations.report.overview import colophon
from derivations.report.pages.claims import claim_section
from derivations.report.pages.index import TITLE, index_page
from derivations.report.pages.lectures import lecture_page
from derivations.report.pages.mentions import operations_of
from derivations.report.pages.operations import operation_page
from derivations.report.pages.theorems import CASES, backpropagation_page, case_page
from derivations.report.site import Page, Site, site


class Parts(NamedTuple):
    """Parts of a site that were made as their results came.

    Attributes:
      pages: The pages of operations by name.
      sections: The sections of claims by id.
    """

    pages: dict[str, Page]
    sections: dict[str, d.Section]

    def add(self, found: Checked | Settled, claims: Sequence[Claim]) -> None:
        """Makes the part of a result; `claims` are those of the whole site."""
        if isinstance(found, Settled):
            self.sections[found.claim.id] = claim_section(found)
        else:
            self.pages[found.entry.name] = operation_page(found, claims)


def report_site(
    operations: Sequence[Checked],
    entries: Sequence[Settled],
    parts: Parts | None = None,
    *,
    theorems: bool = True,
) -> Site:
    """Makes the site of some operations and claims.

    Args:
      operations: The operations, each with its textbook entry and its check.
      entries: Claims of the lectures, settled; each lecture that has one gets a page.
      parts: The parts of all of these, where they were made before.
      theorems: Whether the chain rule and backpropagation have their pages.
    """
    claims = [entry.claim for entry in entries]
    if parts is None:
        parts = Parts({}, {})
        for found in (*operations, *entries):
            parts.add(found, claims)
    cases = [case_page(name, claims) for name in CASES] if theorems else []
    derived = [*cases, backpropagation_page(claims)] if theorems else []
    by_lecture = _by_lecture(entries)
    pages: list[Page] = [index_page(operations, by_lecture, LECTURES, derived, colophon())]
    for number, settled in by_lecture.items():
        whole = sum(claim.lecture.number == number for claim in CLAIMS.values())
        sections = [parts.sections[entry.claim.id] for entry in settled]
        pages.append(lecture_page(LECTURES[number], settled, sections, whole))
    pages += derived
    pages += [parts.pages[checked.entry.name] for checked in operations]
    return site(TITLE, tuple(pages))


def claims_about(names: Sequence[str]) -> list[Claim]:
    """Gives the claims that speak of any of some operations, in the order of the lectures."""
    return [claim for claim in CLAIMS.values() if set(names) & set(operations_of(claim))]


def _by_lecture(entries: Sequence[Settled]) -> Mapping[str, list[Settled]]:
    found: dict[str, list[Settled]] = {}
    for entry in entries:
        found.setdefault(entry.claim.lecture.number, []).append(entry)
    return found
