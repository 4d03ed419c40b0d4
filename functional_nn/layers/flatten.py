"""From images to rows: what a dense layer takes."""

import math

import jax
import jax.numpy as jnp

from functional_nn.layers.elementwise import elementwise
from functional_nn.rules import Rule


def _flatten(x: jax.Array) -> jax.Array:
    """Gives each example as one row: (n, ...) becomes (n, d)."""
    if x.ndim < 2:
        raise ValueError(
            f"x must hold examples, shape (n, ...). Got {x.shape}. Add the axis, x[None], to one."
        )
    return jnp.reshape(x, (x.shape[0], math.prod(x.shape[1:])))


def _flatten_bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    return (jnp.reshape(dy, x.shape),)


FLATTEN = Rule("flatten", _flatten, lambda x: (_flatten(x), x), _flatten_bwd)

flatten = elementwise(FLATTEN)
