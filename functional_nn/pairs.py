"""Numbers in two floats: a short one of 12 bits, and the rest.

Products of short floats are exact in single precision, so that what a product, a quotient or a root
loses can be computed, and only the last sum of the two parts rounds. Pairs are right to some 32
bits, their exponentials to 26.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from functional_nn.approximations import polynomial
from functional_nn.two_parts import exp_parts, short


class Pair(NamedTuple):
    """The sum of two floats.

    Attributes:
      high: Its first 12 bits.
      low: The rest.
    """

    high: jax.Array
    low: jax.Array


def pair(x: jax.Array, rest: jax.Array | float = 0.0) -> Pair:
    """Gives the sum of a float and of a rest that is smaller."""
    high = short(x + rest)
    return Pair(high, (x - high) + rest)


def constant(number: float, like: jax.Array) -> Pair:
    """Gives a number as a pair; NaN where `like` is.

    A constant alone would be taken out of sums by XLA, and what they lose with it.
    """
    mantissa, exponent = math.frexp(number)
    high = math.ldexp(round(mantissa * 4096), exponent - 12)
    return Pair(jnp.where(like == like, high, like), jnp.full_like(like, number - high))


def select(condition: jax.Array, a: Pair, b: Pair) -> Pair:
    """Gives `a` where a condition holds, else `b`."""
    return Pair(jnp.where(condition, a.high, b.high), jnp.where(condition, a.low, b.low))


def negative(a: Pair) -> Pair:
    """Gives `-a`."""
    return Pair(-a.high, -a.low)


def scaled(a: Pair, power_of_two: float) -> Pair:
    """Gives `a` times a power of two."""
    return Pair(a.high * power_of_two, a.low * power_of_two)


def rounded(a: Pair) -> jax.Array:
    """Gives the float that is nearest."""
    return a.high + a.low


def add(a: Pair, *others: Pair) -> Pair:
    """Gives the sum of pairs, from left to right."""
    for b in others:
        total = a.high + b.high
        back = total - a.high
        lost = (a.high - (total - back)) + (b.high - back)
        a = pair(total, lost + (a.low + b.low))
    return a


def multiply(a: Pair, b: Pair) -> Pair:
    """Gives `a b`."""
    return pair(a.high * b.high, a.high * b.low + a.low * b.high + a.low * b.low)


def _inverse(x: jax.Array) -> jax.Array:
    """Gives `1/x` for positive `x`, to some 22 bits.

    Not by a division: XLA puts one that is used twice into a loop of its own.
    """
    bits = jax.lax.bitcast_convert_type(x, jnp.int32)
    y = jax.lax.bitcast_convert_type(0x7EF311C7 - bits, jnp.float32)  # to 12 %
    for _ in range(3):
        y = y * (2 - x * y)
    return y


def divide(a: Pair, b: Pair) -> Pair:
    """Gives `a/b`, for positive `b`."""
    inverse = _inverse(rounded(b))
    first = short(a.high * inverse)
    rest = (a.high - first * b.high) + (a.low - first * b.low)
    return pair(first, rest * inverse)


def square_root(a: Pair) -> Pair:
    """Gives `√a`, for positive `a`."""
    root = jnp.sqrt(rounded(a))
    first = short(root)
    return pair(first, ((a.high - first * first) + a.low) / (first + root))


def horner(first: tuple[float, float], rest: tuple[float, ...], x: Pair) -> Pair:
    """Evaluates `c0 + c1 x + x² (...)`, of which the last part is small: a float will do for it."""
    c0, c1 = (constant(c, x.high) for c in first)
    small = pair(c1.high, c1.low + rounded(x) * polynomial(rest, rounded(x)))
    return add(c0, multiply(x, small))


def exponential(a: Pair) -> tuple[Pair, jax.Array]:
    """Gives `e^a` for `a <= 0`, less a power of two, which is the second result."""
    high, low, scale = exp_parts(rounded(a))
    rest = (a.high - rounded(a)) + a.low
    return pair(high, low + high * rest), scale
