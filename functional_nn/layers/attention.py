"""Scaled dot-product attention: each query takes a weighted mean of the values.

The weights are computed in at least single precision. A query from which every key is hidden gets
zeros, and hands back zeros.
"""

import jax
import jax.numpy as jnp

from functional_nn import checks
from functional_nn.precision import widened
from functional_nn.rules import Rule


def attention(q: jax.Array, k: jax.Array, v: jax.Array, mask: jax.Array) -> jax.Array:
    r"""Scaled dot-product attention with a mask.

    With the mask `m`, 1 where query `t` sees key `s` and 0 where it does not, the weights and the
    output are

    $$p_{nts} = \frac{m_{nts} \exp(K^{-1/2} \sum_k q_{ntk} k_{nsk})}
        {\sum_r m_{ntr} \exp(K^{-1/2} \sum_k q_{ntk} k_{nrk})}, \qquad
      o_{ntj} = \sum_s p_{nts} v_{nsj}.$$

    With `δ` the cotangent of `o`,

    $$\frac{\partial \ell}{\partial v_{nsj}} = \sum_t p_{nts} \delta_{ntj}, \quad
      g_{nts} = K^{-1/2} p_{nts} \sum_j \delta_{ntj} (v_{nsj} - o_{ntj}), \quad
      \frac{\partial \ell}{\partial q_{ntk}} = \sum_s g_{nts} k_{nsk}, \quad
      \frac{\partial \ell}{\partial k_{nsk}} = \sum_t g_{nts} q_{ntk}.$$

    Smooth everywhere. A query that sees no key has the output 0, and every cotangent through it
    is 0.

    For several heads, `n` runs over examples and heads. Where a group of heads shares its keys and
    values, their queries stand one after the other along `t`.

    Args:
      q: Queries, shape (..., T, K), any floating dtype.
      k: Keys, shape (..., S, K), same dtype.
      v: Values, shape (..., S, J), same dtype.
      mask: Truth values, shape (..., T, S).

    Returns:
      `o`, shape (..., T, J), same dtype. The backward pass keeps the arguments and the weights
      `p`, of shape (..., T, S); `functional_nn.blockwise_attention_rule` does not.

    Raises:
      ValueError: The shapes do not fit.
      TypeError: The dtypes differ or are not floating, or the mask does not hold truth values.

    Example:
      >>> q, k, v = (jnp.float32(rows) for rows in ([[0]], [[0], [0]], [[1], [3]]))
      >>> attention(q, k, v, jnp.bool_([[True, True]])).tolist()
      [[2.0]]
      >>> attention(q, k, v, jnp.bool_([[False, False]])).tolist()
      [[0.0]]

    Reference:
      A. Vaswani, N. Shazeer, N. Parmar, J. Uszkoreit, L. Jones, A. N. Gomez, L. Kaiser,
      I. Polosukhin, "Attention Is All You Need", NIPS 2017, section 3.2.1, equation 1.
    """
    return attention_fwd(q, k, v, mask)[0]


def attention_fwd(
    q: jax.Array, k: jax.Array, v: jax.Array, mask: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Evaluates `attention` and keeps `q`, `k`, `v` and the weights `p`."""
    checks.attended(q, k, v, mask)
    q, k, v, mask = (jnp.asarray(a) for a in (q, k, v, mask))
    scores = jnp.einsum("...tk,...sk->...ts", widened(q), widened(k)) * scale(widened(q))
    p = weights(scores, mask)
    o = jnp.einsum("...ts,...sj->...tj", p, widened(v))
    return o.astype(q.dtype), (q, k, v, p)


def attention_bwd(
    residuals: tuple[jax.Array, ...], do: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array, None]:
    """Gives `(dq, dk, dv)` from the cotangent `do`; the mask has none."""
    q, k, v, p = residuals
    do = widened(do)
    dv = jnp.einsum("...ts,...tj->...sj", p, do)
    dp = jnp.einsum("...tj,...sj->...ts", do, widened(v))
    # The softmax of each row: a weight that grows takes from all the others.
    g = p * (dp - jnp.sum(dp * p, axis=-1, keepdims=True)) * scale(widened(q))
    dq = jnp.einsum("...ts,...sk->...tk", g, widened(k))
    dk = jnp.einsum("...ts,...tk->...sk", g, widened(q))
    return dq.astype(q.dtype), dk.astype(k.dtype), dv.astype(v.dtype), None


def scale(q: jax.Array) -> jax.Array:
    """Gives `K^(-1/2)`, in the dtype of the queries."""
    return jax.lax.rsqrt(jnp.asarray(q.shape[-1], q.dtype))


def weights(scores: jax.Array, mask: jax.Array) -> jax.Array:
    """Gives the softmax of each row over the keys that the mask shows; zeros if it shows none."""
    if scores.shape[-1] == 0:  # there is no least score
        return scores
    least = jnp.min(scores, axis=-1, keepdims=True)
    # The shift cancels in the quotient, so its derivative is not followed.
    shift = jax.lax.stop_gradient(jnp.max(jnp.where(mask, scores, least), axis=-1, keepdims=True))
    # What is hidden must not overflow either: its derivative would be 0 times infinity.
    e = jnp.exp(jnp.where(mask, scores - shift, 0)) * mask.astype(scores.dtype)
    nothing = jnp.where(jnp.any(mask, axis=-1, keepdims=True), 0, 1).astype(scores.dtype)
    return e / (jnp.sum(e, axis=-1, keepdims=True) + nothing)


ATTENTION = Rule("attention", attention, attention_fwd, attention_bwd)
