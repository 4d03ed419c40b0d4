"""Norms, clipped sums and second moments of the examples' gradients, held against vmap of grad."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import functional_nn as fnn
from functional_nn.layers import dense
from functional_nn.per_example import clipped_value_and_grad

N = 6
BLOCK = fnn.serial(fnn.tanh, fnn.dense(4))
NETS = {
    "mlp": fnn.mlp([3, 5, 4], activation=fnn.relu),
    "dense": fnn.dense(4),
    "nested": fnn.serial(fnn.serial(fnn.dense(4), fnn.tanh), fnn.serial(), fnn.dense(4)),
    "repeat": fnn.serial(fnn.dense(4), fnn.repeat(BLOCK, 5)),
    "repeat sqrt": fnn.serial(fnn.dense(4), fnn.repeat(BLOCK, 5, remat="sqrt")),
}
SHAPES = {
    "vectors": (N, 3),
    "short sequences": (N, 1, 3),
    "sequences": (N, 7, 3),
    "images": (N, 2, 3, 3),
}


def batch(dtype, shape):
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, shape[:-1])
    return jnp.asarray(random.standard_normal(shape), dtype), jnp.asarray(labels, jnp.int32)


def one_by_one(objective):
    """The examples' gradients, all of them at once."""

    def of_one(params, x, y):
        return jax.grad(objective)(params, x[None], y[None])

    return jax.vmap(of_one, in_axes=(None, 0, 0))


def norms_of(grads):
    squares = [jnp.sum(g * g, axis=range(1, g.ndim)) for g in jax.tree.leaves(grads)]
    return jnp.sqrt(sum(squares[1:], squares[0]))


def close(found, expected, dtype):
    rtol = 1e-10 if dtype == jnp.float64 else 1e-4
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol / 10), found, expected
    )
    assert jax.tree.structure(found) == jax.tree.structure(expected)


CASES = [*((net, "vectors") for net in NETS), *(("mlp", shape) for shape in SHAPES)]


@pytest.mark.parametrize(("net", "shape"), CASES)
def test_norms_and_clipping(net, shape, draw_params, dtype):
    objective = fnn.objective(NETS[net], fnn.softmax_cross_entropy)
    x, y = batch(dtype, SHAPES[shape])
    params = draw_params(objective.net, x)

    @jax.jit
    def expected(params, x, y):
        grads = one_by_one(objective)(params, x, y)
        norms = norms_of(grads)
        bound = jnp.median(norms)  # so that half of them are cut
        scale = jnp.minimum(1, bound / norms)
        clipped = jax.tree.map(lambda g: jnp.tensordot(scale, g, 1) / N, grads)
        return norms, bound, (objective(params, x, y), clipped)

    norms, bound, clipped = expected(params, x, y)
    close(jax.jit(fnn.per_example_gradient_norms(objective))(params, x, y), norms, dtype)
    found = jax.jit(fnn.clipped_value_and_grad(objective, float(bound)))(params, x, y)
    close(found, clipped, dtype)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_gram_form_or_direct_by_shape(steps, dtype, monkeypatch):
    """4 · 6 / (4 + 6) = 2.4: up to two steps the Gram form is cheaper."""
    taken = []
    for name in ("gram_squares", "direct_squares"):
        right = getattr(dense, name)
        monkeypatch.setattr(dense, name, lambda x, dz, n=name, f=right: taken.append(n) or f(x, dz))
    x, dz = jnp.ones((2, steps, 4), dtype), jnp.ones((2, steps, 6), dtype)
    dense.sequence_squares(x, dz)
    assert taken == ["gram_squares" if steps <= 2 else "direct_squares"]
    np.testing.assert_allclose(dense.gram_squares(x, dz), dense.direct_squares(x, dz), rtol=1e-6)


def test_a_bound_that_nothing_reaches_changes_nothing(draw_params, dtype):
    objective = fnn.objective(NETS["mlp"], fnn.softmax_cross_entropy)
    x, y = batch(dtype, (N, 3))
    params = draw_params(objective.net, x)
    found = jax.jit(fnn.clipped_value_and_grad(objective, 1e6))(params, x, y)
    close(found, jax.jit(fnn.value_and_grad(objective))(params, x, y), dtype)


def test_a_gradient_that_is_zero_stays_zero(dtype):
    net = fnn.dense(2)
    objective = fnn.objective(net, fnn.squared_error())
    params = {"w": jnp.zeros((3, 2), dtype), "b": jnp.zeros(2, dtype)}
    x, y = jnp.ones((N, 3), dtype), jnp.zeros((N, 2), dtype)
    assert fnn.per_example_gradient_norms(objective)(params, x, y).tolist() == [0] * N
    _, grads = fnn.clipped_value_and_grad(objective, 1.0)(params, x, y)
    assert all((g == 0).all() for g in jax.tree.leaves(grads))


