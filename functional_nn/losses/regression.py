"""Losses of regression: squared, absolute and Huber's, of the error `f - y`.

The errors of an example are summed over the last axis. `K` outputs per example, `f` the network's
output, `y` the target.
"""

import functools

import jax
import jax.numpy as jnp

from functional_nn import checks
from functional_nn.precision import rounded_once
from functional_nn.rules import Rule


def squared_error(outputs: jax.Array, targets: jax.Array, *, half: bool = True) -> jax.Array:
    r"""The squared error, with the factor 1/2 that makes its derivative `f - y`, or without.

    $$\ell = \tfrac12 \sum_k (f_k - y_k)^2, \qquad
      \frac{\partial \ell}{\partial f_k} = f_k - y_k = -\frac{\partial \ell}{\partial y_k}$$

    and twice that with `half=False`. Smooth everywhere.

    Args:
      outputs: `f`, shape (..., K), any floating dtype.
      targets: `y`, same shape and dtype.
      half: Whether the sum is halved.

    Returns:
      The losses, shape (...), same dtype. The backward pass keeps the error `f - y` and neither
      `f` nor `y`.

    Raises:
      ValueError: The shapes differ.
      TypeError: The dtypes differ or are not floating.

    Example:
      >>> f, y = jnp.float32([[1.0, 2.0]]), jnp.float32([[0.0, 4.0]])
      >>> squared_error(f, y).tolist(), squared_error(f, y, half=False).tolist()
      ([2.5], [5.0])

    Reference:
      D. E. Rumelhart, G. E. Hinton, R. J. Williams, "Learning representations by back-propagating
      errors", Nature 323, 1986, equation 3; C. M. Bishop, "Pattern Recognition and Machine
      Learning", section 5.2.
    """
    return squared_error_fwd(outputs, targets, half=half)[0]


@rounded_once
def squared_error_fwd(
    outputs: jax.Array, targets: jax.Array, *, half: bool = True
) -> tuple[jax.Array, jax.Array]:
    """Evaluates `squared_error` and keeps the error `f - y`."""
    checks.regression_targets(outputs, targets)
    error = jnp.subtract(outputs, targets)
    # Halved before the squares are formed, one of which might overflow alone.
    return jnp.sum(error * (error / 2 if half else error), axis=-1), error


@rounded_once
def squared_error_bwd(
    error: jax.Array, dloss: jax.Array, *, half: bool = True
) -> tuple[jax.Array, jax.Array]:
    """Gives `(dloss (f - y), -dloss (f - y))`, or twice that."""
    doutputs = error * dloss[..., None]
    if not half:
        doutputs = 2 * doutputs
    return doutputs, -doutputs


def squared_error_rule(half: bool = True) -> Rule:
    """Gives the rule of `squared_error`, named `"half_squared_error"` or `"squared_error"`.

    Example:
      >>> squared_error_rule().name, squared_error_rule(half=False).name
      ('half_squared_error', 'squared_error')
    """
    return HALF_SQUARED_ERROR if half else SQUARED_ERROR


def absolute_error(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    r"""The absolute error.

    $$\ell = \sum_k |f_k - y_k|, \qquad
      \frac{\partial \ell}{\partial f_k} = \operatorname{sign}(f_k - y_k)
        = -\frac{\partial \ell}{\partial y_k}.$$

    Where `f_k = y_k` there is no derivative: the one-sided values are -1 and 1, and this rule takes
    the middle, 0, so that an exact fit is at rest (`jax.grad` of the absolute value takes 1).

    Args:
      outputs: `f`, shape (..., K), any floating dtype.
      targets: `y`, same shape and dtype.

    Returns:
      The losses, shape (...), same dtype. The backward pass keeps the error `f - y`.

    Raises:
      ValueError: The shapes differ.
      TypeError: The dtypes differ or are not floating.

    Example:
      >>> absolute_error(jnp.float32([[1.0, 2.0]]), jnp.float32([[0.0, 4.0]])).tolist()
      [3.0]

    Reference:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", section 6.2.1.2.
    """
    return absolute_error_fwd(outputs, targets)[0]


@rounded_once
def absolute_error_fwd(outputs: jax.Array, targets: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Evaluates `absolute_error` and keeps the error `f - y`."""
    checks.regression_targets(outputs, targets)
    error = jnp.subtract(outputs, targets)
    return jnp.sum(jnp.abs(error), axis=-1), error


@rounded_once
def absolute_error_bwd(error: jax.Array, dloss: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Gives `(dloss sign(f - y), -dloss sign(f - y))`."""
    doutputs = jnp.sign(error) * dloss[..., None]
    return doutputs, -doutputs


def huber_loss(outputs: jax.Array, targets: jax.Array, *, delta: float = 1.0) -> jax.Array:
    r"""Huber's loss: the squared error near zero, the absolute error far from it.

    With the error `e = f - y`, and `δ` for `delta`,

    $$\ell = \sum_k h(e_k), \qquad
      h(e) = \tfrac12 e^2 \text{ for } |e| \le \delta, \quad
      \delta\,(|e| - \tfrac12 \delta) \text{ otherwise}, \qquad
      \frac{\partial \ell}{\partial f_k} = \min(\max(e_k, -\delta), \delta)
        = -\frac{\partial \ell}{\partial y_k}.$$

    Once differentiable everywhere; the second derivative jumps at `|e| = δ`.

    Args:
      outputs: `f`, shape (..., K), any floating dtype.
      targets: `y`, same shape and dtype.
      delta: Where the parabola ends, positive.

    Returns:
      The losses, shape (...), same dtype. The backward pass keeps the error `f - y`.

    Raises:
      ValueError: The shapes differ, or a concrete `delta` is not positive.
      TypeError: The dtypes differ or are not floating.

    Example:
      >>> huber_loss(jnp.float32([[0.5, 3.0]]), jnp.float32([[0.0, 0.0]])).tolist()
      [2.625]

    Reference:
      P. J. Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics
      35, 1964, section 1; T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical
      Learning", section 10.6, equation 10.23.
    """
    return huber_loss_fwd(outputs, targets, delta=delta)[0]


@rounded_once
def huber_loss_fwd(
    outputs: jax.Array, targets: jax.Array, *, delta: float = 1.0
) -> tuple[jax.Array, jax.Array]:
    """Evaluates `huber_loss` and keeps the error `f - y`."""
    checks.regression_targets(outputs, targets)
    checks.huber_delta(delta)
    error = jnp.subtract(outputs, targets)
    size = jnp.abs(error)
    near = jnp.minimum(size, delta)
    return jnp.sum(near * (size - near / 2), axis=-1), error


@rounded_once
def huber_loss_bwd(
    error: jax.Array, dloss: jax.Array, *, delta: float = 1.0
) -> tuple[jax.Array, jax.Array]:
    """Gives `dloss` times the error, held within `delta`, and minus that."""
    doutputs = jnp.clip(error, -delta, delta) * dloss[..., None]
    return doutputs, -doutputs


HALF_SQUARED_ERROR = Rule("half_squared_error", squared_error, squared_error_fwd, squared_error_bwd)
SQUARED_ERROR = Rule(
    "squared_error",
    functools.partial(squared_error, half=False),
    functools.partial(squared_error_fwd, half=False),
    functools.partial(squared_error_bwd, half=False),
)
ABSOLUTE_ERROR = Rule("absolute_error", absolute_error, absolute_error_fwd, absolute_error_bwd)
HUBER_LOSS = Rule("huber_loss", huber_loss, huber_loss_fwd, huber_loss_bwd)
