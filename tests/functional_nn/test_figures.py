"""What the compiler says of one training step, held to bounds: a regression fails.

The networks are those of `benchmarks/lean.py`: (a) 256-30-10, (c) 8 layers of 1024 relu, (d) layers
of 256 tanh, here 8 of them; (b) is in `test_backprop.py`. Deep stacks in one loop, per-example
work, microbatches and single activations have their figures in the tests of their own files.
"""

import jax
import jax.numpy as jnp
import optax
import pytest

import functional_nn as fnn

OPTIMIZERS = {"SGD": optax.sgd(0.1), "Adam": optax.adam(1e-3)}


def figures(step, state, x, y):
    """Gives the flops and the temporary memory of a step whose state is donated."""
    with jax.default_device(jax.devices("cpu")[0]):
        compiled = step.lower(state, x, y).compile()
    costs, memory = compiled.cost_analysis(), compiled.memory_analysis()
    assert costs is not None
    assert memory is not None
    return costs["flops"], memory.temp_size_in_bytes


def steps(net, optimizer):
    """Gives the step of `training`, and one of `jax.grad` and optax, each with its state."""
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    train = fnn.training(objective, optimizer)

    def plain(state, x, y):
        params, opt_state = state
        loss, grads = jax.value_and_grad(objective)(params, x, y)
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = optimizer.update(grads, opt_state, params)
            return (optax.apply_updates(params, updates), opt_state), loss

    def init(params):
        return params, optimizer.init(params)

    return (train.step, train.init), (jax.jit(plain, donate_argnums=0), init)


A, C, D = ([256, 30, 10], 32), ([1024] * 9 + [10], 512), ([256] * 9 + [10], 1024)
CASES = [
    # network, activation, optimizer: flops and memory, in those of plain JAX
    (A, "sigmoid", "SGD", 1.025, 1.0),  # derivatives from inputs cost more than from outputs
    (A, "sigmoid_from_output", "SGD", 1.001, 1.0),
    (A, "sigmoid_from_output", "Adam", 1.001, 1.0),
    (C, "relu", "SGD", 1.001, 0.64),
    (D, "tanh", "SGD", 1.03, 1.12),  # one array to 9 made again
    (D, "tanh_from_output", "SGD", 1.001, 1.0),
    pytest.param(D, "gelu", "SGD", 1.035, 0.5, marks=pytest.mark.nightly),
]


@pytest.mark.parametrize(
    ("network", "activation", "optimizer", "flops", "memory"),
    CASES,
    ids=lambda value: f"{len(value[0]) - 1} layers" if isinstance(value, tuple) else None,
)
def test_one_step(network, activation, optimizer, flops, memory):
    widths, batch = network
    net = fnn.mlp(widths, getattr(fnn, activation))
    x = jax.ShapeDtypeStruct((batch, widths[0]), jnp.float32)
    y = jax.ShapeDtypeStruct((batch,), jnp.int32)
    params = jax.eval_shape(net.init, jax.random.key(0), x)
    ours, theirs = (
        figures(step, jax.eval_shape(init, params), x, y)
        for step, init in steps(net, OPTIMIZERS[optimizer])
    )
    assert ours[0] <= flops * theirs[0]
    # Where all is kept once, the loss may hold one array of logits more.
    assert ours[1] <= memory * theirs[1] + 4 * batch * widths[-1]
