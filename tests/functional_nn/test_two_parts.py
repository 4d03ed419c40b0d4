"""The exponential in two floats is one of far more digits, under the compiler as well."""

import jax
import jax.numpy as jnp
import numpy as np

from functional_nn.two_parts import exp_parts


def test_the_two_parts_make_up_the_exponential():
    a = -np.random.default_rng(0).uniform(0, 120, 100_000).astype(np.float32)
    high, low, scale = (np.asarray(p).astype(np.float64) for p in jax.jit(exp_parts)(a))
    true = np.exp(a.astype(np.float64))
    error = np.abs((high + low) * scale / true - 1)  # half an ulp is up to 2^-24
    assert (error < 2.0**-25).all()
    assert (np.abs(high * scale / true - 1)[a > -50] > 2.0**-25).mean() > 0.1  # of the first alone
    assert (np.abs(low) <= np.spacing(np.abs(high).astype(np.float32)) / 2).all()
    assert (np.abs(high) >= 2.0**-82).all()
    assert (scale[a > -50] == 1).all()


def test_zero_infinity_and_nan():
    high, low, scale = exp_parts(jnp.float32([0.0, -jnp.inf, jnp.nan]))
    value = (high + low) * scale
    assert value[:2].tolist() == [1, 0]
    assert jnp.isnan(value[2])
