"""Twelve blocks of a transformer, what each layer keeps, and the norms of single examples."""

from typing import Any

import jax
import jax.numpy as jnp
from figures.measure import Line, program, ratio, seconds
from peers import plain_transformer

import functional_nn as fnn

BLOCKS, WIDTH, HEADS, CONTEXT, BATCH = 12, 256, 8, 256, 8
ROWS = CONTEXT * BATCH


def block() -> fnn.Layer:
    """Gives a block of GPT-2's arrangement."""
    perceptron = (fnn.dense(4 * WIDTH), fnn.gelu_tanh, fnn.dense(WIDTH))
    return fnn.serial(
        fnn.residual(fnn.serial(fnn.layer_norm(), fnn.multi_head_attention(HEADS))),
        fnn.residual(fnn.serial(fnn.layer_norm(), *perceptron)),
    )


def programs() -> tuple[dict[str, Any], tuple[Any, ...]]:
    """Gives the loss and its gradient by hand, by jax.grad of a loop, and with jax.checkpoint."""
    net = fnn.repeat(block(), BLOCKS)
    given = jax.ShapeDtypeStruct((BATCH, CONTEXT, WIDTH), jnp.float32)
    params = jax.eval_shape(net.init, jax.random.key(0), given)

    def by_hand(params: Any, x: Any, dy: Any) -> Any:
        y, residuals = net.fwd(params, x)
        return jnp.vdot(y, dy), net.bwd(residuals, dy)[0]

    def looped(checkpoint: Any) -> Any:
        step = checkpoint(lambda own, x: plain_transformer.block(own, x, HEADS))

        def loss(params: Any, x: Any, dy: Any) -> Any:
            y, _ = jax.lax.scan(lambda x, own: (step(own, x), None), x, params)
            return jnp.vdot(y, dy)

        return jax.value_and_grad(loss)

    found = {
        "by hand": by_hand,
        "jax.grad": looped(lambda f: f),
        "jax.checkpoint": looped(jax.checkpoint),
    }
    return found, (net, params, given, given)


def blocks() -> list[Line]:
    functions, (net, *_) = programs()
    x, dy = (
        jax.random.normal(jax.random.key(n), (BATCH, CONTEXT, WIDTH), jnp.float32) for n in (1, 2)
    )
    params = jax.jit(net.init)(jax.random.key(0), x)
    made = {name: program(f, params, x, dy) for name, f in functions.items()}
    taken = seconds(made, rounds=9)
    (_, one), (_, other) = (made[name].compiled(params, x, dy) for name in ("by hand", "jax.grad"))
    squares = [
        sum(float(jnp.vdot(a, a)) for a in jax.tree.leaves(tree))
        for tree in (jax.tree.map(jnp.subtract, one, other), other)
    ]
    lines = [Line("error of the gradient, to its norm", (squares[0] / squares[1]) ** 0.5,
                  bound=1e-5)]  # fmt: skip
    for peer, memory, time in (("jax.grad", 0.15, 0.75), ("jax.checkpoint", 1.0, 0.8)):
        name = {"jax.grad": "jax.grad of the loop", "jax.checkpoint": "jax.checkpoint of the block"}
        lines += [
            Line(f"memory to {name[peer]}", made["by hand"].memory / made[peer].memory,
                 bound=memory),
            ratio(f"time to {name[peer]}", taken["by hand"], taken[peer], time),
        ]  # fmt: skip
    return lines


LAYERS = {
    "layer_norm": (fnn.layer_norm(), 1.01),
    "rms_norm": (fnn.rms_norm(), 1.01),
    "gelu MLP": (fnn.serial(fnn.dense(4 * WIDTH), fnn.gelu_tanh, fnn.dense(WIDTH)), 5.0),
}


def residuals() -> list[Line]:
    lines = []
    for name, (layer, bound) in LAYERS.items():
        lines += [
            Line(f"{name}: what its forward pass keeps", kept(layer), bound=bound),
            Line(f"{name}: a layer in a loop, compiled", in_a_loop(layer), bound=1.01),
        ]
    return lines


def kept(layer: fnn.Layer) -> float:
    """Gives the size of the residuals that are no parameters, in units of the input's."""
    x = jax.ShapeDtypeStruct((ROWS, WIDTH), jnp.float32)
    params = jax.eval_shape(layer.init, jax.random.key(0), x)
    _, residuals = jax.eval_shape(layer.fwd, params, x)
    arrays = [a for a in jax.tree.leaves(residuals) if a.shape[:1] == (ROWS,)]
    return sum(a.size for a in arrays) / x.size


def in_a_loop(layer: fnn.Layer) -> float:
    """Gives by how much the memory of a gradient grows a layer, in units of the input's."""
    x = jax.ShapeDtypeStruct((ROWS, WIDTH), jnp.float32)

    def memory(depth: int) -> int:
        net = fnn.repeat(layer, depth)

        def gradient(params: Any, x: Any, dy: Any) -> Any:
            return net.bwd(net.fwd(params, x)[1], dy)

        params = jax.eval_shape(net.init, jax.random.key(0), x)
        return program(gradient, params, x, x).memory

    return (memory(12) - memory(6)) / (6 * 4 * x.size)


def examples() -> list[Line]:
    """The norms of single examples' gradients of a GPT over bytes."""
    net = fnn.transformer(256, width=128, heads=4, blocks=4, context=128)
    text = jax.random.randint(jax.random.key(1), (32, 129), 0, 256)
    x, y = text[:, :-1], text[:, 1:]
    params = jax.jit(net.init)(jax.random.key(0), x)
    objective = fnn.readout_objective(net)

    def of_one(x: Any, y: Any, params: Any) -> Any:
        grads = jax.grad(objective)(params, x[None], y[None])
        return jnp.sqrt(sum((jnp.vdot(g, g) for g in jax.tree.leaves(grads)), jnp.float32(0)))

    def one_by_one(params: Any, x: Any, y: Any) -> Any:
        return jax.lax.map(lambda pair: of_one(pair[0], pair[1], params), (x, y))

    def at_once(params: Any, x: Any, y: Any) -> Any:
        return jax.vmap(of_one, in_axes=(0, 0, None))(x, y, params)

    functions = {
        "plain": fnn.value_and_grad(objective),
        "norms": fnn.per_example_gradient_norms(objective),
        "clipped": fnn.clipped_value_and_grad(objective, 1.0),
        "one by one": one_by_one,
        "vmap": at_once,
    }
    made = {name: program(f, params, x, y) for name, f in functions.items()}
    found, expected = (made[n].compiled(params, x, y) for n in ("norms", "one by one"))
    taken = seconds(made, rounds=7)
    lines = [Line("largest relative error of a norm", float(jnp.abs(found / expected - 1).max()),
                  bound=1e-5)]  # fmt: skip
    names = {
        "norms": ("the norms", 2.0),
        "clipped": ("the clipped mean gradient", None),
        "one by one": ("the norms by jax.grad of one example after the other", None),
        "vmap": ("the norms by vmap of jax.grad", None),
    }
    for key, (what, bound) in names.items():
        memory = made[key].memory / made["plain"].memory
        lines += [
            ratio(f"{what}: time in plain gradients", taken[key], taken["plain"], bound),
            Line(f"{what}: memory in plain gradients", memory),
        ]
    return lines
