"""Activation functions and their hand-written derivatives.

Each derivative is written in terms of the *output*. A dense layer keeps its input for the backward
pass, and that input is this output: so an activation between two dense layers costs no memory of
its own.

All functions keep the dtype (bfloat16, float16, float32 or float64) and, softmax apart, work entry
by entry on any shape.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from functional_nn.rules import Rule


def identity(x: ArrayLike) -> jax.Array:
    r"""Gives `x` back, for a layer without an activation.

    $$f(x) = x, \qquad f'(x) = 1.$$

    Smooth everywhere.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      `x`, same shape and dtype. The backward pass keeps nothing.

    Example:
      >>> identity(jnp.float32(2.5)).item()
      2.5

    Reference:
      C. M. Bishop, "Pattern Recognition and Machine Learning", section 5.2 (the output activation
      of a network for regression).
    """
    return jnp.asarray(x)


def identity_fwd(x: ArrayLike) -> tuple[jax.Array, None]:
    """Evaluates `identity`; keeps nothing."""
    return identity(x), None


def identity_bwd(residual: None, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy`."""
    del residual
    return (dy,)


def sigmoid(x: ArrayLike) -> jax.Array:
    r"""The logistic sigmoid.

    $$\sigma(x) = \frac{1}{1 + e^{-x}}, \qquad \sigma'(x) = \sigma(x)\,(1 - \sigma(x)).$$

    Smooth everywhere. Where `σ` rounds to 1 the derivative rounds to 0.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      `σ(x)` in [0, 1], same shape and dtype. The backward pass keeps this output, from which the
      derivative follows without another exponential.

    Example:
      >>> sigmoid(jnp.float32(0.0)).item()
      0.5
      >>> y, s = sigmoid_fwd(jnp.float32(0.0))
      >>> sigmoid_bwd(s, jnp.float32(1.0))[0].item()
      0.25

    Reference:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", section 3.10.
    """
    return jax.lax.logistic(x)


def sigmoid_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `sigmoid` and keeps its output `s`."""
    s = sigmoid(x)
    return s, s


def sigmoid_bwd(s: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy σ'(x)` from the output `s = σ(x)`."""
    return (dy * s * (1 - s),)


def tanh(x: ArrayLike) -> jax.Array:
    r"""The hyperbolic tangent.

    $$\tanh x = \frac{e^x - e^{-x}}{e^x + e^{-x}}, \qquad \tanh' x = 1 - \tanh^2 x.$$

    Smooth everywhere. Where `|tanh|` rounds to 1 the derivative rounds to 0.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      `tanh(x)` in [-1, 1], same shape and dtype. The backward pass keeps this output.

    Example:
      >>> y, t = tanh_fwd(jnp.float32(0.0))
      >>> y.item(), tanh_bwd(t, jnp.float32(1.0))[0].item()
      (0.0, 1.0)

    Reference:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", section 6.3.2.
    """
    return jnp.tanh(x)


def tanh_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `tanh` and keeps its output `t`."""
    t = tanh(x)
    return t, t


def tanh_bwd(t: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy tanh'(x)` from the output `t = tanh(x)`."""
    # 1 - t² as a product: squaring first would round t² to 1 earlier and lose digits near |t| = 1.
    return (dy * (1 - t) * (1 + t),)


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
    # `x <= 0`, not `x > 0`, so that NaN is handed on instead of becoming 0. A select, not
    # jnp.maximum: its derivative at 0 would be 1/2.
    return jnp.where(jnp.less_equal(x, 0), 0, x)


def relu_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `relu` and keeps its output `a`."""
    a = relu(x)
    return a, a


def relu_bwd(a: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy f'(x)` from the output `a = max(x, 0)`."""
    return (jnp.where(a <= 0, 0, dy),)


def softplus(x: ArrayLike) -> jax.Array:
    r"""The softplus, a smooth version of the rectifier.

    $$f(x) = \log(1 + e^x), \qquad f'(x) = \sigma(x) = 1 - e^{-f(x)}.$$

    Smooth everywhere, and it neither overflows nor cancels for large `|x|`.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      `log(1 + exp(x))`, same shape and dtype. The backward pass keeps this output `a`, and takes
      the derivative as `-expm1(-a)`, which keeps its digits where `a` is tiny.

    Example:
      >>> y, a = softplus_fwd(jnp.float32(0.0))
      >>> round(y.item(), 6), round(softplus_bwd(a, jnp.float32(1.0))[0].item(), 6)
      (0.693147, 0.5)

    Reference:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", section 3.10.
    """
    return jnp.logaddexp(x, 0)


def softplus_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `softplus` and keeps its output `a`."""
    a = softplus(x)
    return a, a


def softplus_bwd(a: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy f'(x)` from the output `a`."""
    # e^a = 1 + e^x, so σ(x) = e^x / (1 + e^x) = 1 - e^{-a}.
    return (dy * -jnp.expm1(-a),)


def softmax(x: ArrayLike) -> jax.Array:
    r"""The softmax over the last axis: logits to probabilities.

    $$s_k = \frac{e^{x_k}}{\sum_j e^{x_j}}, \qquad
      \frac{\partial s_k}{\partial x_j} = s_k\,([k = j] - s_j).$$

    Smooth everywhere. The largest logit is subtracted first, which changes nothing but keeps the
    exponentials from overflowing.

    Args:
      x: Logits of shape (..., K), any floating dtype.

    Returns:
      Probabilities of the same shape and dtype; each row sums to 1. The backward pass keeps them.

    Example:
      >>> softmax(jnp.zeros(4, jnp.float32)).tolist()
      [0.25, 0.25, 0.25, 0.25]

    Reference:
      C. M. Bishop, "Pattern Recognition and Machine Learning", section 4.3.4.
    """
    # The shift cancels in the quotient, so its derivative is not followed.
    shift = jax.lax.stop_gradient(jnp.max(x, axis=-1, keepdims=True))
    e = jnp.exp(x - shift)
    return e / jnp.sum(e, axis=-1, keepdims=True)


def softmax_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `softmax` and keeps its output `s`."""
    s = softmax(x)
    return s, s


def softmax_bwd(s: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx_j = Σ_k dy_k s_k ([k = j] - s_j)` from the output `s`."""
    # [k = j] leaves s_j dy_j; the rest is s_j times Σ_k dy_k s_k, one number a row.
    return (s * (dy - jnp.sum(dy * s, axis=-1, keepdims=True)),)


IDENTITY = Rule("identity", identity, identity_fwd, identity_bwd)
SIGMOID = Rule("sigmoid", sigmoid, sigmoid_fwd, sigmoid_bwd)
TANH = Rule("tanh", tanh, tanh_fwd, tanh_bwd)
RELU = Rule("relu", relu, relu_fwd, relu_bwd)
SOFTPLUS = Rule("softplus", softplus, softplus_fwd, softplus_bwd)
SOFTMAX = Rule("softmax", softmax, softmax_fwd, softmax_bwd)

RULES: tuple[Rule, ...] = (IDENTITY, SIGMOID, TANH, RELU, SOFTPLUS, SOFTMAX)
