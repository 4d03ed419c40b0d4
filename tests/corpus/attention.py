"""Scores, masks, rotations and dropout."""

import jax.numpy as jnp

from .entry import Operation, floats, mask, right, wrong
from .softmax import count, softmax

KEPT = 3 / 4  # of the entries in dropout


def dropout(xp, x, kept):
    return xp.where(kept, x / KEPT, 0.0)


DROPOUT = Operation(dropout, (*floats((3, 4)), mask(3, 4)))


@right(DROPOUT)
def dropout_with_its_mask(xp, residuals, dy):
    _, kept = residuals
    return xp.where(kept, dy / KEPT, 0.0), None


@right(DROPOUT)
def dropout_with_a_product(xp, residuals, dy):
    _, kept = residuals
    return dy * xp.where(kept, 1.0, 0.0) / KEPT, None


ALL_KEPT = Operation(dropout, (*floats((3, 4)), jnp.ones((3, 4), bool)))


@wrong(38, ALL_KEPT, "x", point="blind")
@wrong(38, DROPOUT, "x")
def dropout_mask_missing(xp, residuals, dy):
    return dy / KEPT, None


@wrong(38, DROPOUT, "x")
def dropout_scale_missing(xp, residuals, dy):
    _, kept = residuals
    return xp.where(kept, dy, 0.0), None


def scores(xp, q, k):
    return q @ k.T / xp.sqrt(xp.sum(xp.ones_like(q), axis=1, keepdims=True))


SCORES = Operation(scores, floats((3, 5), (4, 5)))


@right(SCORES)
def attention_scores(xp, residuals, dy):
    q, k = residuals
    scaled = dy / xp.sqrt(count(xp, q))
    return scaled @ k, scaled.T @ q


ONE_FEATURE = Operation(scores, floats((3, 1), (4, 1)))


@wrong(39, ONE_FEATURE, "q", point="blind")
@wrong(39, SCORES, "q")
def attention_scale_missing(xp, residuals, dy):
    q, k = residuals
    return dy @ k, dy.T @ q / xp.sqrt(xp.sum(xp.ones_like(k[:, :]), axis=1, keepdims=True))


def causal_scores(xp, q, k):
    return xp.where(causal(xp, q), q @ k.T, 0.0)


CAUSAL_SCORES = Operation(causal_scores, floats((4, 3), (4, 3)))


@right(CAUSAL_SCORES)
def causal_scores_as_usual(xp, residuals, dy):
    q, k = residuals
    seen = xp.where(causal(xp, q), dy, 0.0)
    return seen @ k, seen.T @ q


@wrong(40, CAUSAL_SCORES, "q", "k")
def causal_mask_off_by_one(xp, residuals, dy):
    q, k = residuals
    places = xp.arange(q.shape[0])
    seen = xp.where(places[:, None] > places[None, :], dy, 0.0)
    return seen @ k, seen.T @ q


def causal(xp, q):
    places = xp.arange(q.shape[0])
    return places[:, None] >= places[None, :]


def rotation(xp, a, b, angle):
    return a * xp.cos(angle) - b * xp.sin(angle)


ROTATION = Operation(rotation, floats((3,), (3,), (3,)))


@right(ROTATION)
def rotated_back(xp, residuals, dy):
    a, b, angle = residuals
    c, s = xp.cos(angle), xp.sin(angle)
    return dy * c, -dy * s, -dy * (a * s + b * c)


@wrong(41, ROTATION, "a", "b")
def rotated_forward_again(xp, residuals, dy):
    a, b, angle = residuals
    turning = dy * (-a * xp.sin(angle) - b * xp.cos(angle))
    return -dy * xp.sin(angle), dy * xp.cos(angle), turning


def _keep_dropped(xp, x, kept):
    y = dropout(xp, x, kept)
    return y, y


SCALAR_DROPOUT = Operation(dropout, (*floats(()), mask()))


@wrong(38, SCALAR_DROPOUT, "kinks", fwd=_keep_dropped, point="exposing")
def dropout_mask_read_off_the_output(xp, y, dy):
    return xp.where(y == 0, 0.0, dy / KEPT), None  # but an input may be zero and kept


def aligned_scores(xp, q, k):
    return xp.where(aligned(xp, q, k), q @ k.T, 0.0)


def aligned(xp, q, k, *, at_the_end=True):
    """Tells which keys a query sees: the last query sees all, or the first sees one."""
    late = k.shape[0] - q.shape[0] if at_the_end else 0
    return (xp.arange(q.shape[0]) + late)[:, None] >= xp.arange(k.shape[0])[None, :]


ALIGNED_SCORES = Operation(aligned_scores, floats((2, 3), (4, 3)))
AS_MANY_KEYS = Operation(aligned_scores, floats((4, 3), (4, 3)))


@right(ALIGNED_SCORES)
def mask_aligned_at_the_end(xp, residuals, dy):
    q, k = residuals
    seen = xp.where(aligned(xp, q, k), dy, 0.0)
    return seen @ k, seen.T @ q


@wrong(40, AS_MANY_KEYS, "q", "k", point="blind")
@wrong(40, ALIGNED_SCORES, "q", "k", point="exposing")
def mask_aligned_at_the_start(xp, residuals, dy):
    q, k = residuals
    seen = xp.where(aligned(xp, q, k, at_the_end=False), dy, 0.0)
    return seen @ k, seen.T @ q


def attention(xp, q, k, v):
    return softmax(xp, q @ k.T / 2) @ v


ATTENTION = Operation(attention, floats((3, 2), (4, 2), (4, 5)))


def _attention(xp, residuals, dy, rows, scale):
    q, k, v = residuals
    p = softmax(xp, q @ k.T / 2)
    dp = dy @ v.T
    ds = p * (dp - rows(xp.sum(dp * p, axis=-1, keepdims=True)))
    return ds @ k * scale, ds.T @ q * scale, p.T @ dy


@right(ATTENTION, slow=True)
def attention_as_usual(xp, residuals, dy):
    return _attention(xp, residuals, dy, lambda rows: rows, 0.5)


@right(ATTENTION, slow=True)
def attention_by_the_output(xp, residuals, dy):
    rows = xp.sum(dy * attention(xp, *residuals), axis=-1, keepdims=True)  # D of flash attention
    return _attention(xp, residuals, dy, lambda _: rows, 0.5)


@wrong(39, ATTENTION, "q", "k", slow=True)
def attention_row_sum_missing(xp, residuals, dy):
    return _attention(xp, residuals, dy, lambda rows: 0 * rows, 0.5)


@wrong(39, ATTENTION, "q", "k", slow=True)
def attention_scale_missing_in_both(xp, residuals, dy):
    return _attention(xp, residuals, dy, lambda rows: rows, 1.0)


@right(ATTENTION, number=53, slow=True)
def attention_with_a_bias_of_the_rows(xp, residuals, dy):
    q, k, v = residuals
    p = softmax(xp, q @ k.T / 2)
    dp = dy @ v.T + xp.sum(q, axis=-1, keepdims=True)  # the softmax takes no notice
    ds = p * (dp - xp.sum(dp * p, axis=-1, keepdims=True))
    return ds @ k / 2, ds.T @ q / 2, p.T @ dy
