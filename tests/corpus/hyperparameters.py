"""Hyper-parameters that a rule forgets: seen where they are arguments, unseen at their defaults.

The blind points hand them over as a custom rule's `nondiff_argnums`, each at the value at which the
mistake does not show.
"""

import jax.numpy as jnp

from .arithmetic import decayed
from .cross_entropy import cross_entropy
from .entry import Operation, floats, mask, right, wrong
from .softmax import count, log_softmax, softmax, tempered_softmax

TEMPERED_AT_ONE = Operation(tempered_softmax, (*floats((3, 4)), 1.0), static=(1,))
TEMPERED_AT_TWO = Operation(tempered_softmax, (*floats((3, 4)), 2.0), static=(1,))


@right(TEMPERED_AT_TWO, door="custom_vjp")
def fixed_temperature_divided_out(xp, residuals, dy):
    x, temperature = residuals
    s = tempered_softmax(xp, x, temperature)
    return (s * (dy - xp.sum(dy * s, axis=-1, keepdims=True)) / temperature,)


@wrong(52, TEMPERED_AT_ONE, "x", door="custom_vjp", point="blind")
@wrong(52, TEMPERED_AT_TWO, "x", door="custom_vjp")
def fixed_temperature_missing(xp, residuals, dy):
    x, temperature = residuals
    s = tempered_softmax(xp, x, temperature)
    return (s * (dy - xp.sum(dy * s, axis=-1, keepdims=True)),)


def softmax_by_default(xp, x, temperature=1.0):
    return softmax(xp, x / temperature)


BY_DEFAULT = Operation(softmax_by_default, floats((3, 4)))


@right(BY_DEFAULT)
def default_temperature_divided_out(xp, residuals, dy):
    s = softmax_by_default(xp, *residuals)
    return (s * (dy - xp.sum(dy * s, axis=-1, keepdims=True)),)


def _keep_temperature(xp, x, temperature=1.0):
    return softmax_by_default(xp, x, temperature), (x, temperature)


@wrong(52, BY_DEFAULT, "x", fwd=_keep_temperature, point="blind")
def default_temperature_missing(xp, residuals, dy):
    x, temperature = residuals
    s = softmax_by_default(xp, x, temperature)
    return (s * (dy - xp.sum(dy * s, axis=-1, keepdims=True)),)


DECAYED_AT_NONE = Operation(decayed, (*floats((3, 4)), 0.0), static=(1,))
DECAYED_AT_A_HALF = Operation(decayed, (*floats((3, 4)), 0.5), static=(1,))


@right(DECAYED_AT_A_HALF, door="custom_vjp")
def fixed_decay_kept(xp, residuals, dy):
    w, decay = residuals
    return ((xp.cos(w) + 2 * decay * w) * dy,)


@wrong(52, DECAYED_AT_NONE, "w", door="custom_vjp", point="blind")
@wrong(52, DECAYED_AT_A_HALF, "w", door="custom_vjp")
def fixed_decay_missing(xp, residuals, dy):
    w, _ = residuals
    return (xp.cos(w) * dy,)


def elu_of(xp, x, alpha):
    return xp.where(x > 0, x, alpha * (xp.exp(xp.minimum(x, 0.0)) - 1))


ELU_AT_ONE = Operation(elu_of, (*floats((3,)), 1.0), static=(1,))
ELU_AT_TWO = Operation(elu_of, (*floats((3,)), 2.0), static=(1,))


@right(ELU_AT_TWO, door="custom_vjp")
def fixed_alpha_kept(xp, residuals, dy):
    x, alpha = residuals
    return (xp.where(x > 0, dy, dy * alpha * xp.exp(xp.minimum(x, 0.0))),)


@wrong(35, ELU_AT_ONE, "x", door="custom_vjp", point="blind")
@wrong(35, ELU_AT_TWO, "x", door="custom_vjp")
def fixed_alpha_missing(xp, residuals, dy):
    x, _ = residuals
    return (xp.where(x > 0, dy, dy * xp.exp(xp.minimum(x, 0.0))),)


def huber_of(xp, d, delta):
    size = xp.abs(d)
    return xp.where(size <= delta, d * d / 2, delta * (size - delta / 2))


