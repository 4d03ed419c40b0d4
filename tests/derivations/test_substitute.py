"""Putting an expression in for a tensor."""

from derivations import graph as g
from derivations.equality import equal
from derivations.graph import Index
from derivations.substitute import substituted


def test_every_kind_of_node_is_gone_through():
    i, j = Index("i", "n"), Index("j", "n")
    x, y = g.entry("x", (i,)), g.entry("y", (j,))
    less = g.compare("lt", x, y)
    whole = g.add(
        g.exp(x),
        g.power(x, -2),
        g.mul(x, y),
        g.select(g.and_(g.not_(less), less), x, y),
        g.total(i, x),
        g.largest(i, x),
        g.mul(g.argmax_is(i, x, j), y),
        g.apply("f", ((i,),), (x,), (j,)),
    )
    renamed = substituted(whole, "x", lambda at: g.entry("u", at))
    back = substituted(renamed, "u", lambda at: g.entry("x", at))
    assert "'x'" not in repr(renamed)
    assert repr(back) == repr(whole)


def test_positions_are_kept():
    i, j = Index("i", "n"), Index("j", "n")
    inner = g.total(i, g.mul(g.entry("w", (j, i)), g.entry("x", (i,))))
    found = substituted(inner, "x", lambda at: g.exp(g.entry("z", at)))
    expected = g.total(i, g.mul(g.entry("w", (j, i)), g.exp(g.entry("z", (i,)))))
    assert equal(found, expected).equal
