"""`serial`: the chain rule for one path."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn
from functional_nn.layers.elementwise import elementwise


@pytest.mark.parametrize(
    "net",
    [
        fnn.serial(fnn.dense(4), fnn.serial(fnn.tanh, fnn.dense(3)), fnn.softmax),
        fnn.serial(fnn.dense(4), fnn.tanh, fnn.dense(3), fnn.silu, fnn.softplus, fnn.dense(2)),
        fnn.serial(fnn.tanh, fnn.serial(fnn.dense(2), fnn.tanh, fnn.dense(3)), fnn.dense(3)),
    ],
    ids=["nested", "made again", "nested and made again"],
)
def test_bwd_is_vjp_of_apply(net, draw_params, dtype):
    x = jnp.asarray(np.random.default_rng(0).standard_normal((5, 2)), dtype)
    params = draw_params(net, x)

    @jax.jit
    def both(params, x):
        y, residuals = net.fwd(params, x)
        expected, pullback = jax.vjp(net.apply, params, x)
        dy = jnp.cos(expected)
        return (y, net.bwd(residuals, dy)), (expected, pullback(dy))

    found, expected = both(params, x)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), found, expected
    )


def test_parameters_and_residuals_are_tuples(draw_params, dtype):
    layers = (fnn.dense(4), fnn.relu, fnn.dense(3))
    net = fnn.serial(*layers)
    x = jnp.ones((2, 5), dtype)
    params = draw_params(net, x)
    _, residuals = net.fwd(params, x)
    assert (net.name, net.parts) == ("serial", layers)
    assert [type(p) for p in params] == [dict, tuple, dict]
    assert (params[0]["w"].shape, params[2]["w"].shape) == ((5, 4), (4, 3))
    # The output of an activation and the input of the next dense layer are one array.
    assert residuals[1] is residuals[2][0]


def test_an_output_that_is_made_again_is_not_kept(draw_params, dtype):
    net = fnn.serial(fnn.dense(4), fnn.tanh, fnn.dense(3))
    x = jnp.ones((2, 5), dtype)
    params = draw_params(net, x)
    _, residuals = net.fwd(params, x)
    arrays = jax.tree.leaves(residuals)
    kept = [a for a in arrays if not any(a is p for p in (x, params[0]["w"], params[2]["w"]))]
    assert [a.shape for a in kept] == [(2, 4)]  # the input of tanh


def test_an_example_whose_cotangent_is_nan_is_alone_with_it(draw_params, dtype):
    net = fnn.serial(fnn.dense(4), fnn.tanh, fnn.dense(3))
    x = jnp.ones((2, 5), dtype)
    params = draw_params(net, x)
    y, residuals = net.fwd(params, x)
    _, dx = net.bwd(residuals, jnp.ones_like(y).at[0, 0].set(jnp.nan))
    assert jnp.isnan(dx[0]).all()
    assert jnp.isfinite(dx[1]).all()


OF_ONE_ARRAY = sorted(
    rule.name
    for rule in fnn.RULES.values()
    if rule.again is not None or rule.name in ("identity", "relu", "relu6", "leaky_relu")
)
QUICK = {"relu", "tanh", "silu"}  # to compile


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n in QUICK else pytest.mark.nightly) for n in OF_ONE_ARRAY],
)
def test_one_array_a_layer(name):
    """The compiler's own figure: as many arrays as layers, and a few that all layers share."""
    width, depth, batch = 16, 12, 512
    net = fnn.mlp([width] * (depth + 1), elementwise(fnn.RULES[name]))
    objective = fnn.objective(net, fnn.squared_error())
    x = jax.ShapeDtypeStruct((batch, width), jnp.float32)
    params = jax.eval_shape(net.init, jax.random.key(0), x)
    with jax.default_device(jax.devices("cpu")[0]):
        compiled = jax.jit(fnn.value_and_grad(objective)).lower(params, x, x).compile()
    memory = compiled.memory_analysis()
    assert memory is not None
    assert memory.temp_size_in_bytes <= (depth + 6) * 4 * width * batch


def test_layers_start_from_different_keys(dtype):
    net = fnn.serial(fnn.dense(3), fnn.dense(3))
    first, second = net.init(jax.random.key(0), jnp.ones((1, 3), dtype))
    assert (first["w"] != second["w"]).any()


def test_no_layers_is_the_identity(dtype):
    net = fnn.serial()
    x = jnp.ones((2, 3), dtype)
    assert net.init(jax.random.key(0), x) == ()
    assert net.apply((), x) is x
    assert net.bwd((), x) == ((), x)


def test_what_is_not_a_layer():
    with pytest.raises(TypeError, match="serial takes layers. Got 'relu'. Did you mean functional"):
        fnn.serial(fnn.dense(3), "relu")  # pyright: ignore[reportArgumentType]


def test_parameters_of_another_network(dtype):
    net = fnn.serial(fnn.tanh, fnn.relu)
    x = jnp.ones((1, 3), dtype)
    for function in (net.apply, net.fwd):
        with pytest.raises(ValueError, match="serial of 2 layers needs 2 .* Got 3. Make them"):
            function(((), (), ()), x)
        with pytest.raises(ValueError, match="serial of 2 layers needs 2 .* Got a list"):
            function([(), ()], x)
