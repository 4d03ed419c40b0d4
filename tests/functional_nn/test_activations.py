"""Activations where a formula is easily right and the numbers wrong: kinks, tails, extremes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn
from functional_nn import activations

OUTPUTS = ("relu", "relu6", "leaky_relu", "hard_tanh", "softmax")  # is what these keep
OF_ONE = [r for r in activations.RULES if r.name not in ("prelu", "glu", "swiglu")]


def derivative(rule, x):
    out, residual = rule.fwd(x)
    return rule.bwd(residual, jnp.ones_like(out))[0]


@pytest.mark.parametrize(
    ("name", "x", "value", "slope"),
    [
        ("identity", -1.5, -1.5, 1.0),
        ("sigmoid", 0.0, 0.5, 0.25),
        ("sigmoid", 1e4, 1.0, 0.0),
        ("sigmoid", -1e4, 0.0, 0.0),
        ("tanh", 0.0, 0.0, 1.0),
        ("tanh", 1e4, 1.0, 0.0),
        ("relu", 2.0, 2.0, 1.0),
        ("relu", -2.0, 0.0, 0.0),
        ("relu", 0.0, 0.0, 0.0),
        ("relu", -0.0, 0.0, 0.0),
        ("log_sigmoid", 0.0, -np.log(2), 0.5),
        ("log_sigmoid", -1e4, -1e4, 1.0),
        ("silu", 0.0, 0.0, 0.5),
        ("silu", 1e4, 1e4, 1.0),
        ("silu", -1e4, 0.0, 0.0),
        ("mish", 0.0, 0.0, 0.6),
        ("mish", 1e4, 1e4, 1.0),
        ("mish", -1e4, 0.0, 0.0),
        ("gelu_tanh", 1e4, 1e4, 1.0),
        ("gelu_tanh", -1e4, 0.0, 0.0),
        ("softplus", 0.0, np.log(2), 0.5),
        ("softplus", 1e4, 1e4, 1.0),
        ("softplus", -1e4, 0.0, 0.0),
    ],
)
def test_values_and_derivatives(name, x, value, slope, dtype):
    x = jnp.asarray(x, dtype)
    rule = fnn.RULES[name]
    np.testing.assert_allclose(rule.primal(x), value, rtol=1e-6)
    np.testing.assert_allclose(derivative(rule, x), slope, rtol=1e-6)
    np.testing.assert_allclose(jax.grad(rule.primal)(x), slope, rtol=1e-6)


@pytest.mark.parametrize("rule", OF_ONE, ids=lambda rule: rule.name)
def test_nan_goes_through(rule, dtype):
    x = jnp.asarray([jnp.nan, 1.0], dtype)
    assert jnp.isnan(rule.primal(x)[0])
    out, residual = rule.fwd(x)
    (dx,) = rule.bwd(residual, jnp.where(jnp.isnan(out), out, 1))
    assert jnp.isnan(dx[0])


def test_softplus_derivative_keeps_its_digits_in_the_tail(dtype):
    x = jnp.asarray([-20.0, -40.0, -80.0], dtype)
    np.testing.assert_allclose(derivative(activations.SOFTPLUS, x), np.exp(x), rtol=3e-6)


def test_softmax_rows_sum_to_one_and_survive_large_logits(dtype):
    x = jnp.asarray([[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4]], dtype)
    np.testing.assert_allclose(
        activations.softmax(x), [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-6
    )


@pytest.mark.parametrize("rule", OF_ONE, ids=lambda rule: rule.name)
def test_one_array_is_kept(rule, dtype):
    x = jnp.asarray([[0.5, -0.5]], dtype)
    out, residual = rule.fwd(x)
    kept = {"identity": None} | dict.fromkeys(OUTPUTS, out)
    assert residual is kept.get(rule.name, x)


@pytest.mark.parametrize("rule", OF_ONE, ids=lambda rule: rule.name)
@pytest.mark.parametrize("kind", [jnp.int32, jnp.bool_, jnp.complex64])
def test_what_is_not_a_float_is_refused(rule, kind):
    with pytest.raises(TypeError, match=f"floating-point dtype. Got {jnp.dtype(kind)}"):
        rule.primal(jnp.ones((2, 3), kind))


@pytest.mark.parametrize("rule", OF_ONE[:-1], ids=lambda rule: rule.name)
def test_python_and_numpy_numbers(rule):
    assert rule.primal(0.5).shape == ()
    assert rule.primal(np.ones((2, 3), np.float32)).dtype == jnp.float32
