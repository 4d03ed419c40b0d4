"""Losses of yes-or-no questions: the sigmoid cross-entropy and the hinge loss.

The losses of an example are summed over the last axis, over K independent questions.
"""

import jax
import jax.numpy as jnp

from functional_nn import checks
from functional_nn.approximations import log1p
from functional_nn.precision import rounded_once
from functional_nn.rules import Rule


@rounded_once
def sigmoid_cross_entropy(logits: jax.Array, targets: jax.Array) -> jax.Array:
    r"""The Bernoulli loss after a sigmoid, from the logits: K independent yes-or-no questions.

    With `p = σ(z)`,

    $$\ell = -\sum_k \big(y_k \log p_k + (1 - y_k) \log(1 - p_k)\big), \qquad
      \frac{\partial \ell}{\partial z_k} = p_k - y_k
        = (1 - y_k)\,\sigma(z_k) - y_k\,\sigma(-z_k), \quad
      \frac{\partial \ell}{\partial y_k} = -z_k.$$

    What is computed is `y max(-z, 0) + (1 - y) max(z, 0) + log(1 + exp(-|z|))`, and the right-hand
    form of the derivative. For targets of 0 and 1 nothing cancels in either, so that both keep
    their digits when the network is confident and right. Smooth everywhere.

    Args:
      logits: `z`, shape (..., K), any floating dtype.
      targets: `y`, probabilities of "yes", same shape and dtype.

    Returns:
      The losses, shape (...), same dtype; a target of 0 or 1 whose infinite logit is right costs 0.
      The backward pass keeps `z` and `y`.

    Raises:
      ValueError: The shapes differ.
      TypeError: The dtypes differ or are not floating.

    Accuracy:
      float32, K = 1, targets 0 and 1: 3 ulp, the derivative 3 ulp. For other targets `p - y` has a
      zero, near which the error is at most 1e-7.

    Example:
      >>> loss = sigmoid_cross_entropy(jnp.float32([[0.0]]), jnp.float32([[1.0]]))
      >>> round(loss.item(), 6)
      0.693147

    Reference:
      C. M. Bishop, "Pattern Recognition and Machine Learning", section 4.3.2; I. Goodfellow,
      Y. Bengio, A. Courville, "Deep Learning", section 6.2.2.2.
    """
    checks.regression_targets(logits, targets)
    # Selects, not maxima and an absolute value: their derivatives at 0 would not add up.
    no = _weighted(1 - targets, jnp.where(logits < 0, 0, logits))
    yes = _weighted(targets, jnp.where(logits < 0, -logits, 0))
    e = jnp.exp(jnp.where(logits < 0, logits, -logits))
    return jnp.sum(yes + no + log1p(e), axis=-1)


def _weighted(weight: jax.Array, size: jax.Array) -> jax.Array:
    """Gives the product, and nothing for an infinite size that has no weight."""
    return jnp.where((weight == 0) & ~jnp.isfinite(size), 0, weight * size)


def sigmoid_cross_entropy_fwd(
    logits: jax.Array, targets: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Evaluates `sigmoid_cross_entropy` and keeps its arguments."""
    return sigmoid_cross_entropy(logits, targets), (logits, targets)


@rounded_once
def sigmoid_cross_entropy_bwd(
    residuals: tuple[jax.Array, jax.Array], dloss: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Gives `(dloss (σ(z) - y), -dloss z)`."""
    logits, targets = residuals
    dloss = dloss[..., None]
    e = jnp.exp(-jnp.abs(logits))
    # σ(z) and σ(-z), before they are divided by 1 + e.
    yes, no = jnp.where(logits < 0, e, 1), jnp.where(logits < 0, 1, e)
    return ((1 - targets) * yes - targets * no) / (1 + e) * dloss, -logits * dloss


@rounded_once
def hinge_loss(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    r"""The hinge loss of a support vector machine: nothing for answers right by a margin of 1.

    $$\ell = \sum_k \max(0, 1 - y_k f_k), \qquad
      \frac{\partial \ell}{\partial f_k} = -y_k\,[y_k f_k < 1], \quad
      \frac{\partial \ell}{\partial y_k} = -f_k\,[y_k f_k < 1].$$

    At `y f = 1` there is no derivative: the one-sided values are 0 and `-y`, and this rule takes 0,
    so that an answer at the margin is at rest. NaN goes through.

    Args:
      outputs: `f`, shape (..., K), any floating dtype.
      targets: `y`, -1 for no and 1 for yes, same shape and dtype.

    Returns:
      The losses, shape (...), same dtype. The backward pass keeps `f` and `y`.

    Raises:
      ValueError: The shapes differ.
      TypeError: The dtypes differ or are not floating.

    Example:
      >>> hinge_loss(jnp.float32([[0.5, 2.0, 2.0]]), jnp.float32([[1.0, 1.0, -1.0]])).tolist()
      [3.5]

    Reference:
      T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning", section 12.3.2,
      equation 12.25; C. M. Bishop, "Pattern Recognition and Machine Learning", section 7.1.2.
    """
    checks.regression_targets(outputs, targets)
    short = 1 - outputs * targets
    return jnp.sum(jnp.where(short <= 0, 0, short), axis=-1)


def hinge_loss_fwd(
    outputs: jax.Array, targets: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Evaluates `hinge_loss` and keeps its arguments."""
    return hinge_loss(outputs, targets), (outputs, targets)


@rounded_once
def hinge_loss_bwd(
    residuals: tuple[jax.Array, jax.Array], dloss: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Gives `-dloss y` and `-dloss f` where the margin is not reached, else 0."""
    outputs, targets = residuals
    reached = 1 - outputs * targets <= 0
    dloss = dloss[..., None]
    return (
        jnp.where(reached, 0, -targets * dloss),
        jnp.where(reached, 0, -outputs * dloss),
    )


SIGMOID_CROSS_ENTROPY = Rule(
    "sigmoid_cross_entropy",
    sigmoid_cross_entropy,
    sigmoid_cross_entropy_fwd,
    sigmoid_cross_entropy_bwd,
)
HINGE_LOSS = Rule("hinge_loss", hinge_loss, hinge_loss_fwd, hinge_loss_bwd)
