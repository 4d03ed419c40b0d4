"""Exponential linear units: the identity for positive inputs, a saturating exponential below."""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from functional_nn.approximations import approximation, expm1
from functional_nn.precision import rounded_once
from functional_nn.rules import Rule


@rounded_once
def elu(x: ArrayLike, *, alpha: float = 1.0) -> jax.Array:
    r"""The exponential linear unit.

    $$f(x) = x \text{ for } x > 0, \quad \alpha\,(e^x - 1) \text{ for } x \le 0, \qquad
      f'(x) = 1 \text{ for } x > 0, \quad \alpha\,e^x \text{ for } x \le 0.$$

    At `x = 0` the derivative from the left is `α` and from the right 1, and this rule takes the
    left one; for `α = 1` they are the same.

    Args:
      x: Any shape, any floating dtype.
      alpha: Minus the limit for large negative `x`.

    Returns:
      The activation, same shape and dtype. The backward pass keeps `x`: from the output, `e^x`
      would be `f + 1`, which cancels.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      float32: 2 ulp, and so the derivative. bfloat16 and float16: 0.502 ulp, both.

    Example:
      >>> y, x = elu_fwd(jnp.float32([-1.0, 2.0]))
      >>> [round(v, 6) for v in y.tolist() + elu_bwd(x, jnp.ones(2, jnp.float32))[0].tolist()]
      [-0.632121, 2.0, 0.367879, 1.0]

    Reference:
      D.-A. Clevert, T. Unterthiner, S. Hochreiter, "Fast and Accurate Deep Network Learning by
      Exponential Linear Units (ELUs)", ICLR 2016, section 3, equation 15.
    """
    x = jnp.asarray(x)
    return jnp.where(x > 0, x, alpha * expm1(_negative(x)))


def elu_fwd(x: ArrayLike, *, alpha: float = 1.0) -> tuple[jax.Array, jax.Array]:
    """Evaluates `elu` and keeps `x`."""
    return elu(x, alpha=alpha), jnp.asarray(x)


@rounded_once
def elu_bwd(x: jax.Array, dy: jax.Array, *, alpha: float = 1.0) -> tuple[jax.Array]:
    """Gives `dx = dy f'(x)`."""
    return (dy * jnp.where(x > 0, 1, alpha * jnp.exp(_negative(x))),)


@rounded_once
def celu(x: ArrayLike, *, alpha: float = 1.0) -> jax.Array:
    r"""The continuously differentiable exponential linear unit.

    $$f(x) = x \text{ for } x > 0, \quad \alpha\,(e^{x/\alpha} - 1) \text{ for } x \le 0, \qquad
      f'(x) = 1 \text{ for } x > 0, \quad e^{x/\alpha} \text{ for } x \le 0.$$

    Once differentiable everywhere, for every `α`.

    Args:
      x: Any shape, any floating dtype.
      alpha: Minus the limit for large negative `x`, positive.

    Returns:
      The activation, same shape and dtype. The backward pass keeps `x`.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      float32, for an `α` of 1: 2 ulp, and so the derivative. bfloat16 and float16: 0.502 ulp, both.

    Example:
      >>> y, x = celu_fwd(jnp.float32([-1.0, 2.0]))
      >>> [round(v, 6) for v in y.tolist() + celu_bwd(x, jnp.ones(2, jnp.float32))[0].tolist()]
      [-0.632121, 2.0, 0.367879, 1.0]

    Reference:
      J. T. Barron, "Continuously Differentiable Exponential Linear Units", 2017, equation 2.
    """
    x = jnp.asarray(x)
    return jnp.where(x > 0, x, alpha * expm1(_negative(x) / alpha))


def celu_fwd(x: ArrayLike, *, alpha: float = 1.0) -> tuple[jax.Array, jax.Array]:
    """Evaluates `celu` and keeps `x`."""
    return celu(x, alpha=alpha), jnp.asarray(x)


@rounded_once
def celu_bwd(x: jax.Array, dy: jax.Array, *, alpha: float = 1.0) -> tuple[jax.Array]:
    """Gives `dx = dy f'(x)`."""
    return (dy * jnp.where(x > 0, 1, jnp.exp(_negative(x) / alpha)),)


SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717


@rounded_once
def selu(x: ArrayLike) -> jax.Array:
    r"""The scaled exponential linear unit.

    $$f(x) = \lambda x \text{ for } x > 0, \quad
      \lambda\alpha\,(e^x - 1) \text{ for } x \le 0, \qquad
      f'(x) = \lambda \text{ for } x > 0, \quad \lambda\alpha\,e^x \text{ for } x \le 0$$

    with `λ = 1.0507` and `α = 1.6733`, such that layers keep a mean of 0 and a variance of 1. At
    `x = 0` the derivative from the left is `λα` and from the right `λ`, and this rule takes the
    left one, as `jax.grad` of this function does.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      The activation, same shape and dtype. The backward pass keeps `x`.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      float32: 3 ulp, and so the derivative. bfloat16 and float16: 0.502 ulp, both.

    Example:
      >>> y, x = selu_fwd(jnp.float32([-1.0, 2.0]))
      >>> [round(v, 6) for v in y.tolist() + selu_bwd(x, jnp.ones(2, jnp.float32))[0].tolist()]
      [-1.111331, 2.101402, 0.646769, 1.050701]

    Reference:
      G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-Normalizing Neural Networks", NIPS
      2017, equation 2 and appendix A1.
    """
    x = jnp.asarray(x)
    return jnp.where(x > 0, SELU_SCALE * x, SELU_SCALE * SELU_ALPHA * expm1(_negative(x)))


def selu_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `selu` and keeps `x`."""
    return selu(x), jnp.asarray(x)


@rounded_once
def selu_bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy f'(x)`."""
    return (dy * jnp.where(x > 0, SELU_SCALE, _left_slope(_negative(x))),)


@approximation(lambda x: SELU_SCALE * SELU_ALPHA * jnp.exp(x))
def _left_slope(x: jax.Array) -> jax.Array:
    """Gives `λα e^x`, which is still a normal float a little way below where `e^x` is."""
    far = x < -80
    scale = jnp.where(far, SELU_SCALE * SELU_ALPHA * math.exp(-16), SELU_SCALE * SELU_ALPHA)
    return jnp.exp(jnp.where(far, x + 16, x)) * scale


def _negative(x: jax.Array) -> jax.Array:
    """Gives `min(x, 0)`, with its sign for -0."""
    return jnp.where(x > 0, 0, x)


ELU = Rule("elu", elu, elu_fwd, elu_bwd, again=elu)
CELU = Rule("celu", celu, celu_fwd, celu_bwd, again=celu)
SELU = Rule("selu", selu, selu_fwd, selu_bwd, again=selu)
