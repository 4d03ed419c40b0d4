"""The lectures' networks and algorithms as the library runs them: where the two meet."""

import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import functional_nn as fnn
from derivations.lectures.claim import Finding, Measured, Status
from derivations.lectures.example import Dense, Example, measured_digits
from derivations.report.words import count
from functional_nn.layers.elementwise import elementwise

LAYERS = {
    layer.name: layer for layer in (fnn.identity, fnn.sigmoid, fnn.relu, fnn.tanh, fnn.softmax)
}


def by_layers(example: Example) -> Finding:
    """Settles a worked example by running the layers of `functional_nn` on it."""
    x = jnp.asarray([[float(text) for text in example.x]], jnp.float32)
    values = [x[0]]
    for layer, params in map(layer_of, example.layers):
        x = layer.apply(params, x)
        values.append(x[0])
    return measured_digits(
        [values[place] for place, _ in example.printed], example, "the layers of functional_nn"
    )


def layer_of(layer: Dense | str) -> tuple[fnn.Layer, Any]:
    """Gives a layer of an example as a layer of `functional_nn`, with its parameters."""
    if isinstance(layer, str):
        return LAYERS[layer], ()
    w, b = (jnp.asarray(np.array(numbers, np.float32)) for numbers in (layer.w, layer.b))
    return fnn.dense(len(layer.b)), {"w": w.T, "b": b}


class Training(NamedTuple):
    """Gradient descent on the XOR table with a 2-4-1 network, seed 0.

    Attributes:
      rate: The learning rate η.
      steps: How many steps.
      online: Whether each step is taken on one example alone.
      loss: The name of the loss.
    """

    rate: float
    steps: int
    online: bool = False
    loss: str = "sigmoid_cross_entropy"


def trained(run: Training) -> Finding:
    """Measures the loss along a training by the hand-written backward pass."""
    net = fnn.mlp([2, 4, 1], fnn.tanh)
    objective = fnn.objective(net, fnn.RULES[run.loss])
    x = jnp.asarray([[0, 0], [0, 1], [1, 0], [1, 1]], jnp.float32)
    y = jnp.asarray([[0], [1], [1], [0]], jnp.float32)
    params = net.init(jax.random.key(0), x)
    gradient = jax.jit(fnn.value_and_grad(objective))
    losses = [float(objective(params, x, y))]
    for step in range(run.steps):
        rows = slice(step % 4, step % 4 + 1) if run.online else slice(None)
        _, grads = gradient(params, x[rows], y[rows])
        params = jax.tree.map(lambda p, g: p - run.rate * g, params, grads)
        losses.append(float(objective(params, x, y)))
    if run.online:
        told = Measured(
            f"loss after {count(run.steps, 'step')}", f"{losses[-1]:.4f}",
            f"below a quarter of the first, {losses[0]:.4f}", losses[-1] < losses[0] / 4,
        )  # fmt: skip
    else:
        rises = sum(b >= a for a, b in itertools.pairwise(losses))
        told = Measured(
            f"steps, of {run.steps}, in which the loss does not fall", str(rises), "0", rises == 0
        )
    first, last = f"{losses[0]:.4f}", f"{losses[-1]:.4f}"
    return Finding(
        Status.MEASURED, "fnn.value_and_grad on the four rows of XOR, seed 0",
        lines=(f"the loss goes from {first} to {last}",), measured=(told,),
    )  # fmt: skip


def _descended(
    net: Any, x: Any, y: Any, *, steps: int, rate: float, loss: Any = fnn.sigmoid_cross_entropy
) -> Any:
    """Gives a network's parameters after plain gradient descent, from seed 0."""
    objective = fnn.objective(net, loss)
    gradient = fnn.value_and_grad(objective)

    def step(params: Any, _: Any) -> tuple[Any, None]:
        _, grads = gradient(params, x, y)
        return jax.tree.map(lambda p, g: p - rate * g, params, grads), None

    params, _ = jax.lax.scan(step, net.init(jax.random.key(0), x), None, length=steps)
    return params


def logistic_accuracy(points: Any, yes: Any) -> float:
    """Trains a sigmoid neuron and gives the share of the points that it decides rightly."""
    x, y = jnp.asarray(points, jnp.float32), jnp.asarray(yes, jnp.float32)[:, None]
    neuron = fnn.dense(1)
    params = _descended(neuron, x, y, steps=3000, rate=1.0)
    return float(jnp.mean((neuron.apply(params, x) > 0) == (y > 0)))


def hidden_of_xor(*, trained: bool) -> tuple[Any, list[int]]:
    """Gives XOR's inputs, or what the hidden layer of a trained network makes of them."""
    x = jnp.asarray([[0, 0], [0, 1], [1, 0], [1, 1]], jnp.float32)
    y = jnp.asarray([[0], [1], [1], [0]], jnp.float32)
    labels = [-1, 1, 1, -1]
    if not trained:
        return x.tolist(), labels
    net = fnn.mlp([2, 4, 1], fnn.tanh)
    params = _descended(net, x, y, steps=400, rate=0.5)
    return fnn.tanh.apply((), net.parts[0].apply(params[0], x)).tolist(), labels


def of_equal_widths(
    width: int, layers: int, *, activation: str = "sigmoid", batch: int = 1
) -> tuple[fnn.Objective, Any, jax.ShapeDtypeStruct]:
    """Gives a network's objective, and shapes of its parameters and of its inputs and targets."""
    net = fnn.mlp([width] * (layers + 1), elementwise(fnn.RULES[activation]))
    x = jax.ShapeDtypeStruct((batch, width), jnp.float32)
    params = jax.eval_shape(net.init, jax.random.key(0), x)
    return fnn.objective(net, fnn.RULES["squared_error"]), params, x


def gradient(width: int, layers: int) -> tuple[Any, ...]:
    """Gives the gradient of a network of equal widths, and arguments to trace it with."""
    objective, params, x = of_equal_widths(width, layers)
    return fnn.value_and_grad(objective), params, x, x


def two_units(x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    """Runs a 2-2-1 network of the library on parameters."""
    net = fnn.mlp([2, 2, 1], fnn.tanh)
    return net.apply(({"w": w1, "b": b1}, (), {"w": w2, "b": b2}), x)


def softmax_weights(images: Any, labels: Any) -> Any:
    """Trains one dense layer with a softmax, and gives its weights, a column for each class."""
    x, y = jnp.asarray(images, jnp.float32), jnp.asarray(labels, jnp.int32)
    layer = fnn.dense(10)
    params = _descended(layer, x, y, steps=300, rate=0.5, loss=fnn.softmax_cross_entropy)
    return np.asarray(params["w"])
