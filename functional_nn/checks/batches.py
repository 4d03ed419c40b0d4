"""Examples and how a training goes through them."""

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from functional_nn.checks.arrays import same_dtype
from functional_nn.precision import floating


def batch(x: Any, y: Any) -> None:
    """Refuses a batch whose inputs and targets do not belong together.

    An `x` with one axis is a single example, as inside `jax.vmap`. Whole numbers are tokens:
    whether they are welcome is for the first layer to say.
    """
    if not jnp.issubdtype(jnp.result_type(x), jnp.integer):
        floating("x", x)
    if jnp.ndim(x) > 1 and jnp.shape(x)[:1] != jnp.shape(y)[:1]:
        raise ValueError(
            "x and y must hold one row per example. "
            f"Got x of shape {jnp.shape(x)} and y of shape {jnp.shape(y)}. "
            "Pass the targets of exactly these inputs."
        )
    if jnp.size(x) == 0:
        raise ValueError(
            "The data must hold at least one example with at least one feature. "
            f"Got x of shape {jnp.shape(x)}. Pass a data set that is not empty."
        )


def finite(name: str, array: Any) -> None:
    """Refuses data with NaN or infinite entries."""
    if isinstance(array, Tracer):
        return
    bad = ~np.isfinite(np.asarray(array))
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{name} must be finite. Got {int(bad.sum())} entries that are NaN or infinite, "
            f"the first at {name}[{', '.join(map(str, first))}]. "
            "Remove these examples or fill the missing values."
        )


def examples(x: Any, y: Any) -> None:
    """Refuses data for one neuron that are not finite rows `(N, d)` with a number each."""
    batch(x, y)
    if jnp.ndim(x) != 2 or jnp.ndim(y) != 1:
        raise ValueError(
            "x must have shape (N, d) and y shape (N,). "
            f"Got x of shape {jnp.shape(x)} and y of shape {jnp.shape(y)}. "
            "Give each example a row of x and a number of y."
        )
    same_dtype(x=x, y=y)
    finite("x", x)


def rows(x: Any) -> None:
    """Refuses data without an axis for the examples."""
    if jnp.ndim(x) < 2:
        raise ValueError(
            "Per-example gradients need a batch: x of shape (N, ...). "
            f"Got x of shape {jnp.shape(x)}. Add the axis, x[None], to a single example."
        )


def noise_key(noise: Any, key: Any) -> None:
    """Refuses noise without a key, and a key that nothing is drawn from."""
    if (key is None) != (noise == 0):
        came = "noise without a key" if key is None else "a key without noise"
        raise ValueError(
            f"The noise is drawn from a key. Got {came}. "
            "Pass both noise_multiplier and key, or neither."
        )


def microbatches(number: int, x: Any) -> None:
    """Refuses a batch that cannot be cut into equal parts."""
    examples = jnp.shape(x)[0] if jnp.ndim(x) > 1 else 1
    if examples % number:
        near = [n for n in range(1, examples + 1) if examples % n == 0]
        raise ValueError(
            "microbatches must divide the number of examples in the batch. "
            f"Got {number} for {examples} examples. "
            f"Use {min(near, key=lambda n: abs(n - number))}, or another batch size."
        )


def permutation(indices: Any, examples: int) -> None:
    """Refuses an order that does not name every example."""
    integer = jnp.issubdtype(jnp.result_type(indices), jnp.integer)
    if not integer or jnp.shape(indices) != (examples,):
        raise ValueError(
            f"permutation must hold {examples} integers, one for each example. "
            f"Got shape {jnp.shape(indices)}, {jnp.result_type(indices)}. "
            f"Make one with numpy.random.default_rng(seed).permutation({examples})."
        )


def no_batches(name: str, value: Any) -> None:
    """Refuses beside arrays what is for batches."""
    if value is not None:
        raise ValueError(
            f"{name} is for batches. Got {value!r} beside arrays, of which an epoch is one "
            "compiled loop. Pass functional_nn.Batches(x, y, batch_size) in place of them."
        )


def batches(source: Any, epochs: int, size: int | None) -> None:
    """Refuses a source of batches that cannot be gone through, or not so often."""
    if hasattr(source, "shape") or not (callable(source) or hasattr(source, "__iter__")):
        raise ValueError(
            "Without y there must be batches: an iterable of pairs, or a function of the epoch's "
            f"number that gives one. Got {type(source).__name__}. Pass the targets as y."
        )
    if size is not None:
        raise ValueError(
            f"Batches have their own size. Got batch_size={size}. Leave it out, or pass arrays."
        )
    if epochs > 1 and isinstance(source, Iterator):
        raise ValueError(
            "Batches must start anew in each epoch. Got an iterator, which ends once. Pass a "
            "function of the epoch's number that makes one, or ask for one epoch."
        )


def loss_scale(scale: Any, gradients: Any, largest: float) -> None:
    """Refuses a loss scale that float16 does not hold, or that nobody would apply."""
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 1 <= scale <= largest:
        raise ValueError(
            f"loss_scale must lie between 1 and {largest:g}, what float16 holds. Got {scale!r}. "
            "Start from 2.0**15: it is halved until nothing overflows."
        )
    if callable(gradients):
        raise ValueError(
            "A loss scale is applied by the library's own passes. Got gradients that are a "
            'function. Pass "backprop" or "autodiff", or scale inside the function.'
        )
