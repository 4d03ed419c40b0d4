"""The dense layer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn
from functional_nn.layers.dense import dense, dense_bwd, dense_fwd


def test_the_cotangents_are_the_written_sums(dtype):
    random = np.random.default_rng(0)
    x, w, b, dz = (random.standard_normal(s) for s in [(5, 3), (3, 2), (2,), (5, 2)])
    z, residuals = dense_fwd(*(jnp.asarray(a, dtype) for a in (x, w, b)))
    dx, dw, db = dense_bwd(residuals, jnp.asarray(dz, dtype))
    np.testing.assert_allclose(z, np.einsum("ni,io->no", x, w) + b, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(dx, np.einsum("no,io->ni", dz, w), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(dw, np.einsum("ni,no->io", x, dz), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(db, np.einsum("no->o", dz), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["bfloat16", "float16", "float32"])
def test_parameters_have_the_dtype_of_the_input(name):
    layer = fnn.dense(2)

    def everything(key, x):
        params = layer.init(key, x)
        y, residuals = layer.fwd(params, x)
        return params, y, layer.bwd(residuals, y)

    arrays = jax.eval_shape(everything, jax.random.key(0), jnp.ones((5, 3), name))
    assert {a.dtype for a in jax.tree.leaves(arrays)} == {jnp.dtype(name)}


def test_init_needs_only_shape_and_dtype(dtype):
    x = np.ones((5, 3))
    from_array = fnn.dense(2).init(jax.random.key(1), x)
    from_struct = fnn.dense(2).init(jax.random.key(1), jax.ShapeDtypeStruct((1, 3), jnp.float64))
    assert from_array["w"].dtype == dtype
    jax.tree.map(np.testing.assert_array_equal, from_array, from_struct)


def test_w_init(dtype):
    layer = fnn.dense(2, w_init=jax.nn.initializers.constant(0.5))
    assert layer.init(jax.random.key(0), jnp.ones((1, 2), dtype))["w"].tolist() == [[0.5, 0.5]] * 2


def test_fwd_and_apply_agree_under_jit_and_vmap(dtype):
    layer = fnn.dense(2)
    x = jnp.arange(12, dtype=dtype).reshape(4, 3)
    params = layer.init(jax.random.key(0), x)
    y = jax.jit(layer.apply)(params, x)
    np.testing.assert_allclose(jax.vmap(layer.apply, (None, 0))(params, x), y, rtol=1e-6)
    np.testing.assert_allclose(layer.fwd(params, x)[0], y, rtol=1e-6)


def test_bad_arguments(dtype):
    x, w, b = jnp.ones((5, 3), dtype), jnp.ones((3, 2), dtype), jnp.ones(2, dtype)
    with pytest.raises(ValueError, match=r"last axis of x .* Got x of shape \(5, 3\) and w of"):
        dense(x, jnp.ones((4, 2), dtype), b)
    with pytest.raises(ValueError, match=r"last axis of x .* Got x of shape \(\)"):
        dense(x[0, 0], w, b)
    with pytest.raises(ValueError, match=r"w of shape \(in, out\) .* b of shape \(3,\)"):
        dense(x, w, jnp.ones(3, dtype))
    with pytest.raises(ValueError, match=r"w of shape \(in, out\) .* Got w of shape \(3,\)"):
        dense(x, jnp.ones(3, dtype), b)
    with pytest.raises(TypeError, match="x must have a floating-point dtype. Got int32"):
        dense(jnp.ones((5, 3), jnp.int32), w, b)
    with pytest.raises(TypeError, match="x, w and b must have the same dtype. Got x of bfloat16"):
        dense(x.astype(jnp.bfloat16), w, b)


@pytest.mark.parametrize("features", [0, -1, 2.0, True, "10"])
def test_bad_features(features):
    with pytest.raises(ValueError, match="features must be a positive whole number. Got"):
        fnn.dense(features)


def test_init_refuses_integers():
    with pytest.raises(TypeError, match="x must have a floating-point dtype. Got int32"):
        fnn.dense(2).init(jax.random.key(0), jnp.ones((5, 3), jnp.int32))


@pytest.mark.parametrize("shape", [(3, 4), (3, 1, 4), (3, 7, 4)])
def test_squares_of_a_readout_are_those_of_single_examples(shape, assert_squares, dtype):
    x = jnp.asarray(np.random.default_rng(0).standard_normal(shape), dtype)
    assert_squares(fnn.readout(5), x)