def test_noise_comes_from_the_key(draw_params, dtype):
    objective = fnn.objective(fnn.mlp([3, 400, 4]), fnn.softmax_cross_entropy)
    x, y = batch(dtype, (N, 3))
    params = draw_params(objective.net, x)
    noisy = fnn.clipped_value_and_grad(objective, 0.5, noise_multiplier=3.0)
    (_, plain), one, again, other = (
        fnn.clipped_value_and_grad(objective, 0.5)(params, x, y),
        *(noisy(params, x, y, jax.random.key(k))[1] for k in (0, 0, 1)),
    )
    jax.tree.map(np.testing.assert_array_equal, one, again)
    assert (one[0]["w"] != other[0]["w"]).all()
    added = jax.tree.map(lambda a, b: np.ravel(a - b), one, plain)
    drawn = np.concatenate(jax.tree.leaves(added)) / (3.0 * 0.5 / N)
    assert abs(drawn.mean()) < 5 / drawn.size**0.5
    assert abs(drawn.std() - 1) < 5 / (2 * drawn.size) ** 0.5


@pytest.mark.parametrize("shape", ["vectors", "sequences"])
def test_kronecker_factors(shape, draw_params, dtype):
    objective = fnn.objective(NETS["mlp"], fnn.softmax_cross_entropy)
    x, y = batch(dtype, SHAPES[shape])
    params = draw_params(objective.net, x)
    layers = jax.jit(fnn.sensitivities(objective))(params, x, y)
    factors = jax.jit(fnn.kfac_factors(objective))(params, x, y)
    for factor, a, layer in zip(
        factors, (x, layers[1].output), (layers[0], layers[2]), strict=True
    ):
        rows = np.reshape(a, (-1, a.shape[-1]))
        rows = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
        delta = N * np.reshape(layer.cotangent, (-1, layer.cotangent.shape[-1]))
        close(tuple(factor), (rows.T @ rows / len(rows), delta.T @ delta / N), dtype)


@pytest.mark.parametrize("name", ["repeat", "repeat sqrt"])
def test_kronecker_factors_of_a_repeat(name, draw_params, dtype):
    """Those of its blocks one by one, above each other."""
    net = NETS[name]
    x, y = batch(dtype, (N, 3))
    first, stacked = params = draw_params(net, x)
    factors = fnn.kfac_factors(fnn.objective(net, fnn.softmax_cross_entropy))
    start, found = jax.jit(factors)(params, x, y)
    each = [jax.tree.map(lambda p, i=i: p[i], stacked) for i in range(5)]
    chain = fnn.objective(fnn.serial(fnn.dense(4), *[BLOCK] * 5), fnn.softmax_cross_entropy)
    expected = jax.jit(fnn.kfac_factors(chain))((first, *each), x, y)
    close(start, expected[0], dtype)
    close(found, jax.tree.map(lambda *f: jnp.stack(f), *expected[1:]), dtype)


@pytest.mark.parametrize(("name", "shape"), [("mlp", "sequences"), ("repeat", "vectors")])
def test_sensitivity_norms(name, shape, draw_params, dtype):
    objective = fnn.objective(NETS[name], fnn.softmax_cross_entropy)
    x, y = batch(dtype, SHAPES[shape])
    params = draw_params(objective.net, x)
    found = jax.jit(fnn.sensitivity_norms(objective))(params, x, y)
    layers = jax.jit(fnn.sensitivities(objective))(params, x, y)
    assert [n.shape for n in found[:1]] == [(N,)]
    for norms, layer in zip(found, layers, strict=True):
        stacked = layer.cotangent.ndim > x.ndim
        axes = tuple(range(1 + stacked, layer.cotangent.ndim))
        close(norms, N * np.sqrt(np.sum(np.square(layer.cotangent), axis=axes)), dtype)


def test_training_may_clip(draw_params, dtype):
    objective = fnn.objective(NETS["mlp"], fnn.softmax_cross_entropy)
    x, y = batch(dtype, (N, 3))
    params = draw_params(objective.net, x)
    clipped = fnn.clipped_value_and_grad(objective, 0.01)
    train = fnn.training(objective, optax.sgd(1.0), gradients=clipped)
    state, loss = train.step(train.init(params), x, y)
    moved = jax.tree.map(lambda a, b: a - b, params, state.params)
    expected_loss, expected = clipped(params, x, y)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-6)
    rtol = 1e-3 if dtype == jnp.float32 else 1e-9
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol, 1e-6), moved, expected)


# --- what the compiler says: deterministic, so that a regression fails ---------------------------


