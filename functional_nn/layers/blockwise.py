"""Attention by blocks: in neither direction is there an array of all queries by all keys.

A tile of scores, one block of queries by one of keys, is made, used and forgotten. Of the forward
pass the backward pass keeps the output and one number a query, the logarithm of the sum of its
exponentials; from that it makes the weights of a tile again. A tile of which the causal mask hides
everything is not computed, in either direction.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functional_nn import checks
from functional_nn.layers.attention import attention, scale
from functional_nn.precision import widened
from functional_nn.rules import Rule


def grouped_attention(
    q: jax.Array, k: jax.Array, v: jax.Array, lengths: jax.Array, *, causal: bool = True
) -> jax.Array:
    r"""Attention of several heads, of which groups may share their keys and values.

    Head `h` is `functional_nn.layers.attention.attention` of its queries and of the keys and values
    of head `⌊h Hᵏ / H⌋`. Query `t` sees key `s` if `s < length_b`, and, for the causal mask, if
    `s - S ≤ t - T`: the last query stands with the last key.

    A query that sees no key has the output 0, and every cotangent through it is 0.

    Args:
      q: Queries, shape (B, H, T, K), any floating dtype.
      k: Keys, shape (B, Hᵏ, S, K), same dtype; `Hᵏ` divides `H`.
      v: Values, shape (B, Hᵏ, S, J), same dtype.
      lengths: How many keys of each example are no padding, whole numbers, shape (B,).
      causal: Whether a query sees no key after its own.

    Returns:
      The outputs, shape (B, H, T, J), same dtype.

    Raises:
      ValueError: The shapes do not fit.
      TypeError: The dtypes differ or are not floating, or the lengths are not whole numbers.

    Example:
      >>> q, k = jnp.zeros((1, 2, 2, 1), jnp.float32), jnp.zeros((1, 1, 2, 1), jnp.float32)
      >>> v = jnp.float32([[[[1.0], [3.0]]]])
      >>> grouped_attention(q, k, v, jnp.int32([2]))[0, :, :, 0].tolist()
      [[1.0, 2.0], [1.0, 2.0]]

    Reference:
      J. Ainslie, J. Lee-Thorp, M. de Jong, Y. Zemlyanskiy, F. Lebrón, S. Sanghai, "GQA: Training
      Generalized Multi-Query Transformer Models from Multi-Head Checkpoints", EMNLP 2023,
      section 2.2.
    """
    checks.heads(q, k, v, lengths)
    (_, heads, queries, _), (_, shared, keys, _) = q.shape, k.shape
    k, v = (jnp.repeat(a, heads // shared, axis=1) for a in (k, v))
    mask = _shown(
        jnp.arange(queries, dtype=jnp.int32),
        jnp.arange(keys, dtype=jnp.int32),
        queries,
        lengths,
        keys,
        causal,
    )
    mask = jnp.broadcast_to(mask[:, 0], (*q.shape[:3], keys))
    return attention(q, k, v, mask)


def blockwise_attention_fwd(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    lengths: jax.Array,
    *,
    causal: bool = True,
    block: int | None = None,
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Gives `grouped_attention` by blocks, and keeps its arguments, the output and `log Σ exp`."""
    checks.heads(q, k, v, lengths)
    q, k, v = (jnp.asarray(a) for a in (q, k, v))
    (batch, heads, queries, _), (_, shared, keys, _) = q.shape, k.shape
    if 0 in (queries, keys):  # there is no tile
        o = jnp.zeros((*q.shape[:3], v.shape[-1]), q.dtype)
        return o, (q, k, v, lengths, o, jnp.zeros_like(widened(o[..., 0])))
    size = block or block_size(queries, keys)
    cut_q, cut_k, cut_v = _cut(q, shared, size), _cut(k, shared, size), _cut(v, shared, size)
    # The shift starts at the score of the first key: a query that sees any key sees that one. The
    # result is the same for any shift, so no derivative goes through it.
    groups = widened(q).reshape(batch, shared, heads // shared, *q.shape[2:])
    to_first = _products(groups, widened(k[:, :, :1])) * scale(groups)
    shift = jnp.sum(jax.lax.stop_gradient(to_first), axis=-1).reshape(*q.shape[:3], 1)
    largest = _cut(shift, shared, size)[..., 0]
    total = jnp.zeros_like(largest)
    start = (jnp.zeros((*total.shape, v.shape[-1]), total.dtype), largest, total)

    def step(carry: Any, tile: Any) -> tuple[Any, None]:
        i, j = tile
        s, shown = _scores(cut_q[i], cut_k[j], (i, j), (queries, keys), lengths, causal)
        values, largest, total = (a[i] for a in carry)
        seen = jnp.where(shown, s, largest[..., None])
        new = jax.lax.stop_gradient(jnp.maximum(largest, jnp.max(seen, axis=-1)))
        # What was summed against the smaller maximum is brought to the new one.
        shrink = jnp.exp(largest - new)
        e = jnp.where(shown, jnp.exp(s - new[..., None]), 0)
        more = jnp.einsum("bhgts,bhsj->bhgtj", e, widened(cut_v[j][:, :, 0]))
        found = (shrink[..., None] * values + more, new, shrink * total + jnp.sum(e, axis=-1))
        return tuple(a.at[i].set(b) for a, b in zip(carry, found, strict=True)), None

    (values, largest, total), _ = jax.lax.scan(step, start, _tiles(queries, keys, size, causal))
    first, every = jnp.zeros(1, jnp.int32), jnp.arange(queries, dtype=jnp.int32)
    sees = _cut(_shown(every, first, queries, lengths, keys, causal)[:, 0], 1, size)[..., 0]
    total = jnp.where(sees, total, 1)  # a query that sees no key: 0/1
    o = _joined(values / total[..., None], q.shape[:3], size).astype(q.dtype)
    return o, (q, k, v, lengths, o, largest + jnp.log(total))


def blockwise_attention_bwd(
    residuals: tuple[jax.Array, ...],
    do: jax.Array,
    *,
    causal: bool = True,
    block: int | None = None,
) -> tuple[jax.Array, jax.Array, jax.Array, None]:
    """Gives `(dq, dk, dv)` from the cotangent `do`, by the same tiles."""
    q, k, v, lengths, o, logarithm = residuals
    queries, (_, shared, keys, _) = q.shape[2], k.shape
    if 0 in (queries, keys):
        return jnp.zeros_like(q), jnp.zeros_like(k), jnp.zeros_like(v), None
    size = block or block_size(queries, keys)
    cut_q, cut_k, cut_v = _cut(q, shared, size), _cut(k, shared, size), _cut(v, shared, size)
    cut_do = _cut(do, shared, size)
    # Σ_s p_ts dp_ts, without the weights: it is Σ_j do_tj o_tj.
    delta = jnp.sum(widened(cut_do) * widened(_cut(o, shared, size)), axis=-1)
    start = tuple(jnp.zeros_like(widened(a)) for a in (cut_q, cut_k[:, :, :, 0], cut_v[:, :, :, 0]))

    def step(carry: Any, tile: Any) -> tuple[Any, None]:
        i, j = tile
        dq, dk, dv = carry
        qi, kj, vj, doi = (widened(a) for a in (cut_q[i], cut_k[j], cut_v[j], cut_do[i]))
        s, shown = _scores(cut_q[i], cut_k[j], (i, j), (queries, keys), lengths, causal)
        p = jnp.where(shown, jnp.exp(s - logarithm[i][..., None]), 0)
        dp = jnp.einsum("bhgtj,bhsj->bhgts", doi, vj[:, :, 0])
        g = p * (dp - delta[i][..., None]) * scale(qi)
        dv = dv.at[j].add(jnp.einsum("bhgts,bhgtj->bhsj", p, doi))
        dk = dk.at[j].add(jnp.einsum("bhgts,bhgtk->bhsk", g, qi))
        dq = dq.at[i].add(jnp.einsum("bhgts,bhsk->bhgtk", g, kj[:, :, 0]))
        return (dq, dk, dv), None

    (dq, dk, dv), _ = jax.lax.scan(step, start, _tiles(queries, keys, size, causal))
    dq = _joined(dq, q.shape[:3], size)
    dk, dv = (_joined(a[:, :, :, None], k.shape[:3], size) for a in (dk, dv))
    return dq.astype(q.dtype), dk.astype(k.dtype), dv.astype(v.dtype), None


def block_size(queries: int, keys: int) -> int:
    """Gives the side of a tile: what a processor's cache holds, and no more than there is."""
    longest = max(queries, keys)
    return min(longest, 64 if longest <= 2048 else 256)


def _tiles(queries: int, keys: int, size: int, causal: bool) -> tuple[np.ndarray, np.ndarray]:
    """Gives the numbers of the tiles of which the causal mask shows something, row by row."""
    shape = (-(-queries // size), -(-keys // size))
    i, j = np.indices(shape, np.int32).reshape(2, -1)
    last = np.minimum((i + 1) * size, queries) - 1 + (keys - queries)
    seen = (j * size <= last) if causal else np.ones(i.shape, bool)
    return i[seen], j[seen]


def _cut(a: jax.Array, shared: int, size: int) -> jax.Array:
    """Gives the blocks of positions of (B, H, T, K), shape (blocks, B, Hᵏ, H/Hᵏ, size, K)."""
    batch, heads, steps, width = a.shape
    more = -steps % size
    a = jnp.pad(a, ((0, 0), (0, 0), (0, more), (0, 0))) if more else a
    a = a.reshape(batch, shared, heads // shared, (steps + more) // size, size, width)
    return jnp.moveaxis(a, 3, 0)


def _joined(a: jax.Array, shape: tuple[int, ...], size: int) -> jax.Array:
    """Gives (B, H, T, K) again from its blocks."""
    batch, heads, steps = shape
    a = jnp.moveaxis(a, 0, 3)
    return a.reshape(batch, heads, a.shape[3] * size, a.shape[-1])[:, :, :steps]


def _scores(
    q: jax.Array,
    k: jax.Array,
    tile: tuple[Any, Any],
    lengths: tuple[int, int],
    visible: jax.Array,
    causal: bool,
) -> tuple[jax.Array, jax.Array]:
    """Gives the scores of a tile, and which of them count."""
    (i, j), (queries, keys), size = tile, lengths, q.shape[-2]
    s = _products(widened(q), widened(k[:, :, 0])) * scale(widened(q))
    places = jnp.arange(size, dtype=jnp.int32)
    return s, _shown(i * size + places, j * size + places, queries, visible, keys, causal)


def _products(q: jax.Array, k: jax.Array) -> jax.Array:
    return jnp.einsum("bhgtk,bhsk->bhgts", q, k)


def _shown(
    t: jax.Array, s: jax.Array, queries: int, lengths: jax.Array, keys: int, causal: bool
) -> jax.Array:
    """Gives whether query `t` sees key `s`, shape (B, 1, 1, T, S)."""
    t, s = t.reshape(1, 1, 1, -1, 1), s.reshape(1, 1, 1, 1, -1)
    shown = (s < keys) & (s < jnp.asarray(lengths, jnp.int32).reshape(-1, 1, 1, 1, 1))
    if causal:
        return shown & (s <= t + (keys - queries))
    return jnp.broadcast_to(shown, (*shown.shape[:3], t.size, s.size))


def blockwise_attention_rule(*, causal: bool = True, block: int | None = None) -> Rule:
    """Gives the rule of `grouped_attention` whose passes work by blocks.

    Its primal is the plain form, so that `jax.grad` of it and the checker see the definition.

    Args:
      causal: Whether a query sees no key after its own.
      block: The number of queries, and of keys, of a tile; by default 64, or 256 for more than
        2048 positions.

    Example:
      >>> rule = blockwise_attention_rule(block=2)
      >>> q = jnp.ones((1, 1, 5, 2), jnp.float32)
      >>> o, residuals = rule.fwd(q, q, q, jnp.int32([5]))
      >>> o.shape, [d.shape for d in rule.bwd(residuals, o)[:3]]
      ((1, 1, 5, 2), [(1, 1, 5, 2), (1, 1, 5, 2), (1, 1, 5, 2)])

    Reference:
      T. Dao, D. Y. Fu, S. Ermon, A. Rudra, C. Ré, "FlashAttention: Fast and Memory-Efficient Exact
      Attention with IO-Awareness", NeurIPS 2022, section 3.1 and appendix B.
    """
    if block is not None:
        checks.count("block", block)
    return Rule(
        "blockwise_attention",
        functools.partial(grouped_attention, causal=causal),
        functools.partial(blockwise_attention_fwd, causal=causal, block=block),
        functools.partial(blockwise_attention_bwd, causal=causal, block=block),
    )
