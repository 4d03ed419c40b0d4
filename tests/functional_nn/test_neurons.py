"""The first neurons do on data what their books promise."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from derivations import Verdict, check
from functional_nn import neurons

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def with_margin(seed, dtype):
    """Examples at a distance of at least 0.3 from a known hyperplane through the origin."""
    random = np.random.default_rng(seed)
    u = random.standard_normal(3)
    u /= np.linalg.norm(u)
    x = random.uniform(-2, 2, (200, 3))
    x = x[np.abs(x @ u) >= 0.3]
    return jnp.asarray(x, dtype), jnp.asarray(np.sign(x @ u), dtype), x, u


def overlapping(dtype):
    random = np.random.default_rng(0)
    y = np.where(np.arange(80) % 2, 1.0, -1.0)
    x = np.concatenate([np.ones((80, 1)), random.standard_normal((80, 2)) + 0.5 * y[:, None]], 1)
    return jnp.asarray(x, dtype), jnp.asarray(y, dtype)


@pytest.mark.parametrize("name", ["PERCEPTRON_CRITERION", "ADALINE_CRITERION"])
def test_gradients_are_proved(name):
    report = check(getattr(neurons, name), jnp.ones(3), jnp.ones(3), jnp.ones(()))
    assert report.verdict == Verdict.PROVED, report


def test_gradient_with_the_step_in_it_is_refuted():
    rule = neurons.ADALINE_CRITERION

    def halved(kept, dj):
        return tuple(d / 2 for d in rule.bwd(kept, dj))

    report = check(rule._replace(bwd=halved), jnp.ones(3), jnp.ones(3), jnp.ones(()))
    assert report.verdict == Verdict.REFUTED


@pytest.mark.parametrize("seed", range(3))
def test_perceptron_keeps_to_the_bound(seed, dtype):
    x, y, exact, u = with_margin(seed, dtype)
    found = neurons.perceptron(x, y, epochs=100)
    radius, margin = np.linalg.norm(exact, axis=1).max(), np.abs(exact @ u).min()
    assert found.separated
    assert 0 < found.mistakes.item() <= (radius / margin) ** 2
    np.testing.assert_array_equal(neurons.mcculloch_pitts(x, found.w), y > 0)


def test_perceptron_is_the_printed_algorithm(dtype):
    x, y, _, _ = with_margin(7, dtype)
    w, mistakes = np.zeros(3, x.dtype), 0
    for _ in range(3):
        for row, sign in zip(np.asarray(x), np.asarray(y), strict=True):
            if np.sign(w @ row) != sign:
                w, mistakes = w + sign * row, mistakes + 1
    found = neurons.perceptron(x, y, epochs=3)
    assert found.mistakes == mistakes
    np.testing.assert_allclose(found.w, w, rtol=1e-5)


def test_perceptron_does_not_separate_xor(dtype):
    x = neurons.with_bias(jnp.asarray(XOR, dtype))
    found = neurons.perceptron(x, jnp.asarray([-1, 1, 1, -1], dtype), epochs=50)
    assert not found.separated
    assert found.mistakes >= 50


def test_border_fires(dtype):
    x, w = jnp.asarray([[0.0, 1.0], [0.0, -1.0], [1.0, 1.0]], dtype), jnp.asarray([1, 0], dtype)
    assert neurons.mcculloch_pitts(x, w).tolist() == [1, 1, 1]
    assert neurons.mcculloch_pitts(x, w, threshold=0.5).tolist() == [0, 0, 1]


def test_example_on_the_border_is_a_mistake(dtype):
    found = neurons.perceptron(jnp.ones((1, 1), dtype), -jnp.ones(1, dtype), epochs=1)
    assert (found.w.item(), found.mistakes.item()) == (-1, 1)


def test_adaline_nears_least_squares_as_the_rate_falls(dtype):
    x, y = overlapping(dtype)
    best, *_ = np.linalg.lstsq(np.asarray(x, np.float64), np.asarray(y, np.float64))
    assert np.any(np.sign(x @ best) != y), "the data are not separable by this hyperplane"
    away = [
        np.abs(neurons.adaline(x, y, learning_rate=rate, epochs=400).w - best).max()
        for rate in (4e-3, 1e-3)
    ]
    assert away[0] < 0.05
    assert away[1] < away[0] / 3


def test_no_hyperplane_separates_the_overlapping_data(dtype):
    assert not neurons.perceptron(*overlapping(dtype), epochs=100).separated


def test_adaline_is_regression(dtype):
    random = np.random.default_rng(1)
    x = jnp.asarray(np.c_[np.ones(50), random.uniform(-1, 1, (50, 2))], dtype)
    w = jnp.asarray([0.5, -2.0, 3.0], dtype)
    found = neurons.adaline(x, x @ w, learning_rate=0.1, epochs=100)
    np.testing.assert_allclose(found.w, w, atol=1e-4)
    assert found.losses[-1] < 1e-7 < found.losses[0]


def test_rate_too_large_shows(dtype):
    x, y = overlapping(dtype)
    losses = neurons.adaline(x, y, learning_rate=2.0, epochs=20).losses
    assert not np.isfinite(losses[-1])


@pytest.mark.parametrize(
    "learn",
    [
        partial(neurons.perceptron, epochs=200),
        partial(neurons.adaline, learning_rate=0.01, epochs=100),
    ],
)
def test_layer_of_ten_decides_ten(learn, dtype):
    random = np.random.default_rng(0)
    labels = np.arange(100) % 10
    x = np.eye(10)[labels] + random.uniform(-0.2, 0.2, (100, 10))
    x = neurons.with_bias(jnp.asarray(x, dtype))
    w = neurons.single_layer(learn, x, labels, classes=10)
    assert w.shape == (11, 10)
    np.testing.assert_array_equal(neurons.argmax_layer(x, w), labels)
    np.testing.assert_array_equal(neurons.mcculloch_pitts(x, w), np.eye(10)[labels])


def test_ties_go_to_the_first(dtype):
    assert neurons.argmax_layer(jnp.ones((1, 2), dtype), jnp.ones((2, 3), dtype)).tolist() == [0]


def test_under_jit(dtype):
    x, y, _, _ = with_margin(0, dtype)
    plain = neurons.perceptron(x, y, epochs=5)
    traced = jax.jit(partial(neurons.perceptron, epochs=5))(x, y)
    np.testing.assert_array_equal(traced.w, plain.w)


ONE, TWO = jnp.ones((3, 2)), jnp.ones(3)
PLA = partial(neurons.perceptron, epochs=1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: neurons.mcculloch_pitts(ONE, TWO), ValueError, "pass with_bias(x)"),
        (lambda: neurons.mcculloch_pitts(ONE, jnp.int32([1, 1])), TypeError, "the same dtype"),
        (lambda: neurons.argmax_layer(ONE, jnp.ones(2)), ValueError, "one column a class"),
        (lambda: neurons.with_bias(jnp.int32([1])), TypeError, "floating-point"),
        (lambda: neurons.perceptron(ONE, TWO * 0, epochs=1), ValueError, "Got 0.0 at y[0]"),
        (lambda: neurons.perceptron(ONE, TWO, epochs=0), ValueError, "at least 1"),
        (lambda: neurons.perceptron(ONE * jnp.nan, TWO, epochs=1), ValueError, "finite"),
        (lambda: neurons.perceptron(ONE[:2], TWO, epochs=1), ValueError, "one row per example"),
        (lambda: neurons.perceptron(TWO, TWO, epochs=1), ValueError, "shape (N, d)"),
        (lambda: neurons.perceptron(ONE[:0], TWO[:0], epochs=1), ValueError, "not empty"),
        (
            lambda: neurons.adaline(ONE, TWO, learning_rate=0.0, epochs=1),
            ValueError,
            "learning_rate must be positive. Got 0.0",
        ),
        (
            lambda: neurons.single_layer(PLA, ONE, jnp.int32([0, 1, 2]), classes=2),
            ValueError,
            "labels from 0 to 2",
        ),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()
