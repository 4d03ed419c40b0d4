"""Errors, means and the sigmoid's losses."""

import jax.numpy as jnp

from .activations import sigmoid
from .entry import Operation, floats, mask, right, wrong


def squared_error(xp, f, y):
    return xp.sum((f - y) * (f - y), axis=-1)


SQUARED_ERROR = Operation(squared_error, floats((3, 4), (3, 4)))


@right(SQUARED_ERROR)
def squared_error_as_usual(xp, residuals, dy):
    f, y = residuals
    return 2 * (f - y) * dy[:, None], 2 * (y - f) * dy[:, None]


@wrong(5, SQUARED_ERROR, "f", "y")
def squared_error_factor_two_missing(xp, residuals, dy):
    f, y = residuals
    return (f - y) * dy[:, None], (y - f) * dy[:, None]


def half_squared_error(xp, f, y):
    return squared_error(xp, f, y) / 2


HALF_SQUARED_ERROR = Operation(half_squared_error, floats((3, 4), (3, 4)))


@right(HALF_SQUARED_ERROR)
def half_squared_error_as_usual(xp, residuals, dy):
    f, y = residuals
    return (f - y) * dy[:, None], (y - f) * dy[:, None]


def _keep_difference(xp, f, y):
    return half_squared_error(xp, f, y), f - y


@right(HALF_SQUARED_ERROR, fwd=_keep_difference)
def half_squared_error_from_the_difference(xp, d, dy):
    return d * dy[:, None], -d * dy[:, None]


@wrong(5, HALF_SQUARED_ERROR, "f", "y")
def half_squared_error_half_forgotten(xp, residuals, dy):
    f, y = residuals
    return 2 * (f - y) * dy[:, None], 2 * (y - f) * dy[:, None]


@wrong(6, HALF_SQUARED_ERROR, "f", "y")
def target_minus_output(xp, residuals, dy):
    f, y = residuals
    return (y - f) * dy[:, None], (f - y) * dy[:, None]


@wrong(6, HALF_SQUARED_ERROR, "y")
def second_operand_not_negated(xp, residuals, dy):
    f, y = residuals
    return (f - y) * dy[:, None], (f - y) * dy[:, None]


@wrong(7, HALF_SQUARED_ERROR, "f", "y", "linear")
def upstream_cotangent_ignored(xp, residuals, dy):
    f, y = residuals
    return f - y, y - f


def mean_squared_error(xp, f, y):
    return xp.mean((f - y) * (f - y))


MEAN_SQUARED_ERROR = Operation(mean_squared_error, floats((3, 4), (3, 4)))


@right(MEAN_SQUARED_ERROR)
def mean_squared_error_as_usual(xp, residuals, dy):
    f, y = residuals
    d = 2 * (f - y) * dy / f.shape[0] / f.shape[1]
    return d, -d


@right(MEAN_SQUARED_ERROR)
def mean_squared_error_by_a_python_fraction(xp, residuals, dy):
    f, y = residuals
    d = (f - y) * (dy * (2 / (f.shape[0] * f.shape[1])))
    return d, -d


ONE_COLUMN = Operation(mean_squared_error, floats((3, 1), (3, 1)))
AS_MANY = Operation(mean_squared_error, floats((3, 3), (3, 3)))


@wrong(5, ONE_COLUMN, "f", "y", point="blind")
@wrong(5, MEAN_SQUARED_ERROR, "f", "y")
def mean_divided_by_the_batch_only(xp, residuals, dy):
    f, y = residuals
    d = 2 * (f - y) * dy / f.shape[0]
    return d, -d


@wrong(13, MEAN_SQUARED_ERROR, "f", "y")
def mean_not_divided(xp, residuals, dy):
    f, y = residuals
    return 2 * (f - y) * dy, 2 * (y - f) * dy


@wrong(5, AS_MANY, "f", "y", point="blind")
@wrong(5, MEAN_SQUARED_ERROR, "f", "y")
def mean_right_for_square_batches_only(xp, residuals, dy):
    f, y = residuals
    d = 2 * (f - y) * dy / f.shape[0] / f.shape[0]
    return d, -d


def absolute_error(xp, f, y):
    return xp.sum(xp.abs(f - y), axis=-1)


ABSOLUTE_ERROR = Operation(absolute_error, floats((3, 4), (3, 4)))


@right(ABSOLUTE_ERROR)
def absolute_error_by_sign(xp, residuals, dy):
    f, y = residuals
    d = xp.sign(f - y) * dy[:, None]
    return d, -d


@wrong(28, ABSOLUTE_ERROR, "f", "y")
def absolute_error_not_its_sign(xp, residuals, dy):
    f, y = residuals
    return (f - y) * dy[:, None], (y - f) * dy[:, None]


def masked_mean(xp, losses, counted):
    return xp.sum(xp.where(counted, losses, 0.0)) / xp.sum(xp.where(counted, 1.0, 0.0))


MASKED_MEAN = Operation(masked_mean, (*floats((4,)), mask(4)))


@right(MASKED_MEAN)
def masked_mean_as_usual(xp, residuals, dy):
    _, counted = residuals
    return xp.where(counted, dy, 0.0) / xp.sum(xp.where(counted, 1.0, 0.0)), None


ALL_COUNTED = Operation(masked_mean, (*floats((4,)), jnp.ones(4, bool)))


@wrong(13, ALL_COUNTED, "losses", point="blind")
@wrong(13, MASKED_MEAN, "losses")
def masked_mean_counts_what_is_masked(xp, residuals, dy):
    losses, counted = residuals
    return xp.where(counted, dy, 0.0) / losses.shape[0], None


def sigmoid_cross_entropy(xp, z, y):
    return xp.sum(xp.log1p(xp.exp(z)) - y * z, axis=-1)


SIGMOID_CROSS_ENTROPY = Operation(sigmoid_cross_entropy, floats((3, 4), (3, 4)))


@right(SIGMOID_CROSS_ENTROPY)
def sigmoid_cross_entropy_as_usual(xp, residuals, dy):
    z, y = residuals
    return (sigmoid(xp, z) - y) * dy[:, None], -z * dy[:, None]


@wrong(16, SIGMOID_CROSS_ENTROPY, "z")
def sigmoid_derivative_kept_with_cross_entropy(xp, residuals, dy):
    z, y = residuals
    s = sigmoid(xp, z)
    return (s - y) * s * (1 - s) * dy[:, None], -z * dy[:, None]


def sigmoid_squared_error(xp, z, y):
    return half_squared_error(xp, sigmoid(xp, z), y)


SIGMOID_SQUARED_ERROR = Operation(sigmoid_squared_error, floats((3, 4), (3, 4)))


@right(SIGMOID_SQUARED_ERROR)
def sigmoid_then_squared_error(xp, residuals, dy):
    z, y = residuals
    s = sigmoid(xp, z)
    return (s - y) * s * (1 - s) * dy[:, None], (y - s) * dy[:, None]


@wrong(16, SIGMOID_SQUARED_ERROR, "z")
def sigmoid_derivative_dropped_with_squared_error(xp, residuals, dy):
    z, y = residuals
    s = sigmoid(xp, z)
    return (s - y) * dy[:, None], (y - s) * dy[:, None]


@wrong(7, MEAN_SQUARED_ERROR, "f", "y", "linear", point="blind")
def upstream_of_a_mean_ignored(xp, residuals, dy):
    f, y = residuals
    d = 2 * (f - y) / f.shape[0] / f.shape[1]  # right wherever the loss is the last operation
    return d + 0 * dy, -d + 0 * dy
