"""Training by both gradients."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import functional_nn as fnn

N, BATCH = 50, 16
OPTIMIZERS = {
    "sgd": optax.sgd(0.1, momentum=0.9),
    "adam": optax.adam(0.05),
    "diverging": optax.sgd(float("inf")),
    "line search": optax.chain(optax.sgd(10.0), optax.scale_by_backtracking_linesearch(5)),
}


def data(dtype):
    """Gives three noisy clusters in the plane, and their labels."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, N)
    centres = np.array([[2.0, 0.0], [-1.0, 2.0], [-1.0, -2.0]])
    x = centres[labels] + 0.5 * random.standard_normal((N, 2))
    return jnp.asarray(x, dtype), jnp.asarray(labels, jnp.int32)


# Cached, so that tests of the same training share what is compiled.
@functools.cache
def setting(dtype, optimizer="sgd", gradients="backprop"):
    """Gives a training, parameters to start from and the data."""
    net = fnn.mlp([2, 8, 3], activation=fnn.tanh)
    x, y = data(dtype)
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    train = fnn.training(objective, OPTIMIZERS[optimizer], gradients=gradients)
    random = np.random.default_rng(1)
    shapes = jax.eval_shape(net.init, jax.random.key(0), x)
    params = jax.tree.map(lambda s: jnp.asarray(random.standard_normal(s.shape), dtype), shapes)
    return train, params, x, y


def largest_difference(a, b):
    """Gives the largest difference of two parameter trees relative to the largest parameter."""
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    differences = [np.abs(np.asarray(u, np.float64) - np.asarray(v)).max() for u, v in leaves]
    return max(differences) / max(np.abs(v).max() for v in jax.tree.leaves(b))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_both_gradients_train_the_same_parameters(optimizer, dtype):
    trained = []
    for gradients in ("backprop", "autodiff"):
        train, *rest = setting(dtype, optimizer, gradients)
        result = fnn.fit(train, *rest, epochs=10, batch_size=BATCH, progress=False)
        trained.append(result.state.params)
    assert largest_difference(*trained) <= (1e-8 if dtype == jnp.float64 else 1e-3)


@pytest.mark.parametrize("gradients", ["backprop", "autodiff"])
def test_the_word_decides_which_gradient(gradients, dtype):
    """A loss whose hand-written rule is wrong trains differently by the two."""
    train, params, x, y = setting(dtype)
    rule = fnn.softmax_cross_entropy
    still = rule._replace(bwd=lambda residuals, d: (0 * rule.bwd(residuals, d)[0], None))
    objective = fnn.objective(train.objective.net, still)
    train = fnn.training(objective, optax.sgd(0.1), gradients=gradients)
    state, _ = train.step(train.init(params), x, y)
    assert (largest_difference(state.params, params) == 0) == (gradients == "backprop")


