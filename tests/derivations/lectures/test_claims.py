"""Every claim comes out as its roles have it, and no nearby statement does."""

import pytest

from derivations.lectures import CLAIMS, LECTURES, settled
from derivations.lectures.claim import Kind, Role, Settled, Status
from derivations.steps import names

# Altered networks of several layers take seconds to refute.
LONG = {"000.16", "001.19", "002.6", "002.8", "004.5"}
COUNTS = {"000": 16, "001": 19, "002": 11, "003": 15, "004": 7}


def test_every_claim_of_every_lecture_is_there_in_order():
    expected = [f"{lecture}.{n}" for lecture, count in COUNTS.items() for n in range(1, count + 1)]
    assert list(CLAIMS) == expected
    assert list(LECTURES) == list(COUNTS)
    for name, claim in CLAIMS.items():
        assert claim.id == name
        assert claim.lecture is LECTURES[name[:3]]
        assert claim.topic
        assert claim.statement
        assert claim.parts


def _differs_where_altered(entry: Settled) -> None:
    for part, finding in zip(entry.claim.parts, entry.findings, strict=True):
        assert part.altered, f"{part.text}: nothing says what would be otherwise"
        for altered in part.altered:
            other = part.settle(altered.data)
            assert other.holds is not finding.holds, f"{part.text}: {altered.change}"


@pytest.mark.slow
@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_comes_out_as_its_roles_have_it_and_an_altered_one_otherwise(name):
    entry = settled(CLAIMS[name])
    assert entry.as_claimed, entry
    assert not entry.undecided
    if name not in LONG:
        _differs_where_altered(entry)


@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted(LONG))
def test_an_altered_claim_about_a_network_comes_out_otherwise(name):
    _differs_where_altered(settled(CLAIMS[name]))


@pytest.mark.parametrize("name", [n for n, c in CLAIMS.items() if c.kind is Kind.ERRATUM])
def test_an_erratum_is_refuted_as_printed_and_stands_as_corrected(name):
    roles = [part.role for part in CLAIMS[name].parts]
    assert Role.PRINTED in roles
    assert Role.CORRECTED in roles


def test_what_refutes_is_there_to_be_looked_at():
    for name in ("001.4", "000.15", "002.2", "003.6", "004.7"):
        for part, finding in zip(CLAIMS[name].parts, settled(CLAIMS[name]).findings, strict=True):
            if part.role.wrong:
                assert finding.status is Status.REFUTED
                assert finding.reason
                assert finding.witness or finding.lines


def test_a_measurement_is_never_a_proof():
    for name in ("001.2", "002.10", "003.15"):
        for finding in settled(CLAIMS[name]).findings:
            assert finding.status is Status.MEASURED
            assert finding.measured


def test_the_derivations_that_claims_refer_to_exist():
    assert {claim.derivation for claim in CLAIMS.values()} - {""} <= set(names())


def test_conditions_are_named_where_a_statement_needs_them():
    for claim in CLAIMS.values():
        if any(part.role in (Role.CONDITIONED, Role.UNCONDITIONED) for part in claim.parts):
            assert claim.conditions or claim.note, claim.id
