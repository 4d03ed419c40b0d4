"""Random keys on their way through a network: who draws takes one, and nobody else sees any."""

from collections.abc import Sequence
from typing import Any

import jax

from functional_nn.layers.layer import Layer


def applied(layer: Layer, params: Any, x: Any, key: jax.Array | None) -> Any:
    """Gives `layer.apply`, with the key if the layer draws random numbers."""
    return layer.apply(params, x, key=key) if layer.random else layer.apply(params, x)


def forward(layer: Layer, params: Any, x: Any, key: jax.Array | None) -> Any:
    """Gives `layer.fwd`, with the key if the layer draws random numbers."""
    return layer.fwd(params, x, key=key) if layer.random else layer.fwd(params, x)


def for_each(layers: Sequence[Layer], key: jax.Array | None) -> list[jax.Array | None]:
    """Gives each layer that draws a key of its own, and the others none.

    Example:
      >>> import functional_nn as fnn
      >>> keys = for_each([fnn.tanh, fnn.dropout(0.5)], jax.random.key(0))
      >>> [key is None for key in keys]
      [True, False]
    """
    if key is None:
        return [None] * len(layers)
    return [
        jax.random.fold_in(key, place) if layer.random else None
        for place, layer in enumerate(layers)
    ]


def any_random(layers: Sequence[Layer]) -> bool:
    """Tells whether one of the layers draws."""
    return any(layer.random for layer in layers)
