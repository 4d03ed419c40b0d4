"""The corpus is complete: every class has its entries, at all its points."""

import pytest

from .classes import CLASSES
from .entry import Door
from .table import FAMILIES, RIGHT, WRONG
from .zoo import ZOO


def test_the_classes_are_53():
    assert list(CLASSES) == list(range(1, 54))
    assert len({kind.slug for kind in CLASSES.values()}) == 53


@pytest.mark.parametrize("number", CLASSES)
def test_a_class_has_entries_at_all_its_points(number: int):
    kind = CLASSES[number]
    assert set(kind.points) <= {entry.point for entry in WRONG if entry.number == number}
    assert kind.points or any(entry.number == number for entry in RIGHT)
    # Whatever is no plain mistake at plain and blind points says why.
    assert kind.reason or {"generic", "blind"} <= set(kind.points)


def test_every_entry_belongs_to_a_class():
    assert {entry.number for entry in WRONG} <= set(CLASSES) - {32, 53}
    assert {entry.number for entry in RIGHT} <= {0, 32, 33, 53}


def test_there_are_rules_through_every_door():
    doors: set[Door] = {"rule", "custom_vjp", "custom_jvp"}
    assert {entry.door for entry in WRONG} == {entry.door for entry in RIGHT} == doors


def test_every_family_has_entries():
    modules = {entry.bwd.__module__ for entry in (*RIGHT, *WRONG)}
    assert modules == {family.__name__ for family in FAMILIES}


def test_of_the_right_rules_and_functions_nearly_all_are_proved():
    """The tests of rules and functions hold each entry to what is said here."""
    open_ones = sum(bool(entry.open) for entry in RIGHT) + sum(
        bool(animal.undecided) for animal in ZOO.values()
    )
    whole = len(RIGHT) + len(ZOO)
    assert open_ones <= 0.05 * whole, f"{open_ones} of {whole}"
