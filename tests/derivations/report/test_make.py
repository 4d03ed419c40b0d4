"""What a report comes to, as an exit status."""

import pytest

from derivations.lectures import CLAIMS
from derivations.lectures.claim import Finding, Role, Settled, Status
from derivations.report import document as d
from derivations.report.make import status_of
from derivations.report.site import Page, Site
from derivations.verdict import Verdict


def site(verdict):
    inner = d.Section("Inner", "inner", (), verdict)
    return Site("T", (Page("index", d.Document("T", (), (inner,)), "", "T"),))


def entry(right, wrong):
    """Settles a claim with an erratum by hand."""
    claim = CLAIMS["003.6"]
    findings = tuple(
        Finding(wrong if part.role is Role.PRINTED else right, "") for part in claim.parts
    )
    return Settled(claim, findings, 0.0)


@pytest.mark.parametrize(
    ("verdict", "right", "wrong", "status"),
    [
        (Verdict.PROVED, Status.PROVED, Status.REFUTED, 0),
        (Verdict.EXACT, Status.PROVED, Status.REFUTED, 0),
        (Verdict.UNDECIDED, Status.PROVED, Status.REFUTED, 2),
        (Verdict.REFUTED, Status.PROVED, Status.REFUTED, 1),
        (Verdict.PROVED, Status.UNDECIDED, Status.REFUTED, 2),
        (Verdict.PROVED, Status.REFUTED, Status.REFUTED, 1),
        (Verdict.PROVED, Status.PROVED, Status.PROVED, 1),
        (Verdict.UNDECIDED, Status.PROVED, Status.PROVED, 1),
    ],
)
def test_the_status_is_that_of_the_worst(verdict, right, wrong, status):
    assert status_of(site(verdict), [entry(right, wrong)]) == status
