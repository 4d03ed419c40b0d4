"""Scores, masks, rotations and dropout."""

from .entry import Operation, floats, mask, right, wrong
from .softmax import count

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
