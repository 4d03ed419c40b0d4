"""The Gaussian error linear unit, exact and with a hyperbolic tangent for the error function.

For `x <= 0` a gelu is `-g(-x)`, and for positive `x` it is `x - g(x)`, with one function `g` that
is computed by itself (`gelu_tails.py`): neither `1 + erf` nor `1 + tanh` is formed, which cancel.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from functional_nn.approximations import Function
from functional_nn.gelu_tails import gelu_slope, gelu_tail, gelu_tanh_slope, gelu_tanh_tail
from functional_nn.precision import rounded_once
from functional_nn.rules import Rule


@rounded_once
def gelu(x: ArrayLike) -> jax.Array:
    r"""The Gaussian error linear unit.

    $$f(x) = x\,\Phi(x) = \frac{x}{2}\,\Big(1 + \operatorname{erf} \frac{x}{\sqrt 2}\Big), \qquad
      f'(x) = \Phi(x) + x\,\varphi(x), \quad
      \varphi(x) = \frac{1}{\sqrt{2\pi}}\,e^{-x^2/2}.$$

    Smooth everywhere. The derivative has a root at `x = -0.7518`, and keeps its digits there.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      `x Φ(x)`, same shape and dtype; 0 from below at minus infinity. The backward pass keeps `x`.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      float32: 6 ulp, and so the derivative. bfloat16 and float16: 0.502 ulp, both.

    Example:
      >>> y, x = gelu_fwd(jnp.float32(1.0))
      >>> round(y.item(), 6), round(gelu_bwd(x, jnp.float32(1.0))[0].item(), 6)
      (0.841345, 1.083315)

    Reference:
      D. Hendrycks, K. Gimpel, "Gaussian Error Linear Units (GELUs)", 2016, section 2.
    """
    return _by_the_tail(jnp.asarray(x), gelu_tail)


def gelu_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `gelu` and keeps `x`."""
    return gelu(x), jnp.asarray(x)


@rounded_once
def gelu_bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy f'(x)`."""
    return (dy * _slope_by_the_tail(x, gelu_slope),)


@rounded_once
def gelu_tanh(x: ArrayLike) -> jax.Array:
    r"""The Gaussian error linear unit with a hyperbolic tangent for the error function.

    $$f(x) = \frac{x}{2}\,(1 + \tanh u) = x\,\sigma(2u), \quad
      u = \sqrt{2/\pi}\,(x + 0.044715\,x^3), \qquad
      f'(x) = \sigma(2u)\,\big(1 + 2 x u'\,(1 - \sigma(2u))\big).$$

    Smooth everywhere. The derivative has a root at `x = -0.7525`, and keeps its digits there. It is
    what `jax.nn.gelu` computes by default; it differs from `gelu` by up to 5e-4.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      `x σ(2u)`, same shape and dtype; 0 from below at minus infinity. The backward pass keeps `x`.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      float32: 5 ulp, the derivative 6 ulp. bfloat16 and float16: 0.502 ulp, both.

    Example:
      >>> y, x = gelu_tanh_fwd(jnp.float32(1.0))
      >>> round(y.item(), 6), round(gelu_tanh_bwd(x, jnp.float32(1.0))[0].item(), 6)
      (0.841192, 1.082964)

    Reference:
      D. Hendrycks, K. Gimpel, "Gaussian Error Linear Units (GELUs)", 2016, section 2.
    """
    return _by_the_tail(jnp.asarray(x), gelu_tanh_tail)


def gelu_tanh_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `gelu_tanh` and keeps `x`."""
    return gelu_tanh(x), jnp.asarray(x)


@rounded_once
def gelu_tanh_bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy f'(x)`."""
    return (dy * _slope_by_the_tail(x, gelu_tanh_slope),)


def _by_the_tail(x: jax.Array, tail: Function) -> jax.Array:
    """Gives a gelu from `tail(t) = -gelu(-t)`: `gelu(x) = x + gelu(-x)`."""
    # The tail is used once: XLA would put an operation that is used twice into a loop of its own.
    y = jnp.where(x <= 0, -0.0, x) - tail(jnp.where(x <= 0, -x, x))
    return jnp.where(jnp.isfinite(x), y, jnp.maximum(x, -0.0))


def _slope_by_the_tail(x: jax.Array, slope: Function) -> jax.Array:
    """Gives the derivative of a gelu from that at `-t`: the two add up to 1."""
    s = slope(jnp.where(x <= 0, -x, x))
    y = jnp.where(x <= 0, -0.0, 1.0) + jnp.where(x <= 0, 1.0, -1.0) * s
    return jnp.where(jnp.isfinite(x), y, jnp.clip(x, -0.0, 1.0))


GELU = Rule("gelu", gelu, gelu_fwd, gelu_bwd, again=gelu)
GELU_TANH = Rule("gelu_tanh", gelu_tanh, gelu_tanh_fwd, gelu_tanh_bwd, again=gelu_tanh)
