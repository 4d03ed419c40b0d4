"""The two gelus for negative inputs, and their slopes, to the last digits in single precision.

There a gelu is `-t` times a small number that falls off like `exp(-t²/2)`. The exponent is needed
to far more digits than a float has, so it is formed as the sum of two floats. Each function takes
`t >= 0`; the gelu for positive inputs follows from it by symmetry.
"""

import math

import jax
import jax.numpy as jnp

from functional_nn.approximations import approximation, polynomial
from functional_nn.two_parts import exp_of_sum, power_of_two, short

_ROOT_HALF = math.sqrt(0.5)
_ROOT_TWO_PI = math.sqrt(2 * math.pi)


_FAR = 9.0  # from here on exponentials are scaled: t e^-z is a normal float where e^-z is not
_SCALE, _SCALED = 39.79400634765625, 5.220145767100658e-18  # exp(-_SCALE), to 1e-14


def _exp_of_sum(high: jax.Array, low: jax.Array) -> jax.Array:
    """Gives the exponential of the sum of two floats, the first the larger one."""
    total = high + low
    e = jnp.exp(total)
    return e + e * (low - (total - high))


def _scaled_exponential(
    t: jax.Array, high: jax.Array, low: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Gives the exponential of `high + low` in two factors, so that it does not underflow."""
    far = t > _FAR
    return _exp_of_sum(high + jnp.where(far, _SCALE, 0), low), jnp.where(far, _SCALED, 1)


# --- the gelu with the normal distribution ------------------------------------------------------

# In w = (t - 3)/(t + 3), to 2e-8: (t + 3) Φ(-t) exp(t²/2); and, with the root r of the slope, what
# its factor (Φ(-t) - t φ(t)) exp(t²/2) is divided by r - t.
_TAIL = (
    0.7290837, -0.5093322, 0.23001781, -0.047258317, -0.010463647, 0.0069378484, 0.0010217603,
    -0.0009455939, -0.00020963326, 4.8230017e-05,
)  # fmt: skip
_SLOPE = (
    0.47829768, -0.119975425, 0.053596593, -0.014074724, 0.00019906885, 0.0010927343,
    -7.726372e-05, -0.00011704139, -1.2553e-05,
)  # fmt: skip
_END = 20.0  # where all is zero


def _bell(t: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Gives `exp(-t²/2)`, and what it is to be multiplied by."""
    high = short(t)
    low = t - high
    return _scaled_exponential(t, -high * high / 2, -low * (t + high) / 2)


def _place(t: jax.Array) -> jax.Array:
    """Gives `w = (t - 3)/(t + 3)`, from the side where its digits are."""
    inverse = 1 / (t + 3)
    return jnp.where(t < 3, 2 * (t * inverse) - 1, 1 - 6 * inverse)


@approximation(lambda t: t * jax.lax.erfc(t * _ROOT_HALF) / 2)
def gelu_tail(t: jax.Array) -> jax.Array:
    """Gives `t Φ(-t)`, which is minus the gelu of `-t`."""
    t = jnp.minimum(t, _END)
    e, scale = _bell(t)
    return t * polynomial(_TAIL, _place(t)) / (t + 3) * e * scale


@approximation(lambda t: jax.lax.erfc(t * _ROOT_HALF) / 2 - t * jnp.exp(-t * t / 2) / _ROOT_TWO_PI)
def gelu_slope(t: jax.Array) -> jax.Array:
    """Gives `Φ(-t) - t φ(t)`, the derivative of the gelu at `-t`."""
    t = jnp.minimum(t, _END)
    e, scale = _bell(t)
    factor = (0.7517915368080139 - t) * polynomial(_SLOPE, _place(t)) - 6.93438566712e-9
    return factor * e * scale


# --- the gelu with the hyperbolic tangent -------------------------------------------------------

C, _A = 2 * math.sqrt(2 / math.pi), 0.044715
CA = C * _A
# For t = j STEP it is C t + CA t³ = (6254 j + j³)/2^16, but for the little rests below. STEP has 16
# bits and j has 8: their product is exact, and so are the whole numbers.
_STEP = 0.059800148010253906
_REST, _REST_OF_CUBE = -1.2371346594388190e-6, 3.5133564996889293e-10
_TANH_END = 10.9  # j is 182 there, and all is zero
_TANH_NEAR = 0.5
# The factor of the slope, less its value at r, divided by t - r: for |t - r| < 1/2, to 5e-8.
_TANH_SLOPE = (
    -2.4606566, -0.099911556, -0.40044913, 0.075959854, -0.030457262, 0.011283309, -0.0038731997,
    0.0012140181,
)  # fmt: skip


def _tanh_argument(t: jax.Array) -> jax.Array:
    return C * (t + _A * t * t * t)


def _decay(t: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Gives `exp(-z)`, `z = C (t + A t³)`, in two factors.

    The second is a power of two, 2^32 times that in the exponential. What is large, such as `t`, is
    to be multiplied by it first: the product with both may be a normal float where the exponential
    itself is none.
    """
    j = jnp.round(t * (1 / _STEP))
    near = j * _STEP
    square = j * j
    high = j * (6254 + square) * 2.0**-16
    # z is that of `near` and a difference of cubes.
    slope = C + CA * (t * (t + near) + near * near)
    low = j * (_REST + _REST_OF_CUBE * square) + (t - near) * slope
    e, k = exp_of_sum(-high, -low)
    return e * 2.0**-32, power_of_two(k + 32)


def _tanh_tail(t: jax.Array) -> jax.Array:
    # With e^-z and not with e^z, of which jax.grad would make inf / inf where it overflows.
    e = jnp.exp(-_tanh_argument(t))
    return t * e / (1 + e)


@approximation(_tanh_tail)
def gelu_tanh_tail(t: jax.Array) -> jax.Array:
    """Gives `t σ(-z)`, which is minus the gelu of `-t`."""
    t = jnp.minimum(t, _TANH_END)
    e, unit = _decay(t)
    return t * unit * e / (1 + e * unit)


def _tanh_slope(t: jax.Array) -> jax.Array:
    e = jnp.exp(-_tanh_argument(t))
    return e * (1 + e - C * (t + 3 * _A * t * t * t)) / (1 + e * (2 + e))


@approximation(_tanh_slope)
def gelu_tanh_slope(t: jax.Array) -> jax.Array:
    """Gives `e (1 + e - t z') / (1 + e)²`, `e = exp(-z)`: the derivative of the gelu at `-t`."""
    t = jnp.minimum(t, _TANH_END)
    part, unit = _decay(t)
    e = part * unit
    d = t - 0.7524614334106445
    near = d * polynomial(_TANH_SLOPE, d) - 2.79029330306e-8
    far = 1 + e - t * (C + 3 * CA * (t * t))
    factor = jnp.where(jnp.abs(d) < _TANH_NEAR, near, far)
    return factor * unit * part / (1 + e * (2 + e))
