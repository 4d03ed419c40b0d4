"""Microbatches: the gradient of the whole batch, in the memory of a part."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import functional_nn as fnn

OBJECTIVE = fnn.objective(fnn.mlp([3, 5, 2], activation=fnn.tanh), fnn.softmax_cross_entropy)


def batch(dtype, examples):
    random = np.random.default_rng(0)
    x = jnp.asarray(random.standard_normal((examples, 3)), dtype)
    return x, jnp.asarray(random.integers(0, 2, examples), jnp.int32)


@pytest.mark.parametrize("microbatches", [1, 2, 3, 12])
def test_the_gradient_of_the_whole_batch(microbatches, draw_params, dtype):
    x, y = batch(dtype, 12)
    params = draw_params(OBJECTIVE.net, x)
    found = jax.jit(fnn.value_and_grad(OBJECTIVE, microbatches=microbatches))(params, x, y)
    expected = fnn.value_and_grad(OBJECTIVE)(params, x, y)
    rtol = 1e-12 if dtype == jnp.float64 else 1e-5
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol, rtol / 10), found, expected)
    assert jax.tree.map(jnp.result_type, found) == jax.tree.map(jnp.result_type, expected)


@pytest.mark.parametrize(
    "gradients", ["backprop", "autodiff", fnn.clipped_value_and_grad(OBJECTIVE, 0.5)]
)
def test_training_with_any_gradient(gradients, draw_params, dtype):
    x, y = batch(dtype, 12)
    params = draw_params(OBJECTIVE.net, x)
    trained = []
    for microbatches in (1, 4):
        train = fnn.training(
            OBJECTIVE, optax.sgd(0.1), gradients=gradients, microbatches=microbatches
        )
        state, _ = train.step(train.init(params), x, y)
        trained.append(state.params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-4, 1e-6), *trained)


def test_the_memory_of_a_part():
    net = fnn.mlp([128] * 9, activation=fnn.tanh)
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    x, y = jax.ShapeDtypeStruct((4096, 128), jnp.float32), jax.ShapeDtypeStruct((4096,), jnp.int32)
    params = jax.eval_shape(net.init, jax.random.key(0), x)

    def temporary(microbatches):
        function = fnn.value_and_grad(objective, microbatches=microbatches)
        compiled: Any = jax.jit(function).lower(params, x, y).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    whole = temporary(1)
    assert temporary(2) < 0.6 * whole
    assert temporary(8) < 0.2 * whole


def test_parts_that_are_not_equal(draw_params, dtype):
    x, y = batch(dtype, 12)
    params = draw_params(OBJECTIVE.net, x)
    match = "microbatches must divide .* Got 5 for 12 examples. Use 4, or another batch size"
    with pytest.raises(ValueError, match=match):
        fnn.value_and_grad(OBJECTIVE, microbatches=5)(params, x, y)
    train = fnn.training(OBJECTIVE, optax.sgd(0.1), microbatches=5)
    with pytest.raises(ValueError, match=match):
        train.step(train.init(params), x, y)
    for number in (0, 1.5):
        with pytest.raises(ValueError, match="microbatches must be a positive whole number. Got"):
            fnn.value_and_grad(OBJECTIVE, microbatches=number)  # pyright: ignore[reportArgumentType]
