"""A site of a few pages, made once: checks by hand, claims that settle quickly."""

import pytest

import functional_nn as fnn
from derivations.lectures import CLAIMS, settled
from derivations.report.operation import Checked
from derivations.report.pages.build import report_site
from derivations.textbook import ENTRIES
from derivations.verdict import Obligation, Report, Verdict

OPERATIONS = ("sigmoid", "softmax", "dense")
# An identity with a derivation, an example with a picture, an erratum, and one that is measured.
CHOSEN = ("000.11", "000.13", "001.9", "003.5", "003.6", "003.7", "004.3")


@pytest.fixture(scope="session")
def entries():
    return [settled(CLAIMS[name]) for name in CHOSEN]


@pytest.fixture(scope="session")
def operations():
    told = (Obligation("value", "fwd returns the primal", Verdict.PROVED, scope="all sizes"),)
    return [
        Checked(fnn.RULES[name], ENTRIES[name], Report(name, "rule", told)) for name in OPERATIONS
    ]


@pytest.fixture(scope="session")
def site(operations, entries):
    return report_site(operations, entries)
