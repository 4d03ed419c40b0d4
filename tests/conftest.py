"""Strictness for every test: no silent change of a dtype or of a rank."""

import jax
import jax.numpy as jnp
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(scope="session")
def dtype():
    """The widest floating dtype of this run: float64 with JAX_ENABLE_X64=1, else float32."""
    return jnp.result_type(float)
