"""The hand-written gradient against `jax.value_and_grad`, and what only it gives."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import functional_nn as fnn

# Every activation and every loss, each at least once; True stands for integer labels.
PAIRS = [
    (fnn.identity, fnn.squared_error(), False),
    (fnn.sigmoid, fnn.squared_error(half=False), False),
    (fnn.tanh, fnn.absolute_error, False),
    (fnn.relu, fnn.softmax_cross_entropy, True),
    (fnn.softplus, fnn.sigmoid_cross_entropy, False),
    (fnn.softmax, fnn.softmax_cross_entropy, False),
]


@pytest.fixture
def problem(draw_params, dtype):
    """Gives a function that makes an objective of a 4-5-3 network, parameters and a batch."""
    return functools.partial(make_problem, draw_params, dtype)


def make_problem(
    draw_params,
    dtype,
    activation=fnn.tanh,
    loss=fnn.softmax_cross_entropy,
    n=7,
    labels=False,
    hidden=(5,),
):
    random = np.random.default_rng(0)
    x = jnp.asarray(random.standard_normal((n, 4)), dtype)
    y = jnp.asarray(random.uniform(size=(n, 3)), dtype)
    y = jnp.argmax(y, axis=-1) if labels else y / y.sum(axis=-1, keepdims=True)
    net = fnn.mlp([4, *hidden, 3], activation=activation)
    return fnn.objective(net, loss), draw_params(net, x), x, y


def assert_trees_close(found, expected, tolerance):
    """Compares structure, dtypes and shapes, and values relative to the largest of all."""
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    scale = max(np.abs(np.asarray(a, np.float64)).max() for a in jax.tree.leaves(expected))

    def compare(a, b):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale)

    jax.tree.map(compare, found, expected)


def gradient_tolerance(dtype):
    return 1e-13 if dtype == jnp.float64 else 1e-5


@pytest.mark.parametrize(("activation", "loss", "labels"), PAIRS)
def test_value_and_grad_is_its_twin(activation, loss, labels, problem, dtype):
    objective, *batch = problem(activation, loss, labels=labels)
    found = jax.jit(fnn.value_and_grad(objective))(*batch)
    expected = jax.jit(jax.value_and_grad(objective))(*batch)
    assert_trees_close(found, expected, gradient_tolerance(dtype))


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_short_dtypes_stay(name, draw_params):
    objective, *batch = make_problem(draw_params, jnp.dtype(name))
    found = jax.eval_shape(fnn.value_and_grad(objective), *batch)
    assert found == jax.eval_shape(jax.value_and_grad(objective), *batch)
    assert {a.dtype for a in jax.tree.leaves(found)} == {jnp.dtype(name)}


def test_batch_of_one(problem, dtype):
    objective, *batch = problem(n=1, labels=True)
    found = jax.jit(fnn.value_and_grad(objective))(*batch)
    expected = jax.jit(jax.value_and_grad(objective))(*batch)
    assert_trees_close(found, expected, gradient_tolerance(dtype))


def test_vmap_over_examples(problem, dtype):
    """The mean of the gradients of single examples is the gradient of the mean."""
    objective, *batch = problem(labels=True)

    @jax.jit
    def mean_of_each(*batch):
        each = jax.vmap(fnn.value_and_grad(objective), (None, 0, 0))(*batch)
        return jax.tree.map(lambda a: a.mean(axis=0), each)

    expected = jax.jit(jax.value_and_grad(objective))(*batch)
    assert_trees_close(mean_of_each(*batch), expected, gradient_tolerance(dtype))


def test_vmap_over_networks(problem, dtype):
    objective, params, *batch = problem()
    stacked = jax.tree.map(lambda a: jnp.stack([a, 2 * a]), params)
    found, expected = (
        jax.jit(jax.vmap(value_and_grad(objective), (0, None, None)))(stacked, *batch)
        for value_and_grad in (fnn.value_and_grad, jax.value_and_grad)
    )
    assert_trees_close(found, expected, gradient_tolerance(dtype))


def test_second_derivative(problem, dtype):
    objective, *batch = problem()

    def squared_norm(value_and_grad):
        def function(params, x, y):
            grads = value_and_grad(objective)(params, x, y)[1]
            return sum(jnp.sum(g * g) for g in jax.tree.leaves(grads))

        return jax.jit(jax.grad(function))(*batch)

    assert_trees_close(
        squared_norm(fnn.value_and_grad),
        squared_norm(jax.value_and_grad),
        10 * gradient_tolerance(dtype),
    )


def test_sensitivities_are_the_deltas(problem, dtype):
    """With δ: dW = a^T δ, db = Σ δ, and δ is the derivative with respect to the layer's output."""
    objective, params, x, y = problem(hidden=(6, 5))
    layers = jax.jit(fnn.sensitivities(objective))(params, x, y)
    _, grads = jax.jit(fnn.value_and_grad(objective))(params, x, y)
    assert [s.name for s in layers] == ["dense", "tanh", "dense", "tanh", "dense"]

    tolerance = gradient_tolerance(dtype)
    inputs = [x, *(s.output for s in layers)]
    for i in (0, 2, 4):
        delta = layers[i].cotangent
        found = {"w": inputs[i].T @ delta, "b": delta.sum(axis=0)}
        assert_trees_close(found, grads[i], tolerance)

    for i, layer in enumerate(layers):
        rest = fnn.objective(fnn.serial(*objective.net.parts[i + 1 :]), objective.loss)
        expected = jax.jit(jax.grad(rest, argnums=1))(params[i + 1 :], layer.output, y)
        assert_trees_close(layer.cotangent, expected, 10 * tolerance)


