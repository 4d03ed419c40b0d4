"""Gates, and a rectifier whose slope is learned, as layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn
from derivations import Verdict, check
from functional_nn import activations


@pytest.mark.parametrize("rule", [activations.GLU, activations.SWIGLU], ids=lambda r: r.name)
def test_a_gate_halves_the_last_axis(rule, dtype):
    layer = getattr(fnn, rule.name)
    x, dy = jnp.asarray([[0.5, -1.0, 2.0, 0.25]], dtype), jnp.asarray([[2.0, 3.0]], dtype)
    values, gate = x[:, :2], x[:, 2:]
    assert layer.init(jax.random.key(0), x) == ()
    y, residuals = layer.fwd((), x)
    assert y.tolist() == layer.apply((), x).tolist() == rule.primal(values, gate).tolist()
    _, dx = layer.bwd(residuals, dy)
    expected = jnp.concatenate(rule.bwd(rule.fwd(values, gate)[1], dy), axis=-1)
    assert dx.tolist() == expected.tolist()


def test_a_gate_has_no_gradient_of_its_own(dtype):
    x, dy = jnp.asarray([[0.5, -1.0, 2.0, 0.25]], dtype), jnp.asarray([[2.0, 3.0]], dtype)
    _, residuals = fnn.swiglu.fwd((), x)
    assert fnn.swiglu.squares is not None
    squares, dx = fnn.swiglu.squares(residuals, dy)
    assert squares.tolist() == [0]
    assert dx.tolist() == fnn.swiglu.bwd(residuals, dy)[1].tolist()


@pytest.mark.nightly
@pytest.mark.parametrize("layer", [fnn.glu, fnn.swiglu, fnn.prelu()], ids=lambda la: la.name)
def test_the_layer_is_proved(layer):
    x = jax.ShapeDtypeStruct((2, 4), jnp.float32)
    params = jax.eval_shape(layer.init, jax.random.key(0), x)
    assert check(layer, params, x).verdict is Verdict.PROVED


@pytest.mark.parametrize("name", ["glu", "swiglu"])
def test_an_odd_axis_cannot_be_halved(name, dtype):
    layer = getattr(fnn, name)
    with pytest.raises(ValueError, match=r"even length. Got x of shape \(2, 3\). Give the layer"):
        layer.apply((), jnp.ones((2, 3), dtype))
    with pytest.raises(TypeError, match="floating-point dtype. Got int32"):
        layer.init(jax.random.key(0), jnp.ones((2, 4), jnp.int32))


def test_the_slope_of_a_rectifier_is_a_parameter(dtype):
    net = fnn.serial(fnn.dense(3), fnn.prelu(), fnn.dense(2))
    x, y = jnp.asarray([[1.0, -2.0], [0.5, 3.0]], dtype), jnp.int32([0, 1])
    params = net.init(jax.random.key(1), x)
    assert params[1]["slope"].tolist() == [0.25] * 3
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    _, by_hand = fnn.value_and_grad(objective)(params, x, y)
    _, automatic = jax.value_and_grad(objective)(params, x, y)
    np.testing.assert_allclose(by_hand[1]["slope"], automatic[1]["slope"], rtol=1e-5)
