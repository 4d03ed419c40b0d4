"""A training step in Equinox, Flax linen and Flax nnx, as their documentation writes one."""

import importlib
from typing import Any

import jax
from figures.workloads import Start
from peers.plain_jax import ACTIVATIONS, cross_entropy


def equinox_step(begin: Start) -> tuple[Any, Any]:
    eqx = importlib.import_module("equinox")
    activation = ACTIVATIONS[begin.work.activation]
    transformation = begin.transformation
    keys = iter(jax.random.split(jax.random.key(0), len(begin.weights)))

    class Network(eqx.Module):
        layers: list[Any]

        def __init__(self) -> None:
            self.layers = []
            for w, b in begin.weights:
                linear = eqx.nn.Linear(*w.shape, key=next(keys))
                self.layers.append(
                    eqx.tree_at(lambda own: (own.weight, own.bias), linear, (w.T, b))
                )

        def __call__(self, x: jax.Array) -> jax.Array:
            for layer in self.layers[:-1]:
                x = activation(layer(x))
            return self.layers[-1](x)

    @eqx.filter_value_and_grad
    def loss(model: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return cross_entropy(jax.vmap(model)(x), y)

    @eqx.filter_jit
    def step(state: Any, x: jax.Array, y: jax.Array) -> tuple[Any, jax.Array]:
        model, opt_state = state
        value, grads = loss(model, x, y)
        updates, opt_state = transformation.update(
            grads, opt_state, eqx.filter(model, eqx.is_array)
        )
        return (eqx.apply_updates(model, updates), opt_state), value

    model = Network()
    model = jax.tree.map(lambda a: jax.numpy.asarray(a) if eqx.is_array_like(a) else a, model)
    return step, (model, transformation.init(eqx.filter(model, eqx.is_array)))


def linen_step(begin: Start) -> tuple[Any, Any]:
    nn = importlib.import_module("flax.linen")
    train_state = importlib.import_module("flax.training.train_state")
    activation = ACTIVATIONS[begin.work.activation]

    class Network(nn.Module):
        @nn.compact
        def __call__(self, x: jax.Array) -> jax.Array:
            for width in begin.work.widths[1:-1]:
                x = activation(nn.Dense(width)(x))
            return nn.Dense(begin.work.widths[-1])(x)

    model = Network()
    params = {
        f"Dense_{i}": {"kernel": jax.numpy.array(w), "bias": jax.numpy.array(b)}
        for i, (w, b) in enumerate(begin.weights)
    }
    state = train_state.TrainState.create(
        apply_fn=model.apply, params=params, tx=begin.transformation
    )

    def step(state: Any, x: jax.Array, y: jax.Array) -> tuple[Any, jax.Array]:
        def loss(params: Any) -> jax.Array:
            return cross_entropy(state.apply_fn({"params": params}, x), y)

        value, grads = jax.value_and_grad(loss)(state.params)
        return state.apply_gradients(grads=grads), value

    return jax.jit(step, donate_argnums=0), state


def nnx_step(begin: Start) -> tuple[Any, Any]:
    nnx = importlib.import_module("flax.nnx")
    activation = ACTIVATIONS[begin.work.activation]

    class Network(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.layers = nnx.List([nnx.Linear(*w.shape, rngs=rngs) for w, _ in begin.weights])

        def __call__(self, x: jax.Array) -> jax.Array:
            for layer in list(self.layers)[:-1]:
                x = activation(layer(x))
            return self.layers[-1](x)

    model = Network(nnx.Rngs(0))
    for layer, (w, b) in zip(model.layers, begin.weights, strict=True):
        layer.kernel.set_value(jax.numpy.array(w))
        layer.bias.set_value(jax.numpy.array(b))
    optimizer = nnx.Optimizer(model, begin.transformation, wrt=nnx.Param)

    @nnx.jit
    def update(model: Any, optimizer: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        value, grads = nnx.value_and_grad(lambda m: cross_entropy(m(x), y))(model)
        optimizer.update(model, grads)
        return value

    def step(state: Any, x: Any, y: Any) -> tuple[Any, jax.Array]:
        return state, update(model, optimizer, x, y)

    return step, ()
