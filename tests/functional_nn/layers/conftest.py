"""What every layer has to do, whatever it computes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest


@pytest.fixture(scope="session")
def assert_layer(draw_params):
    """Gives a function that compares a layer with automatic differentiation, and returns dx."""

    def right(layer, x, *, key=None, rtol=2e-5):
        params = draw_params(layer, x)
        drawn = {} if key is None else {"key": key}
        differentiable = jnp.issubdtype(x.dtype, jnp.floating)

        @jax.jit
        def both(params, x):
            y, residuals = layer.fwd(params, x, **drawn)
            dy = jnp.cos(2 * y)
            found = layer.bwd(residuals, dy)
            if not differentiable:
                expected, pull = jax.vjp(lambda p: layer.apply(p, x, **drawn), params)
                return (y, found[0]), (expected, *pull(dy))
            expected, pull = jax.vjp(lambda p, x: layer.apply(p, x, **drawn), params, x)
            return (y, *found), (expected, *pull(dy))

        found, expected = both(params, x)
        assert jax.tree.structure(found) == jax.tree.structure(expected)

        def close(a, b):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            size = max(1.0, np.abs(np.asarray(b, np.float64)).max(initial=0.0))
            np.testing.assert_allclose(
                np.asarray(a, np.float64), np.asarray(b, np.float64), rtol=0, atol=rtol * size
            )

        jax.tree.map(close, found, expected)

    return right


@pytest.fixture(scope="session")
def assert_squares(draw_params):
    """Gives a function that compares `squares` with the gradients of single examples."""

    def right(layer, x):
        params = draw_params(layer, x)
        y, residuals = layer.fwd(params, x)
        dy = jnp.cos(2 * y)
        squares, dx = layer.squares(residuals, dy)

        def own(x, dy):
            _, pull = jax.vjp(lambda p: layer.apply(p, x[None]), params)
            return sum(jnp.sum(d * d) for d in jax.tree.leaves(pull(dy[None])))

        np.testing.assert_allclose(squares, jax.jit(jax.vmap(own))(x, dy), rtol=2e-4, atol=1e-5)
        same = layer.bwd(residuals, dy)[1]
        if dx is not None:
            np.testing.assert_array_equal(dx, same)

    return right
