"""One value on several paths: `residual`, `parallel` and `tied`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn

NETS = {
    "residual": fnn.residual(fnn.serial(fnn.rms_norm(), fnn.dense(5), fnn.tanh, fnn.dense(3))),
    "sum": fnn.parallel(fnn.dense(4), fnn.serial(fnn.tanh, fnn.dense(4)), fnn.dense(4)),
    "concatenate": fnn.parallel(fnn.dense(4), fnn.tanh, fnn.dense(1), join="concatenate"),
    "repeat": fnn.repeat(fnn.residual(fnn.serial(fnn.tanh, fnn.dense(3))), 3),
    "tied": fnn.tied(fnn.serial(fnn.dense(3), fnn.tanh, fnn.dense(3)), (0, "w"), (2, "w")),
    "layers": fnn.tied(fnn.serial(fnn.dense(3), fnn.tanh, fnn.dense(3)), (0,), (2,)),
}
NETS["inside"] = fnn.tied(
    fnn.serial(fnn.serial(fnn.tanh, fnn.dense(3)), fnn.residual(fnn.dense(3)), fnn.readout(3)),
    (0, 1, "w"),
    (2, "table"),
)
TOKENS = jnp.int32([[0, 2, 2, 4], [1, 0, 0, 0]])


def rows(dtype, *shape):
    return jnp.asarray(np.random.default_rng(0).standard_normal(shape), dtype)


@pytest.fixture(scope="module")
def pulled(draw_params):
    """Gives a function that compares a network's passes with automatic differentiation."""

    def compared(net, x, key=None):
        params = draw_params(net, x)
        drawn = {} if key is None else {"key": key}

        @jax.jit
        def both(params, x):
            y, residuals = net.fwd(params, x, **drawn)
            expected, pull = jax.vjp(lambda p, x: net.apply(p, x, **drawn), params, x)
            dy = jnp.cos(expected)
            return (y, net.bwd(residuals, dy)), (expected, pull(dy))

        found, expected = both(params, x)
        assert jax.tree.structure(found) == jax.tree.structure(expected)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), found, expected
        )

    return compared


@pytest.mark.parametrize("name", NETS)
def test_bwd_is_vjp_of_apply(name, pulled, dtype):
    pulled(NETS[name], rows(dtype, 5, 3))


def test_branches_that_draw_have_keys_of_their_own(pulled, dtype):
    half = fnn.dropout(0.5)
    net = fnn.residual(fnn.parallel(half, fnn.serial(half, fnn.tanh)))
    pulled(net, rows(dtype, 5, 3), jax.random.key(0))
    both = fnn.parallel(half, half, join="concatenate")
    y = both.apply(((), ()), jnp.ones((50, 3), dtype), key=jax.random.key(0))
    assert (y[:, :3] != y[:, 3:]).any()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["residual", "sum", "concatenate", "tied", "layers", "inside"])
def test_squares_are_those_of_single_examples(name, draw_params, dtype):
    shape = (4, 2, 3) if name == "inside" else (4, 3)
    net, x = NETS[name], rows(dtype, *shape)
    params = draw_params(net, x)
    y, kept = net.fwd(params, x)
    assert net.squares is not None
    found, dx = net.squares(kept, y)

    def own(x, dy):
        _, pull = jax.vjp(lambda p: net.apply(p, x[None]), params)
        return sum(jnp.sum(d * d) for d in jax.tree.leaves(pull(dy[None])))

    np.testing.assert_allclose(found, jax.vmap(own)(x, y), rtol=1e-4)
    np.testing.assert_allclose(dx, net.bwd(kept, y)[1], rtol=1e-6)


