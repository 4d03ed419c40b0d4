"""The whole site, from what was computed."""

from collections.abc import Mapping, Sequence

from derivations.lectures import CLAIMS, LECTURES
from derivations.lectures.claim import Claim, Settled
from derivations.report.operation import Checked
from derivations.report.overview import colophon
from derivations.report.pages.index import TITLE, index_page
from derivations.report.pages.lectures import lecture_page
from derivations.report.pages.mentions import operations_of
from derivations.report.pages.operations import operation_page
from derivations.report.pages.theorems import CASES, backpropagation_page, case_page
from derivations.report.site import Page, Site, site


def report_site(
    operations: Sequence[Checked], entries: Sequence[Settled], *, theorems: bool = True
) -> Site:
    """Makes the site of some operations and claims.

    Args:
      operations: The operations, each with its textbook entry and its check.
      entries: Claims of the lectures, settled; each lecture that has one gets a page.
      theorems: Whether the chain rule and backpropagation have their pages.
    """
    claims = [entry.claim for entry in entries]
    cases = [case_page(name, claims) for name in CASES] if theorems else []
    derived = [*cases, backpropagation_page(claims)] if theorems else []
    by_lecture = _by_lecture(entries)
    pages: list[Page] = [index_page(operations, by_lecture, LECTURES, derived, colophon())]
    for number, settled in by_lecture.items():
        whole = sum(claim.lecture.number == number for claim in CLAIMS.values())
        pages.append(lecture_page(LECTURES[number], settled, whole))
    pages += derived
    pages += [operation_page(checked, claims) for checked in operations]
    return site(TITLE, tuple(pages))


def claims_about(names: Sequence[str]) -> list[Claim]:
    """Gives the claims that speak of any of some operations, in the order of the lectures."""
    return [claim for claim in CLAIMS.values() if set(names) & set(operations_of(claim))]


def _by_lecture(entries: Sequence[Settled]) -> Mapping[str, list[Settled]]:
    found: dict[str, list[Settled]] = {}
    for entry in entries:
        found.setdefault(entry.claim.lecture.number, []).append(entry)
    return found
