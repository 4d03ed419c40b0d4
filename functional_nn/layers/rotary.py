"""Rotary positions: each pair of features is turned by an angle that grows with its position."""

from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import checks
from functional_nn.layers.layer import Layer
from functional_nn.precision import widened
from functional_nn.rules import Rule


def rotary(first: jax.Array, second: jax.Array, angles: jax.Array) -> jax.Array:
    r"""The first coordinate of pairs that are turned by the angles of their positions.

    $$y_{tk} = a_{tk} \cos\theta_{tk} - b_{tk} \sin\theta_{tk},$$

    and with `δ` the cotangent of `y`,

    $$\frac{\partial \ell}{\partial a} = \delta \cos\theta, \quad
      \frac{\partial \ell}{\partial b} = -\delta \sin\theta, \quad
      \frac{\partial \ell}{\partial \theta_{tk}}
        = -\sum \delta_{tk} (a_{tk} \sin\theta_{tk} + b_{tk} \cos\theta_{tk}).$$

    The second coordinate of the turned pair, `a sin θ + b cos θ`, is `rotary(b, -a, θ)`; `turned`
    gives both. Smooth everywhere.

    Args:
      first: `a`, shape (..., T, K), any floating dtype.
      second: `b`, same shape and dtype.
      angles: `θ`, shape (T, K), of that dtype or wider, such as `rotary_angles` makes them.

    Returns:
      `y`, shape and dtype of `a`. The backward pass keeps the arguments.

    Raises:
      ValueError: The shapes do not fit.
      TypeError: An argument is not floating, or `a` and `b` differ in dtype.

    Example:
      >>> a, b = jnp.float32([[1.0]]), jnp.float32([[2.0]])
      >>> round(rotary(a, b, jnp.float32([[jnp.pi / 2]])).item(), 6)
      -2.0

    Reference:
      J. Su, Y. Lu, S. Pan, A. Murtadha, B. Wen, Y. Liu, "RoFormer: Enhanced Transformer with Rotary
      Position Embedding", 2021, section 3.4.2, equation 34.
    """
    checks.rotated(first, second, angles)
    cos, sin = _cos_sin(angles, first)
    return (widened(first) * cos - widened(second) * sin).astype(first.dtype)


def rotary_fwd(
    first: jax.Array, second: jax.Array, angles: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Evaluates `rotary` and keeps its arguments."""
    return rotary(first, second, angles), (first, second, angles)


def rotary_bwd(residuals: tuple[jax.Array, ...], dy: jax.Array) -> tuple[jax.Array, ...]:
    """Gives `(dy cos θ, -dy sin θ, -Σ dy (a sin θ + b cos θ))`."""
    first, second, angles = residuals
    cos, sin = _cos_sin(angles, first)
    wide = widened(dy)
    slopes = wide * (widened(first) * sin + widened(second) * cos)
    dangles = -jnp.sum(slopes, axis=tuple(range(dy.ndim - 2)))  # one angle serves all rows
    dfirst, dsecond = (d.astype(dy.dtype) for d in (wide * cos, -wide * sin))
    return dfirst, dsecond, dangles.astype(angles.dtype)


def _cos_sin(angles: jax.Array, like: jax.Array) -> tuple[jax.Array, jax.Array]:
    wide = jnp.broadcast_to(angles.astype(widened(like).dtype), like.shape)
    return jnp.cos(wide), jnp.sin(wide)


def turned(x: jax.Array, angles: jax.Array) -> jax.Array:
    """Turns pairs of features by the angles of their positions.

    The first half of the last axis are the first coordinates of the pairs, the second half the
    second ones (the arrangement of GPT-NeoX and Llama). The product of two rows that were turned so
    depends on how far apart they stand, and not on where. A rotation's transpose turns back: the
    cotangent of `x` is `turned(dy, -angles)`, for which nothing has to be kept.

    Args:
      x: Queries or keys, shape (..., T, 2 K), any floating dtype.
      angles: Shape (T, K), such as `rotary_angles` makes them.

    Returns:
      The turned rows, shape and dtype of `x`.

    Example:
      >>> x = jnp.float32([[1.0, 0.0], [1.0, 0.0]])
      >>> turned(x, jnp.float32([[0.0], [jnp.pi / 2]])).round(3).tolist()
      [[1.0, 0.0], [-0.0, 1.0]]
    """
    checks.halves("rotary", x)
    a, b = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([rotary(a, b, angles), rotary(b, -a, angles)], axis=-1)


def rotary_angles(
    positions: int | jax.Array, features: int, *, base: float = 10_000.0
) -> jax.Array:
    r"""Gives the angles of rotary positions, `θ_{tk} = t base^{-2k / features}`.

    Args:
      positions: How many, counted from 0; or their numbers, shape (T,).
      features: The length of the rows that are turned, an even number: two features an angle.
      base: How much slower each pair turns than the one before; a long context asks for more.

    Returns:
      The angles, shape (T, features / 2), float32 (float64 where JAX has it enabled).

    Raises:
      ValueError: `features` is not a positive even number, or `base` not positive.

    Example:
      >>> rotary_angles(3, 4, base=16.0).tolist()
      [[0.0, 0.0], [1.0, 0.25], [2.0, 0.5]]

    Reference:
      J. Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021,
      section 3.2.2.
    """
    checks.even("features", features)
    checks.positive("base", base)
    dtype = jnp.result_type(float)
    where = jnp.arange(positions) if isinstance(positions, int) else jnp.asarray(positions)
    exponents = -jnp.arange(0, features, 2).astype(dtype) / features
    return where.astype(dtype)[:, None] * (base**exponents)[None, :]


ROTARY = Rule("rotary", rotary, rotary_fwd, rotary_bwd)


def rotary_layer(*, base: float = 10_000.0) -> Layer:
    """Makes a layer of rotary positions, for queries and keys.

    It has no parameters. Position `t` of a sequence, counted from 0, is turned by `rotary_angles`.

    Args:
      base: As for `rotary_angles`.

    Returns:
      The layer, from (..., T, 2 K) to the same shape: the first half of the last axis are the first
      coordinates, the second half the second ones. Its backward pass keeps nothing.

    Raises:
      ValueError: `base` is not positive; from the layer, a last axis of odd length.

    Example:
      >>> layer = rotary_layer()
      >>> x = jnp.ones((2, 3, 8), jnp.float32)
      >>> layer.apply(layer.init(jax.random.key(0), x), x).shape
      (2, 3, 8)

    Reference:
      J. Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021,
      section 3.2.2.
    """
    checks.positive("base", base)

    def angles(x: jax.Array) -> jax.Array:
        checks.halves("rotary", x)
        return rotary_angles(x.shape[-2], x.shape[-1], base=base)

    def init(key: jax.Array, x: Any) -> tuple[()]:
        del key
        checks.halves("rotary", x)
        return ()

    def apply(params: tuple[()], x: jax.Array) -> jax.Array:
        del params
        return turned(x, angles(x))

    def fwd(params: tuple[()], x: jax.Array) -> tuple[jax.Array, None]:
        return apply(params, x), None

    def bwd(_: None, dy: jax.Array) -> tuple[tuple[()], jax.Array]:
        return (), turned(dy, -angles(dy))

    def squares(_: None, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jnp.zeros(dy.shape[:1], dy.dtype), bwd(None, dy)[1]

    return Layer(init, apply, fwd, bwd, "rotary", squares=squares)
