"""Activations and losses with kinks, and maxima."""

import jax.numpy as jnp

from .entry import Operation, floats, keep_output, right, wrong

SLOPE = 1 / 8  # of the leaky relu


ALPHA = 2.0  # of elu


DELTA = 2.0  # of the Huber loss


def huber(xp, d):
    size = xp.abs(d)
    return xp.where(size <= DELTA, d * d / 2, DELTA * (size - DELTA / 2))


HUBER = Operation(huber, floats((3,)))


@right(HUBER)
def huber_by_branches(xp, residuals, dy):
    (d,) = residuals
    return (xp.where(xp.abs(d) <= DELTA, d, DELTA * xp.sign(d)) * dy,)


@right(HUBER)
def huber_by_clipping(xp, residuals, dy):
    (d,) = residuals
    return (xp.clip(d, -DELTA, DELTA) * dy,)


@wrong(36, HUBER, "d")
def huber_delta_missing_on_the_linear_branch(xp, residuals, dy):
    (d,) = residuals
    return (xp.where(xp.abs(d) <= DELTA, d, xp.sign(d)) * dy,)


@wrong(36, HUBER, "d")
def huber_sign_missing_on_the_linear_branch(xp, residuals, dy):
    (d,) = residuals
    return (xp.where(xp.abs(d) <= DELTA, d, DELTA) * dy,)


def elu(xp, x):
    return xp.where(x > 0, x, ALPHA * (xp.exp(xp.minimum(x, 0.0)) - 1))


ELU = Operation(elu, floats((3,)))


@right(ELU)
def elu_with_its_alpha(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 0, dy, dy * ALPHA * xp.exp(xp.minimum(x, 0.0))),)


@wrong(35, ELU, "x")
def elu_alpha_missing(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 0, dy, dy * xp.exp(xp.minimum(x, 0.0))),)


def leaky_relu(xp, x):
    return xp.where(x > 0, x, SLOPE * x)


ALL_POSITIVE = Operation(leaky_relu, (jnp.array([0.5, 1.0, 3.0], jnp.float32),))
LEAKY_RELU = Operation(leaky_relu, floats((3,)))


@right(LEAKY_RELU)
def leaky_relu_as_usual(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 0, dy, SLOPE * dy),)


@wrong(35, LEAKY_RELU, "x")
@wrong(35, ALL_POSITIVE, "x", point="blind")
def leaky_slope_lost(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 0, dy, 0.0),)


@wrong(35, LEAKY_RELU, "x")
def leaky_slope_on_the_wrong_side(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 0, SLOPE * dy, dy),)


def relu(xp, x):
    return xp.maximum(x, 0.0)


RELU = Operation(relu, floats((3,)))
SCALAR_RELU = Operation(relu, floats(()))


@right(RELU)
def relu_zero_at_zero(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 0, dy, 0.0),)


@right(RELU, number=33)
def relu_one_at_zero(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x >= 0, dy, 0.0),)


@right(RELU, number=33)
def relu_a_half_at_zero(xp, residuals, dy):
    (x,) = residuals
    return (dy * (1 + xp.sign(x)) / 2,)


@right(RELU, number=33)
def relu_a_quarter_at_zero(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x == 0, dy / 4, xp.where(x > 0, dy, 0.0)),)


@right(RELU, fwd=keep_output(relu))
def relu_from_its_output(xp, y, dy):
    return (xp.where(y > 0, dy, 0.0),)


@wrong(35, RELU, "x")
def relu_passes_everything(xp, residuals, dy):
    return (dy,)


@wrong(33, SCALAR_RELU, "kinks", point="exposing")
def relu_two_at_zero(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 0, dy, xp.where(x == 0, 2 * dy, 0.0)),)


def relu6(xp, x):
    return xp.minimum(xp.maximum(x, 0.0), 6.0)


RELU6_AT_6 = Operation(relu6, floats(()))
RELU6 = Operation(relu6, floats((3,)))


@right(RELU6)
def relu6_between_its_ends(xp, residuals, dy):
    (x,) = residuals
    return (xp.where((x > 0) & (x < 6), dy, 0.0),)


@wrong(50, RELU6, "x")
@wrong(50, Operation(relu6, (jnp.array([-1.0, 0.5, 3.0], jnp.float32),)), "x", point="blind")
def relu6_upper_end_forgotten(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 0, dy, 0.0),)


