"""The softmax: from the scores of a row to probabilities."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from functional_nn.precision import rounded_once
from functional_nn.rules import Rule


@rounded_once
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

    Raises:
      TypeError: `x` does not have a floating-point dtype.

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


@rounded_once
def softmax_bwd(s: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx_j = Σ_k dy_k s_k ([k = j] - s_j)` from the output `s`."""
    # [k = j] leaves s_j dy_j; the rest is s_j times Σ_k dy_k s_k, one number a row.
    return (s * (dy - jnp.sum(dy * s, axis=-1, keepdims=True)),)


SOFTMAX = Rule("softmax", softmax, softmax_fwd, softmax_bwd)
