"""Activations without an exponential: soft sign and squareplus."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from functional_nn.approximations import approximation
from functional_nn.precision import rounded_once
from functional_nn.rules import Rule


@rounded_once
def soft_sign(x: ArrayLike) -> jax.Array:
    r"""The soft sign: like the hyperbolic tangent, with tails of `1/x`.

    $$f(x) = \frac{x}{1 + |x|}, \qquad
      f'(x) = \frac{1}{(1 + |x|)^2} = \frac{1}{1 + a\,(2 + a)} \text{ with } a = |x|.$$

    Once differentiable everywhere; the second derivative jumps at 0.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      The activation in [-1, 1], same shape and dtype. The backward pass keeps `x`.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      float32: 1.5 ulp, the derivative 2.5 ulp. bfloat16 and float16: 0.502 ulp, both.

    Example:
      >>> y, x = soft_sign_fwd(jnp.float32([-1.0, 3.0]))
      >>> y.tolist(), soft_sign_bwd(x, jnp.ones(2, jnp.float32))[0].tolist()
      ([-0.5, 0.75], [0.25, 0.0625])

    Reference:
      X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
      networks", AISTATS 2010, section 2.
    """
    x = jnp.asarray(x)
    return jnp.where(jnp.isfinite(x), x / (1 + jnp.abs(x)), jnp.sign(x))


def soft_sign_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `soft_sign` and keeps `x`."""
    return soft_sign(x), jnp.asarray(x)


@rounded_once
def soft_sign_bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy f'(x)`."""
    a = jnp.abs(x)
    return (dy * (1 / (1 + a * (2 + a))),)


@rounded_once
def squareplus(x: ArrayLike) -> jax.Array:
    r"""Squareplus: a smooth rectifier from a square root.

    $$f(x) = \tfrac12\,\big(x + \sqrt{x^2 + 4}\big), \qquad
      f'(x) = \tfrac12\,\Big(1 + \frac{x}{\sqrt{x^2 + 4}}\Big).$$

    Smooth everywhere. With `h = f(|x|)` it is `1/h` for negative `x`, and the derivative is
    `1/(h s)` there, `s` the root: nothing cancels, and no square overflows.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      The activation, same shape and dtype. The backward pass keeps `x`.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      float32: 3 ulp, the derivative 6 ulp. bfloat16 and float16: 0.502 ulp, both.

    Example:
      >>> y, x = squareplus_fwd(jnp.float32(0.0))
      >>> y.item(), squareplus_bwd(x, jnp.float32(1.0))[0].item()
      (1.0, 0.5)

    Reference:
      J. T. Barron, "Squareplus: A Softplus-Like Algebraic Rectifier", 2021, equations 1 and 3.
    """
    x = jnp.asarray(x)
    h = _half_sum(jnp.where(x < 0, -x, x))
    return jnp.where(x < 0, 1 / h, h)


def squareplus_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `squareplus` and keeps `x`."""
    return squareplus(x), jnp.asarray(x)


@rounded_once
def squareplus_bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy f'(x)`."""
    a = jnp.where(x < 0, -x, x)  # not |x|, whose derivative at 0 would be 1
    h, root = _half_sum(a), _root(a)
    slope = jnp.where(x < 0, 1, h) / jnp.where(x < 0, h * root, root)
    return (dy * jnp.where(jnp.isfinite(x), slope, jnp.clip(x, 0, 1)),)


# In single precision both are `a`, to all digits, where a square would overflow. The formulas form
# no such square: with the larger of `a` and 2 taken out.
_LARGE = 1e9


def _scaled(a: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Gives `m = max(a, 2)`, and `a/m` and `√(a² + 4)/m`, for `a >= 0`."""
    large = a > 2
    ratio = jnp.where(large, 2, a) / jnp.where(large, a, 2)
    return jnp.where(large, a, 2), jnp.where(large, 1, ratio), jnp.sqrt(1 + ratio * ratio)


def _root_formula(a: jax.Array) -> jax.Array:
    largest, _, root = _scaled(a)
    return largest * root


def _half_sum_formula(a: jax.Array) -> jax.Array:
    largest, part, root = _scaled(a)
    return largest * ((part + root) / 2)


@approximation(_root_formula)
def _root(a: jax.Array) -> jax.Array:
    """Gives `√(a² + 4)`."""
    return jnp.where(a < _LARGE, jnp.sqrt(a * a + 4), a)


@approximation(_half_sum_formula)
def _half_sum(a: jax.Array) -> jax.Array:
    """Gives `(a + √(a² + 4))/2`."""
    return jnp.where(a < _LARGE, (a + jnp.sqrt(a * a + 4)) / 2, a)


SOFT_SIGN = Rule("soft_sign", soft_sign, soft_sign_fwd, soft_sign_bwd, again=soft_sign)
SQUAREPLUS = Rule("squareplus", squareplus, squareplus_fwd, squareplus_bwd, again=squareplus)
