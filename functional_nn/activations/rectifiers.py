"""The identity and the rectifiers: straight lines with a kink at zero."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from functional_nn.precision import floating, rounded_once
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


@rounded_once
def relu6(x: ArrayLike) -> jax.Array:
    r"""The rectified linear unit, cut off at 6.

    $$f(x) = \min(\max(x, 0), 6), \qquad f'(x) = 1 \text{ for } 0 < x < 6, \quad
      0 \text{ for } x < 0 \text{ and for } x > 6.$$

    At 0 and 6 there is no derivative, and this rule takes 0. NaN goes through.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      The activation in [0, 6], same shape and dtype. The backward pass keeps this output.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      Exact.

    Example:
      >>> y, a = relu6_fwd(jnp.float32([-1.0, 2.0, 7.0]))
      >>> y.tolist(), relu6_bwd(a, jnp.ones(3, jnp.float32))[0].tolist()
      ([0.0, 2.0, 6.0], [0.0, 1.0, 0.0])

    Reference:
      A. Krizhevsky, "Convolutional Deep Belief Networks on CIFAR-10", 2010, section 2.
    """
    return jnp.where(jnp.less_equal(x, 0), 0, jnp.where(jnp.greater_equal(x, 6), 6, x))


def relu6_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `relu6` and keeps its output `a`."""
    a = relu6(x)
    return a, a


@rounded_once
def relu6_bwd(a: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy f'(x)` from the output `a`."""
    return (jnp.where((a > 0) & (a < 6), dy, a * 0),)


@rounded_once
def leaky_relu(x: ArrayLike, *, negative_slope: float = 0.01) -> jax.Array:
    r"""The rectified linear unit with a slope for negative inputs, so that they are not lost.

    $$f(x) = x \text{ for } x > 0, \quad s x \text{ for } x \le 0, \qquad
      f'(x) = 1 \text{ for } x > 0, \quad s \text{ for } x < 0.$$

    At `x = 0` there is no derivative: the one-sided values are `s` and 1, and this rule takes `s`,
    as `jax.grad` of this function does. NaN goes through.

    Args:
      x: Any shape, any floating dtype.
      negative_slope: `s`, positive.

    Returns:
      The activation, same shape and dtype. The backward pass keeps this output: it is positive
      exactly where `x` is.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      float32: 1 ulp, the derivative 0.5 ulp. bfloat16 and float16: 0.502 ulp, both.

    Example:
      >>> y, a = leaky_relu_fwd(jnp.float32([-2.0, 3.0]), negative_slope=0.25)
      >>> y.tolist(), leaky_relu_bwd(a, jnp.ones(2, jnp.float32), negative_slope=0.25)[0].tolist()
      ([-0.5, 3.0], [0.25, 1.0])

    Reference:
      A. L. Maas, A. Y. Hannun, A. Y. Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic
      Models", ICML 2013, section 2, equation 2.
    """
    x = jnp.asarray(x)
    return jnp.where(x > 0, x, negative_slope * x)


def leaky_relu_fwd(x: ArrayLike, *, negative_slope: float = 0.01) -> tuple[jax.Array, jax.Array]:
    """Evaluates `leaky_relu` and keeps its output `a`."""
    a = leaky_relu(x, negative_slope=negative_slope)
    return a, a


@rounded_once
def leaky_relu_bwd(
    a: jax.Array, dy: jax.Array, *, negative_slope: float = 0.01
) -> tuple[jax.Array]:
    """Gives `dx = dy f'(x)` from the output `a`."""
    return (jnp.where(a > 0, dy, jnp.where(a <= 0, negative_slope * dy, a)),)


@rounded_once
def prelu(x: ArrayLike, slope: ArrayLike) -> jax.Array:
    r"""The parametric rectified linear unit: a slope for negative inputs that is learned.

    $$y_{nk} = x_{nk} \text{ for } x_{nk} > 0, \quad s_k x_{nk} \text{ for } x_{nk} \le 0, \qquad
      \frac{\partial y_{nk}}{\partial x_{nk}} = 1 \text{ or } s_k, \quad
      \frac{\partial y_{nk}}{\partial s_k} = 0 \text{ or } x_{nk}.$$

    At `x = 0` there is no derivative in `x`, and this rule takes `s`. NaN goes through.

    Args:
      x: Rows, shape (..., K), any floating dtype.
      slope: `s`, one for each feature, shape (K,), same dtype.

    Returns:
      The activation, shape and dtype of `x`. The backward pass keeps `x` and the parameter `s`.

    Raises:
      TypeError: `x` does not have a floating-point dtype.
      ValueError: The last axis of `x` is not as long as `slope`.

    Accuracy:
      float32: 0.5 ulp, the derivative exact. bfloat16 and float16: 0.502 ulp, both.

    Example:
      >>> x, slope = jnp.float32([[-2.0, 3.0]]), jnp.float32([0.25, 0.25])
      >>> y, residuals = prelu_fwd(x, slope)
      >>> y.tolist(), [d.tolist() for d in prelu_bwd(residuals, jnp.ones_like(y))]
      ([[-0.5, 3.0]], [[[0.25, 1.0]], [-2.0, 0.0]])

    Reference:
      K. He, X. Zhang, S. Ren, J. Sun, "Delving Deep into Rectifiers", ICCV 2015, section 2.1,
      equations 1 and 3.
    """
    x = jnp.asarray(x)
    return jnp.where(x > 0, x, jnp.broadcast_to(slope, x.shape) * x)


def prelu_fwd(x: ArrayLike, slope: ArrayLike) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Evaluates `prelu` and keeps its arguments."""
    return prelu(x, slope), (jnp.asarray(x), jnp.asarray(slope))


@rounded_once
def prelu_bwd(residuals: tuple[jax.Array, jax.Array], dy: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Gives `dx = dy f'(x)`, and `Σ dy x` over the rows with negative `x` for the slope."""
    x, slope = residuals
    left = jnp.where(x <= 0, jnp.broadcast_to(slope, x.shape) * dy, x)
    dslope = jnp.sum(jnp.where(x > 0, 0, x * dy), axis=tuple(range(x.ndim - 1)))
    return jnp.where(x > 0, dy, left), dslope


IDENTITY = Rule("identity", identity, identity_fwd, identity_bwd)
RELU = Rule("relu", relu, relu_fwd, relu_bwd)
RELU6 = Rule("relu6", relu6, relu6_fwd, relu6_bwd)
LEAKY_RELU = Rule("leaky_relu", leaky_relu, leaky_relu_fwd, leaky_relu_bwd)
PRELU = Rule("prelu", prelu, prelu_fwd, prelu_bwd)
