"""Multi-head attention as a layer: projections, heads that attend by blocks, and a projection."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import checks
from functional_nn.layers.blockwise import blockwise_attention_rule
from functional_nn.layers.dense import dense, dense_bwd, dense_squares
from functional_nn.layers.layer import Layer
from functional_nn.layers.rotary import rotary_angles, turned

_NAMES = ("q", "k", "v", "o")
_normal = jax.nn.initializers.normal(0.02)


def multi_head_attention(
    heads: int,
    *,
    shared: int | None = None,
    causal: bool = True,
    rotary: bool = False,
    block: int | None = None,
    w_init: Callable[..., Any] = _normal,
) -> Layer:
    r"""Makes a layer in which every position of a sequence attends to others.

    With the queries, keys and values `x w + b` of each head,

    $$y = \big(\text{attention}(q_1, k_1, v_1), \dots, \text{attention}(q_H, k_H, v_H)\big) w_o
        + b_o .$$

    The backward pass is the chain rule through these; `x` is used three times, and gets the sum of
    three cotangents. It keeps `x`, the queries, keys, values and outputs of the heads, and one
    number for each head and position: no array of positions by positions.

    The parameters are `wq`, `wk`, `wv`, `wo` and the biases `bq`, `bk`, `bv`, `bo`, in the dtype of
    the input that `init` sees.

    Args:
      heads: The number of heads `H`, which divides the width of the input.
      shared: The number of heads of keys and values, which divides `H`: each is shared by as many
        heads of queries. By default `H`.
      causal: Whether a position sees no later one.
      rotary: Whether queries and keys are turned by the angles of their positions.
      block: The side of a tile of scores; see `blockwise_attention_rule`.
      w_init: Draws the weights; the biases start at 0.

    Returns:
      The layer, from (B, T, D) to (B, T, D).

    Raises:
      ValueError: A number is not positive and whole, or `shared` does not divide `heads`; from the
        layer, an input that is not (B, T, D), or a width that `heads` does not divide.

    Example:
      >>> layer = multi_head_attention(2)
      >>> x = jnp.ones((1, 3, 4), jnp.float32)
      >>> params = layer.init(jax.random.key(0), x)
      >>> layer.apply(params, x).shape
      (1, 3, 4)

    Reference:
      A. Vaswani, N. Shazeer, N. Parmar, J. Uszkoreit, L. Jones, A. N. Gomez, L. Kaiser,
      I. Polosukhin, "Attention Is All You Need", NIPS 2017, section 3.2.2.
    """
    checks.count("heads", heads)
    few = heads if shared is None else shared
    checks.count("shared", few)
    checks.head_groups(heads, few)
    rule = blockwise_attention_rule(causal=causal, block=block)

    def init(key: jax.Array, x: Any) -> dict[str, jax.Array]:
        checks.divided(x, heads)
        width, dtype = x.shape[-1], jnp.result_type(x)
        narrow = width // heads * few
        params = {}
        for name, own in zip(_NAMES, jax.random.split(key, 4), strict=True):
            features = narrow if name in "kv" else width
            params[f"w{name}"] = w_init(own, (width, features), dtype)
            params[f"b{name}"] = jnp.zeros((features,), dtype)
        return params

    def projected(params: dict[str, jax.Array], x: jax.Array) -> tuple[jax.Array, ...]:
        checks.divided(x, heads)
        q, k, v = (dense(x, params[f"w{name}"], params[f"b{name}"]) for name in "qkv")
        q, k, v = _split(q, heads), _split(k, few), _split(v, few)
        if rotary:
            angles = _angles(q)
            q, k = turned(q, angles), turned(k, angles)
        return q, k, v, jnp.full(x.shape[:1], x.shape[1], jnp.int32)

    def apply(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
        mixed = _merged(rule.primal(*projected(params, x)))
        return dense(mixed, params["wo"], params["bo"])

    def fwd(params: dict[str, jax.Array], x: jax.Array) -> tuple[jax.Array, Any]:
        o, kept = rule.fwd(*projected(params, x))
        return dense(_merged(o), params["wo"], params["bo"]), (params, x, o, kept)

    def back(of_map: Callable[..., Any], residuals: Any, dy: jax.Array) -> tuple[Any, jax.Array]:
        """Goes back, with `of_map(kept, dz) -> (dx, found)` for each of the four dense maps."""
        params, x, o, kept = residuals
        found: dict[str, Any] = {}
        mixed, found["o"] = of_map((_merged(o), params["wo"]), dy)
        dq, dk, dv, _ = rule.bwd(kept, _split(mixed, heads))
        if rotary:  # turned back: the transpose of a rotation is its inverse
            angles = _angles(dq)
            dq, dk = turned(dq, -angles), turned(dk, -angles)
        dx = jnp.zeros_like(x)
        for name, cotangent in zip("qkv", (dq, dk, dv), strict=True):
            own, found[name] = of_map((x, params[f"w{name}"]), _merged(cotangent))
            dx = dx + own
        return found, dx

    def bwd(residuals: Any, dy: jax.Array) -> tuple[dict[str, jax.Array], jax.Array]:
        def of_map(kept: Any, dz: jax.Array) -> Any:
            dx, dw, db = dense_bwd(kept, dz)
            return dx, {"w": dw, "b": db}

        found, dx = back(of_map, residuals, dy)
        return {f"{p}{name}": d for name, own in found.items() for p, d in own.items()}, dx

    def squares(residuals: Any, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        found, dx = back(lambda kept, dz: dense_squares(kept, dz)[::-1], residuals, dy)
        return sum(found.values(), jnp.zeros(dy.shape[:1], dy.dtype)), dx

    settings = (("heads", heads), ("shared", few))
    known = {"squares": squares, "settings": settings}
    return Layer(init, apply, fwd, bwd, "multi_head_attention", **known)


def _angles(q: jax.Array) -> jax.Array:
    return rotary_angles(q.shape[2], q.shape[3]).astype(q.dtype)


def _split(x: jax.Array, heads: int) -> jax.Array:
    """Gives the heads (B, H, T, D/H) of (B, T, D)."""
    batch, steps, width = x.shape
    return jnp.swapaxes(x.reshape(batch, steps, heads, width // heads), 1, 2)


def _merged(x: jax.Array) -> jax.Array:
    """Gives (B, T, D) from its heads."""
    batch, heads, steps, width = x.shape
    return jnp.swapaxes(x, 1, 2).reshape(batch, steps, heads * width)
