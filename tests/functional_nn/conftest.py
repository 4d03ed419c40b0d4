"""Parameters for tests, drawn without compiling anything."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest


@pytest.fixture(scope="session")
def draw_params():
    """Gives a function that draws parameters of the shapes and dtypes that `net.init` has."""

    def draw(net, x):
        random = np.random.default_rng(1)
        shapes = jax.eval_shape(net.init, jax.random.key(0), x)
        return jax.tree.map(
            lambda s: jnp.asarray(random.standard_normal(s.shape) / 2, s.dtype), shapes
        )

    return draw