def test_sensitivities_open_nested_serials(draw_params, dtype):
    net = fnn.serial(fnn.mlp([2, 3, 3]), fnn.serial(fnn.tanh, fnn.serial()), fnn.dense(2))
    x, y = jnp.ones((4, 2), dtype), jnp.zeros((4, 2), dtype)
    objective = fnn.objective(net, fnn.squared_error())
    found = jax.jit(fnn.sensitivities(objective))(draw_params(net, x), x, y)
    assert [s.name for s in found] == ["dense", "sigmoid", "dense", "tanh", "dense"]
    assert [s.cotangent.shape for s in found] == [s.output.shape for s in found]


def test_a_layer_of_ones_own(draw_params, dtype):
    """A layer that no combinator knows is one leaf."""
    scale = fnn.Layer(
        init=lambda key, x: {"c": jnp.ones((), x.dtype)},
        apply=lambda params, x: params["c"] * x,
        fwd=lambda params, x: (params["c"] * x, (params["c"], x)),
        bwd=lambda residuals, dy: ({"c": jnp.sum(residuals[1] * dy)}, residuals[0] * dy),
        name="scale",
    )
    net = fnn.serial(fnn.dense(3), scale)
    x, y = jnp.ones((4, 2), dtype), jnp.zeros((4, 3), dtype)
    objective, params = fnn.objective(net, fnn.squared_error()), draw_params(net, x)
    found = jax.jit(fnn.value_and_grad(objective))(params, x, y)
    assert_trees_close(found, jax.jit(jax.value_and_grad(objective))(params, x, y), 1e-5)
    assert [s.name for s in fnn.sensitivities(objective)(params, x, y)] == ["dense", "scale"]


@pytest.mark.parametrize("program", ["gradient", "donated step"])
def test_no_more_work_and_memory_than_autodiff(program, draw_params):
    """784-512-512-10, relu, batch 128: the compiler's own figures."""
    net = fnn.mlp([784, 512, 512, 10], activation=fnn.relu)
    x, y = jnp.ones((128, 784), jnp.float32), jnp.zeros(128, jnp.int32)
    params = draw_params(net, x)
    objective = fnn.objective(net, fnn.softmax_cross_entropy)

    def flops_and_memory(gradients):
        if program == "donated step":
            train = fnn.training(objective, optax.sgd(0.1), gradients=gradients)
            compiled = train.step.lower(train.init(params), x, y).compile()
        else:
            differentiate = {"backprop": fnn.value_and_grad, "autodiff": jax.value_and_grad}
            compiled = jax.jit(differentiate[gradients](objective)).lower(params, x, y).compile()
        costs, memory = compiled.cost_analysis(), compiled.memory_analysis()
        assert costs is not None
        assert memory is not None
        return costs["flops"], memory.temp_size_in_bytes

    flops, memory = flops_and_memory("backprop")
    autodiff_flops, autodiff_memory = flops_and_memory("autodiff")
    assert flops <= 1.01 * autodiff_flops
    assert memory <= autodiff_memory


def test_bad_batch(problem):
    objective, params, x, y = problem(labels=True)
    for function in (objective, fnn.value_and_grad(objective), fnn.sensitivities(objective)):
        with pytest.raises(ValueError, match=r"one row per example. Got .*\(7, 4\) .*\(6,\). Pass"):
            function(params, x, y[:6])
        with pytest.raises(ValueError, match=r"at least one example .* Got x of shape \(0, 4\)"):
            function(params, x[:0], y[:0])
        with pytest.raises(TypeError, match="x must have a floating-point dtype. Got int32. Conv"):
            function(params, x.astype(jnp.int32), y)
        with pytest.raises(ValueError, match=r"Integer labels must lie in \[0, 3\)"):
            function(params, x, y + 3)


def test_what_is_not_an_objective():
    net = fnn.mlp([2, 3])
    for function in (fnn.value_and_grad, fnn.sensitivities):
        with pytest.raises(TypeError, match="needs the layers of an objective. Got <function"):
            function(lambda params, x, y: 0.0)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="net must be a layer. Got"):
        fnn.objective([net], fnn.squared_error())  # pyright: ignore[reportArgumentType]
    with pytest.raises(
        TypeError, match=r"(?s)loss must be a rule .* or functional_nn.squared_error\(\)"
    ):
        fnn.objective(net, fnn.squared_error)  # pyright: ignore[reportArgumentType]
