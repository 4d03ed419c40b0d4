"""Normalisation by mean, variance and root mean square."""

import jax.numpy as jnp

from .entry import Operation, floats, right, wrong

EPSILON = 1 / 64  # of the norms: large enough to be seen at ordinary points


def standardized(xp, x):
    """Gives the rows with mean 0 and variance nearly 1, and the reciprocal deviations."""
    centred = x - xp.mean(x, axis=-1, keepdims=True)
    variance = xp.mean(centred * centred, axis=-1, keepdims=True)
    inverse = 1 / xp.sqrt(variance + EPSILON)
    return centred * inverse, inverse


def row_mean(xp, a):
    return xp.mean(a, axis=-1, keepdims=True)


def layer_norm(xp, x, g):
    return standardized(xp, x)[0] * g[None, :]


UNIT_SCALE = Operation(layer_norm, (*floats((3, 4)), jnp.ones(4, jnp.float32)))
LAYER_NORM = Operation(layer_norm, floats((3, 4), (4,)))


@right(LAYER_NORM)
def layer_norm_three_terms(xp, residuals, dy):
    x, g = residuals
    n, inverse = standardized(xp, x)
    d = dy * g[None, :]
    return inverse * (d - row_mean(xp, d) - n * row_mean(xp, d * n)), xp.sum(dy * n, axis=0)


@right(LAYER_NORM, number=53)
def layer_norm_with_a_sum_that_is_zero(xp, residuals, dy):
    x, g = residuals
    n, inverse = standardized(xp, x)
    d = dy * g[None, :] + xp.sum(n, axis=-1, keepdims=True)  # Σ (x - mean) = 0
    return inverse * (d - row_mean(xp, d) - n * row_mean(xp, d * n)), xp.sum(dy * n, axis=0)


def _layer_norm_with(x_term):
    def bwd(xp, residuals, dy):
        x, g = residuals
        n, inverse = standardized(xp, x)
        return x_term(xp, n, inverse, dy * g[None, :]), xp.sum(dy * n, axis=0)

    return bwd


@wrong(17, LAYER_NORM, "x", slow=True)
def layer_norm_mean_of_the_cotangent_missing(xp, residuals, dy):
    return _layer_norm_with(lambda xp, n, inverse, d: inverse * (d - n * row_mean(xp, d * n)))(
        xp, residuals, dy
    )


@wrong(17, LAYER_NORM, "x", slow=True)
def layer_norm_product_term_missing(xp, residuals, dy):
    return _layer_norm_with(lambda xp, n, inverse, d: inverse * (d - row_mean(xp, d)))(
        xp, residuals, dy
    )


@wrong(17, LAYER_NORM, "x")
def layer_norm_statistics_taken_as_constants(xp, residuals, dy):
    return _layer_norm_with(lambda xp, n, inverse, d: inverse * d)(xp, residuals, dy)


@wrong(18, LAYER_NORM, "x")
def layer_norm_mean_subtracted_twice(xp, residuals, dy):
    return _layer_norm_with(
        lambda xp, n, inverse, d: inverse * (d - 2 * row_mean(xp, d) - n * row_mean(xp, d * n))
    )(xp, residuals, dy)


@wrong(19, UNIT_SCALE, "x", point="blind")
@wrong(19, LAYER_NORM, "x")
def layer_norm_scale_missing(xp, residuals, dy):
    x, _ = residuals
    n, inverse = standardized(xp, x)
    dx = inverse * (dy - row_mean(xp, dy) - n * row_mean(xp, dy * n))
    return dx, xp.sum(dy * n, axis=0)


@wrong(20, LAYER_NORM, "g")
def layer_norm_scale_cotangent_from_the_input(xp, residuals, dy):
    x, g = residuals
    n, inverse = standardized(xp, x)
    d = dy * g[None, :]
    dx = inverse * (d - row_mean(xp, d) - n * row_mean(xp, d * n))
    return dx, xp.sum(dy * x, axis=0)


@wrong(21, LAYER_NORM, "x")
def layer_norm_epsilon_outside_the_root(xp, residuals, dy):
    x, g = residuals
    n, _ = standardized(xp, x)
    centred = x - row_mean(xp, x)
    inverse = 1 / (xp.sqrt(row_mean(xp, centred * centred)) + EPSILON)
    d = dy * g[None, :]
    dx = inverse * (d - row_mean(xp, d) - n * row_mean(xp, d * n))
    return dx, xp.sum(dy * n, axis=0)


