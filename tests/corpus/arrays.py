"""What JAX and NumPy spell differently, for code that is written once for both."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def erf(xp: Any, x: Any) -> Any:
    """The error function, which NumPy lacks."""
    if xp is np:
        return np.vectorize(math.erf, otypes=[float])(x)
    return jax.lax.erf(x) if xp is jnp else xp.erf(x)


def stopped(xp: Any, x: Any) -> Any:
    """The same value, a constant to whoever differentiates again."""
    return jax.lax.stop_gradient(x) if xp is jnp else x


def added_at(xp: Any, like: Any, places: Any, values: Any) -> Any:
    """Zeros shaped as `like`, with the values added at places that may be repeated."""
    if xp is jnp:
        return jnp.zeros_like(like).at[places].add(values)
    result = np.zeros_like(like)
    np.add.at(result, places, values)
    return result


def written_at(xp: Any, like: Any, places: Any, values: Any) -> Any:
    """Zeros shaped as `like`, with the values written at places: of repeated ones, one is left."""
    if xp is jnp:
        return jnp.zeros_like(like).at[places].set(values)
    result = np.zeros_like(like)
    result[places] = values
    return result


def convolved(xp: Any, x: Any, w: Any, stride: int = 1) -> Any:
    """Correlates (batch, n, channels) with (taps, channels, outputs), without padding."""
    if xp is jnp:
        layout = ("NWC", "WIO", "NWC")
        return jax.lax.conv_general_dilated(x, w, (stride,), "VALID", dimension_numbers=layout)
    taps = len(w)
    steps = range(0, x.shape[1] - taps + 1, stride)
    return np.stack([np.einsum("btc,tco->bo", x[:, i : i + taps], w) for i in steps], axis=1)
