"""Batch normalisation, layer normalisation with a shift, and the smallest of epsilons."""

import jax.numpy as jnp

from .entry import Operation, floats, right, wrong

TINY = 1e-6


def column_mean(xp, a):
    return xp.mean(a, axis=0, keepdims=True)


def row_mean(xp, a):
    return xp.mean(a, axis=-1, keepdims=True)


def standard(xp, x, mean, epsilon):
    """Gives what has mean 0 and variance nearly 1, and the reciprocal deviations."""
    centred = x - mean(xp, x)
    inverse = 1 / xp.sqrt(mean(xp, centred * centred) + epsilon)
    return centred * inverse, inverse


def batch_norm(xp, x, g, b):
    return standard(xp, x, column_mean, 0.125)[0] * g[None, :] + b[None, :]


BATCH_NORM = Operation(batch_norm, floats((4, 3), (3,), (3,)))


def _batch_norm(xp, residuals, dy, coupled):
    x, g, _ = residuals
    n, inverse = standard(xp, x, column_mean, 0.125)
    dx = coupled(n, inverse, dy * g[None, :])
    return dx, xp.sum(dy * n, axis=0), xp.sum(dy, axis=0)


@right(BATCH_NORM)
def batch_norm_with_both_statistics(xp, residuals, dy):
    def coupled(n, inverse, d):
        return inverse * (d - column_mean(xp, d) - n * column_mean(xp, d * n))

    return _batch_norm(xp, residuals, dy, coupled)


@right(BATCH_NORM, number=53, slow=True)
def batch_norm_with_the_mean_inside_the_variance(xp, residuals, dy):
    def coupled(n, inverse, d):
        through_variance = -n * column_mean(xp, d * n)
        through_mean = -column_mean(xp, d) - column_mean(xp, through_variance)  # the latter is 0
        return inverse * (d + through_variance + through_mean)

    return _batch_norm(xp, residuals, dy, coupled)


@wrong(44, BATCH_NORM, "x")
def batch_norm_without_the_variance(xp, residuals, dy):
    def coupled(n, inverse, d):
        return inverse * (d - column_mean(xp, d))

    return _batch_norm(xp, residuals, dy, coupled)


@wrong(44, BATCH_NORM, "x", slow=True)
def batch_norm_without_the_mean(xp, residuals, dy):
    def coupled(n, inverse, d):
        return inverse * (d - n * column_mean(xp, d * n))

    return _batch_norm(xp, residuals, dy, coupled)


@wrong(44, BATCH_NORM, "x")
def batch_norm_at_inference_differentiated(xp, residuals, dy):
    return _batch_norm(xp, residuals, dy, lambda n, inverse, d: inverse * d)


@wrong(44, Operation(batch_norm, floats((3, 3), (3,), (3,))), "x", point="exposing", slow=True)
def batch_norm_over_the_wrong_axis(xp, residuals, dy):
    def coupled(n, inverse, d):
        return inverse * (d - row_mean(xp, d) - n * row_mean(xp, d * n))

    return _batch_norm(xp, residuals, dy, coupled)


def layer_norm_and_shift(xp, x, g, b):
    return standard(xp, x, row_mean, 0.125)[0] * g[None, :] + b[None, :]


AFFINE_NORM = Operation(layer_norm_and_shift, floats((3, 4), (4,), (4,)))
UNIT_NORM = Operation(
    layer_norm_and_shift, (*floats((3, 4)), jnp.ones(4, jnp.float32), jnp.zeros(4, jnp.float32))
)


def _layer_norm(xp, residuals, dy):
    x, g, _ = residuals
    n, inverse = standard(xp, x, row_mean, 0.125)
    d = dy * g[None, :]
    return n, inverse * (d - row_mean(xp, d) - n * row_mean(xp, d * n))


@right(AFFINE_NORM)
def layer_norm_and_shift_as_usual(xp, residuals, dy):
    n, dx = _layer_norm(xp, residuals, dy)
    return dx, xp.sum(dy * n, axis=0), xp.sum(dy, axis=0)


@wrong(20, UNIT_NORM, "g", "b", point="exposing")
@wrong(20, AFFINE_NORM, "g", "b")
def cotangents_of_scale_and_shift_exchanged(xp, residuals, dy):
    n, dx = _layer_norm(xp, residuals, dy)
    return dx, xp.sum(dy, axis=0), xp.sum(dy * n, axis=0)


@wrong(20, AFFINE_NORM, "b")
def scale_mixed_into_the_shift(xp, residuals, dy):
    n, dx = _layer_norm(xp, residuals, dy)
    return dx, xp.sum(dy * n, axis=0), xp.sum(dy, axis=0) * residuals[1]


def nearly_standard(xp, x):
    return standard(xp, x, row_mean, TINY)[0]


NEARLY_STANDARD = Operation(nearly_standard, floats((2, 3)))


def _standard_with(epsilon):
    def bwd(xp, residuals, dy):
        n, inverse = standard(xp, residuals[0], row_mean, epsilon)
        return (inverse * (dy - row_mean(xp, dy) - n * row_mean(xp, dy * n)),)

    return bwd


@right(NEARLY_STANDARD, slow=True)
def tiny_epsilon_kept(xp, residuals, dy):
    return _standard_with(TINY)(xp, residuals, dy)


@wrong(21, NEARLY_STANDARD, "x", point="blind")
def tiny_epsilon_dropped(xp, residuals, dy):
    return _standard_with(0.0)(xp, residuals, dy)


@wrong(17, Operation(nearly_standard, floats((1, 4))), "x", point="exposing")
def statistics_of_one_row_taken_as_constants(xp, residuals, dy):
    _, inverse = standard(xp, residuals[0], row_mean, TINY)
    return (inverse * dy,)


@wrong(18, Operation(nearly_standard, floats((1, 4))), "x", point="exposing")
def mean_of_one_row_subtracted_twice(xp, residuals, dy):
    n, inverse = standard(xp, residuals[0], row_mean, TINY)
    return (inverse * (dy - 2 * row_mean(xp, dy) - n * row_mean(xp, dy * n)),)


def deviation(xp, x):
    return xp.sqrt(column_mean(xp, (x - column_mean(xp, x)) ** 2)[0])


DEVIATION = Operation(deviation, floats((4, 3)))


@right(DEVIATION)
def deviation_as_usual(xp, residuals, dy):
    (x,) = residuals
    return ((x - column_mean(xp, x)) * (dy / deviation(xp, x))[None, :] / x.shape[0],)


@wrong(45, DEVIATION, "x")
def deviation_with_an_epsilon_against_nan(xp, residuals, dy):
    (x,) = residuals
    return ((x - column_mean(xp, x)) * (dy / (deviation(xp, x) + 0.01))[None, :] / x.shape[0],)


def norm_or_zero(xp, x):
    squares = xp.sum(x * x)
    return xp.where(squares > 0, xp.sqrt(xp.where(squares > 0, squares, 1.0)), 0.0)


NORM_OR_ZERO = Operation(norm_or_zero, floats((3,)))


@right(NORM_OR_ZERO, open="unresolved")
def norm_zero_at_zero(xp, residuals, dy):
    (x,) = residuals
    size = norm_or_zero(xp, x)
    return (xp.where(size > 0, dy * x / xp.where(size > 0, size, 1.0), 0.0),)


@wrong(45, NORM_OR_ZERO, "kinks", point="blind", open="no boundary at a division by zero")
def norm_not_a_number_at_zero(xp, residuals, dy):
    (x,) = residuals
    return (dy * x / norm_or_zero(xp, x),)
