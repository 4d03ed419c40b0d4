"""A transformer's operations in plain JAX, as they are written where `jax.grad` does the rest."""

from typing import Any

import jax
import jax.numpy as jnp


def attention(q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
    """Causal attention in the layout of many libraries: (B, T, H, D)."""
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / jnp.sqrt(jnp.float32(q.shape[-1]))
    return jnp.einsum("bhqk,bkhd->bqhd", _weights(scores), v)


def attention_by_heads(q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
    """Causal attention in the layout in which it is fastest: (B H, T, D)."""
    scores = jnp.einsum("nqd,nkd->nqk", q, k) / jnp.sqrt(jnp.float32(q.shape[-1]))
    return jnp.einsum("nqk,nkd->nqd", _weights(scores), v)


def block(params: Any, x: jax.Array, heads: int) -> jax.Array:
    """A block of GPT-2's arrangement, with the parameters of the hand-written one."""
    (first, own), (second, into, _, out) = params
    n = _norm(first, x)
    q, k, v = (_heads(n @ own[f"w{name}"] + own[f"b{name}"], heads) for name in "qkv")
    mixed = attention_by_heads(q, k, v)
    mixed = mixed.reshape(len(x), heads, *mixed.shape[1:]).swapaxes(1, 2).reshape(x.shape)
    x = x + mixed @ own["wo"] + own["bo"]
    a = jax.nn.gelu(_norm(second, x) @ into["w"] + into["b"])
    return x + a @ out["w"] + out["b"]


def _weights(scores: jax.Array) -> jax.Array:
    mask = jnp.tril(jnp.ones(scores.shape[-2:], bool))
    return jax.nn.softmax(jnp.where(mask, scores, -jnp.inf), axis=-1)


def _norm(params: Any, x: jax.Array) -> jax.Array:
    centred = x - jnp.mean(x, axis=-1, keepdims=True)
    variance = jnp.mean(centred * centred, axis=-1, keepdims=True)
    return centred * jax.lax.rsqrt(variance + 1e-5) * params["scale"] + params["bias"]


def _heads(x: jax.Array, heads: int) -> jax.Array:
    batch, steps, width = x.shape
    x = x.reshape(batch, steps, heads, width // heads).swapaxes(1, 2)
    return x.reshape(batch * heads, steps, width // heads)
