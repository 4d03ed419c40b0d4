"""Worked examples: when a number is printed as some digits, and what is told about it."""

import flint
import pytest

from derivations.lectures.claim import Status
from derivations.lectures.example import Example, _agrees, by_textbook, dense, digits
from derivations.lectures.runs import by_layers

LAYERS = (dense("1 -2\n-1 1", "1 0"), "sigmoid")


@pytest.mark.parametrize(
    ("value", "text", "truncated", "expected"),
    [
        ("0.8667", "0.867", False, True),
        ("0.8667", "0.866", False, False),
        ("0.8667", "0.866", True, True),
        ("0.8667", "0.867", True, False),
        ("-0.8667", "-0.866", True, True),
        ("-0.8667", "-0.867", True, False),
        ("4", "4", False, True),
        ("3.49", "4", False, False),
    ],
)
def test_digits_rounded_and_cut_off(value, text, truncated, expected):
    assert _agrees(flint.arb(value), text, truncated) is expected


def test_a_wide_ball_says_nothing():
    assert _agrees(flint.arb(0.5, 0.1), "0.5", False) is None


@pytest.mark.parametrize("settle", [by_textbook, by_layers])
def test_both_ways_see_a_wrong_digit(settle):
    right = Example(digits("1 -1"), LAYERS, ((1, digits("4 -2")), (2, digits("0.98 0.12"))))
    assert settle(right).holds
    assert not settle(right._replace(printed=((2, digits("0.98 0.11")),))).holds
    assert not settle(right._replace(printed=((1, digits("4 2")),))).holds
    assert settle(right._replace(printed=((2, digits("0.98 _")),))).holds


def test_the_textbook_proves_and_the_library_measures():
    right = Example(digits("1 -1"), LAYERS, ((2, digits("0.98 0.12")),))
    assert by_textbook(right).status is Status.PROVED
    assert by_layers(right).status is Status.MEASURED