HUBER_AT_ONE = Operation(huber_of, (*floats((3,)), 1.0), static=(1,))
HUBER_AT_TWO = Operation(huber_of, (*floats((3,)), 2.0), static=(1,))
HUBER_UNREACHED = Operation(
    huber_of, (jnp.array([0.5, -0.25, 1.0], jnp.float32), 64.0), static=(1,)
)


@right(HUBER_AT_TWO, door="custom_vjp")
def fixed_delta_kept(xp, residuals, dy):
    d, delta = residuals
    return (xp.where(xp.abs(d) <= delta, d, delta * xp.sign(d)) * dy,)


@wrong(36, HUBER_UNREACHED, "d", door="custom_vjp", point="blind")
@wrong(36, HUBER_AT_ONE, "d", door="custom_vjp", point="blind")
@wrong(36, HUBER_AT_TWO, "d", door="custom_vjp")
def fixed_delta_missing(xp, residuals, dy):
    d, delta = residuals
    return (xp.where(xp.abs(d) <= delta, d, xp.sign(d)) * dy,)


def smoothed(xp, z, y, smoothing):
    return cross_entropy(xp, z, (1 - smoothing) * y + smoothing / count(xp, z))


SMOOTHED_AT_NONE = Operation(smoothed, (*floats((3, 4), (3, 4)), 0.0), static=(2,))
SMOOTHED_AT_A_QUARTER = Operation(smoothed, (*floats((3, 4), (3, 4)), 0.25), static=(2,))


def _smoothed_with(others):
    def bwd(xp, residuals, dy):
        z, y, smoothing = residuals
        soft = (1 - smoothing) * y + smoothing / others(count(xp, z))
        dz = softmax(xp, z) * xp.sum(soft, axis=-1, keepdims=True) - soft
        return dz * dy[:, None], -(1 - smoothing) * log_softmax(xp, z) * dy[:, None]

    return bwd


@right(SMOOTHED_AT_A_QUARTER, door="custom_vjp")
def fixed_smoothing_over_all_classes(xp, residuals, dy):
    return _smoothed_with(lambda count: count)(xp, residuals, dy)


@wrong(14, SMOOTHED_AT_NONE, "z", door="custom_vjp", point="blind")
@wrong(14, SMOOTHED_AT_A_QUARTER, "z", door="custom_vjp")
def fixed_smoothing_over_the_other_classes(xp, residuals, dy):
    return _smoothed_with(lambda count: count - 1)(xp, residuals, dy)


def dropout_of(xp, x, kept, p):
    return xp.where(kept, x / (1 - p), 0.0)


KEPT_OF = (*floats((3, 4)), mask(3, 4))
DROPOUT_OF_NONE = Operation(dropout_of, (*KEPT_OF, 0.0), static=(2,))
DROPOUT_OF_A_HALF = Operation(dropout_of, (*KEPT_OF, 0.5), static=(2,))


@right(DROPOUT_OF_A_HALF, door="custom_vjp")
def fixed_dropout_scaled(xp, residuals, dy):
    _, kept, p = residuals
    return xp.where(kept, dy / (1 - p), 0.0), None


@wrong(38, DROPOUT_OF_NONE, "x", door="custom_vjp", point="blind")
@wrong(38, DROPOUT_OF_A_HALF, "x", door="custom_vjp")
def fixed_dropout_not_scaled(xp, residuals, dy):
    _, kept, _ = residuals
    return xp.where(kept, dy, 0.0), None


def leaky_of(xp, x, slope):
    return xp.where(x > 0, x, slope * x)


LEAKY_OF_NONE = Operation(leaky_of, (*floats((3,)), 0.0), static=(1,))
LEAKY_OF_AN_EIGHTH = Operation(leaky_of, (*floats((3,)), 0.125), static=(1,))


@right(LEAKY_OF_AN_EIGHTH, door="custom_vjp")
def fixed_slope_kept(xp, residuals, dy):
    x, slope = residuals
    return (xp.where(x > 0, dy, slope * dy),)


@wrong(35, LEAKY_OF_NONE, "x", door="custom_vjp", point="blind")
@wrong(35, LEAKY_OF_AN_EIGHTH, "x", door="custom_vjp")
def fixed_slope_missing(xp, residuals, dy):
    x, _ = residuals
    return (xp.where(x > 0, dy, 0.0),)
