"""The planted mistakes of the corpus get the names that a reviewer would give them."""

import time
from collections import defaultdict

import pytest

from derivations import Verdict, check
from derivations.doors import subject_of
from derivations.naming import CATALOGUE, named

from ...corpus.entry import Entry, as_handed_over
from ...corpus.table import WRONG
from .expected import CLASSES, MORE_EXACT, UNNAMED

SECONDS = 20.0  # how long a name may take on a busy machine: it takes a fifth of a second
ENTRIES = [e for e in WRONG if not e.open and not e.slow and e.point != "blind"]
NAMES = [f"{entry.number}-{entry.name}" for entry in ENTRIES]


def base(entry: Entry) -> str:
    return entry.name.split("-")[0]


def test_the_table_speaks_of_what_is_there():
    names = {base(entry) for entry in WRONG}
    assert set(MORE_EXACT) | UNNAMED <= names
    assert set(CLASSES.values()) | set(MORE_EXACT.values()) <= set(CATALOGUE)


def test_forty_classes_are_named_as_such():
    classes = defaultdict(set)
    for entry in ENTRIES:
        exact = base(entry) not in MORE_EXACT and base(entry) not in UNNAMED
        classes[entry.number].add(exact)
    assert sum(any(exact) for exact in classes.values()) >= 40


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
def test_named(entry: Entry):
    thing, operation = as_handed_over(entry), entry.operation
    report = check(thing, *operation.arguments, sizes=operation.sizes)
    subject = subject_of(thing, operation.arguments)
    expected = MORE_EXACT.get(base(entry), CLASSES[entry.number])
    for obligation in report.obligations:
        if obligation.verdict is not Verdict.REFUTED or obligation.name not in entry.breaks:
            continue
        name = named(subject, obligation, time.monotonic() + SECONDS)
        if base(entry) in UNNAMED:
            assert name is None or not name.key, name
            continue
        assert name is not None
        assert name.key == expected, name.text
        assert name.text.endswith(".")
        assert name.title == CATALOGUE[name.key].title
