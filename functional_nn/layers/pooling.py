"""Pooling: neighbouring positions become one, their largest or their mean."""

import functools
import math

import jax
import jax.numpy as jnp

from functional_nn.layers.elementwise import elementwise
from functional_nn.layers.layer import Layer
from functional_nn.layers.windows import (
    Pool,
    per_axis,
    positions_and_channels,
    some_position_left,
)
from functional_nn.precision import floating
from functional_nn.rules import Rule


def max_pool_rule(pool: Pool) -> Rule:
    r"""Gives the rule of the largest number of each window.

    With `W_p` the positions of window `p`,

    $$y_{npc} = \max_{i \in W_p} x_{nic}, \quad
      \frac{\partial \ell}{\partial x_{nic}} = \sum_{p\,:\;i = \arg\max W_p} \delta_{npc}.$$

    At a tie the first of the largest, in row-major order, gets the whole cotangent, as in JAX's own
    pooling; it is a subgradient. The backward pass keeps `x`, which is the output of the layer
    before, and `y`, which is the input of the next one.

    Reference:
      Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-Based Learning Applied to Document
      Recognition", 1998, section II; I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning",
      section 9.3.
    """

    def primal(x: jax.Array) -> jax.Array:
        _check(x, pool)
        return functools.reduce(jnp.maximum, (pool.read(x, q) for q in pool.places()))

    def fwd(x: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        y = primal(x)
        return y, (x, y)

    def bwd(residuals: tuple[jax.Array, jax.Array], dy: jax.Array) -> tuple[jax.Array]:
        x, y = residuals
        dx, found = jnp.zeros_like(x), jnp.zeros(y.shape, bool)
        for q in pool.places():
            first = (pool.read(x, q) == y) & ~found
            found |= first
            dx += pool.spread(jnp.where(first, dy, 0), q, x.shape[1:-1])
        return (dx,)

    return Rule("max_pool", primal, fwd, bwd)


def avg_pool_rule(pool: Pool) -> Rule:
    r"""Gives the rule of the mean of each window.

    With `W_p` the positions of window `p`, `K` of them,

    $$y_{npc} = \frac{1}{K} \sum_{i \in W_p} x_{nic}, \quad
      \frac{\partial \ell}{\partial x_{nic}} =
      \frac{1}{K} \sum_{p\,:\;i \in W_p} \delta_{npc}.$$

    Smooth everywhere. The backward pass keeps nothing but the shape of `x`.

    Reference:
      Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-Based Learning Applied to Document
      Recognition", 1998, section II.
    """
    share = 1 / math.prod(pool.size)

    def primal(x: jax.Array) -> jax.Array:
        _check(x, pool)
        return functools.reduce(jnp.add, (pool.read(x, q) for q in pool.places())) * share

    def fwd(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        return primal(x), x

    def bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
        each = dy * share
        parts = (pool.spread(each, q, x.shape[1:-1]) for q in pool.places())
        return (functools.reduce(jnp.add, parts),)

    return Rule("avg_pool", primal, fwd, bwd)


def _global_max(x: jax.Array) -> jax.Array:
    r"""The largest number of each channel: $y_{nc} = \max_i x_{nic}$.

    Its cotangent goes to the first of the largest positions, in row-major order.
    """
    _check(x, None)
    return jnp.max(x, axis=tuple(range(1, x.ndim - 1)))


def _global_max_bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    rows = jnp.reshape(x, (x.shape[0], -1, x.shape[-1]))
    first = jnp.argmax(rows, axis=1)[:, None, :] == jnp.arange(rows.shape[1])[None, :, None]
    return (jnp.reshape(jnp.where(first, dy[:, None, :], 0), x.shape),)


def _global_avg(x: jax.Array) -> jax.Array:
    r"""The mean of each channel: $y_{nc} = \frac{1}{P} \sum_i x_{nic}$ over `P` positions."""
    _check(x, None)
    return jnp.mean(x, axis=tuple(range(1, x.ndim - 1)))


def _global_avg_bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    share = x.shape[0] * x.shape[-1] / x.size
    each = jnp.reshape(dy * share, (x.shape[0], *(1,) * (x.ndim - 2), x.shape[-1]))
    return (jnp.broadcast_to(each, x.shape),)


GLOBAL_MAX_POOL = Rule(
    "global_max_pool", _global_max, lambda x: (_global_max(x), x), _global_max_bwd
)
GLOBAL_AVG_POOL = Rule(
    "global_avg_pool", _global_avg, lambda x: (_global_avg(x), x), _global_avg_bwd
)

global_max_pool = elementwise(GLOBAL_MAX_POOL)
global_avg_pool = elementwise(GLOBAL_AVG_POOL)


def max_pool(window: int | tuple[int, ...], stride: int | tuple[int, ...] | None = None) -> Layer:
    """Makes a layer that gives the largest number of each window. See `max_pool_rule`.

    Inputs are (n, positions..., channels); positions left over at the end are not seen.

    Args:
      window: How many neighbouring positions become one: a number for images, that is for rows and
        columns alike, or a tuple with a number for each axis: `(2,)` for a sequence.
      stride: How far apart the windows begin; by default they touch.

    Raises:
      ValueError: A number is not a positive whole number, or no window fits into the input.

    Example:
      >>> x = jnp.float32([[[1], [5], [2], [3]]])
      >>> max_pool((2,)).apply((), x).tolist()
      [[[5.0], [3.0]]]
    """
    return elementwise(max_pool_rule(_pool(window, stride)))


def avg_pool(window: int | tuple[int, ...], stride: int | tuple[int, ...] | None = None) -> Layer:
    """Makes a layer that gives the mean of each window. See `avg_pool_rule`; else as `max_pool`.

    Example:
      >>> x = jnp.float32([[[1], [5], [2], [4]]])
      >>> avg_pool((2,)).apply((), x).tolist()
      [[[3.0], [3.0]]]
    """
    return elementwise(avg_pool_rule(_pool(window, stride)))


def _pool(window: int | tuple[int, ...], stride: int | tuple[int, ...] | None) -> Pool:
    sizes = per_axis("window", window, len(window) if isinstance(window, tuple) else 2)
    return Pool(sizes, sizes if stride is None else per_axis("stride", stride, len(sizes)))


def _check(x: jax.Array, pool: Pool | None) -> None:
    if pool is not None:
        positions_and_channels(x, len(pool.size))
        some_position_left(x, pool.size)
        return
    floating("x", x)
    if x.ndim < 3 or x.size == 0:
        raise ValueError(
            "Pooling over all positions needs x of shape (n, positions..., channels), not empty. "
            f"Got {x.shape}."
        )
