"""Pictures of claims: each belongs to a claim, and shows what was counted."""

import importlib.util
import re

import pytest

from derivations.lectures import CLAIMS
from derivations.report.gallery import gallery

SHOWN = ("003.4", "003.11", "003.13", "003.14", "003.15")


@pytest.mark.slow
@pytest.mark.parametrize("claim", SHOWN)
def test_a_picture(claim):
    assert claim in CLAIMS
    figure = gallery(claim)
    assert figure is not None
    assert isinstance(figure.picture, str)
    assert figure.picture.startswith("<svg")
    assert figure.paper
    assert figure.paper().startswith(b"%PDF")
    assert figure.alt
    assert figure.caption.endswith(".")


def test_the_pieces_are_counted():
    figure = gallery("003.15")
    assert figure is not None
    assert isinstance(figure.picture, str)
    told = re.findall(r"(\d) folds?, (\d+) pieces", figure.picture)
    assert [int(pieces) for _, pieces in told] == [2 ** int(folds) for folds, _ in told]
    assert len(told) == 4


def test_other_claims_have_none():
    assert [claim for claim in CLAIMS if claim not in SHOWN and gallery(claim)] == []


def test_without_matplotlib_there_are_none(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert gallery("003.15") is None
