"""Training in float16: small gradients survive, an overflow costs one batch, masters are exact."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import functional_nn as fnn
from functional_nn import scaling

N = 8
NET = fnn.mlp([3, 4, 2], activation=fnn.tanh)
J = fnn.objective(NET, fnn.squared_error())


def setting(size=1.0):
    random = np.random.default_rng(0)
    x = jnp.asarray(random.standard_normal((N, 3)), jnp.float32)
    params = NET.init(jax.random.key(0), x)
    y = NET.apply(params, x) + size * jnp.asarray(random.standard_normal((N, 2)), jnp.float32)
    return params, x, y


def leaves(tree):
    return [np.asarray(a) for a in jax.tree.leaves(tree)]


def gradient(params, x, y, gradients, scale, microbatches=1):
    """The gradient as the passes in float16 give it."""
    steep = scaling.scaled(J, gradients, microbatches)
    return steep(params, x, y, jnp.float32(scale))[1]


@pytest.mark.slow
@pytest.mark.parametrize("microbatches", [1, 2])
@pytest.mark.parametrize("gradients", ["backprop", "autodiff"])
def test_small_gradients_survive(gradients, microbatches):
    params, _, _ = setting()
    x = jnp.full((N, 3), 2.0**-18, jnp.float32)
    y = NET.apply(params, x) + 2.0**-10
    exact = np.abs(jax.grad(J)(params, x, y)[0]["w"])
    assert exact.max() < 2.0**-25, "half of the smallest number that float16 has"
    plain = gradient(params, x, y, gradients, 1.0, microbatches)
    assert not np.asarray(plain[0]["w"]).any(), "without a scale, nothing is left"
    scaled = gradient(params, x, y, gradients, 2.0**12, microbatches)
    # Some ten roundings to 11 bits, each by 2^-11 at most.
    np.testing.assert_allclose(np.abs(scaled[0]["w"]), exact, atol=0.01 * exact.max())
    assert {a.dtype for a in jax.tree.leaves(scaled)} == {jnp.dtype("float32")}


def bits(tree):
    return [np.asarray(a).tobytes() for a in jax.tree.leaves(tree)]


@pytest.mark.parametrize("gradients", ["backprop", "autodiff"])
@pytest.mark.parametrize("on_nonfinite", ["stop", "skip"])
def test_an_overflow_halves_the_scale_and_costs_its_batch(gradients, on_nonfinite):
    params, x, _ = setting()
    y = NET.apply(params, x) + 50.0  # 2^15 times that, in each entry, is beyond 65504
    train = fnn.training(
        J, optax.sgd(1e-5), gradients=gradients, on_nonfinite=on_nonfinite, loss_scale=2.0**15
    )
    state, held = train.init(params), []
    for _ in range(8):
        before = bits(state[:3])
        assert state.loss_scale
        scale, step = float(state.loss_scale.scale), int(state.step)
        state, loss = train.step(state, x, y)
        assert np.isfinite(loss)
        held.append(int(state.step == step))
        assert (bits(state[:3]) == before) == (state.step == step)
        assert state.loss_scale.scale == (scale / 2 if held[-1] else scale)
    assert held[:3] == [1, 1, 1]
    assert not all(held)

    # The epoch and the batches that come one by one do the same, and count.
    fitted = fnn.fit(train, params, x, y, batch_size=N, epochs=8, progress=False)
    streamed = fnn.fit(train, params, [(x, y)], epochs=8, progress=False)
    for result in (fitted, streamed):
        assert [r.skipped for r in result.history] == held
        assert result.state.step == 8 - sum(held)


def test_the_scale_grows_after_enough_steps_and_no_further_than_it_may():
    params, x, y = setting()
    train = fnn.training(J, optax.sgd(1e-6), loss_scale=2.0**13)
    state = train.init(params)
    scales = []
    for _ in range(3):
        rows = jnp.tile(x, (scaling.PERIOD // N, 1)), jnp.tile(y, (scaling.PERIOD // N, 1))
        order = np.arange(scaling.PERIOD, dtype=np.int32)
        state, _ = train.epoch(state, *rows, order, batch_size=1)
        assert state.loss_scale.good == 0
        scales.append(float(state.loss_scale.scale))
    assert scales == [2.0**14, 2.0**15, 2.0**15]


def test_the_masters_take_what_float16_would_round_away():
    params, x, y = setting()
    train = fnn.training(J, optax.sgd(1e-4), loss_scale=2.0**10)
    state = train.init(params)
    for _ in range(5):
        state, _ = train.step(state, x, y)
    plain = fnn.training(J, optax.sgd(1e-4))
    expected = plain.init(params)
    for _ in range(5):
        expected, _ = plain.step(expected, x, y)
    moved = [
        np.abs(a - b).max() for a, b in zip(leaves(expected.params), leaves(params), strict=True)
    ]
    apart = zip(leaves(state.params), leaves(expected.params), strict=True)
    for (a, b), size in zip(apart, moved, strict=True):
        assert 0 < size < 2.0**-12, "less than float16 can tell apart near 1"
        # The gradients are of float16, and five of them add up.
        np.testing.assert_allclose(a, b, atol=0.02 * size)


DEEP = fnn.serial(fnn.dense(4), fnn.relu, fnn.layer_norm(), fnn.dense(4), fnn.silu, fnn.dense(2))


@pytest.mark.parametrize("place", [0, 3, 5])
@pytest.mark.parametrize("streamed", [False, True])
def test_an_overflow_of_the_forward_pass_is_located(place, streamed):
    """It is finite in float32; the message names the layer in which float16 overflows."""
    _, x, y = setting()
    params = list(DEEP.init(jax.random.key(0), x))
    params[3] = {name: a + 2 for name, a in params[3].items()}  # so that silu is large
    params[place] = {name: (0 * a).at[0].set(60000.0) for name, a in params[place].items()}
    x = jnp.abs(x) + 1
    params = tuple(params)
    objective = fnn.objective(DEEP, fnn.squared_error())
    assert np.isfinite(objective(params, x, y))
    train = fnn.training(objective, optax.sgd(0.1), loss_scale=2.0**15)
    found = fnn.first_nonfinite(objective, *scaling.half((params, x, y)))
    assert found == fnn.Nonfinite(f"{place}.dense", "activation")
    data: Any = {"x": [(x, y)]} if streamed else {"x": x, "y": y, "batch_size": N}
    with pytest.raises(FloatingPointError, match=rf"the activation of layer {place}\.dense"):
        fnn.fit(train, params, **data, epochs=1, progress=False)


def test_a_gradient_that_overflows_at_the_scale_of_one_is_like_any_other():
    params, x, y = setting()
    x = x * 1e4
    params = (params[0] | {"w": params[0]["w"] * 1e-6}, (), params[2])
    params[2]["w"] = params[2]["w"] * 200
    y = jnp.full((N, 2), 100.0, jnp.float32)
    for scale, finite in ((2.0, True), (1.0, False)):
        train = fnn.training(J, optax.sgd(0.1), loss_scale=scale)
        state, loss = train.step(train.init(params), x, y)
        assert np.isfinite(loss) == finite
        assert state.step == 0
        assert state.loss_scale.scale == 1.0
    with pytest.raises(FloatingPointError, match=r"the gradient of layer 0\.dense"):
        fnn.fit(train, params, x, y, epochs=1, batch_size=N, progress=False)


def test_a_network_that_draws_and_metrics():
    net = fnn.serial(fnn.dense(4), fnn.dropout(0.5), fnn.dense(2))
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    _, x, _ = setting()
    y = jnp.arange(N, dtype=jnp.int32) % 2
    seen = []

    def metrics(outputs, y):
        seen.append(outputs.dtype)
        return {"largest": outputs.max()}

    train = fnn.training(
        objective, optax.adam(0.1), key=jax.random.key(1), metrics=metrics, loss_scale=2.0**10
    )
    params = net.init(jax.random.key(0), x)
    fitted = fnn.fit(train, params, x, y, epochs=2, batch_size=4, progress=False)
    assert fitted.history[1].metrics
    assert set(seen) == {jnp.dtype("float16")}


def test_a_scale_is_checkpointed(tmp_path):
    params, x, y = setting(size=50.0)
    train = fnn.training(J, optax.adam(0.1), loss_scale=2.0**15)
    options = {"batch_size": N, "progress": False}
    whole = fnn.fit(train, params, x, y, epochs=6, **options)
    fnn.fit(train, params, x, y, epochs=3, checkpoint=tmp_path, **options)
    resumed = fnn.fit(train, params, x, y, epochs=6, checkpoint=tmp_path, **options)
    assert bits(resumed.state) == bits(whole.state)
    assert [r.skipped for r in resumed.history] == [r.skipped for r in whole.history]


def test_what_is_refused():
    for scale in (0.5, 2.0**16, True, "dynamic"):
        with pytest.raises(ValueError, match="loss_scale must lie between 1 and 32768"):
            fnn.training(J, optax.sgd(0.1), loss_scale=scale)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="Got gradients that are a function"):
        fnn.training(J, optax.sgd(0.1), loss_scale=2.0, gradients=fnn.value_and_grad(J))
