"""Every planted mistake is refuted, by a counterexample that NumPy alone confirms."""

import pytest

from derivations import Report, Verdict, check

from .confirm import confirm
from .entry import Entry, as_handed_over
from .names import MORE_EXACT, UNNAMED, name_of
from .table import WRONG, right_rule_of

# Of each class at each of its points one for every commit, and all in the nightly run.
FIRST = {(entry.number, entry.point): entry for entry in reversed(WRONG) if not entry.slow}
EVERY = [
    pytest.param(
        entry,
        id=f"{entry.number}-{entry.name}",
        marks=[] if entry is FIRST.get((entry.number, entry.point)) else [pytest.mark.nightly],
    )
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
            if obligation.name != "contract":  # that bwd raises, or its types: by tracing it
                confirm(entry, obligation)
            # At its blind point a mistake is seen at other sizes than the example's alone.
            if entry.point != "blind" and obligation.name != "contract":
                key = obligation.mistake.key if obligation.mistake else ""
                assert key == name_of(entry), obligation.mistake


def test_forty_classes_are_named_as_such():
    named = {e.number for e in WRONG if not e.open and e.point != "blind" and _is_named(e)}
    assert len(named) >= 40


def _is_named(entry: Entry) -> bool:
    return entry.name.split("-")[0] not in {*MORE_EXACT, *UNNAMED}


def test_every_mistake_has_its_own_name():
    assert len({entry.name for entry in WRONG}) == len(WRONG)


def test_a_right_rule_stands_beside_every_mistake():
    assert [entry.name for entry in WRONG if right_rule_of(entry) is None] == []