def test_fit_learns_and_keeps_its_history(dtype):
    train, params, x, y = setting(dtype, "adam")

    def evaluate(params):
        decisions = train.objective.net.apply(params, x).argmax(axis=-1)
        return {"accuracy": jnp.mean(decisions.astype(y.dtype) == y)}

    result = fnn.fit(
        train, params, x, y, epochs=15, batch_size=BATCH, evaluate=evaluate, progress=False
    )
    first, last = result.history[0], result.history[-1]
    assert [record.epoch for record in result.history] == list(range(1, 16))
    assert last.loss < first.loss
    assert isinstance(last.evaluation, dict)
    assert last.evaluation == {"accuracy": 1.0}
    assert {type(v) for v in (last.loss, last.seconds, *last.evaluation.values())} == {float}
    assert result.state.step == 15 * (N // BATCH)


def test_seed_decides_the_order(dtype):
    train, *rest = setting(dtype)

    def losses(seed):
        result = fnn.fit(train, *rest, epochs=2, batch_size=BATCH, seed=seed, progress=False)
        return [record.loss for record in result.history]

    assert losses(0) == losses(0)
    assert losses(0) != losses(1)


def test_epoch_is_its_steps(dtype):
    train, params, x, y = setting(dtype)
    permutation = np.random.default_rng(1).permutation(N).astype(np.int32)
    after_epoch, losses = train.epoch(train.init(params), x, y, permutation, batch_size=BATCH)

    state, expected = train.init(params), []
    for i in range(N // BATCH):
        rows = permutation[i * BATCH : (i + 1) * BATCH]
        state, loss = train.step(state, x[rows], y[rows])
        expected.append(loss)
    np.testing.assert_allclose(losses, np.stack(expected), rtol=1e-5)
    assert largest_difference(after_epoch.params, state.params) <= 1e-5
    assert after_epoch.step == state.step == N // BATCH


def test_step_returns_the_loss_before_the_update(dtype):
    train, params, x, y = setting(dtype)
    _, loss = train.step(train.init(params), x, y)
    np.testing.assert_allclose(loss, train.objective(params, x, y), rtol=1e-6)


def test_the_users_parameters_survive_and_the_old_state_is_donated(dtype):
    train, params, x, y = setting(dtype)
    before = jax.tree.map(np.array, params)
    state = train.init(params)
    after, _ = train.step(state, x, y)
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(state.params))
    jax.tree.map(np.testing.assert_array_equal, before, params)
    assert largest_difference(after.params, params) > 0


def test_nothing_is_compiled_twice(dtype, caplog):
    train, params, x, y = setting(dtype, "adam")
    # Shapes that no other test has compiled.
    x, y, permutation = x[:21], y[:21], np.arange(21, dtype=np.int32)

    def compiled(function):
        caplog.clear()
        with jax.log_compiles():
            state, _ = function()
        return state, sum("Compiling" in record.getMessage() for record in caplog.records)

    state = train.init(params)
    state, first = compiled(lambda: train.step(state, x, y))
    state, second = compiled(lambda: train.step(state, x, y))
    assert (first, second) == (1, 0)
    state, first = compiled(lambda: train.epoch(state, x, y, permutation, batch_size=7))
    state, second = compiled(lambda: train.epoch(state, x, y, permutation, batch_size=7))
    assert (first, second) == (1, 0)


def accuracy(outputs, y):
    return {"accuracy": jnp.mean(outputs.argmax(axis=-1).astype(y.dtype) == y)}


def test_metrics_are_outputs_of_the_epoch(dtype):
    train, params, x, y = setting(dtype, "adam")
    measured = fnn.training(train.objective, OPTIMIZERS["adam"], metrics=accuracy)
    permutation = np.arange(N, dtype=np.int32)
    state, (losses, metrics) = measured.epoch(
        measured.init(params), x, y, permutation, batch_size=BATCH
    )
    plain, expected = train.epoch(train.init(params), x, y, permutation, batch_size=BATCH)
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    assert largest_difference(state.params, plain.params) <= 1e-6
    assert metrics["accuracy"].shape == (N // BATCH,)
    first = accuracy(train.objective.net.apply(params, x[:BATCH]), y[:BATCH])["accuracy"]
    np.testing.assert_allclose(metrics["accuracy"][0], first)

    history = fnn.fit(measured, params, x, y, epochs=15, batch_size=BATCH, progress=False).history
    assert history[0].metrics != history[-1].metrics == {"accuracy": 1.0}
    assert (
        fnn.fit(train, params, x, y, epochs=1, batch_size=N, progress=False).history[0][4] is None
    )


def test_metrics_share_the_forward_pass(dtype):
    def flops(metrics):
        net = fnn.mlp([64, 64, 3], activation=fnn.tanh)
        objective = fnn.objective(net, fnn.softmax_cross_entropy)
        train = fnn.training(objective, optax.sgd(0.1), metrics=metrics)
        x, y = jnp.ones((32, 64), dtype), jnp.zeros(32, jnp.int32)
        state = train.init(net.init(jax.random.key(0), x))
        compiled: Any = train.step.lower(state, x, y).compile()
        return compiled.cost_analysis()["flops"]

    assert flops(accuracy) < 1.02 * flops(None)


def test_nothing_leaves_the_device_within_an_epoch(dtype, monkeypatch):
    """The epoch calls nothing on the host, and `fit` asks for its results once, after it."""
    train, params, x, y = setting(dtype)
    permutation = np.arange(N, dtype=np.int32)
    state = train.init(params)
    traced = train.epoch.trace(state, x, y, permutation, batch_size=BATCH)
    assert not traced.jaxpr.effects
    assert "callback" not in str(traced.jaxpr)
    # Where host and device share their memory, as on a CPU, the guard sees nothing.
    with jax.transfer_guard_device_to_host("disallow"):
        state, losses = train.epoch(state, x, y, permutation, batch_size=BATCH)
    assert {type(leaf).__name__ for leaf in jax.tree.leaves((state, losses))} == {"ArrayImpl"}

    fetched = []
    right = jax.device_get
    monkeypatch.setattr(jax, "device_get", lambda tree: fetched.append(tree) or right(tree))
    fnn.fit(train, params, x, y, epochs=3, batch_size=BATCH, progress=False)
    assert [losses.shape for losses, _ in fetched] == [(N // BATCH,)] * 3


def test_data_may_be_bfloat16():
    train, *rest = setting(jnp.dtype("bfloat16"))
    result = fnn.fit(train, *rest, epochs=1, batch_size=N, progress=False)
    assert np.isfinite(result.history[0].loss)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_short_dtypes_stay(name, optimizer):
    train, params, x, y = setting(jnp.dtype(name), optimizer)
    state, loss = jax.eval_shape(train.step, train.init(params), x, y)
    assert {leaf.dtype for leaf in jax.tree.leaves((state.params, loss))} == {jnp.dtype(name)}
    assert jax.tree.structure(state) == jax.tree.structure(train.init(params))


def test_an_optimizer_that_searches_along_a_line(dtype):
    train, params, x, y = setting(dtype, "line search")
    state, losses = train.init(params), []
    for _ in range(5):
        state, loss = train.step(state, x, y)
        losses.append(float(loss))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]


def test_a_loss_that_is_not_finite_names_the_epoch(dtype):
    train, *rest = setting(dtype, "diverging")
    with pytest.raises(FloatingPointError, match="Got (nan|inf) in epoch 1, at its batch . of 3"):
        fnn.fit(train, *rest, epochs=3, batch_size=BATCH, progress=False)


def test_progress_shows_epochs_loss_and_evaluation(dtype, capsys):
    train, params, x, y = setting(dtype)
    for evaluate in (None, lambda params: 0.25, lambda params: {"accuracy": 0.75}):
        fnn.fit(train, params, x, y, epochs=2, batch_size=BATCH, evaluate=evaluate)
    shown = capsys.readouterr().out
    assert "2/2" in shown
    assert "loss" in shown
    assert "0.25" in shown
    assert "accuracy 0.75" in shown


def test_bad_gradients(dtype):
    with pytest.raises(ValueError, match=r"'autodiff'. Got 'backprob'. Did you mean 'backprop'\?"):
        setting(dtype, gradients="backprob")
    with pytest.raises(TypeError, match="needs the layers of an objective"):
        fnn.training(lambda params, x, y: 0.0, optax.sgd(0.1))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"batch_size": 51}, ValueError, r"between 1 and .* examples, 50. Got 51. Use 50"),
        ({"batch_size": 0}, ValueError, "batch_size must lie .* Got 0"),
        ({"epochs": 0}, ValueError, "epochs must be at least 1. Got 0"),
        ({"x": np.ones((0, 2)), "y": np.ones(0, np.int32)}, ValueError, "at least one example"),
        ({"x": np.ones((50, 2), np.int32)}, TypeError, "x must have a floating-point dtype"),
        ({"x": np.ones((49, 2))}, ValueError, r"Got x of shape \(49, 2\) and y of shape \(50,\)"),
        ({"x": np.ones((50, 3))}, ValueError, r"last axis of x .*\(50, 3\)"),
        ({"y": np.full(50, 3)}, ValueError, r"must lie in \[0, 3\).* Got labels from 3 to 3"),
        ({"y": np.full((50, 3), np.nan)}, ValueError, r"y must be finite. Got 150 .* y\[0, 0\]"),
        ({"y": np.ones((50, 2))}, ValueError, r"logits of shape \(50, 3\) and .*\(50, 2\)"),
    ],
)
def test_fit_refuses_before_it_starts(change, error, message, dtype):
    train, params, x, y = setting(dtype)
    train = train._replace(init=None, epoch=None)
    arguments = {"x": x, "y": y, "epochs": 1, "batch_size": BATCH, "progress": False} | change
    with pytest.raises(error, match=message):
        fnn.fit(train, params, **arguments)


