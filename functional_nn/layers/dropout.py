"""Dropout: a random part of the inputs is left out, and the mask is drawn anew on the way back."""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import checks
from functional_nn.layers.layer import Layer
from functional_nn.precision import rounded_once
from functional_nn.rules import Rule


@rounded_once
def dropout(x: jax.Array, keep: jax.Array, *, rate: float = 0.5) -> jax.Array:
    r"""Leaves out what a mask says, and scales up the rest.

    $$y_k = \frac{m_k x_k}{1 - p}, \qquad \frac{\partial y_k}{\partial x_k} = \frac{m_k}{1 - p}.$$

    Where each `m_k` is 1 with the probability `1 - p`, the mean of `y` is `x`. Linear. The layer
    `functional_nn.dropout` draws the mask.

    Args:
      x: Any shape, any floating dtype.
      keep: `m`, truth values of the same shape.
      rate: `p`, from 0 to less than 1.

    Returns:
      `y`, shape and dtype of `x`. The backward pass keeps the mask; that of the layer keeps the key
      that it was drawn from.

    Raises:
      ValueError: The shapes differ.
      TypeError: `x` is not floating, or the mask not of truth values.

    Example:
      >>> dropout(jnp.float32([1.0, 2.0]), jnp.array([True, False])).tolist()
      [2.0, 0.0]

    Reference:
      N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: A Simple
      Way to Prevent Neural Networks from Overfitting", JMLR 15, 2014, section 4; scaled in
      training, as section 10 describes.
    """
    checks.mask(x, keep)
    return jnp.where(keep, x / (1 - rate), 0)


def dropout_fwd(x: jax.Array, keep: jax.Array, *, rate: float = 0.5) -> tuple[jax.Array, jax.Array]:
    """Evaluates `dropout` and keeps the mask."""
    return dropout(x, keep, rate=rate), jnp.asarray(keep)


def dropout_bwd(keep: jax.Array, dy: jax.Array, *, rate: float = 0.5) -> tuple[jax.Array, None]:
    """Gives `dy m / (1 - p)`, and `None` for the mask."""
    return dropout(dy, keep, rate=rate), None


DROPOUT = Rule("dropout", dropout, dropout_fwd, dropout_bwd)


def dropout_layer(rate: float) -> Layer:
    """Makes a layer that leaves out each entry of its input with a probability, when given a key.

    It has no parameters. `apply(params, x, key=key)` and `fwd` leave out and scale up; without a
    key, as when a trained network is used, they give `x` as it is. The combinators hand each layer
    that draws a key of its own. The backward pass keeps the key and no mask: it draws the same one
    again.

    Args:
      rate: The probability of being left out, from 0 to less than 1.

    Returns:
      The layer; its backward pass is `dropout_bwd`.

    Raises:
      ValueError: `rate` does not lie in [0, 1).

    Example:
      >>> layer = dropout_layer(0.5)
      >>> x = jnp.ones((1, 4), jnp.float32)
      >>> layer.apply((), x).tolist()
      [[1.0, 1.0, 1.0, 1.0]]
      >>> sorted(set(layer.apply((), x, key=jax.random.key(1)).ravel().tolist()))
      [0.0, 2.0]

    Reference:
      N. Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
      JMLR 15, 2014, sections 4 and 10.
    """
    checks.part("rate", rate)
    leave_out = functools.partial(dropout, rate=rate)

    def mask(key: jax.Array, x: jax.Array) -> jax.Array:
        return jax.random.bernoulli(key, 1 - rate, x.shape)

    def init(key: jax.Array, x: Any) -> tuple[()]:
        del key
        checks.floating("x", x)
        return ()

    def apply(params: tuple[()], x: jax.Array, *, key: jax.Array | None = None) -> jax.Array:
        del params
        return x if key is None else leave_out(x, mask(key, x))

    def fwd(
        params: tuple[()], x: jax.Array, *, key: jax.Array | None = None
    ) -> tuple[jax.Array, jax.Array | None]:
        return apply(params, x, key=key), key

    def bwd(key: jax.Array | None, dy: jax.Array) -> tuple[tuple[()], jax.Array]:
        if key is None:
            return (), dy
        return (), leave_out(dy, mask(key, dy))

    def squares(key: jax.Array | None, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jnp.zeros(dy.shape[:1], dy.dtype), bwd(key, dy)[1]

    return Layer(init, apply, fwd, bwd, "dropout", squares=squares, random=True)
