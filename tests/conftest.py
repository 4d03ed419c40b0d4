"""Strictness for every test: no silent change of a dtype or of a rank."""

import gc

import jax
import jax.numpy as jnp
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_configure(config: pytest.Config) -> None:
    """Keep what XLA compiles: half of a run's time, and the same from one run to the next."""
    if not config.pluginmanager.hasplugin("cacheprovider"):
        return
    jax.config.update("jax_compilation_cache_dir", str(config.cache.mkdir("xla")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave what was imported out of every collection of garbage: a tenth of a run's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session")
def dtype():
    """The widest floating dtype of this run: float64 with JAX_ENABLE_X64=1, else float32."""
    return jnp.result_type(float)
