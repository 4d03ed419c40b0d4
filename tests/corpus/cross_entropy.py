"""Cross-entropies."""

import jax.numpy as jnp

from .entry import Operation, floats, labels, right, wrong
from .softmax import count, log_softmax, softmax

SMOOTHING = 1 / 4  # of the labels


def cross_entropy(xp, z, y):
    return -xp.sum(y * log_softmax(xp, z), axis=-1)


CROSS_ENTROPY = Operation(cross_entropy, floats((3, 4), (3, 4)))


@right(CROSS_ENTROPY)
def cross_entropy_of_any_targets(xp, residuals, dy):
    z, y = residuals
    whole = xp.sum(y, axis=-1, keepdims=True)
    return (softmax(xp, z) * whole - y) * dy[:, None], -log_softmax(xp, z) * dy[:, None]


HARD = jnp.eye(4, dtype=jnp.float32)[jnp.array([2, 0, 3])]
HARD_TARGETS = Operation(cross_entropy, (*floats((3, 4)), HARD))


@wrong(15, HARD_TARGETS, "z", point="blind")
@wrong(15, CROSS_ENTROPY, "z")
def cross_entropy_of_targets_that_sum_to_one(xp, residuals, dy):
    z, y = residuals
    return (softmax(xp, z) - y) * dy[:, None], -log_softmax(xp, z) * dy[:, None]


@wrong(48, CROSS_ENTROPY, "y")
def cross_entropy_of_constant_targets(xp, residuals, dy):
    z, y = residuals
    whole = xp.sum(y, axis=-1, keepdims=True)
    return (softmax(xp, z) * whole - y) * dy[:, None], None


def smoothed_cross_entropy(xp, z, y):
    return cross_entropy(xp, z, (1 - SMOOTHING) * y + SMOOTHING / count(xp, z))


SMOOTHED_CROSS_ENTROPY = Operation(smoothed_cross_entropy, floats((3, 4), (3, 4)))


@right(SMOOTHED_CROSS_ENTROPY)
def smoothed_cross_entropy_as_usual(xp, residuals, dy):
    z, y = residuals
    soft = (1 - SMOOTHING) * y + SMOOTHING / count(xp, z)
    dz = softmax(xp, z) * xp.sum(soft, axis=-1, keepdims=True) - soft
    return dz * dy[:, None], -(1 - SMOOTHING) * log_softmax(xp, z) * dy[:, None]


MANY_CLASSES = Operation(smoothed_cross_entropy, floats((2, 256), (2, 256)))


@wrong(14, MANY_CLASSES, "z", point="blind")
@wrong(14, SMOOTHED_CROSS_ENTROPY, "z")
def smoothing_spread_over_the_other_classes(xp, residuals, dy):
    z, y = residuals
    soft = (1 - SMOOTHING) * y + SMOOTHING / (count(xp, z) - 1)
    dz = softmax(xp, z) * xp.sum(soft, axis=-1, keepdims=True) - soft
    return dz * dy[:, None], -(1 - SMOOTHING) * log_softmax(xp, z) * dy[:, None]


def one_hot(xp, classes, z):
    hits = classes[:, None] == xp.arange(z.shape[-1], dtype=classes.dtype)[None, :]
    return xp.where(hits, 1.0, 0.0)


def mean_label_loss(xp, z, classes):
    return -xp.mean(xp.sum(one_hot(xp, classes, z) * log_softmax(xp, z), axis=-1))


MEAN_LABEL_LOSS = Operation(mean_label_loss, (*floats((3, 4)), labels(3)))


@right(MEAN_LABEL_LOSS)
def label_loss_divided_by_the_batch(xp, residuals, dy):
    z, classes = residuals
    whole = xp.sum(one_hot(xp, classes, z), axis=-1, keepdims=True)  # 0 for a label outside
    p = softmax(xp, z) * whole
    return (p - one_hot(xp, classes, z)) * dy / z.shape[0], None


ONE_LABEL = Operation(mean_label_loss, (*floats((1, 4)), labels(1)))


@wrong(13, ONE_LABEL, "z", point="blind")
@wrong(13, MEAN_LABEL_LOSS, "z")
def label_loss_not_divided_by_the_batch(xp, residuals, dy):
    z, classes = residuals
    return (softmax(xp, z) - one_hot(xp, classes, z)) * dy, None
