"""A GPT over bytes: the network, its training by either gradient, what it knows and writes."""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import functional_nn as fnn
from gpt import corpus

BYTES, PEAK, WARM = 256, 3e-3, 0.1  # Adam's largest step, and the part of the steps up to it
GRADIENTS = {"hand": "backprop", "jax": "autodiff"}


class Sizes(NamedTuple):
    """How large the network and its batches are."""

    blocks: int = 4
    width: int = 128
    heads: int = 4
    context: int = 128
    batch: int = 32


def network(sizes: Sizes) -> fnn.Layer:
    return fnn.transformer(
        BYTES,
        width=sizes.width,
        heads=sizes.heads,
        blocks=sizes.blocks,
        context=sizes.context,
        dtype=jnp.result_type(float),
    )


def learn(
    sizes: Sizes, text: np.ndarray, steps: int, *, gradient: str = "hand", seed: int = 0
) -> Iterator[tuple[jax.Array, Any]]:
    """Trains; gives the loss of each batch, and the parameters after it, up to the next step."""
    net = network(sizes)
    rate = optax.warmup_cosine_decay_schedule(0, PEAK, math.ceil(WARM * steps), steps, PEAK / 30)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate, b2=0.99))
    train = fnn.training(fnn.readout_objective(net), optimizer, gradients=GRADIENTS[gradient])
    start = jax.ShapeDtypeStruct((1, sizes.context), jnp.int32)
    state = train.init(jax.jit(net.init, static_argnums=1)(jax.random.key(seed), start))
    drawn = corpus.batches(text, sizes.context, sizes.batch, seed)
    for _, (x, y) in zip(range(steps), drawn, strict=False):
        state, loss = train.step(state, x, y)
        yield loss, state.params


def bits_of(net: fnn.Layer, sizes: Sizes, text: np.ndarray) -> Callable[[Any], float]:
    """Gives the function of parameters that tells how many bits a byte of a text takes."""
    objective = fnn.readout_objective(net)
    x, y = corpus.windows(text, sizes.context)
    own = jax.jit(lambda params, x, y: jax.lax.map(lambda pair: objective(params, *pair), (x, y)))
    rows = min(sizes.batch, len(x))
    many = len(x) // rows
    x, y = (a[: many * rows].reshape(many, rows, -1) for a in (x, y))
    return lambda params: float(np.asarray(own(params, x, y), float).mean()) / math.log(2)


def writer(net: fnn.Layer, context: int, length: int, heat: float = 0.8) -> Callable[..., bytes]:
    """Gives the function of parameters, a first text and a key that goes on with the text."""

    @jax.jit
    def written(params: Any, window: jax.Array, last: jax.Array, key: jax.Array) -> jax.Array:
        def step(carry: Any, key: jax.Array) -> tuple[Any, jax.Array]:
            window, last = carry  # what stands after the last byte is not seen by it
            logits = net.apply(params, window[None])[0, last]
            byte = jax.random.categorical(key, logits / heat).astype(window.dtype)
            full = last == context - 1
            window = jnp.where(full, jnp.roll(window, -1), window)
            last = jnp.where(full, last, last + 1)
            return (window.at[last].set(byte), last), byte

        return jax.lax.scan(step, (window, last), jax.random.split(key, length))[1]

    def write(params: Any, begun: bytes, key: jax.Array) -> bytes:
        begun = begun[-context:]
        window = jnp.zeros(context, jnp.int32).at[: len(begun)].set(jnp.int32([*begun]))
        return bytes(np.asarray(written(params, window, jnp.int32(len(begun) - 1), key)).tolist())

    return write
