"""The sigmoid and tanh whose derivatives are taken from their outputs: what that buys and costs."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import functional_nn as fnn
from functional_nn.activations import from_output

PAIRS = {
    "sigmoid": (fnn.sigmoid, fnn.sigmoid_from_output, from_output.SIGMOID_FROM_OUTPUT),
    "tanh": (fnn.tanh, fnn.tanh_from_output, from_output.TANH_FROM_OUTPUT),
}


@pytest.mark.parametrize("name", PAIRS)
def test_they_train_as_the_defaults(name, draw_params, dtype):
    x = jnp.asarray(np.random.default_rng(0).standard_normal((6, 4)), dtype)
    y = jnp.arange(6, dtype=jnp.int32) % 3
    found = []
    for activation in PAIRS[name][:2]:
        net = fnn.mlp([4, 5, 5, 3], activation)
        objective = fnn.objective(net, fnn.softmax_cross_entropy)
        found.append(jax.jit(fnn.value_and_grad(objective))(draw_params(net, x), x, y))
    rtol = 1e-12 if dtype == jnp.float64 else 1e-5
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol, rtol / 10), *found)


# Relative errors in single precision: the figures that the docstrings state.
ERRORS = {"sigmoid": ((-80, 0, 2e-7), (0, 2, 6.2e-7), (2, 8, 3e-4)),
          "tanh": ((0, 2, 5e-6), (-2, 0, 5e-6), (2, 5, 3e-3))}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_digits_are_lost_far_out_as_stated(name):
    rule = PAIRS[name][2]
    for low, high, bound in ERRORS[name]:
        x = np.linspace(low, high, 100_001).astype(np.float32)
        a, kept = rule.fwd(jnp.asarray(x))
        assert kept is a
        found = np.asarray(rule.bwd(kept, jnp.ones_like(a))[0], np.float64)
        half = np.abs(x.astype(np.float64)) * (1 if name == "tanh" else 0.5)
        truth = 1 / np.cosh(half) ** 2 * (1 if name == "tanh" else 0.25)
        error = np.abs(found / truth - 1).max()
        assert bound / 4 < error <= bound, (low, high, error)
    far = {"sigmoid": 17.0, "tanh": 10.0}[name]
    for activation, is_zero in zip(PAIRS[name][:2], (False, True), strict=True):
        _, kept = activation.fwd((), jnp.float32([far]))
        assert (activation.bwd(kept, jnp.ones(1, jnp.float32))[1].item() == 0) == is_zero


@pytest.mark.nightly
@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("optimizer", [optax.sgd(0.1), optax.adam(1e-3)], ids=["sgd", "adam"])
def test_the_work_and_memory_of_autodiff(name, optimizer):
    net = fnn.mlp([64] * 9, PAIRS[name][1])
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    x, y = jax.ShapeDtypeStruct((256, 64), jnp.float32), jax.ShapeDtypeStruct((256,), jnp.int32)
    figures = []
    for gradients in ("backprop", "autodiff"):
        train = fnn.training(objective, optimizer, gradients=gradients)
        state = jax.eval_shape(train.init, jax.eval_shape(net.init, jax.random.key(0), x))
        with jax.default_device(jax.devices("cpu")[0]):
            compiled = train.step.lower(state, x, y).compile()
        costs, memory = compiled.cost_analysis(), compiled.memory_analysis()
        assert costs is not None
        assert memory is not None
        figures.append((costs["flops"], memory.temp_size_in_bytes))
    (flops, memory), (autodiff_flops, autodiff_memory) = figures
    assert flops <= 1.01 * autodiff_flops
    # The loss may hold one number an example more, in a network of 256 * 64 numbers a layer.
    assert memory <= autodiff_memory + 4 * 256
