"""Paths grow exponentially with depth, operations linearly; memory with the batch."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn
from derivations.work import operations, paths, temporary_bytes

WIDTH = 32


def network(depth, batch=4, activation=fnn.tanh_from_output):
    """The objective of a network of `depth` dense layers, and arguments for it."""
    net = fnn.mlp([WIDTH] * (depth + 1), activation=activation)
    x = jax.ShapeDtypeStruct((batch, WIDTH), jnp.float32)
    params = jax.eval_shape(net.init, jax.random.key(0), x)
    return fnn.objective(net, fnn.squared_error()), (params, x, x)


@pytest.mark.parametrize("gradient", [fnn.value_and_grad, jax.value_and_grad])
def test_paths_are_exponential_and_operations_linear(gradient):
    depths = range(2, 9)
    counts = []
    for depth in depths:
        objective, arguments = network(depth)
        counts.append(operations(gradient(objective), *arguments))
    assert len(set(np.diff(counts))) == 1, "each layer costs the same"
    # A layer forward is one matrix product, and backward two.
    assert np.diff(counts)[0] >= 3 * 2 * 4 * WIDTH * WIDTH
    assert np.diff(counts)[0] < 4 * 2 * 4 * WIDTH * WIDTH
    assert [paths([WIDTH] * (depth + 1)) for depth in depths] == [WIDTH ** (d + 1) for d in depths]


def test_gradient_costs_a_few_times_the_forward_pass():
    objective, arguments = network(6)
    forward = operations(objective, *arguments)
    assert 2 < operations(fnn.value_and_grad(objective), *arguments) / forward < 4


@pytest.fixture
def on_the_cpu():
    """Other compilers add work space of their own, which does not grow in proportion."""
    with jax.default_device(jax.devices("cpu")[0]):
        yield


def test_operations_are_counted_by_hand():
    x, w = jnp.ones((2, 3)), jnp.ones((3, 5))
    assert operations(lambda x, w: jnp.tanh(x @ w), x, w) == 2 * 2 * 3 * 5 + 2 * 5
    assert operations(jax.jit(lambda x: (x * x).sum()), x) == 6 + 6
    assert operations(lambda x: x.T.reshape(6), x) == 0


def test_memory_grows_with_the_batch(on_the_cpu):
    used = {}
    for gradient in (fnn.value_and_grad, jax.value_and_grad):
        batches = (256, 512, 1024, 2048)
        figures = []
        for batch in batches:
            objective, arguments = network(4, batch, fnn.tanh)
            figures.append(temporary_bytes(gradient(objective), *arguments))
        # In proportion: a doubled batch doubles what each example takes.
        growth = np.diff(figures)
        np.testing.assert_allclose(growth[1:] / growth[:-1], 2, rtol=0.1)
        used[gradient.__module__.split(".")[0]] = figures[-1]
    # tanh keeps its input: one array a layer as jax.grad has, and a few that all layers share.
    assert used["functional_nn"] <= 1.5 * used["jax"]


def test_a_loop_is_refused():
    with pytest.raises(ValueError, match=re.escape("Got the primitive scan")):
        operations(lambda x: jax.lax.scan(lambda c, v: (c + v, None), 0.0, x)[0], jnp.ones(3))


@pytest.mark.parametrize("widths", [[3], [3, 0]])
def test_bad_widths(widths):
    with pytest.raises(ValueError, match="at least two, each at least 1"):
        paths(widths)
