"""Dropout, and keys on their way through a network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn
from functional_nn.layers.dropout import dropout

KEY = jax.random.key(3)


def rows(dtype, *shape):
    return jnp.asarray(np.random.default_rng(0).standard_normal(shape), dtype)


def test_without_a_key_nothing_is_left_out(dtype):
    layer, x = fnn.dropout(0.5), rows(dtype, 4, 3)
    y, key = layer.fwd((), x)
    assert (y is x, key, layer.apply((), x) is x) == (True, None, True)
    assert layer.bwd(key, x)[1] is x


def test_the_mask_is_the_same_on_the_way_back(assert_layer, dtype):
    assert_layer(fnn.dropout(0.3), rows(dtype, 40, 3), key=KEY)
    y, residuals = fnn.dropout(0.3).fwd((), rows(dtype, 40, 3), key=KEY)
    assert residuals is KEY  # and no mask
    assert fnn.dropout(0.0).apply((), y, key=KEY).tolist() == y.tolist()


def test_the_part_that_is_left_out(dtype):
    y = fnn.dropout(0.3).apply((), jnp.ones((100, 100), dtype), key=KEY)
    assert np.mean(y == 0) == pytest.approx(0.3, abs=0.02)
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.7], rtol=1e-6)


BLOCK = fnn.serial(fnn.dense(3), fnn.dropout(0.5), fnn.tanh)


@pytest.mark.slow
@pytest.mark.parametrize(
    "net",
    [
        fnn.serial(fnn.dense(3), fnn.dropout(0.5), fnn.serial(fnn.tanh, fnn.dropout(0.5))),
        fnn.serial(fnn.dense(3), fnn.repeat(BLOCK, 3), fnn.dense(2)),
        fnn.repeat(BLOCK, 5, remat="sqrt"),
    ],
    ids=["serial", "repeat", "grouped"],
)
def test_combinators_hand_every_layer_a_key_of_its_own(net, assert_layer, draw_params, dtype):
    x = rows(dtype, 6, 3)
    assert_layer(net, x, key=KEY)
    assert_layer(net, x)
    params = draw_params(net, x)
    assert net.random
    first, second, none = (net.apply(params, x, key=k) for k in (KEY, jax.random.key(4), None))
    assert (first != second).any()
    assert none.tolist() == net.apply(params, x).tolist()


def test_two_layers_leave_out_different_entries(dtype):
    net = fnn.serial(fnn.dropout(0.5), fnn.dropout(0.5))
    y = net.apply(((), ()), jnp.ones((100, 100), dtype), key=KEY)
    assert np.mean(y == 0) == pytest.approx(0.75, abs=0.02)


@pytest.mark.slow
def test_an_objective_by_both_gradients(draw_params, dtype):
    net = fnn.serial(fnn.dense(4), fnn.dropout(0.5), fnn.serial(fnn.tanh, fnn.dropout(0.2)))
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    x, y = rows(dtype, 6, 3), jnp.int32([0, 1, 2, 3, 0, 1])
    params = draw_params(net, x)
    for key in (KEY, None):
        loss, by_hand = fnn.value_and_grad(objective)(params, x, y, key)
        same, automatic = jax.value_and_grad(objective)(params, x, y, key)
        np.testing.assert_allclose(loss, same, rtol=1e-6)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), by_hand, automatic)
        *_, last = fnn.sensitivities(objective)(params, x, y, key)
        np.testing.assert_allclose(last.output, net.apply(params, x, key=key), rtol=1e-6)
    many = fnn.value_and_grad(objective, microbatches=3)(params, x, y, KEY)
    assert np.isfinite(many[0])


def test_no_mask_lies_in_memory():
    """The compiler's own figure: a mask, of a quarter of an array a block, would not fit."""
    batch, width, depth = 512, 64, 64
    net = fnn.repeat(fnn.serial(fnn.tanh, fnn.dropout(0.5), fnn.dense(width)), depth)
    x = jax.ShapeDtypeStruct((batch, width), jnp.float32)
    params = jax.eval_shape(net.init, jax.random.key(0), x)

    def pulled(params, x, key):
        y, residuals = net.fwd(params, x, key=key)
        return net.bwd(residuals, y)[0]

    with jax.default_device(jax.devices("cpu")[0]):
        compiled = jax.jit(pulled).lower(params, x, KEY).compile()
    memory = compiled.memory_analysis()
    assert memory is not None
    assert memory.temp_size_in_bytes <= (depth + depth // 4) * 4 * batch * width


def test_bad_arguments(dtype):
    with pytest.raises(ValueError, match=r"rate must lie in \[0, 1\). Got 1.0. Pass 0 for none"):
        fnn.dropout(1.0)
    x = rows(dtype, 2, 3)
    with pytest.raises(TypeError, match="keep must hold truth values. Got"):
        dropout(x, x)
    with pytest.raises(ValueError, match=r"keep of shape \(3,\). Broadcast"):
        dropout(x, x[0] > 0)
    with pytest.raises(TypeError, match="floating-point dtype"):
        fnn.dropout(0.5).init(KEY, jnp.ones((2, 3), jnp.int32))
