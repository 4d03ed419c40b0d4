"""Every planted mistake gets the name that a reviewer would give it."""

import time

import jax.numpy as jnp
import pytest

from derivations import Verdict, check
from derivations.naming import CATALOGUE, named
from derivations.subject import subject_of

from ..operations import rule
from ..wrong_rules import WRONG, Wrong
from .expected import EXPECTED

SECONDS = 20.0  # how long a name may take on a busy machine: it takes a tenth of a second


def test_every_planted_mistake_has_an_expected_name():
    assert set(EXPECTED) == {mistake.name for mistake in WRONG}
    assert set(EXPECTED.values()) - {""} <= set(CATALOGUE)


@pytest.mark.parametrize("mistake", WRONG, ids=lambda mistake: mistake.name)
def test_named(mistake: Wrong):
    planted = rule(mistake.name, jnp, mistake.operation, mistake.bwd, mistake.fwd)
    report = check(planted, *mistake.operation.arguments)
    subject = subject_of(planted, mistake.operation.arguments)
    for obligation in report.obligations:
        if obligation.verdict is Verdict.REFUTED and obligation.name in mistake.breaks:
            name = named(subject, obligation, time.monotonic() + SECONDS)
            assert name is not None
            assert name.key == EXPECTED[mistake.name], name.text
            assert name.text.endswith(".")
