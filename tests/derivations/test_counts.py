"""A softmax over what a mask shows: a row that shows nothing is neither forgotten nor assumed."""

import jax
import jax.numpy as jnp
import pytest
from jax import export

import functional_nn as fnn
from derivations import Verdict, clock, obligations
from derivations import graph as g
from derivations.counts import counted, vanishing
from derivations.doors import subject_of
from derivations.normal import normal
from derivations.polynomial import times
from derivations.tracings import Tracings


def sizes(*shapes):
    scope = export.SymbolicScope()
    shapes = [export.symbolic_shape(shape, scope=scope) for shape in shapes]
    *floats, mask = shapes
    return (*(jax.ShapeDtypeStruct(s, jnp.float32) for s in floats),
            jax.ShapeDtypeStruct(mask, jnp.bool_))  # fmt: skip


def parts(x, mask):
    e = jnp.exp(x) * mask.astype(x.dtype)
    return e, jnp.sum(e, axis=-1, keepdims=True), jnp.any(mask, axis=-1, keepdims=True)


def guarded(x, mask):
    e, total, some = parts(x, mask)
    return e / (total + jnp.where(some, 0, 1))


def chosen(x, mask):
    e, total, some = parts(x, mask)
    return jnp.where(some, e / jnp.where(some, total, 1), 0)


def by_the_sum(x, mask):
    e, total, _ = parts(x, mask)
    return e / jnp.where(total == 0, 1, total)


def unguarded(x, mask):
    e, total, _ = parts(x, mask)
    return e / total


def unguarded_in_a_choice(x, mask):
    e, total, some = parts(x, mask)
    return jnp.where(some, e / total, 0)


def one_where_nothing_shows(x, mask):
    return guarded(x, mask) + jnp.where(parts(x, mask)[2], 0, 1)


def shown_as_nothing(x, mask):
    return guarded(x, mask) * jnp.where(mask, 1, 2) + mask * 0


def value(found, primal, *args):
    """Gives what the checker finds of two functions being one, at all sizes."""
    rule = fnn.Rule("f", primal, lambda *a: (found(*a), a), lambda a, dy: (dy, None))
    traced = Tracings(subject_of(rule, args), "all", clock.now() + 60).general()
    assert traced is not None
    return obligations.value(traced, clock.now() + 10)


@pytest.mark.parametrize("found", [chosen, by_the_sum, shown_as_nothing])
def test_forms_that_are_the_same(found):
    assert value(found, guarded, *sizes("n,k", "n,k")).verdict is Verdict.PROVED


def test_what_the_truth_has_no_value_for_is_not_asked():
    assert value(guarded, unguarded, *sizes("n,k", "n,k")).verdict is Verdict.PROVED
    assert value(one_where_nothing_shows, unguarded, *sizes("n,k", "n,k")).verdict is Verdict.PROVED


@pytest.mark.parametrize(
    ("found", "truth"),
    [
        (one_where_nothing_shows, guarded),
        (one_where_nothing_shows, chosen),
        (one_where_nothing_shows, by_the_sum),
        # A choice may keep a division from being asked for: nothing follows from it.
        (one_where_nothing_shows, unguarded_in_a_choice),
        (unguarded, guarded),
        (unguarded, chosen),
        (unguarded, unguarded_in_a_choice),
    ],
)
def test_forms_that_differ_in_a_row_that_shows_nothing(found, truth):
    assert value(found, truth, *sizes("n,k", "n,k")).verdict is not Verdict.PROVED


def test_a_row_of_another_array_is_another_row():
    def twice(x, mask):
        return guarded(x, mask.T)

    square = sizes("n,n", "n,n")
    assert value(twice, guarded, *square).verdict is not Verdict.PROVED


# --- the relation itself ------------------------------------------------------------------------

R, S = g.Index("r", "k"), g.Index("s", "k")


def shown(at, tensor="m"):
    holds = g.compare("eq", g.entry(tensor, (at,), numbers="whole"), g.ONE, whole=True)
    return g.select(holds, g.ONE, g.ZERO)


def nothing(of):
    return g.select(g.compare("eq", g.total(R, of), g.ZERO, whole=True), g.ONE, g.ZERO)


def test_nothing_is_shown_where_no_place_is():
    empty = normal(nothing(shown(R)))
    assert not counted(times(empty, normal(shown(S))))
    assert not counted(times(empty, normal(g.total(R, g.mul(shown(R), g.entry("x", (R,)))))))
    hidden = normal(nothing(g.sub(g.ONE, shown(R))))
    assert counted(times(hidden, normal(shown(S)))) == hidden


def test_other_conditions_are_left_alone():
    empty = normal(nothing(shown(R)))
    for other in (shown(S, "other"), shown(g.Index("s", "other size"))):
        product = times(empty, normal(other))
        assert counted(product) == product
    # A sum of numbers of both signs may be zero where none of them is.
    signed = normal(nothing(g.sub(g.mul(g.const(2), shown(R)), g.ONE)))
    product = times(signed, normal(shown(S)))
    assert counted(product) == product


def test_a_sum_is_zero_where_every_term_is():
    weight = g.exp(g.entry("x", (R,)))
    total = g.total(R, g.mul(shown(R), weight))
    assert vanishing(normal(total)) == normal(nothing(shown(R)))
    assert vanishing(normal(g.add(total, nothing(shown(R))))) == {}
    assert vanishing(normal(g.add(total, g.ONE))) == {}
    assert vanishing(normal(g.sub(total, g.ONE))) is None
    assert vanishing(normal(g.add(total, g.entry("y", ())))) is None


def test_a_label_is_one_position_or_none():
    label = g.entry("y", (), numbers="whole")
    hit = g.select(g.compare("eq", label, g.index(R), whole=True), g.ONE, g.ZERO)
    inside = g.and_(
        g.compare("le", g.ZERO, label, whole=True), g.compare("lt", label, g.size("k"), whole=True)
    )
    assert normal(g.total(R, hit)) == normal(g.select(inside, g.ONE, g.ZERO))
