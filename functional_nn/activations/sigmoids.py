"""The sigmoid and its relatives: tanh, the softplus and the logarithm of the sigmoid.

Their derivatives are taken from the input. From the output they would need no exponential, but the
output of a saturated unit rounds to its limit, and `1 - s` is then zero long before it should be.
That form is there by name: `from_output.py`.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from functional_nn.approximations import log1p
from functional_nn.precision import rounded_once
from functional_nn.rules import Rule
from functional_nn.two_parts import logistic


@rounded_once
def sigmoid(x: ArrayLike) -> jax.Array:
    r"""The logistic sigmoid.

    $$\sigma(x) = \frac{1}{1 + e^{-x}}, \qquad
      \sigma'(x) = \sigma(x)\,(1 - \sigma(x)) = \frac{e}{1 + e\,(2 + e)}
      \text{ with } e = e^{-|x|}.$$

    Smooth everywhere. The last form is the one computed: nothing cancels in it, so that the
    derivative keeps its digits until it leaves the range of the floats.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      `σ(x)` in [0, 1], same shape and dtype. The backward pass keeps `x`.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      float32: 2.5 ulp, the derivative 2.4 ulp. bfloat16 and float16: 0.502 ulp, both.

    Example:
      >>> sigmoid(jnp.float32(0.0)).item()
      0.5
      >>> y, x = sigmoid_fwd(jnp.float32(0.0))
      >>> sigmoid_bwd(x, jnp.float32(1.0))[0].item()
      0.25

    Reference:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", section 3.10.
    """
    return jax.lax.logistic(x)


def sigmoid_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `sigmoid` and keeps `x`."""
    return sigmoid(x), jnp.asarray(x)


@rounded_once
def sigmoid_bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy σ'(x)`."""
    e = jnp.exp(-jnp.abs(x))
    return (dy * (e / (1 + e * (2 + e))),)


@rounded_once
def tanh(x: ArrayLike) -> jax.Array:
    r"""The hyperbolic tangent.

    $$\tanh x = \frac{e^x - e^{-x}}{e^x + e^{-x}}, \qquad
      \tanh' x = 1 - \tanh^2 x = \frac{4q}{1 + q\,(2 + q)} \text{ with } q = e^{-2|x|}.$$

    Smooth everywhere. The last form is the one computed: nothing cancels in it, so that the
    derivative keeps its digits until it leaves the range of the floats.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      `tanh(x)` in [-1, 1], same shape and dtype. The backward pass keeps `x`.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      float32: 4.9 ulp (it is `jnp.tanh`, and not monotone in the last digits), the derivative
      2.5 ulp. bfloat16 and float16: 0.502 ulp, both.

    Example:
      >>> y, x = tanh_fwd(jnp.float32(0.0))
      >>> y.item(), tanh_bwd(x, jnp.float32(1.0))[0].item()
      (0.0, 1.0)

    Reference:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", section 6.3.2.
    """
    return jnp.tanh(x)


def tanh_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `tanh` and keeps `x`."""
    return tanh(x), jnp.asarray(x)


@rounded_once
def tanh_bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy tanh'(x)`."""
    # Far out 4q is still a normal float and q is not: there q is the square of e^-|x|.
    a = jnp.abs(x)
    far = a > 40
    w = jnp.exp(-jnp.where(far, a, 2 * a))
    top = jnp.where(far, 4 * w, 4) * w
    q = top / 4
    return (dy * (top / (1 + q * (2 + q))),)


@rounded_once
def softplus(x: ArrayLike) -> jax.Array:
    r"""The softplus, a smooth version of the rectifier.

    $$f(x) = \log(1 + e^x) = \max(x, 0) + \log(1 + e^{-|x|}), \qquad f'(x) = \sigma(x).$$

    Smooth everywhere, and it neither overflows nor cancels for large `|x|`.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      `log(1 + exp(x))`, same shape and dtype. The backward pass keeps `x`.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      float32: 2 ulp, and so the derivative. bfloat16 and float16: 0.502 ulp, both.

    Example:
      >>> y, x = softplus_fwd(jnp.float32(0.0))
      >>> round(y.item(), 6), softplus_bwd(x, jnp.float32(1.0))[0].item()
      (0.693147, 0.5)

    Reference:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", section 3.10.
    """
    x = jnp.asarray(x)
    # Selects, not a maximum and an absolute value: their derivatives at 0 would not add up to 1/2.
    return jnp.where(x < 0, 0, x) + log1p(jnp.exp(jnp.where(x < 0, x, -x)))


def softplus_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `softplus` and keeps `x`."""
    return softplus(x), jnp.asarray(x)


@rounded_once
def softplus_bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy σ(x)`."""
    return (dy * logistic(x),)


@rounded_once
def log_sigmoid(x: ArrayLike) -> jax.Array:
    r"""The logarithm of the sigmoid: the log-probability of a yes whose log-odds are `x`.

    $$f(x) = \log \sigma(x) = -\log(1 + e^{-x}), \qquad f'(x) = \sigma(-x).$$

    Smooth everywhere. It is minus the softplus of `-x`, so that it is never the logarithm of a
    sigmoid that has been rounded to 0 or 1.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      `log(σ(x))`, same shape and dtype. The backward pass keeps `x`.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      float32: 2 ulp, and so the derivative. bfloat16 and float16: 0.502 ulp, both.

    Example:
      >>> y, x = log_sigmoid_fwd(jnp.float32(0.0))
      >>> round(y.item(), 6), log_sigmoid_bwd(x, jnp.float32(1.0))[0].item()
      (-0.693147, 0.5)

    Reference:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", sections 3.10 and 6.2.2.2.
    """
    x = jnp.asarray(x)
    return -(jnp.where(x < 0, -x, 0) + log1p(jnp.exp(jnp.where(x < 0, x, -x))))


def log_sigmoid_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `log_sigmoid` and keeps `x`."""
    return log_sigmoid(x), jnp.asarray(x)


@rounded_once
def log_sigmoid_bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy σ(-x)`."""
    return (dy * logistic(-x),)


SIGMOID = Rule("sigmoid", sigmoid, sigmoid_fwd, sigmoid_bwd, again=sigmoid)
TANH = Rule("tanh", tanh, tanh_fwd, tanh_bwd, again=tanh)
SOFTPLUS = Rule("softplus", softplus, softplus_fwd, softplus_bwd, again=softplus)
LOG_SIGMOID = Rule("log_sigmoid", log_sigmoid, log_sigmoid_fwd, log_sigmoid_bwd, again=log_sigmoid)
