"""Reading by place: a place that is read twice gets both cotangents."""

import jax.numpy as jnp
import numpy as np

from .arrays import added_at, written_at
from .entry import Operation, floats, labels, right, wrong


def gathered(xp, table, places):
    return table[places]


REPEATED = np.array([1, 0, 1, 2])
ONCE = np.array([2, 0, 1])
GATHERED = Operation(gathered, (*floats((5, 2)), labels(3)))
GATHERED_REPEATED = Operation(gathered, (*floats((5, 2)), jnp.asarray(REPEATED, jnp.int32)))
GATHERED_ONCE = Operation(gathered, (*floats((5, 2)), jnp.asarray(ONCE, jnp.int32)))


@right(GATHERED)
def cotangents_added_at_places(xp, residuals, dy):
    table, places = residuals
    return added_at(xp, table, places, dy), None


@right(GATHERED, slow=True)
def cotangents_added_by_one_hot(xp, residuals, dy):
    table, places = residuals
    rows = xp.arange(table.shape[0], dtype=places.dtype)
    hits = xp.where(
        (places[:, None] == rows[None, :]) | (places[:, None] + table.shape[0] == rows[None, :]),
        1.0,
        0.0,
    )
    return hits.T @ dy, None


@right(GATHERED, door="custom_vjp")
def cotangents_added_inside_a_custom_rule(xp, residuals, dy):
    table, places = residuals
    return added_at(xp, table, places, dy), None


@wrong(37, GATHERED_ONCE, "table", point="blind", slow=True)
@wrong(37, GATHERED_REPEATED, "table", point="exposing", slow=True)
@wrong(37, GATHERED, "table", slow=True)
def cotangents_written_at_places(xp, residuals, dy):
    table, places = residuals
    return written_at(xp, table, places, dy), None


@wrong(37, GATHERED, "table")
def cotangents_all_added_to_the_first_place(xp, residuals, dy):
    table, places = residuals
    return added_at(xp, table, places * 0, dy), None


def read_at(places):
    def primal(xp, x):
        return x[places]

    return Operation(primal, floats((3,)))


AT_REPEATED, AT_ONCE = read_at(REPEATED), read_at(ONCE)


@right(AT_REPEATED)
def known_places_added(xp, residuals, dy):
    return (added_at(xp, residuals[0], REPEATED, dy),)


@right(AT_ONCE)
def known_places_read_once_added(xp, residuals, dy):
    return (added_at(xp, residuals[0], ONCE, dy),)


@right(AT_ONCE)
def known_places_read_once_written(xp, residuals, dy):
    return (written_at(xp, residuals[0], ONCE, dy),)  # which is right: no place is repeated


@wrong(37, AT_REPEATED, "x", point="exposing")
def known_places_written(xp, residuals, dy):
    return (written_at(xp, residuals[0], REPEATED, dy),)


def permuted(xp, x, order):
    return x[order]


PERMUTED = Operation(permuted, (*floats((3,)), labels(3)))


@right(PERMUTED)
def places_added_back(xp, residuals, dy):
    x, order = residuals
    return added_at(xp, x, order, dy), None


@wrong(37, PERMUTED, "x")
def places_read_again(xp, residuals, dy):
    _, order = residuals
    return dy[order], None  # right for a permutation that is its own inverse
