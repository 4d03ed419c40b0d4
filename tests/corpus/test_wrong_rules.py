"""Every planted mistake is refuted, by a counterexample that NumPy alone confirms."""

import pytest

from derivations import Report, Verdict, check

from .confirm import confirm
from .entry import Entry, as_handed_over
from .table import WRONG, right_rule_of

NIGHTLY = [pytest.mark.nightly]
EVERY = [
    pytest.param(entry, id=f"{entry.number}-{entry.name}", marks=NIGHTLY if entry.slow else [])
    for entry in WRONG
]


def _refuted(report: Report) -> set[str]:
    return {o.name for o in report.obligations if o.verdict is Verdict.REFUTED}


def _check(entry: Entry) -> Report:
    operation = entry.operation
    return check(as_handed_over(entry), *operation.arguments, sizes=operation.sizes)


@pytest.mark.parametrize("entry", EVERY)
def test_refuted(entry: Entry):
    report = _check(entry)
    refuted = _refuted(report)
    if entry.open:
        # Strict: what is refuted as it should be is not open any more.
        assert not entry.breaks <= refuted, "delete its `open`"
        return
    # A wrong derivative is wrong on the boundaries too, and so is its derivative; and what is not
    # linear is no vector-Jacobian product.
    besides = {"kinks", "second order"}
    if "linear" in entry.breaks:
        besides |= {o.name for o in report.obligations if o.name.startswith("cotangent")}
    assert entry.breaks <= refuted <= entry.breaks | besides, str(report)
    for obligation in report.obligations:
        if obligation.name in entry.breaks:
            confirm(entry, obligation)


def test_every_mistake_has_its_own_name():
    assert len({entry.name for entry in WRONG}) == len(WRONG)


def test_a_right_rule_stands_beside_every_mistake():
    assert [entry.name for entry in WRONG if right_rule_of(entry) is None] == []
