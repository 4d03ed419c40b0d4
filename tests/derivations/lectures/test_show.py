"""`derivations claims`: the table, one claim in full, JSON, and how it leaves."""

import json
import sys

import pytest

from derivations.__main__ import main
from derivations.lectures import CLAIMS
from derivations.lectures.claim import Altered, Finding, Part, Status


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")


def test_a_lecture_is_a_table(capsys):
    assert main(["claims", "004"]) == 0
    captured = capsys.readouterr()
    assert captured.out.count("004.") == 7
    assert "REFUTED as printed" in captured.out
    assert "7 claims settled" in captured.out
    assert "all as claimed" in captured.out
    assert "001." not in captured.out


def test_one_claim_is_told_in_full(capsys):
    assert main(["claims", "001.4"]) == 0
    out = capsys.readouterr().out
    assert "Fatemeh Seyyedsalehi" in out
    assert "✗ REFUTED as printed: ∇J_n = −η (y − wᵀx) x" in out
    assert "counterexample: " in out
    assert "✓ PROVED corrected: ∇J_n = −2 (y − wᵀx) x" in out


def test_a_claim_comes_with_its_derivation(capsys):
    assert main(["claims", "003.7"]) == 0
    out = capsys.readouterr().out
    assert "(softmax_jacobian): ✓ PROVED" in out
    assert "[the common factor taken out]" in out


def test_json_is_for_programs(capsys):
    assert main(["claims", "000.11", "001.2", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["id"] == "000.11"
    assert first["parts"][0]["status"] == "PROVED"
    assert "frac" in first["parts"][0]["latex"]
    assert second["parts"][0]["measured"][0]["holds"] is True


def test_an_unknown_claim_gets_the_nearest(capsys):
    assert main(["claims", "004.33"]) == 3
    assert "no claim '004.33'. Did you mean 004.3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "code"), [(Status.REFUTED, 1), (Status.UNDECIDED, 2), (Status.PROVED, 0)]
)
def test_the_exit_status_says_what_came_out(monkeypatch, capsys, status, code):
    part = Part("", None, lambda _: Finding(status, ""), (Altered("", None),))
    claims = {"000.1": CLAIMS["000.1"]._replace(parts=(part,))}
    monkeypatch.setattr(sys.modules["derivations.lectures"], "CLAIMS", claims)
    assert main(["claims", "000.1"]) == code
    assert str(status) in capsys.readouterr().out