def hard_tanh(xp, x):
    return xp.clip(x, -1.0, 1.0)


HARD_TANH = Operation(hard_tanh, floats((3,)))


@right(HARD_TANH, number=33)
def hard_tanh_with_its_ends(xp, residuals, dy):
    (x,) = residuals
    return (xp.where((x >= -1) & (x <= 1), dy, 0.0),)


@right(HARD_TANH)
def hard_tanh_by_two_products(xp, residuals, dy):
    (x,) = residuals
    return (dy * xp.where(x > -1, 1.0, 0.0) * xp.where(x < 1, 1.0, 0.0),)


@wrong(50, HARD_TANH, "x")
def clamp_passes_everything(xp, residuals, dy):
    return (dy,)


def absolute(xp, x):
    return xp.abs(x)


ABSOLUTE = Operation(absolute, floats(()))


@right(ABSOLUTE)
def absolute_zero_at_zero(xp, residuals, dy):
    (x,) = residuals
    return (xp.sign(x) * dy,)


@right(ABSOLUTE, number=33)
def absolute_one_at_zero(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x >= 0, dy, -dy),)


@wrong(33, ABSOLUTE, "kinks", point="exposing")
def absolute_two_at_zero(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x == 0, 2.0, xp.sign(x)) * dy,)


def larger(xp, x, y):
    return xp.maximum(x, y)


LARGER = Operation(larger, floats((3,), (3,)))


@right(LARGER, number=33)
def maximum_first_at_ties(xp, residuals, dy):
    x, y = residuals
    return xp.where(x >= y, dy, 0.0), xp.where(x >= y, 0.0, dy)


@right(LARGER)
def maximum_shared_at_ties(xp, residuals, dy):
    x, y = residuals
    first = (1 + xp.sign(x - y)) / 2
    return dy * first, dy * (1 - first)


@wrong(9, LARGER, "y")
def maximum_passes_to_both(xp, residuals, dy):
    x, y = residuals
    return xp.where(x > y, dy, 0.0), dy


def largest(xp, x):
    return xp.max(x, axis=-1)


WITHOUT_TIES = Operation(largest, (jnp.array([[1.0, 3.0, 2.0], [0.5, 0.0, 4.0]], jnp.float32),))
LARGEST = Operation(largest, floats((3, 4)))


@right(LARGEST)
def largest_shared_at_ties(xp, residuals, dy):
    (x,) = residuals
    top = xp.where(x == xp.max(x, axis=-1, keepdims=True), 1.0, 0.0)
    return (top / xp.sum(top, axis=-1, keepdims=True) * dy[:, None],)


@wrong(34, LARGEST, "kinks", point="exposing")
@wrong(34, WITHOUT_TIES, "kinks", point="blind")
def every_tie_gets_the_whole_cotangent(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x == xp.max(x, axis=-1, keepdims=True), dy[:, None], 0.0),)


@wrong(47, LARGEST, "x")
def largest_value_scales_the_cotangent(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x == xp.max(x, axis=-1, keepdims=True), x, 0.0) * dy[:, None],)


@right(RELU6, number=33)
def relu6_with_its_upper_end(xp, residuals, dy):
    (x,) = residuals
    return (xp.where((x > 0) & (x <= 6), dy, 0.0),)


@wrong(33, RELU6_AT_6, "kinks", point="exposing")
def relu6_two_at_six(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x == 6, 2.0, xp.where((x > 0) & (x < 6), 1.0, 0.0)) * dy,)


def largest_of_two(xp, x):
    return xp.max(x, axis=-1)


PAIRS = Operation(largest_of_two, floats((3, 2)), sizes="given")


@right(PAIRS)
def larger_of_two_shared_at_ties(xp, residuals, dy):
    (x,) = residuals
    first = (1 + xp.sign(x[:, 0] - x[:, 1])) / 2
    return (xp.stack([dy * first, dy * (1 - first)], axis=1),)


@wrong(34, PAIRS, "kinks", point="exposing")
def both_of_two_ties_get_the_whole(xp, residuals, dy):
    (x,) = residuals
    first = xp.where(x[:, 0] >= x[:, 1], dy, 0.0)
    return (xp.stack([first, xp.where(x[:, 1] >= x[:, 0], dy, 0.0)], axis=1),)
