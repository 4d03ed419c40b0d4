"""Losses and their hand-written derivatives: one number per example.

The errors of an example are summed over the last axis; nothing is averaged over the batch here
(`functional_nn.objective` does that). The letters: `K` outputs per example, `f` or `z` the
network's output, `y` the target.
"""

import functools

import jax
import jax.numpy as jnp

from functional_nn import checks
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


def squared_error_fwd(
    outputs: jax.Array, targets: jax.Array, *, half: bool = True
) -> tuple[jax.Array, jax.Array]:
    """Evaluates `squared_error` and keeps the error `f - y`."""
    checks.regression_targets(outputs, targets)
    error = jnp.subtract(outputs, targets)
    loss = jnp.sum(error * error, axis=-1)
    return (loss / 2 if half else loss), error


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


def absolute_error_fwd(outputs: jax.Array, targets: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Evaluates `absolute_error` and keeps the error `f - y`."""
    checks.regression_targets(outputs, targets)
    error = jnp.subtract(outputs, targets)
    return jnp.sum(jnp.abs(error), axis=-1), error


def absolute_error_bwd(error: jax.Array, dloss: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Gives `(dloss sign(f - y), -dloss sign(f - y))`."""
    doutputs = jnp.sign(error) * dloss[..., None]
    return doutputs, -doutputs


def sigmoid_cross_entropy(logits: jax.Array, targets: jax.Array) -> jax.Array:
    r"""The Bernoulli loss after a sigmoid, from the logits: K independent yes-or-no questions.

    With `p = σ(z)`,

    $$\ell = -\sum_k \big(y_k \log p_k + (1 - y_k) \log(1 - p_k)\big)
        = \sum_k \big(\log(1 + e^{z_k}) - y_k z_k\big), \qquad
      \frac{\partial \ell}{\partial z_k} = p_k - y_k, \quad
      \frac{\partial \ell}{\partial y_k} = -z_k.$$

    The right-hand form is the one computed: no logarithm of a rounded 0. Smooth everywhere.

    Args:
      logits: `z`, shape (..., K), any floating dtype.
      targets: `y`, probabilities of "yes", same shape and dtype.

    Returns:
      The losses, shape (...), same dtype. The backward pass keeps `z` and `y`.

    Raises:
      ValueError: The shapes differ.
      TypeError: The dtypes differ or are not floating.

    Example:
      >>> loss = sigmoid_cross_entropy(jnp.float32([[0.0]]), jnp.float32([[1.0]]))
      >>> round(loss.item(), 6)
      0.693147

    Reference:
      C. M. Bishop, "Pattern Recognition and Machine Learning", section 4.3.2; I. Goodfellow,
      Y. Bengio, A. Courville, "Deep Learning", section 6.2.2.2.
    """
    checks.regression_targets(logits, targets)
    return jnp.sum(jnp.logaddexp(logits, 0) - jnp.multiply(targets, logits), axis=-1)


def sigmoid_cross_entropy_fwd(
    logits: jax.Array, targets: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Evaluates `sigmoid_cross_entropy` and keeps its arguments."""
    return sigmoid_cross_entropy(logits, targets), (logits, targets)


def sigmoid_cross_entropy_bwd(
    residuals: tuple[jax.Array, jax.Array], dloss: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Gives `(dloss (σ(z) - y), -dloss z)`."""
    logits, targets = residuals
    dloss = dloss[..., None]
    return (jax.lax.logistic(logits) - targets) * dloss, -logits * dloss


def softmax_cross_entropy(logits: jax.Array, targets: jax.Array) -> jax.Array:
    r"""The cross-entropy after a softmax, from the logits: one class out of K.

    With `p = softmax(z)`,

    $$\ell = -\sum_k y_k \log p_k
        = -\sum_k y_k \Big(z_k - \log \sum_j e^{z_j}\Big), \qquad
      \frac{\partial \ell}{\partial z_k} = p_k \sum_j y_j - y_k, \quad
      \frac{\partial \ell}{\partial y_k} = -\log p_k.$$

    For targets that sum to 1, the first is `p - y`. Smooth everywhere.

    Args:
      logits: `z`, shape (..., K), any floating dtype.
      targets: `y`: integer labels in [0, K), shape (...); or one-hot or soft targets, shape
        (..., K), integer or the logits' dtype.

    Returns:
      The losses, shape (...), the logits' dtype. The backward pass keeps `log p`, which serves both
      derivatives, and the targets as they came (labels stay labels).

    Raises:
      ValueError: The shapes do not fit, or a concrete label lies outside [0, K).
      TypeError: The targets are neither integers nor of the logits' dtype.

    Example:
      >>> z = jnp.zeros((1, 4), jnp.float32)
      >>> round(softmax_cross_entropy(z, jnp.int32([2])).item(), 6)
      1.386294
      >>> _, residuals = softmax_cross_entropy_fwd(z, jnp.int32([2]))
      >>> softmax_cross_entropy_bwd(residuals, jnp.ones(1, jnp.float32))[0].tolist()
      [[0.25, 0.25, -0.75, 0.25]]

    Reference:
      C. M. Bishop, "Pattern Recognition and Machine Learning", section 4.3.4; I. Goodfellow,
      Y. Bengio, A. Courville, "Deep Learning", section 6.2.2.3.
    """
    return softmax_cross_entropy_fwd(logits, targets)[0]


def softmax_cross_entropy_fwd(
    logits: jax.Array, targets: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Evaluates `softmax_cross_entropy` and keeps `log p` and the targets."""
    checks.class_targets(logits, targets)
    # The shift cancels, so its derivative is not followed.
    shifted = logits - jax.lax.stop_gradient(jnp.max(logits, axis=-1, keepdims=True))
    log_p = shifted - jnp.log(jnp.sum(jnp.exp(shifted), axis=-1, keepdims=True))
    return -jnp.sum(_rows(targets, log_p) * log_p, axis=-1), (log_p, targets)


def softmax_cross_entropy_bwd(
    residuals: tuple[jax.Array, jax.Array], dloss: jax.Array
) -> tuple[jax.Array, jax.Array | None]:
    """Gives `(dloss (p Σy - y), -dloss log p)`, and `None` for the cotangent of integer targets."""
    log_p, targets = residuals
    dloss = dloss[..., None]
    y = _rows(targets, log_p)
    # -y_k from z_k itself, and p_k Σ_j y_j from the logarithm, which every term of the sum holds.
    dlogits = (jnp.exp(log_p) * jnp.sum(y, axis=-1, keepdims=True) - y) * dloss
    integer = jnp.issubdtype(targets.dtype, jnp.integer)
    return dlogits, None if integer else -log_p * dloss


def _rows(targets: jax.Array, log_p: jax.Array) -> jax.Array:
    """Gives the targets as rows (..., K) of the dtype of `log_p`: labels become one-hot."""
    if targets.ndim == log_p.ndim:
        return targets.astype(log_p.dtype)
    # A comparison and no gather: it has the same form for every K and every batch.
    classes = jax.lax.broadcasted_iota(jnp.int32, log_p.shape, log_p.ndim - 1)
    return (targets.astype(jnp.int32)[..., None] == classes).astype(log_p.dtype)


HALF_SQUARED_ERROR = Rule("half_squared_error", squared_error, squared_error_fwd, squared_error_bwd)
SQUARED_ERROR = Rule(
    "squared_error",
    functools.partial(squared_error, half=False),
    functools.partial(squared_error_fwd, half=False),
    functools.partial(squared_error_bwd, half=False),
)
ABSOLUTE_ERROR = Rule("absolute_error", absolute_error, absolute_error_fwd, absolute_error_bwd)
SIGMOID_CROSS_ENTROPY = Rule(
    "sigmoid_cross_entropy",
    sigmoid_cross_entropy,
    sigmoid_cross_entropy_fwd,
    sigmoid_cross_entropy_bwd,
)
SOFTMAX_CROSS_ENTROPY = Rule(
    "softmax_cross_entropy",
    softmax_cross_entropy,
    softmax_cross_entropy_fwd,
    softmax_cross_entropy_bwd,
)

RULES: tuple[Rule, ...] = (
    HALF_SQUARED_ERROR,
    SQUARED_ERROR,
    ABSOLUTE_ERROR,
    SIGMOID_CROSS_ENTROPY,
    SOFTMAX_CROSS_ENTROPY,
)