def figures(function, objective, x, y):
    params = jax.eval_shape(objective.net.init, jax.random.key(0), x)
    compiled: Any = jax.jit(function).lower(params, x, y).compile()
    memory = compiled.memory_analysis()
    return compiled.cost_analysis()["flops"], memory.temp_size_in_bytes, memory.output_size_in_bytes


def test_the_work_of_one_gradient():
    objective = fnn.objective(fnn.mlp([784, 512, 512, 10], fnn.relu), fnn.softmax_cross_entropy)
    x = jax.ShapeDtypeStruct((128, 784), jnp.float32)
    y = jax.ShapeDtypeStruct((128,), jnp.int32)
    plain, norms, clipped = (
        figures(f, objective, x, y)
        for f in (
            fnn.value_and_grad(objective),
            fnn.per_example_gradient_norms(objective),
            clipped_value_and_grad(objective, 1.0),
        )
    )
    assert norms[0] < 0.6 * plain[0]
    assert clipped[0] < 1.005 * plain[0]
    array = 128 * 512 * 4  # what a hidden layer gives for the batch; the network has two
    assert norms[1] < 3.1 * array
    assert clipped[1] < 3.1 * array
    assert sum(clipped[1:]) < 1.1 * sum(plain[1:])


def test_clipping_keeps_one_array_more_than_a_gradient():
    """Where the output of an activation is made again, it is for clipping too."""
    objective = fnn.objective(fnn.mlp([784, 512, 512, 10], fnn.silu), fnn.softmax_cross_entropy)
    x = jax.ShapeDtypeStruct((128, 784), jnp.float32)
    y = jax.ShapeDtypeStruct((128,), jnp.int32)
    plain, clipped = (
        figures(f, objective, x, y)
        for f in (fnn.value_and_grad(objective), clipped_value_and_grad(objective, 1.0))
    )
    assert clipped[1] < plain[1] + 1.1 * 128 * 512 * 4


# --- what is refused ----------------------------------------------------------------------------


def test_a_layer_without_support(dtype):
    unknown = fnn.tanh._replace(name="mine", squares=None)
    for net in (unknown, fnn.serial(fnn.dense(3), fnn.repeat(unknown, 2))):
        objective = fnn.objective(net, fnn.softmax_cross_entropy)
        for make in (fnn.per_example_gradient_norms, fnn.kfac_factors):
            with pytest.raises(ValueError, match=r"Got mine without it. Give it one, layer._repl"):
                make(objective)
        with pytest.raises(ValueError, match="Got mine without it"):
            fnn.clipped_value_and_grad(objective, 1.0)


@pytest.mark.parametrize("bound", [0, -1.0, float("nan")])
def test_a_bound_that_is_not_positive(bound):
    objective = fnn.objective(NETS["mlp"], fnn.softmax_cross_entropy)
    with pytest.raises(ValueError, match="max_norm must be positive. Got"):
        fnn.clipped_value_and_grad(objective, bound)


def test_noise_and_key_go_together(draw_params, dtype):
    objective = fnn.objective(NETS["mlp"], fnn.softmax_cross_entropy)
    x, y = batch(dtype, (N, 3))
    params = draw_params(objective.net, x)
    with pytest.raises(ValueError, match="noise_multiplier must not be negative. Got -1"):
        fnn.clipped_value_and_grad(objective, 1.0, noise_multiplier=-1.0)
    with pytest.raises(ValueError, match="Got noise without a key. Pass both"):
        fnn.clipped_value_and_grad(objective, 1.0, noise_multiplier=1.0)(params, x, y)
    with pytest.raises(ValueError, match="Got a key without noise"):
        fnn.clipped_value_and_grad(objective, 1.0)(params, x, y, jax.random.key(0))


def test_a_single_example_and_other_functions(dtype):
    objective: Any = fnn.objective(fnn.dense(2), fnn.softmax_cross_entropy)
    params = {"w": jnp.ones((3, 2), dtype), "b": jnp.ones(2, dtype)}
    for make in (fnn.per_example_gradient_norms, fnn.sensitivity_norms):
        with pytest.raises(ValueError, match=r"need a batch: x of shape \(N, ...\). Got .*\(3,\)"):
            make(objective)(params, jnp.ones(3, dtype), jnp.zeros((), jnp.int32))
        with pytest.raises(TypeError, match="needs the layers of an objective"):
            make(objective.__call__)


def test_kronecker_factors_of_other_layers(draw_params, dtype):
    scale = fnn.prelu()._replace(squares=fnn.tanh.squares)
    for net in (scale, fnn.serial(fnn.dense(3), fnn.repeat(scale, 2))):
        objective = fnn.objective(net, fnn.softmax_cross_entropy)
        x, y = batch(dtype, (N, 3))
        with pytest.raises(ValueError, match=r"layers in a serial or a repeat. Got prelu with par"):
            fnn.kfac_factors(objective)(draw_params(net, x), x, y % 3)