def test_shared_parameters_without_the_gradient_of_one_example():
    inside = fnn.repeat(fnn.serial(fnn.tanh, fnn.dense(3)), 2)
    for net, first, second in (
        (fnn.serial(inside, inside), (0, 1, "w"), (1, 1, "w")),  # both behind a loop
        (fnn.serial(fnn.dense(3), fnn.rms_norm()), (0, "b"), (1, "scale")),
        (fnn.serial(fnn.multi_head_attention(1)), (0, "wq"), (0, "wk")),  # one layer, twice
    ):
        objective = fnn.objective(fnn.tied(net, first, second), fnn.squared_error())
        with pytest.raises(ValueError, match="need the `squares` of every layer.* Got tied witho"):
            fnn.per_example_gradient_norms(objective)


def language_model(dtype):
    block = fnn.residual(fnn.serial(fnn.rms_norm(), fnn.dense(8), fnn.swiglu))
    net = fnn.serial(fnn.embedding(5, 4, dtype=dtype), fnn.repeat(block, 2), fnn.readout(5))
    return fnn.tied(net, (0, "table"), (2, "table"))


def test_a_tied_network_by_both_gradients(draw_params, dtype):
    net = language_model(dtype)
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    params = net.init(jax.random.key(0), TOKENS)
    assert params[2]["table"] == ()
    loss, by_hand = jax.jit(fnn.value_and_grad(objective))(params, TOKENS, TOKENS)
    same, automatic = jax.jit(jax.value_and_grad(objective))(params, TOKENS, TOKENS)
    np.testing.assert_allclose(loss, same, rtol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), by_hand, automatic)


def test_sensitivities_of_a_residual_network(draw_params, dtype):
    net = fnn.serial(fnn.dense(3), NETS["residual"], fnn.dense(2))
    objective = fnn.objective(net, fnn.squared_error())
    x = rows(dtype, 5, 3)
    params = draw_params(net, x)
    found = fnn.sensitivities(objective)(params, x, rows(dtype, 5, 2))
    assert [layer.name for layer in found] == ["dense", "residual", "dense"]
    # What reaches the first layer is its δ, by the sum of both paths.
    _, grads = fnn.value_and_grad(objective)(params, x, rows(dtype, 5, 2))
    np.testing.assert_allclose(grads[0]["b"], found[0].cotangent.sum(axis=0), rtol=1e-4, atol=1e-6)


def test_a_residual_keeps_what_its_layer_keeps(draw_params, dtype):
    x = rows(dtype, 5, 3)
    y, kept = fnn.residual(fnn.tanh).fwd((), x)
    assert kept is x
    np.testing.assert_allclose(y, x + jnp.tanh(x), rtol=1e-6)


def test_bad_arguments(dtype):
    x, key = rows(dtype, 5, 3), jax.random.key(0)
    with pytest.raises(TypeError, match="residual takes a layer. Got 'tanh'. Did you mean"):
        fnn.residual("tanh")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"added to its input must give .* \[5, 4\]|added to its"):
        fnn.residual(fnn.dense(4)).init(key, x)
    with pytest.raises(ValueError, match="join must be one of 'sum', 'concatenate'. Got 'add'"):
        fnn.parallel(fnn.tanh, join="add")
    with pytest.raises(ValueError, match="number of layers must be a positive whole number"):
        fnn.parallel()
    net = fnn.parallel(fnn.dense(4), fnn.tanh)
    with pytest.raises(ValueError, match="outputs of parallel layers must be of one shape"):
        net.apply(net.init(key, x), x)
    with pytest.raises(ValueError, match="parallel of 2 layers needs 2 items"):
        net.apply(((),), x)
    inner = fnn.serial(fnn.dense(3), fnn.dense(4))
    with pytest.raises(ValueError, match=r"Got \(0, 'table'\), and no 'table' in \['w', 'b'\]|no"):
        fnn.tied(inner, (0, "table"), (1, "w")).init(key, x)
    with pytest.raises(ValueError, match="Parameters that are one must be alike"):
        fnn.tied(inner, (0, "w"), (1, "w")).init(key, x)
    with pytest.raises(ValueError, match="two places apart"):
        fnn.tied(inner, (0,), (0, "w"))
