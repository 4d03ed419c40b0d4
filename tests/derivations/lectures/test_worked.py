"""Both passes of the worked examples: the textbook's and the library's are the same numbers."""

import jax
import numpy as np
import pytest

from derivations.lectures import CLAIMS
from derivations.lectures.claim import Kind
from derivations.lectures.example import Dense
from derivations.lectures.worked import WORKED, apart, by_library, by_textbook


@pytest.mark.parametrize("worked", WORKED, ids=lambda worked: worked.name)
def test_textbook_and_library_agree(worked):
    book, ours = by_textbook(worked), by_library(worked)
    assert apart(book, ours) < 1e-5
    assert len(book.values) == len(worked.example.layers) + 1
    assert len(book.slopes) == worked.read_by_loss + 1


@pytest.mark.parametrize("worked", WORKED, ids=lambda worked: worked.name)
def test_a_delta_is_what_the_edges_above_carry_back(worked):
    found = by_textbook(worked)
    for place, layer in enumerate(worked.example.layers[: worked.read_by_loss]):
        if isinstance(layer, Dense):
            carried = np.array(layer.w, float) * np.array(found.slopes[place + 1])[:, None]
            np.testing.assert_allclose(carried.sum(axis=0), found.slopes[place], atol=1e-12)


def test_a_delta_is_the_slope_of_the_loss():
    # By hand, for one layer of two sigmoids and half the squared error: (a − y) a (1 − a).
    found = by_textbook(WORKED[0])
    a, y = 1 / (1 + np.exp([-4, 2])), np.array([1, 0])
    np.testing.assert_allclose(found.slopes[1], (a - y) * a * (1 - a), rtol=1e-12)
    np.testing.assert_allclose(found.loss, np.sum((a - y) ** 2) / 2, rtol=1e-12)


def test_numbers_that_differ_are_apart():
    found = by_textbook(WORKED[0])
    other = found._replace(slopes=tuple(jax.tree.map(lambda s: s + 1e-3, found.slopes)))
    assert apart(found, other) == pytest.approx(1e-3)


def test_every_example_of_the_ledger_is_here():
    of_ledger = {claim.id for claim in CLAIMS.values() if claim.kind is Kind.EXAMPLE}
    assert of_ledger == {worked.claim for worked in WORKED}
    assert len({worked.name for worked in WORKED}) == len(WORKED)