def test_fit_names_the_first_entry_that_is_not_finite(dtype):
    train, params, x, y = setting(dtype)
    x = np.array(x)
    x[3, 1] = np.inf
    with pytest.raises(ValueError, match=r"x must be finite. Got 1 .* x\[3, 1\]. Remove"):
        fnn.fit(train, params, x, y, epochs=1, batch_size=BATCH, progress=False)


def test_epoch_refuses_what_does_not_fit_the_data(dtype):
    train, params, x, y = setting(dtype)
    with pytest.raises(ValueError, match=r"must hold 50 integers.* Got shape \(49,\)"):
        train.epoch(train.init(params), x, y, np.arange(49, dtype=np.int32), batch_size=5)
    with pytest.raises(ValueError, match="between 1 and the number of examples, 50. Got 60"):
        train.epoch(train.init(params), x, y, np.arange(50, dtype=np.int32), batch_size=60)


@pytest.mark.parametrize("gradients", ["backprop", "autodiff"])
def test_a_network_that_draws_is_trained_with_a_key(gradients, dtype):
    net = fnn.serial(fnn.dense(8), fnn.tanh, fnn.dropout(0.5), fnn.dense(2))
    x, y = jnp.ones((6, 3), dtype), jnp.arange(6) % 2
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    params = net.init(jax.random.key(0), x)
    key = jax.random.key(1)
    train = fnn.training(objective, optax.sgd(0.1), gradients=gradients, key=key)
    state = train.init(params)
    for step in range(2):  # each step draws from a key of its own
        own = jax.random.fold_in(key, step)
        expected = jax.value_and_grad(objective)(state.params, x, y, own)[0]
        state, loss = train.step(state, x, y)
        np.testing.assert_allclose(loss, expected, rtol=1e-6)
    with pytest.raises(ValueError, match="Got a network that draws, and no key"):
        fnn.training(objective, optax.sgd(0.1))
    plain = fnn.objective(fnn.mlp([3, 2]), fnn.softmax_cross_entropy)
    with pytest.raises(ValueError, match="Got a key, and nobody draws"):
        fnn.training(plain, optax.sgd(0.1), key=key)
