"""Losses of one class out of K, from the logits: softmax cross-entropy and divergence.

With `d = z - max z` and `e = exp(d)`, the sum of all `e` is `1 + r`, where `r` is the sum of all
but the largest. A network that is confident and right has a tiny `r`: it is summed without the 1,
in which it would drown, and every result is made of sums of terms of one sign.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from functional_nn import checks
from functional_nn.approximations import log1p
from functional_nn.precision import rounded_once
from functional_nn.rules import Rule


class _Exponentials(NamedTuple):
    """The exponentials of a row of logits, the largest being 1.

    Attributes:
      e: `exp(z - max z)`.
      rest: Their sum, less 1.
      surprise: `-log softmax(z)`, none of which is negative.
    """

    e: jax.Array
    rest: jax.Array
    surprise: jax.Array


def _exponentials(logits: jax.Array) -> _Exponentials:
    # The shift cancels, so its derivative is not followed.
    largest = jax.lax.stop_gradient(jnp.max(logits, axis=-1, keepdims=True))
    d = logits - largest
    # What the rounding of the difference lost, exactly; over the real numbers it is zero.
    back = d - logits
    lost = (logits - (d - back)) - (largest + back)
    e = jnp.exp(d) * (1 + jnp.where(jnp.isfinite(lost), lost, 0))
    top = (logits == largest).astype(logits.dtype)
    others = jnp.sum(e - top, axis=-1, keepdims=True)
    rest = others + (jnp.sum(top, axis=-1, keepdims=True) - 1)
    return _Exponentials(e, rest, log1p(rest) - d)


def _dlogits(e: jax.Array, rest: jax.Array, targets: jax.Array) -> jax.Array:
    """Gives `p_k Σ_j y_j - y_k`, with `Σ_j y_j - y_k` and `Σ_j e_j - e_k` summed without k."""
    other_targets = jnp.sum(targets, axis=-1, keepdims=True) - targets
    return (e * other_targets - targets * (rest + (1 - e))) / (1 + rest)


def _expected(targets: jax.Array, values: jax.Array) -> jax.Array:
    """Gives `Σ_k y_k v_k`, where an infinite value with no weight counts nothing."""
    nothing = (targets == 0) & ~jnp.isfinite(values)
    return jnp.sum(jnp.where(nothing, 0, targets * values), axis=-1)


def softmax_cross_entropy(
    logits: jax.Array, targets: jax.Array, *, smoothing: float = 0.0
) -> jax.Array:
    r"""The cross-entropy after a softmax, from the logits: one class out of K.

    With `p = softmax(z)`,

    $$\ell = -\sum_k y_k \log p_k
        = -\sum_k y_k \Big(z_k - \log \sum_j e^{z_j}\Big), \qquad
      \frac{\partial \ell}{\partial z_k} = p_k \sum_j y_j - y_k, \quad
      \frac{\partial \ell}{\partial y_k} = -\log p_k.$$

    For targets that sum to 1, the first is `p - y`. With a smoothing `s`, `(1 - s) y + s/K` takes
    the place of `y`. Smooth everywhere. The loss and every entry of the gradient keep their digits
    when the network is confident and right: `p - 1` is never formed.

    Args:
      logits: `z`, shape (..., K), any floating dtype; minus infinity for a class that is masked
        out, which counts nothing unless it is the target.
      targets: `y`: integer labels in [0, K), shape (...); or one-hot or soft targets, shape
        (..., K), integer or the logits' dtype.
      smoothing: `s`, from 0 to 1: the part of each target that is spread over all classes.

    Returns:
      The losses, shape (...), the logits' dtype. The backward pass keeps the logits and the targets
      as they came (labels stay labels). A row of minus infinities, or with plus infinity, gives
      NaN.

    Raises:
      ValueError: The shapes do not fit, a concrete label lies outside [0, K), or a concrete
        smoothing outside [0, 1].
      TypeError: The targets are neither integers nor of the logits' dtype.

    Accuracy:
      float32, one class as the target, K up to 1000: the loss 3 ulp, each entry of the gradient
      6 ulp. For soft targets the gradient has a zero, near which the error is at most 1e-7.

    Example:
      >>> z = jnp.zeros((1, 4), jnp.float32)
      >>> round(softmax_cross_entropy(z, jnp.int32([2])).item(), 6)
      1.386294
      >>> _, residuals = softmax_cross_entropy_fwd(z, jnp.int32([2]))
      >>> softmax_cross_entropy_bwd(residuals, jnp.ones(1, jnp.float32))[0].tolist()
      [[0.25, 0.25, -0.75, 0.25]]

    Reference:
      C. M. Bishop, "Pattern Recognition and Machine Learning", section 4.3.4; I. Goodfellow,
      Y. Bengio, A. Courville, "Deep Learning", section 6.2.2.3; for the smoothing, C. Szegedy, V.
      Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, "Rethinking the Inception Architecture for Computer
      Vision", CVPR 2016, section 7.
    """
    return softmax_cross_entropy_fwd(logits, targets, smoothing=smoothing)[0]


def softmax_cross_entropy_fwd(
    logits: jax.Array, targets: jax.Array, *, smoothing: float = 0.0
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Evaluates `softmax_cross_entropy` and keeps its arguments."""
    return _cross_entropy(logits, targets, smoothing=smoothing), (logits, targets)


