"""Ensembles: each member is what it would be alone."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import functional_nn as fnn
from derivations import Verdict, check

M = 3
NETS = {
    "mlp": fnn.mlp([4, 5, 3], activation=fnn.tanh),
    "dense": fnn.dense(3),
    "serial of one": fnn.serial(fnn.dense(3)),
    "not dense first": fnn.serial(fnn.tanh, fnn.dense(3)),
    "deep": fnn.serial(fnn.dense(3), fnn.repeat(fnn.serial(fnn.tanh, fnn.dense(3)), 2)),
}


def batch(dtype, *shape):
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, shape[:-1])
    return jnp.asarray(random.standard_normal(shape), dtype), jnp.asarray(labels, jnp.int32)


def close(found, expected, rtol=1e-4):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol, 1e-6), found, expected)


@pytest.mark.parametrize("net", NETS)
def test_bwd_is_vjp_of_the_members(net, draw_params, dtype):
    net = NETS[net]
    many = fnn.ensemble(net, M)
    x, _ = batch(dtype, 6, 4)
    params = draw_params(many, x)

    def one_by_one(params, x):
        members = [net.apply(fnn.member(net, params, i), x) for i in range(M)]
        return jnp.stack(members, axis=1)

    @jax.jit
    def both(params, x):
        y, residuals = many.fwd(params, x)
        expected, pullback = jax.vjp(one_by_one, params, x)
        dy = jnp.cos(expected)
        return (y, many.apply(params, x), many.bwd(residuals, dy)), (
            expected, expected, pullback(dy),
        )  # fmt: skip

    found, expected = both(params, x)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    close(found, expected)


def test_sequences(draw_params, dtype):
    many = fnn.ensemble(NETS["mlp"], M)
    x, _ = batch(dtype, 6, 2, 4)
    params = draw_params(many, x)
    y, residuals = many.fwd(params, x)
    assert y.shape == (6, M, 2, 3)
    expected, pullback = jax.vjp(many.apply, params, x)
    close((y, many.bwd(residuals, y)), (expected, pullback(y)))


@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "half_squared_error"])
def test_a_member_trains_as_it_would_alone(loss, draw_params, dtype):
    net, loss = NETS["mlp"], fnn.RULES[loss]
    many = fnn.ensemble(net, M)
    x, labels = batch(dtype, 6, 4)
    y = jnp.eye(3, dtype=dtype)[labels] if loss.name == "half_squared_error" else labels
    params = draw_params(many, x)
    together = fnn.training(fnn.objective(many, fnn.ensemble_loss(loss)), optax.adam(0.1))
    alone = fnn.training(fnn.objective(net, loss), optax.adam(0.1))
    state = together.init(params)
    singles = [alone.init(fnn.member(net, params, i)) for i in range(M)]
    for _ in range(3):
        state, whole = together.step(state, x, y)
        singles, losses = zip(*(alone.step(single, x, y) for single in singles), strict=True)
        np.testing.assert_allclose(whole, sum(map(float, losses)), rtol=1e-4)
    for i, single in enumerate(singles):
        close(fnn.member(net, state.params, i), single.params, rtol=1e-3)


def test_members_start_apart(dtype):
    net = NETS["mlp"]
    params = fnn.ensemble(net, M).init(jax.random.key(0), jnp.ones((1, 4), dtype))
    first = [np.asarray(fnn.member(net, params, i)[0]["w"]) for i in range(M)]
    assert len({w.tobytes() for w in first}) == M


def test_predictions_with_their_spread(draw_params, dtype):
    net = NETS["mlp"]
    many = fnn.ensemble(net, M)
    x, _ = batch(dtype, 6, 4)
    params = draw_params(many, x)
    members = np.stack([net.apply(fnn.member(net, params, i), x) for i in range(M)])
    plain = fnn.prediction(many)(params, x)
    close(tuple(plain), (members.mean(axis=0), members.std(axis=0)))
    probabilities = fnn.prediction(many, fnn.activations.softmax)(params, x)
    each = np.asarray(jax.nn.softmax(members, axis=-1))
    close(tuple(probabilities), (each.mean(axis=0), each.std(axis=0)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "layers",
    [
        (fnn.tanh, fnn.dense(2)),
        pytest.param((fnn.dense(2), fnn.tanh), marks=pytest.mark.nightly),
    ],
)
def test_its_backward_pass_is_proved(layers):
    many = fnn.ensemble(fnn.serial(*layers), 2)
    x = jax.ShapeDtypeStruct((2, 3), jnp.float32)
    params = jax.eval_shape(many.init, jax.random.key(0), x)
    report = check(many, params, x)
    assert report.verdict in (Verdict.PROVED, Verdict.EXACT), report


def test_its_loss_is_proved():
    rule = fnn.ensemble_loss(fnn.RULES["half_squared_error"])
    shapes = [jax.ShapeDtypeStruct(s, jnp.float32) for s in ((4, 2, 3), (4, 3))]
    assert check(rule, *shapes).verdict is Verdict.PROVED


def test_what_is_refused(dtype):
    with pytest.raises(TypeError, match="ensemble takes a layer. Got 'tanh'"):
        fnn.ensemble("tanh", 2)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="m must be a positive whole number. Got 0"):
        fnn.ensemble(fnn.tanh, 0)
    with pytest.raises(TypeError, match="loss must be a rule"):
        fnn.ensemble_loss(fnn.dense(2))  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="those of an ensemble. Got dense. Make one"):
        fnn.prediction(fnn.dense(2))
