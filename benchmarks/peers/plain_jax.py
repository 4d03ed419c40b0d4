"""A training step in JAX and optax alone: layer by layer or as a scan, with or without remat."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from figures.workloads import Start

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "sigmoid": jax.nn.sigmoid,
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
}


def cross_entropy(logits: jax.Array, y: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


def compiled_step(begin: Start, *, scan: bool = False, remat: bool = False) -> tuple[Any, Any]:
    """Gives the compiled step and its state; the state is donated."""
    activation = ACTIVATIONS[begin.work.activation]
    transformation = begin.transformation

    def layer(x: jax.Array, params: Any) -> tuple[jax.Array, None]:
        w, b = params
        return activation(x @ w + b), None

    body = jax.checkpoint(layer) if remat else layer  # pyright: ignore[reportPrivateImportUsage]

    def loss(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        hidden, (w, b) = params
        if scan:
            x, _ = jax.lax.scan(body, x, hidden)
        else:
            for own in hidden:
                x, _ = body(x, own)
        return cross_entropy(x @ w + b, y)

    def step(state: Any, x: jax.Array, y: jax.Array) -> tuple[Any, jax.Array]:
        params, opt_state = state
        value, grads = jax.value_and_grad(loss)(params, x, y)
        updates, opt_state = transformation.update(grads, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), value

    *hidden, last = [(jnp.array(w), jnp.array(b)) for w, b in begin.weights]
    first: Any = jax.tree.map(lambda *a: jnp.stack(a), *hidden) if scan else hidden
    state = ((first, last), transformation.init((first, last)))
    compiled = jax.jit(step, donate_argnums=0).lower(state, begin.x, begin.y).compile()
    return compiled, state
