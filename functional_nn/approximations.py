"""Functions that need a polynomial in single precision: each beside the formula it stands for.

Where a sum cancels, no rearrangement of it keeps all digits, and near such a place a polynomial in
the distance from it does. Over the real numbers the function *is* its formula: that is what double
precision computes, what proofs read, and what is differentiated.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

Function = Callable[..., jax.Array]

_LOWEST, _HIGHEST = -0.6931472, 0.35  # where the polynomial of `expm1` stands for it
# (e^x - 1 - x)/x² there, to 2e-8 of (e^x - 1)/x².
_EXPM1 = (0.5, 0.16666652, 0.041667137, 0.008337374, 0.0013878839, 0.00017469205)
_NEAR = 0.25  # how near to a root the polynomials in the distance are used


def approximation(formula: Function) -> Callable[[Function], Function]:
    """Gives the decorator of code that stands for a formula in single precision.

    Args:
      formula: The function over the real numbers.

    Returns:
      A decorator. The function that it makes computes float32 by the decorated code and float64 by
      the formula; `jax.grad` of it is that of the formula.

    Example:
      >>> @approximation(jnp.exp)
      ... def near_zero(x):
      ...     return 1 + x
      >>> jax.value_and_grad(near_zero)(jnp.float32(0.5))
      (Array(1.5, dtype=float32), Array(1.6487212, dtype=float32))
    """

    def decorate(code: Function) -> Function:
        def approximated(*xs: jax.Array) -> jax.Array:
            return code(*xs) if xs[0].dtype == jnp.float32 else formula(*xs)

        approximated.__name__ = f"approximation_of_{code.__name__}"
        function = jax.custom_jvp(approximated)
        function.defjvp(lambda xs, dxs: (function(*xs), jax.jvp(formula, xs, dxs)[1]))
        return function

    return decorate


def polynomial(coefficients: tuple[float, ...], x: jax.Array) -> jax.Array:
    """Evaluates c0 + c1 x + c2 x² + ... by Horner's scheme."""
    result = jnp.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        result = result * x + c
    return result


@approximation(jnp.expm1)
def expm1(x: jax.Array) -> jax.Array:
    """Gives `e^x - 1`, to 1.2 ulp for `x <= 0`."""
    near = x * (1 + x * polynomial(_EXPM1, x))  # so that -0 stays -0
    return jnp.where((x > _LOWEST) & (x < _HIGHEST), near, jnp.exp(x) - 1)


# A float whose log(1 + h) is 0.43805572390556335 to 1e-12, that is, to far more digits than it has.
_SHIFT = 0.5496912598609924


@approximation(jnp.log1p)
def log1p(x: jax.Array) -> jax.Array:
    """Gives `log(1 + x)`, to 1.8 ulp for `x >= 0`."""
    # XLA's own loses digits in this range: there it is log(1 + h) + log(1 + (x - h)/(1 + h)).
    shifted = (x > 0.4) & (x < 0.8)
    t = jnp.where(shifted, (x - _SHIFT) * (1 / (1 + _SHIFT)), x)
    return jnp.where(shifted, 0.43805572390556335, 0) + jnp.log1p(t)


# ((1 + x + e^x at r + d) - (at r))/d for |d| < 1/4, to 2e-8.
_SILU = (1.2784646, 0.13923226, 0.046410635, 0.011602665, 0.002325723, 0.00038751235)


@approximation(lambda x, e: 1 + x + e)
def silu_slope(x: jax.Array, e: jax.Array) -> jax.Array:
    """Gives `1 + x + e`, where `e` is `e^x`: the factor of silu's derivative that has a root."""
    d = x + 1.2784645557403564  # the distance from the float that is nearest to the root
    near = d * polynomial(_SILU, d) - 1.65935526353e-8
    return jnp.where(jnp.abs(d) < _NEAR, near, 1 + x + e)


# The same for ((the factor of mish at r + d) - (at r))/d, to 4e-8.
_MISH = (1.601991, 0.56580186, 0.32153276, 0.13945356, 0.052681312, 0.018051907)


def _mish_slope(x: jax.Array, e: jax.Array) -> jax.Array:
    return 1 + x + e * (x + 1.5 + e * (1 + e / 4))


@approximation(_mish_slope)
def mish_slope(x: jax.Array, e: jax.Array) -> jax.Array:
    """Gives `1 + x + e (x + 3/2 + e + e²/4)`, `e` being `e^x`: mish's derivative has its root."""
    d = x + 1.1924312114715576
    near = d * polynomial(_MISH, d) + 4.87636069786e-9
    return jnp.where(jnp.abs(d) < _NEAR, near, _mish_slope(x, e))
