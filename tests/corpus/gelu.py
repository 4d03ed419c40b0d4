"""GELU and its constants, and branches that are seldom reached."""

import jax.numpy as jnp

from .arrays import erf
from .entry import Operation, floats, right, wrong

RATE, CUBIC = 0.7978845608028654, 0.044715  # √(2/π), and the factor of the cube
THREE_TIMES = 0.134145  # 3 · 0.044715


def gelu(xp, x):
    return x / 2 * (1 + xp.tanh(RATE * (x + CUBIC * x * x * x)))


GELU = Operation(gelu, floats((3,)))


def _gelu_with(slope_of_the_cube):
    def bwd(xp, residuals, dy):
        (x,) = residuals
        t = xp.tanh(RATE * (x + CUBIC * x * x * x))
        inner = RATE * (1 + slope_of_the_cube * x * x)
        return (dy * ((1 + t) / 2 + x / 2 * (1 - t * t) * inner),)

    return bwd


@right(GELU)
def gelu_with_its_constants(xp, residuals, dy):
    return _gelu_with(THREE_TIMES)(xp, residuals, dy)


@wrong(27, GELU, "x", point="blind")
def gelu_digits_exchanged(xp, residuals, dy):
    return _gelu_with(0.134154)(xp, residuals, dy)


@wrong(27, GELU, "x")
def gelu_constant_multiplied_twice(xp, residuals, dy):
    return _gelu_with(0.1070322243)(xp, residuals, dy)  # √(2/π) · 0.134145


@wrong(27, GELU, "x")
def gelu_cube_differentiated_as_itself(xp, residuals, dy):
    return _gelu_with(CUBIC)(xp, residuals, dy)


FAR = 3.0
ROOT = 0.7071067811865476  # 1/√2
DENSITY = 0.3989422804014327  # 1/√(2π)


def exact_gelu(xp, x):
    return x / 2 * (1 + erf(xp, x * ROOT))


EXACT_GELU = Operation(exact_gelu, floats((3,)))
EXACT_GELU_NEAR_ZERO = Operation(exact_gelu, (jnp.array([-0.5, 0.25, 1.0], jnp.float32),))


def exact_slope(xp, x):
    return (1 + erf(xp, x * ROOT)) / 2 + x * DENSITY * xp.exp(-x * x / 2)


@right(EXACT_GELU)
def exact_gelu_as_usual(xp, residuals, dy):
    (x,) = residuals
    return (dy * exact_slope(xp, x),)


@wrong(28, EXACT_GELU, "x", point="blind")
def exact_gelu_with_the_other_slope(xp, residuals, dy):
    return _gelu_with(THREE_TIMES)(xp, residuals, dy)


@wrong(50, EXACT_GELU_NEAR_ZERO, "x", point="blind")
@wrong(50, EXACT_GELU, "x")
def gelu_slope_zero_far_to_the_left(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x < -FAR, 0.0, dy * exact_slope(xp, x)),)


def hyperbolic(xp, x):
    return xp.tanh(x)


HYPERBOLIC = Operation(hyperbolic, floats((3,)))


@right(HYPERBOLIC)
def hyperbolic_by_cosines(xp, residuals, dy):
    (x,) = residuals
    return (dy * 4 / (xp.exp(x) + xp.exp(-x)) ** 2,)


@wrong(50, HYPERBOLIC, "x", point="blind")
def tanh_flat_beyond_four(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(xp.abs(x) > 4, 0.0, dy * (1 - xp.tanh(x) ** 2)),)


@wrong(50, HYPERBOLIC, "x", point="exposing")
def tanh_flat_beyond_a_thousand(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(xp.abs(x) > 1000, dy, dy * (1 - xp.tanh(x) ** 2)),)


def bent(xp, x):
    return xp.where(x > 70, 2 * x - 70, x)


BENT = Operation(bent, floats(()))


@right(BENT)
def slope_on_both_sides_of_the_bend(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 70, 2 * dy, dy),)


@wrong(50, BENT, "x", point="blind")
def slope_beyond_the_bend_forgotten(xp, residuals, dy):
    return (dy,)


def soft_or_itself(xp, x):
    return xp.where(x > 20, x, xp.log1p(xp.exp(xp.minimum(x, 20.0))))


SOFT_NEAR_ZERO = Operation(soft_or_itself, (jnp.array([-1.0, 0.5, 2.0], jnp.float32),))


@right(SOFT_NEAR_ZERO)
def soft_slope_or_one(xp, residuals, dy):
    (x,) = residuals
    e = xp.exp(xp.minimum(x, 20.0))
    return (xp.where(x > 20, dy, dy * e / (1 + e)),)


@wrong(50, SOFT_NEAR_ZERO, "x", point="blind")
def soft_slope_everywhere_half_beyond(xp, residuals, dy):
    (x,) = residuals
    e = xp.exp(xp.minimum(x, 20.0))
    return (xp.where(x > 20, dy / 2, dy * e / (1 + e)),)
