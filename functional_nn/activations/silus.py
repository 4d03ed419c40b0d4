"""Smooth activations that gate their input: silu and mish.

Both are `x` times a factor between 0 and 1. For negative `x` they fall off like `x e^x`, which is
still a normal float where `e^x` is not: far out the exponential is taken of `x/2` and used twice.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from functional_nn.approximations import mish_slope, silu_slope
from functional_nn.precision import rounded_once
from functional_nn.rules import Rule

_FAR = -64.0  # below this, e^x is formed in two factors


@rounded_once
def silu(x: ArrayLike) -> jax.Array:
    r"""The sigmoid linear unit, also called swish.

    $$f(x) = x\,\sigma(x), \qquad
      f'(x) = \sigma(x)\,\big(1 + x\,(1 - \sigma(x))\big)
            = \frac{1 + e\,(1 + x)}{(1 + e)^2} \text{ for } x \ge 0, \quad
              \frac{e\,(1 + x + e)}{(1 + e)^2} \text{ for } x < 0$$

    with `e = exp(-|x|)`. Smooth everywhere; the last form is the one computed. The derivative has a
    root at `x = -1.278`, and keeps its digits there.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      `x σ(x)`, same shape and dtype; 0 from below at minus infinity. The backward pass keeps `x`.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      float32: 4 ulp, the derivative 5 ulp. bfloat16 and float16: 0.502 ulp, both.

    Example:
      >>> y, x = silu_fwd(jnp.float32(0.0))
      >>> y.item(), silu_bwd(x, jnp.float32(1.0))[0].item()
      (0.0, 0.5)

    Reference:
      S. Elfwing, E. Uchibe, K. Doya, "Sigmoid-Weighted Linear Units for Neural Network Function
      Approximation in Reinforcement Learning", Neural Networks 107, 2018, section 2; P.
      Ramachandran, B. Zoph, Q. V. Le, "Searching for Activation Functions", 2017, section 4.
    """
    x = jnp.asarray(x)
    far, w, e = exponentials(x)
    y = x * jnp.where(x < 0, w, 1) * jnp.where(far, w, 1) / (1 + e)
    return jnp.where(jnp.isfinite(x), y, jnp.maximum(x, -0.0))


def silu_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `silu` and keeps `x`."""
    return silu(x), jnp.asarray(x)


@rounded_once
def silu_bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy f'(x)`."""
    far, w, e = exponentials(x)
    # The cotangent before the second factor: it may be large where the slope is no normal float.
    top = dy * jnp.where(x < 0, w * silu_slope(x, e), 1 + e * (1 + x))
    dx = top * jnp.where(far, w, 1) / (1 + e * (2 + e))
    return (jnp.where(jnp.isfinite(x), dx, dy * jnp.clip(x, -0.0, 1.0)),)


@rounded_once
def mish(x: ArrayLike) -> jax.Array:
    r"""Mish: the input times the tanh of its softplus.

    $$f(x) = x \tanh \log(1 + e^x)
           = x\,\frac{1 + 2e}{1 + 2e\,(1 + e)} \text{ for } x \ge 0, \quad
             x\,\frac{e\,(1 + e/2)}{1 + e\,(1 + e/2)} \text{ for } x < 0,$$

    with `e = exp(-|x|)`, and

    $$f'(x) = \frac{u\,\big(1 + x + u\,(x + 3/2 + u + u^2/4)\big)}{(1 + u + u^2/2)^2}
      \text{ with } u = e^x.$$

    Smooth everywhere. The derivative has a root at `x = -1.192`, and keeps its digits there.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      `x tanh(softplus(x))`, same shape and dtype; 0 from below at minus infinity. The backward pass
      keeps `x`.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      float32: 5 ulp, the derivative 6 ulp. bfloat16 and float16: 0.502 ulp, both.

    Example:
      >>> y, x = mish_fwd(jnp.float32(0.0))
      >>> y.item(), round(mish_bwd(x, jnp.float32(1.0))[0].item(), 6)
      (0.0, 0.6)

    Reference:
      D. Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", BMVC 2020, section 1.
    """
    x = jnp.asarray(x)
    far, w, e = exponentials(x)
    top = jnp.where(x < 0, w * (1 + e / 2), 1 + 2 * e)
    y = x * top * jnp.where(far, w, 1) / _mish_bottom(x, e)
    return jnp.where(jnp.isfinite(x), y, jnp.maximum(x, -0.0))


def mish_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `mish` and keeps `x`."""
    return mish(x), jnp.asarray(x)


@rounded_once
def mish_bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy f'(x)`."""
    far, w, e = exponentials(x)
    bottom = _mish_bottom(x, e)
    left = w * mish_slope(x, e) * jnp.where(far, w, 1) / (bottom * bottom)
    # Elsewhere as t (1 + x t'/t), t = tanh(softplus(x)): the square of the denominator would double
    # its rounding error.
    t = jnp.where(x < 0, e * (1 + e / 2), 1 + 2 * e) / bottom
    top = (1 + e) * jnp.where(x < 0, 1, 4 * e * e)
    ratio = top / (bottom * jnp.where(x < 0, 1 + e / 2, 1 + 2 * e))
    slope = jnp.where(x < -0.5, left, t * (1 + x * ratio))
    return (dy * jnp.where(jnp.isfinite(x), slope, jnp.clip(x, -0.0, 1.0)),)


def exponentials(x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Gives whether `x` is far out, the exponential that is to be used twice there, and e^-|x|."""
    far = x < _FAR
    a = jnp.abs(x)
    w = jnp.exp(-jnp.where(far, a / 2, a))
    return far, w, jnp.where(far, w * w, w)


def _mish_bottom(x: jax.Array, e: jax.Array) -> jax.Array:
    """Gives what mish is divided by: 1 + e + e²/2, for positive x times 2 e^-2x."""
    return 1 + e * jnp.where(x < 0, 1 + e / 2, 2 + 2 * e)


SILU = Rule("silu", silu, silu_fwd, silu_bwd, again=silu)
MISH = Rule("mish", mish, mish_fwd, mish_bwd, again=mish)