def inverse_rms(xp, x):
    return 1 / xp.sqrt(xp.mean(x * x, axis=-1, keepdims=True) + EPSILON)


def rms_norm(xp, x, g):
    return x * inverse_rms(xp, x) * g[None, :]


UNIT_RMS_SCALE = Operation(rms_norm, (*floats((3, 4)), jnp.ones(4, jnp.float32)))
RMS_NORM = Operation(rms_norm, floats((3, 4), (4,)))


@right(RMS_NORM)
def rms_norm_as_usual(xp, residuals, dy):
    x, g = residuals
    r = inverse_rms(xp, x)
    d = dy * g[None, :]
    return d * r - x * r**3 * row_mean(xp, d * x), xp.sum(dy * x * r, axis=0)


@wrong(22, RMS_NORM, "x")
def rms_taken_as_a_constant(xp, residuals, dy):
    x, g = residuals
    r = inverse_rms(xp, x)
    return dy * g[None, :] * r, xp.sum(dy * x * r, axis=0)


@wrong(22, RMS_NORM, "x")
def rms_squared_instead_of_cubed(xp, residuals, dy):
    x, g = residuals
    r = inverse_rms(xp, x)
    d = dy * g[None, :]
    return d * r - x * r**2 * row_mean(xp, d * x), xp.sum(dy * x * r, axis=0)


@wrong(22, RMS_NORM, "x")
@wrong(22, UNIT_RMS_SCALE, "x", point="blind")
def rms_weight_not_inside_the_mean(xp, residuals, dy):
    x, g = residuals
    r = inverse_rms(xp, x)
    dx = dy * g[None, :] * r - x * r**3 * row_mean(xp, dy * x)
    return dx, xp.sum(dy * x * r, axis=0)


def variance(xp, x):
    centred = x - xp.mean(x, axis=-1, keepdims=True)
    return xp.mean(centred * centred, axis=-1)


VARIANCE = Operation(variance, floats((3, 4)))


@right(VARIANCE)
def variance_as_usual(xp, residuals, dy):
    (x,) = residuals
    return (2 * (x - row_mean(xp, x)) * dy[:, None] / x.shape[1],)


@right(VARIANCE, number=53)
def variance_by_both_means(xp, residuals, dy):
    (x,) = residuals
    centred = x - row_mean(xp, x)
    d = 2 * centred * dy[:, None] / x.shape[1]
    return (d - row_mean(xp, d),)  # the path through the mean, which is exactly 0


@wrong(21, Operation(variance, floats((2, 256))), "x", point="blind")
@wrong(21, VARIANCE, "x")
def variance_divided_by_one_less(xp, residuals, dy):
    (x,) = residuals
    return (2 * (x - row_mean(xp, x)) * dy[:, None] / (x.shape[1] - 1),)


def norm(xp, x):
    return xp.sqrt(xp.sum(x * x, axis=-1))


NORM = Operation(norm, floats((3, 4)))


@right(NORM)
def norm_as_usual(xp, residuals, dy):
    (x,) = residuals
    return (dy[:, None] * x / norm(xp, x)[:, None],)


def _keep_norm(xp, x):
    y = norm(xp, x)
    return y, (x, y)


@right(NORM, fwd=_keep_norm)
def norm_from_its_output(xp, residuals, dy):
    x, y = residuals
    return (x * (dy / y)[:, None],)


@wrong(22, NORM, "x")
def norm_divides_by_its_square(xp, residuals, dy):
    (x,) = residuals
    return (dy[:, None] * x / xp.sum(x * x, axis=-1, keepdims=True),)


def _norm_with_epsilon(xp, x):
    return xp.sqrt(xp.sum(x * x, axis=-1) + EPSILON), (x,)


@wrong(45, NORM, "value", "x", fwd=_norm_with_epsilon)
def norm_with_epsilon_against_nan(xp, residuals, dy):
    (x,) = residuals
    return (dy[:, None] * x / xp.sqrt(xp.sum(x * x, axis=-1, keepdims=True) + EPSILON),)
