"""Layers without parameters."""

import jax
import jax.numpy as jnp
import pytest

import functional_nn as fnn
from functional_nn import activations

OTHERS = ("prelu", "glu", "swiglu")  # layers of more than one array


@pytest.mark.parametrize(
    "rule", [r for r in activations.RULES if r.name not in OTHERS], ids=lambda rule: rule.name
)
def test_a_layer_does_what_its_rule_does(rule, dtype):
    layer = getattr(fnn, rule.name)
    x, dy = jnp.asarray([[0.5, -1.0]], dtype), jnp.asarray([[2.0, 3.0]], dtype)
    params = layer.init(jax.random.key(0), x)
    y, residual = layer.fwd(params, x)
    dparams, dx = layer.bwd(residual, dy)
    assert (layer.name, layer.parts, params, dparams) == (rule.name, (), (), ())
    assert y.tolist() == layer.apply(params, x).tolist() == rule.primal(x).tolist()
    assert dx.tolist() == rule.bwd(rule.fwd(x)[1], dy)[0].tolist()


def test_a_rule_of_ones_own(dtype):
    cube = fnn.Rule("cube", lambda x: x**3, lambda x: (x**3, x), lambda x, dy: (3 * x * x * dy,))
    layer = fnn.elementwise(cube)
    y, residual = layer.fwd((), jnp.asarray([2.0], dtype))
    assert y.tolist() == [8.0]
    assert layer.bwd(residual, jnp.ones(1, dtype))[1].tolist() == [12.0]
