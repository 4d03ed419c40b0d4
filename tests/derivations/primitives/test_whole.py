"""What follows from a position lying inside its axis, and from a size being at least one."""

import pytest

from derivations import graph as g
from derivations.graph import Index
from derivations.primitives import whole

ROW, OTHER, PLACE = Index("i", "n"), Index("j", "n"), Index("k", 3)
LABEL = g.entry("y", (), numbers="whole")


def plus(a, c):
    return g.add(a, g.const(c))


@pytest.mark.parametrize(
    ("op", "a", "b", "value"),
    [
        ("lt", g.index(ROW), g.ZERO, g.FALSE),
        ("le", g.ZERO, g.index(ROW), g.TRUE),
        ("lt", g.index(ROW), g.size("n"), g.TRUE),
        ("le", g.index(ROW), plus(g.size("n"), -1), g.TRUE),
        ("eq", plus(g.index(ROW), 1), g.ZERO, g.FALSE),
        ("eq", g.index(ROW), g.size("n"), g.FALSE),
        ("lt", g.index(PLACE), g.const(3), g.TRUE),
        ("lt", g.const(2), g.index(PLACE), g.FALSE),
        ("eq", plus(plus(LABEL, 1), -1), LABEL, g.TRUE),
        ("lt", LABEL, plus(LABEL, 1), g.TRUE),
        ("le", g.ONE, g.size("n"), g.TRUE),
        ("lt", plus(g.size("n"), 1), g.ONE, g.FALSE),
    ],
)
def test_decided(op, a, b, value):
    assert whole.compare(op, a, b) is value


@pytest.mark.parametrize(
    ("op", "a", "b"),
    [
        ("lt", g.index(ROW), g.index(OTHER)),
        ("lt", g.index(ROW), g.ONE),
        ("lt", LABEL, g.ZERO),
        ("lt", g.ONE, g.size("n")),
        ("lt", g.index(ROW), g.size("m")),
        ("lt", g.index(PLACE), g.const(2)),
        ("eq", g.mul(g.size("n"), g.size("m")), g.ONE),
    ],
)
def test_left_open(op, a, b):
    assert whole.compare(op, a, b) is g.compare(op, a, b, whole=True)


def test_a_choice_among_numbers_gives_a_choice_among_truths():
    p, q = (g.compare("lt", g.entry(name, ()), g.ZERO) for name in "xy")
    place = g.select(p, g.const(2), g.select(q, g.ONE, g.ZERO))
    assert whole.compare("eq", place, g.const(2)) is p
    assert whole.compare("eq", place, g.ONE) is g.and_(g.not_(p), q)
    assert whole.compare("le", place, g.const(2)) is g.TRUE


def test_an_index_that_may_be_negative_counts_from_the_front():
    wrapped = g.select(whole.compare("lt", LABEL, g.ZERO), g.add(LABEL, g.size("n")), LABEL)
    assert whole.counted_from_the_front(wrapped, "n") is LABEL
    assert whole.counted_from_the_front(wrapped, "m") is wrapped


@pytest.mark.parametrize(
    ("node", "size", "position"),
    [
        (g.index(ROW), "n", ROW),
        (g.index(ROW), "m", None),
        (g.index(PLACE), 4, PLACE),
        (g.index(PLACE), 2, None),
        (g.const(1), 2, 1),
        (g.const(2), 2, None),
        (g.const(-1), 2, None),
        (g.ZERO, "n", 0),
        (g.ONE, "n", None),
        (LABEL, 2, None),
    ],
)
def test_as_a_position(node, size, position):
    assert whole.as_position(node, size) is position
