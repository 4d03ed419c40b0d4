"""The identity and the rectifiers: straight lines with a kink at zero."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from functional_nn.precision import floating
from functional_nn.rules import Rule


def identity(x: ArrayLike) -> jax.Array:
    r"""Gives `x` back, for a layer without an activation.

    $$f(x) = x, \qquad f'(x) = 1.$$

    Smooth everywhere.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      `x`, same shape and dtype. The backward pass keeps nothing.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      Exact.

    Example:
      >>> identity(jnp.float32(2.5)).item()
      2.5

    Reference:
      C. M. Bishop, "Pattern Recognition and Machine Learning", section 5.2 (the output activation
      of a network for regression).
    """
    floating("x", x)
    return jnp.asarray(x)


def identity_fwd(x: ArrayLike) -> tuple[jax.Array, None]:
    """Evaluates `identity`; keeps nothing."""
    return identity(x), None


def identity_bwd(residual: None, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy`."""
    del residual
    return (dy,)


def relu(x: ArrayLike) -> jax.Array:
    r"""The rectified linear unit.

    $$f(x) = \max(x, 0), \qquad f'(x) = 1 \text{ for } x > 0, \quad 0 \text{ for } x < 0.$$

    At `x = 0` there is no derivative: the one-sided values are 0 and 1, and this rule takes 0, as
    `jax.grad` of this function does. NaN goes through.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      `max(x, 0)`, same shape and dtype. The backward pass keeps this output: it is positive exactly
      where the derivative is 1.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      Exact.

    Example:
      >>> relu(jnp.float32([-2.0, 0.0, 3.0])).tolist()
      [0.0, 0.0, 3.0]
      >>> y, a = relu_fwd(jnp.float32([-2.0, 0.0, 3.0]))
      >>> relu_bwd(a, jnp.ones(3, jnp.float32))[0].tolist()
      [0.0, 0.0, 1.0]

    Reference:
      X. Glorot, A. Bordes, Y. Bengio, "Deep Sparse Rectifier Neural Networks", AISTATS 2011,
      section 3.1; for the convention at 0, I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning",
      section 6.3.
    """
    floating("x", x)
    # `x <= 0`, not `x > 0`, so that NaN is handed on instead of becoming 0. A select, not
    # jnp.maximum: its derivative at 0 would be 1/2.
    return jnp.where(jnp.less_equal(x, 0), 0, x)


def relu_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `relu` and keeps its output `a`."""
    a = relu(x)
    return a, a


def relu_bwd(a: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy f'(x)` from the output `a = max(x, 0)`."""
    # a · 0 is 0, and NaN where a is: so NaN is handed on.
    return (jnp.where(a > 0, dy, a * 0),)


IDENTITY = Rule("identity", identity, identity_fwd, identity_bwd)
RELU = Rule("relu", relu, relu_fwd, relu_bwd)
