"""The exponential in two floats, and a sigmoid that has no more than 2 ulp from it.

One float for `exp(a)` is off by up to an ulp, and with the roundings after it a quotient by more
than two. With `exp(a) = high + low` the roundings are computed as well, and put right at the end in
one sum. No division is used twice: XLA would put it into a loop of its own.
"""

import jax
import jax.numpy as jnp

from functional_nn.approximations import approximation, polynomial

# log 2 in two parts: the first so short that its multiples by whole numbers are exact.
_LOG2_HIGH, _LOG2_LOW = 0.693359375, -2.121944400547e-4
_INVERSE_LOG2 = 1.4426950408889634
_LOWEST = -126.0  # exp of it is zero in single precision, whatever it is multiplied by
_SPLIT = -80  # powers of two below this are given apart
# (e^t - 1 - t)/t² for |t| < 0.35, to 4e-9.
_EXP = (0.5, 0.16666667, 0.041666463, 0.008333298, 0.0013934012, 0.00019899754)
# 1/(s + 3/2) for |s| <= 1/2, to 0.2 %.
_INVERSE = (0.66547622, -0.44242532, 0.33304448, -0.2285656)


def short(x: jax.Array) -> jax.Array:
    """Gives the first 12 bits of a float: products of two such are exact."""
    return jax.lax.reduce_precision(x, exponent_bits=8, mantissa_bits=11)


def power_of_two(exponent: jax.Array) -> jax.Array:
    """Gives `2^k` for whole numbers `k` from -126 to 127, given as floats."""
    # The sum has the exponent in its last bits; a conversion would look for what is no number.
    bits = jax.lax.bitcast_convert_type(exponent + 1.5 * 2.0**23, jnp.int32)
    return jax.lax.bitcast_convert_type((bits << 23) + (127 << 23), jnp.float32)


def exp_parts(a: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Gives `exp(a)` for `a <= 0` as `(high + low) scale`, `scale` being 1 unless it is tiny."""
    a = jnp.maximum(a, _LOWEST)
    k = jnp.round(a * _INVERSE_LOG2)
    near = a - k * _LOG2_HIGH
    least = k * _LOG2_LOW
    t = near - least
    shown = jnp.maximum(k, _SPLIT)
    unit = power_of_two(shown)
    # e^t = 1 + near + (t² (...) - least), times the power of two: a 1 would be taken out of the
    # sums by XLA. What stands first is exact; t is not, and may come out otherwise in another loop.
    first = unit * near
    total = unit + first
    rest = ((unit - total) + first) + unit * (t * t * polynomial(_EXP, t) - least)
    high = total + rest
    return high, (total - high) + rest, power_of_two(k - shown)


def exp_of_sum(high: jax.Array, low: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Gives `exp(high + low)`, to 1.5 ulp, as a float about 1 and the exponent of a power of two.

    Args:
      high: A multiple of 2^-16 that is less than 128 in size: a multiple of log 2 is taken from it
        without an error.
      low: Less than 1 in size.
    """
    k = jnp.round((high + low) * _INVERSE_LOG2)
    t = (high - k * _LOG2_HIGH) + (low - k * _LOG2_LOW)
    return 1 + (t + t * t * polynomial(_EXP, t)), k


@approximation(jax.lax.logistic)
def logistic(x: jax.Array) -> jax.Array:
    """Gives `σ(x)`, to 1.2 ulp."""
    high, low, scale = exp_parts(-jnp.abs(x))
    one = jnp.where(x == x, 1.0, x)  # a constant would be taken out of the sums by XLA
    bottom = one + high
    rest = ((one - bottom) + high) + low
    inverse = polynomial(_INVERSE, bottom - 1.5)
    top = jnp.where(x < 0, high, 1)
    right = (jnp.where(x < 0, low, 0) - top * inverse * rest) * inverse
    return (top / bottom + right) * jnp.where(x < 0, scale, 1)
