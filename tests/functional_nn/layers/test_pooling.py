"""Pooling of windows and of whole images, and flattening."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn

LAYERS = {
    "max_pool": (fnn.max_pool(2), (2, 5, 4, 3)),
    "max_pool, overlapping": (fnn.max_pool((3, 2), (1, 2)), (2, 5, 4, 3)),
    "max_pool, apart": (fnn.max_pool((2,), 3), (2, 9, 3)),
    "avg_pool": (fnn.avg_pool(2), (2, 5, 4, 3)),
    "avg_pool, overlapping": (fnn.avg_pool((3,), 2), (2, 8, 3)),
    "global_max_pool": (fnn.global_max_pool, (2, 3, 2, 3)),
    "global_avg_pool": (fnn.global_avg_pool, (2, 3, 2, 3)),
    "flatten": (fnn.flatten, (2, 3, 2, 3)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_bwd_is_vjp_of_apply(name, dtype):
    layer, shape = LAYERS[name]
    x = jnp.asarray(np.random.default_rng(0).standard_normal(shape), dtype)
    y, residuals = layer.fwd((), x)
    expected, pull = jax.vjp(lambda x: layer.apply((), x), x)
    dy = jnp.cos(y)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_allclose(layer.bwd(residuals, dy)[1], pull(dy)[0], rtol=1e-5, atol=1e-6)


def test_against_jax_windows(dtype):
    x = jnp.asarray(np.random.default_rng(0).standard_normal((2, 7, 6, 3)), dtype)
    size, stride = (1, 3, 2, 1), (1, 2, 1, 1)
    largest = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, size, stride, "VALID")
    total = jax.lax.reduce_window(x, 0.0, jax.lax.add, size, stride, "VALID")
    pools = [make((3, 2), (2, 1)).apply((), x) for make in (fnn.max_pool, fnn.avg_pool)]
    np.testing.assert_array_equal(pools[0], largest)
    np.testing.assert_allclose(pools[1], total / 6, rtol=1e-5, atol=1e-6)


def test_at_a_tie_the_first_gets_it_all(dtype):
    x = jnp.asarray([[[1.0], [1.0], [0.0], [0.0]]], dtype)
    for layer, expected in (
        (fnn.max_pool((2,)), [1, 0, 1, 0]),
        (fnn.max_pool((2,), 1), [1, 1, 1, 0]),
        (fnn.global_max_pool, [1, 0, 0, 0]),
    ):
        y, residuals = layer.fwd((), x)
        (_, dx) = layer.bwd(residuals, jnp.ones_like(y))
        np.testing.assert_array_equal(dx[0, :, 0], expected)


def test_bad_arguments(dtype):
    x = jnp.ones((2, 3, 3, 1), dtype)
    with pytest.raises(ValueError, match="A window of 4 x 4 positions must fit"):
        fnn.max_pool(4).apply((), x)
    with pytest.raises(ValueError, match=r"x must have shape \(n, rows, columns, channels\)"):
        fnn.avg_pool(2).apply((), x[0])
    with pytest.raises(ValueError, match="window must be a positive whole number"):
        fnn.max_pool(0)
    with pytest.raises(ValueError, match=r"stride must be .* Got \(1, 2, 3\)"):
        fnn.avg_pool(2, (1, 2, 3))
    with pytest.raises(ValueError, match=r"needs x of shape \(n, positions..., channels\)"):
        fnn.global_avg_pool.apply((), x[0, 0])
    with pytest.raises(ValueError, match=r"x must hold examples, shape \(n, ...\)"):
        fnn.flatten.apply((), x[0, 0, 0])