@rounded_once
def _cross_entropy(logits: jax.Array, targets: jax.Array, *, smoothing: float) -> jax.Array:
    checks.class_targets(logits, targets)
    checks.smoothing(smoothing)
    return _expected(_rows(targets, logits, smoothing), _exponentials(logits).surprise)


@rounded_once
def softmax_cross_entropy_bwd(
    residuals: tuple[jax.Array, jax.Array], dloss: jax.Array, *, smoothing: float = 0.0
) -> tuple[jax.Array, jax.Array | None]:
    """Gives `(dloss (p Σy - y), -dloss log p)`, and `None` for the cotangent of integer targets."""
    logits, targets = residuals
    e, rest, surprise = _exponentials(logits)
    dloss = dloss[..., None]
    dlogits = _dlogits(e, rest, _rows(targets, logits, smoothing)) * dloss
    if jnp.issubdtype(targets.dtype, jnp.integer):
        return dlogits, None
    return dlogits, surprise * (1 - smoothing) * dloss


def softmax_cross_entropy_rule(smoothing: float = 0.0) -> Rule:
    """Gives the rule of `softmax_cross_entropy` with a label smoothing.

    Raises:
      ValueError: A concrete smoothing lies outside [0, 1].

    Example:
      >>> softmax_cross_entropy_rule(smoothing=0.1).name
      'smoothed_softmax_cross_entropy'
    """
    checks.smoothing(smoothing)
    if not smoothing:
        return SOFTMAX_CROSS_ENTROPY
    return Rule(
        "smoothed_softmax_cross_entropy",
        functools.partial(softmax_cross_entropy, smoothing=smoothing),
        functools.partial(softmax_cross_entropy_fwd, smoothing=smoothing),
        functools.partial(softmax_cross_entropy_bwd, smoothing=smoothing),
    )


def _rows(targets: jax.Array, logits: jax.Array, smoothing: float) -> jax.Array:
    """Gives the targets as rows (..., K) of the dtype of the logits: labels become one-hot."""
    rows = targets
    if targets.ndim < logits.ndim:
        # A comparison and no gather: it has the same form for every K and every batch.
        classes = jax.lax.broadcasted_iota(jnp.int32, logits.shape, logits.ndim - 1)
        rows = targets.astype(jnp.int32)[..., None] == classes
    rows = rows.astype(logits.dtype)
    return rows * (1 - smoothing) + smoothing / logits.shape[-1] if smoothing else rows


def kl_divergence(logits: jax.Array, targets: jax.Array) -> jax.Array:
    r"""The Kullback-Leibler divergence of the softmax of the logits from a distribution.

    With `p = softmax(z)`,

    $$\ell = \sum_k y_k \log \frac{y_k}{p_k}, \qquad
      \frac{\partial \ell}{\partial z_k} = p_k \sum_j y_j - y_k, \quad
      \frac{\partial \ell}{\partial y_k} = \log \frac{y_k}{p_k} + 1.$$

    It is the cross-entropy less the entropy of `y`, and has the same gradient in the logits. Smooth
    for positive targets; a target of 0 counts nothing, and its own derivative is minus infinity.

    Args:
      logits: `z`, shape (..., K), any floating dtype; minus infinity for a class that is masked
        out.
      targets: `y`, a distribution over the classes, same shape and dtype.

    Returns:
      The losses, shape (...), same dtype. The backward pass keeps its arguments.

    Raises:
      ValueError: The shapes differ.
      TypeError: The dtypes differ or are not floating.

    Example:
      >>> z, y = jnp.zeros((1, 2), jnp.float32), jnp.float32([[1.0, 0.0]])
      >>> round(kl_divergence(z, y).item(), 6)
      0.693147

    Reference:
      S. Kullback, R. A. Leibler, "On Information and Sufficiency", Annals of Mathematical
      Statistics 22, 1951, section 2; C. M. Bishop, "Pattern Recognition and Machine Learning",
      section 1.6.1.
    """
    return kl_divergence_fwd(logits, targets)[0]


def kl_divergence_fwd(
    logits: jax.Array, targets: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Evaluates `kl_divergence` and keeps its arguments."""
    return _divergence(logits, targets), (logits, targets)


@rounded_once
def _divergence(logits: jax.Array, targets: jax.Array) -> jax.Array:
    checks.regression_targets(logits, targets)
    return _expected(targets, jnp.log(targets) + _exponentials(logits).surprise)


@rounded_once
def kl_divergence_bwd(
    residuals: tuple[jax.Array, jax.Array], dloss: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Gives `(dloss (p Σy - y), dloss (log(y/p) + 1))`."""
    logits, targets = residuals
    e, rest, surprise = _exponentials(logits)
    dloss = dloss[..., None]
    dtargets = (jnp.log(targets) + surprise + 1) * dloss
    return _dlogits(e, rest, targets) * dloss, dtargets


SOFTMAX_CROSS_ENTROPY = Rule(
    "softmax_cross_entropy",
    softmax_cross_entropy,
    softmax_cross_entropy_fwd,
    softmax_cross_entropy_bwd,
)
SMOOTHED_SOFTMAX_CROSS_ENTROPY = softmax_cross_entropy_rule(smoothing=0.1)
KL_DIVERGENCE = Rule("kl_divergence", kl_divergence, kl_divergence_fwd, kl_divergence_bwd)
