"""Values that are not finite are located in the layer where they arise, and leave no trace."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import functional_nn as fnn

N = 12
BLOCK = fnn.serial(fnn.dense(4), fnn.tanh)
NET = fnn.serial(fnn.dense(4), fnn.tanh, fnn.serial(fnn.dense(4), fnn.silu), fnn.repeat(BLOCK, 3))
OBJECTIVE = fnn.objective(NET, fnn.softmax_cross_entropy)
LAYERS = ["0.dense", "2.0.dense", "3.0.0.dense", "3.1.0.dense", "3.2.0.dense"]


def setting(dtype=jnp.float32):
    random = np.random.default_rng(0)
    x = jnp.asarray(random.standard_normal((N, 3)), dtype)
    y = jnp.asarray(random.integers(0, 4, N), jnp.int32)
    return NET.init(jax.random.key(0), x), x, y


def planted(params, place, name, value):
    """The parameters with a value in one entry of one of the layers."""
    own = [params[0], params[2][0], params[3][0]][min(place, 2)]
    at = (place - 2,) if place >= 2 else ()
    flat = own[name][at].ravel().at[1].set(value).reshape(own[name][at].shape)
    new = own | {name: own[name].at[at].set(flat) if at else flat}
    if place == 0:
        return (new, *params[1:])
    if place == 1:
        return (*params[:2], (new, *params[2][1:]), params[3])
    return (*params[:3], (new, *params[3][1:]))


@pytest.mark.parametrize("name", ["w", "b"])
@pytest.mark.parametrize("place", range(5))
def test_nan_in_the_parameters_of_any_layer(place, name):
    params, x, y = setting()
    assert fnn.first_nonfinite(OBJECTIVE, params, x, y) is None
    for value in (jnp.nan, jnp.inf):
        found = fnn.first_nonfinite(OBJECTIVE, planted(params, place, name, value), x, y)
        assert found == fnn.Nonfinite(LAYERS[place], "activation", (name,))


def test_nan_in_the_data():
    params, x, y = setting()
    found = fnn.first_nonfinite(OBJECTIVE, params, x.at[3, 1].set(jnp.nan), y)
    assert found == fnn.Nonfinite("input", "data")


@pytest.mark.parametrize("place", range(5))
def test_overflow_in_float16(place):
    params, x, y = setting(jnp.float16)
    # Whatever the signs of the layer's input, one of these sums is beyond 65504, the largest.
    found = {
        fnn.first_nonfinite(
            OBJECTIVE, planted(planted(params, place, "b", 65504), place, "w", w), x, y
        )
        for w in (6e4, -6e4)
    }
    assert found - {None} == {fnn.Nonfinite(LAYERS[place], "activation")}


@pytest.mark.parametrize("place", range(3))
def test_overflow_of_a_sensitivity_in_float16(place):
    """Each layer's own backward pass overflows, and none of the forward passes."""

    def bwd(residual, dy):
        return (), dy * jnp.asarray(6e4, dy.dtype) * jnp.asarray(6e4, dy.dtype)

    steep = fnn.identity._replace(bwd=bwd, name="steep")
    layers = [fnn.dense(4), fnn.dense(4), fnn.dense(4)]
    layers.insert(place, steep)
    net = fnn.serial(*layers)
    _, x, y = setting(jnp.float16)
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    found = fnn.first_nonfinite(objective, net.init(jax.random.key(0), x), x, y)
    assert found == fnn.Nonfinite(f"{place}.steep", "sensitivity")


def overflowing():
    """A data set of which one example overflows the squared error, and its training's parts."""
    net = fnn.mlp([2, 3, 1], activation=fnn.identity)
    random = np.random.default_rng(0)
    x = random.standard_normal((N, 2)).astype(np.float32)
    y = random.standard_normal((N, 1)).astype(np.float32)
    y[5] = 1e30
    params = net.init(jax.random.key(0), jnp.asarray(x))
    return fnn.objective(net, fnn.squared_error()), params, x, y


def test_fit_stops_with_the_layer_the_step_and_the_batch(tmp_path):
    objective, params, x, y = overflowing()
    train = fnn.training(objective, optax.sgd(0.01))
    with pytest.raises(FloatingPointError, match=r"epoch 1.*the loss of layer loss.*\.npz") as e:
        fnn.fit(train, params, x, y, epochs=2, batch_size=3, progress=False, checkpoint=tmp_path)
    (path,) = tmp_path.glob("nonfinite-*.npz")
    with np.load(path, allow_pickle=False) as file:
        batch = dict(file)
    assert 1e30 in batch["y"]
    assert f"step {int(path.stem.split('-')[1]) + 1};" in str(e.value)
    flat = {name[7:]: batch[name] for name in batch if name.startswith("params.")}
    again = jax.tree.map(jnp.asarray, fnn.unflatten_params(flat, params))
    found = fnn.first_nonfinite(objective, again, batch["x"], batch["y"])
    assert found == fnn.Nonfinite("loss", "loss")


def test_skip_counts_and_leaves_the_parameters_alone():
    objective, params, x, y = overflowing()
    train = fnn.training(objective, optax.adam(0.01), on_nonfinite="skip")
    fitted = fnn.fit(train, params, x, y, epochs=2, batch_size=3, progress=False)
    assert [record.skipped for record in fitted.history] == [1, 1]
    assert fitted.state.step == 2 * (N // 3 - 1)
    assert all(jnp.isfinite(a).all() for a in jax.tree.leaves(fitted.state.params))

    before = train.init(params)
    after, loss = train.step(train.init(params), x[3:6], y[3:6])
    assert not jnp.isfinite(loss)
    for a, b in zip(jax.tree.leaves(after), jax.tree.leaves(before), strict=True):
        np.testing.assert_array_equal(a, b)
