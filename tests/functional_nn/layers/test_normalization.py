"""Normalisation of rows and of groups of channels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn
from derivations import Verdict, check
from functional_nn.layers.group_norm import group_norm
from functional_nn.layers.normalization import layer_norm, rms_norm

LAYERS = {
    "layer_norm": fnn.layer_norm(),
    "rms_norm": fnn.rms_norm(),
    "group_norm": fnn.group_norm(2),
}


def rows(dtype, *shape):
    return jnp.asarray(np.random.default_rng(0).standard_normal(shape) + 1, dtype)


@pytest.mark.parametrize("name", LAYERS)
def test_bwd_is_vjp_of_apply(name, assert_layer, dtype):
    assert_layer(LAYERS[name], rows(dtype, 3, 2, 3, 6))


@pytest.mark.parametrize("name", LAYERS)
def test_squares_are_those_of_single_examples(name, assert_squares, dtype):
    assert_squares(LAYERS[name], rows(dtype, 3, 2, 3, 6))


@pytest.mark.parametrize(
    "name", ["layer_norm", "rms_norm", pytest.param("group_norm", marks=pytest.mark.nightly)]
)
def test_the_layer_is_right_at_every_size_that_is_tried(name):
    x = jax.ShapeDtypeStruct((2, 3, 4), jnp.float32)
    params = jax.eval_shape(LAYERS[name].init, jax.random.key(0), x)
    report = check(LAYERS[name], params, x)
    assert report.verdict in (Verdict.PROVED, Verdict.EXACT), str(report)


@pytest.mark.parametrize("name", ["layer_norm", "rms_norm"])
def test_at_most_a_hundredth_more_than_the_input_is_kept(name, dtype):
    x = rows(dtype, 8, 256)
    layer = LAYERS[name]
    params = layer.init(jax.random.key(0), x)
    _, residuals = layer.fwd(params, x)
    kept = [a for a in jax.tree.leaves(residuals) if a.ndim > 1]
    assert any(a is x for a in kept)
    assert sum(a.size for a in kept) <= 1.01 * x.size


def test_the_statistics_of_each(dtype):
    x = rows(dtype, 4, 2, 6)
    one, zero = jnp.ones(6, dtype), jnp.zeros(6, dtype)
    y = np.asarray(layer_norm(x, one, zero))
    np.testing.assert_allclose(y.mean(axis=-1), 0, atol=1e-6)
    np.testing.assert_allclose(y.var(axis=-1), 1, atol=1e-3)
    y = np.asarray(rms_norm(x, one))
    np.testing.assert_allclose((y * y).mean(axis=-1), 1, atol=1e-4)
    layer = fnn.group_norm(3)
    y = np.asarray(layer.apply(layer.init(jax.random.key(0), x), x)).reshape(4, 2, 3, 2)
    np.testing.assert_allclose(y.mean(axis=(1, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(y.var(axis=(1, 3)), 1, atol=1e-3)


@pytest.mark.parametrize("name", LAYERS)
def test_short_floats_have_their_statistics_in_single_precision(name):
    """The mean of bfloat16 numbers near 256 would be off by a whole one."""
    layer = LAYERS[name]
    x = (256 + 8 * rows(jnp.float32, 2, 1, 64)).astype(jnp.bfloat16)
    params = layer.init(jax.random.key(0), x)
    wide = jax.tree.map(lambda p: p.astype(jnp.float32), params)
    y, residuals = layer.fwd(params, x)
    expected, same = layer.fwd(wide, x.astype(jnp.float32))
    np.testing.assert_allclose(y.astype(jnp.float32), expected, atol=2e-2)
    _, dx = layer.bwd(residuals, y)
    assert dx.dtype == y.dtype == jnp.bfloat16
    _, right = layer.bwd(same, y.astype(jnp.float32))
    np.testing.assert_allclose(dx.astype(jnp.float32), right, atol=1e-2 * np.abs(right).max())


@pytest.mark.parametrize("name", ["layer_norm", "rms_norm"])
def test_between_a_norm_and_a_dense_layer_nothing_is_kept_twice(name, draw_params, dtype):
    net = fnn.serial(LAYERS[name], fnn.dense(3))
    x = rows(dtype, 8, 256)
    params = draw_params(net, x)
    _, residuals = net.fwd(params, x)
    own = {id(p) for p in jax.tree.leaves(params)}
    kept = [a for a in jax.tree.leaves(residuals) if id(a) not in own]
    assert sum(a.size for a in kept) <= 1.01 * x.size


def test_bad_arguments(dtype):
    x, one = jnp.ones((2, 4), dtype), jnp.ones(4, dtype)
    with pytest.raises(ValueError, match=r"scale must hold one number .* scale of shape \(3,\)"):
        rms_norm(x, jnp.ones(3, dtype))
    with pytest.raises(ValueError, match=r"bias must hold one number .* bias of shape \(\)"):
        layer_norm(x, one, jnp.ones((), dtype))
    with pytest.raises(TypeError, match="x and scale must have the same dtype"):
        rms_norm(x.astype(jnp.bfloat16), one)
    with pytest.raises(TypeError, match="floating-point dtype. Got int32"):
        fnn.layer_norm().init(jax.random.key(0), jnp.ones((2, 4), jnp.int32))
    with pytest.raises(ValueError, match=r"\(G, C\) of the groups of x"):
        group_norm(x, one, one)
    with pytest.raises(ValueError, match="groups must divide the number of channels.* Got 3 for x"):
        fnn.group_norm(3).init(jax.random.key(0), x)
    with pytest.raises(ValueError, match="groups must be a positive whole number. Got 0"):
        fnn.group_norm(0)
    for make in (fnn.layer_norm, fnn.rms_norm):
        with pytest.raises(ValueError, match="epsilon must be positive. Got 0"):
            make(epsilon=0.0)
