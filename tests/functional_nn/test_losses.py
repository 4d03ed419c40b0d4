"""Losses: their numbers, their conventions, their targets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn
from functional_nn import losses


def test_squared_error_with_and_without_the_half(dtype):
    f, y = jnp.asarray([[1.0, 2.0], [0.0, 0.0]], dtype), jnp.asarray([[0.0, 4.0], [0, 0]], dtype)
    assert losses.squared_error(f, y).tolist() == [2.5, 0.0]
    assert losses.squared_error(f, y, half=False).tolist() == [5.0, 0.0]
    assert fnn.squared_error() is fnn.RULES["half_squared_error"]
    assert fnn.squared_error(half=False) is fnn.RULES["squared_error"]


def test_absolute_error_is_at_rest_where_it_fits(dtype):
    f, y = jnp.asarray([[1.0, 2.0, 3.0]], dtype), jnp.asarray([[2.0, 2.0, 2.0]], dtype)
    loss, error = losses.absolute_error_fwd(f, y)
    df, dy = losses.absolute_error_bwd(error, jnp.ones_like(loss))
    assert loss.tolist() == [2.0]
    assert df.tolist() == [[-1.0, 0.0, 1.0]]
    assert dy.tolist() == [[1.0, 0.0, -1.0]]


def test_sigmoid_cross_entropy_is_the_bernoulli_loss(dtype):
    z, y = jnp.asarray([[0.3, -2.0]], dtype), jnp.asarray([[1.0, 0.25]], dtype)
    p = 1 / (1 + np.exp(-np.asarray(z)))
    expected = -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(axis=-1)
    np.testing.assert_allclose(losses.sigmoid_cross_entropy(z, y), expected, rtol=1e-6)


def test_cross_entropies_survive_large_logits(dtype):
    z = jnp.asarray([[1e4, 0.0], [0.0, 1e4]], dtype)
    y = jnp.asarray([[1.0, 0.0], [1.0, 0.0]], dtype)
    assert losses.sigmoid_cross_entropy(z, y)[0] < 1
    assert losses.softmax_cross_entropy(z, y).tolist() == [0.0, 1e4]
    _, residuals = losses.softmax_cross_entropy_fwd(z, y)
    dz, _ = losses.softmax_cross_entropy_bwd(residuals, jnp.ones(2, dtype))
    assert dz.tolist() == [[0.0, 0.0], [-1.0, 1.0]]


@pytest.mark.parametrize("integer", [jnp.int8, jnp.uint8, jnp.int32])
def test_labels_one_hot_and_integer_one_hot_agree(integer, dtype):
    z = jnp.asarray([[0.5, -1.0, 2.0], [1.0, 1.0, 0.0]], dtype)
    labels = jnp.asarray([2, 0], integer)
    one_hot = jnp.asarray([[0, 0, 1], [1, 0, 0]], integer)
    dloss = jnp.asarray([1.0, -2.0], dtype)

    def value_and_dlogits(targets):
        loss, residuals = losses.softmax_cross_entropy_fwd(z, targets)
        dz, dtargets = losses.softmax_cross_entropy_bwd(residuals, dloss)
        assert (dtargets is None) == (targets.dtype != dtype)
        return loss.tolist(), dz.tolist()

    expected = value_and_dlogits(one_hot.astype(dtype))
    assert value_and_dlogits(labels) == expected
    assert value_and_dlogits(one_hot) == expected


def gradient(loss, z, y):
    out, residuals = loss.fwd(z, y)
    return out, loss.bwd(residuals, jnp.ones_like(out))[0]


@pytest.mark.parametrize("margin", [20.0, 50.0])
def test_a_confident_network_that_is_right_keeps_its_digits(margin, dtype):
    rest = 3 * np.exp(-margin)
    z = jnp.asarray([[margin, 0.0, 0.0, 0.0]], dtype)
    for targets in (jnp.int32([0]), jnp.asarray([[1.0, 0, 0, 0]], dtype)):
        loss, dz = gradient(fnn.softmax_cross_entropy, z, targets)
        np.testing.assert_allclose(loss, [np.log1p(rest)], rtol=5e-7)
        expected = np.asarray([[-rest, *[rest / 3] * 3]]) / (1 + rest)
        np.testing.assert_allclose(dz, expected, rtol=7e-7)
    yes = jnp.ones((1, 1), dtype)
    loss, dz = gradient(fnn.sigmoid_cross_entropy, jnp.asarray([[margin]], dtype), yes)
    np.testing.assert_allclose(loss, [np.log1p(rest / 3)], rtol=5e-7)
    np.testing.assert_allclose(dz, [[-rest / 3 / (1 + rest / 3)]], rtol=5e-7)


INF, NAN = np.inf, np.nan


@pytest.mark.parametrize(
    ("z", "loss", "dz"),
    [
        ([1e4, 0, 0, 0], 0.0, [0, 0, 0, 0]),
        ([1e30, 0, 0, 0], 0.0, [0, 0, 0, 0]),
        ([0, 1e4, 0, 0], 1e4, [-1, 1, 0, 0]),
        ([0, 1e30, 0, 0], 1e30, [-1, 1, 0, 0]),
        ([3.4e38, -3.4e38, 0, 0], 0.0, [0, 0, 0, 0]),
        ([1e4] * 4, np.log(4), [-0.75, 0.25, 0.25, 0.25]),
        ([0, -INF, 1, 2], 2.4076059644443806, [-0.90996943, 0, 0.24472847, 0.66524096]),
        ([-INF, 0, 1, 2], INF, [-1, 0.09003057, 0.24472847, 0.66524096]),
        ([-INF] * 4, NAN, [NAN] * 4),
        ([INF, 0, 0, 0], NAN, [NAN] * 4),
    ],
)
def test_softmax_cross_entropy_of_extreme_and_masked_logits(z, loss, dz, dtype):
    z = jnp.asarray([z], dtype)
    for targets in (jnp.int32([0]), jnp.asarray([[1.0, 0, 0, 0]], dtype)):
        found, gradients = gradient(fnn.softmax_cross_entropy, z, targets)
        np.testing.assert_allclose(found, [loss], rtol=3e-7)
        np.testing.assert_allclose(gradients, [dz], rtol=3e-7)


def test_an_infinite_logit_that_is_right_costs_nothing(dtype):
    z = jnp.asarray([[INF], [-INF], [INF], [-INF]], dtype)
    y = jnp.asarray([[1.0], [0.0], [0.0], [1.0]], dtype)
    loss, dz = gradient(fnn.sigmoid_cross_entropy, z, y)
    assert loss.tolist() == [0, 0, INF, INF]
    assert dz.tolist() == [[0], [0], [1], [-1]]


def test_smoothed_labels_are_soft_targets(dtype):
    z = jnp.asarray([[0.5, -1.0, 2.0, 0.0]], dtype)
    rule = losses.softmax_cross_entropy_rule(smoothing=0.2)
    soft = jnp.asarray([[0.05, 0.05, 0.85, 0.05]], dtype)
    expected = gradient(fnn.softmax_cross_entropy, z, soft)
    for targets in (jnp.int32([2]), jnp.asarray([[0, 0, 1, 0]], dtype)):
        for found, right in zip(gradient(rule, z, targets), expected, strict=True):
            np.testing.assert_allclose(found, right, rtol=1e-6)
    assert losses.softmax_cross_entropy_rule() is fnn.softmax_cross_entropy


def test_huber_loss_is_a_parabola_and_two_lines(dtype):
    f, y = jnp.asarray([[0.5], [-2.0], [4.0]], dtype), jnp.zeros((3, 1), dtype)
    loss, df = gradient(fnn.huber_loss, f, y)
    assert loss.tolist() == [0.125, 1.5, 3.5]
    assert df.tolist() == [[0.5], [-1], [1]]
    loss, error = losses.huber_loss_fwd(f, y, delta=2.0)
    assert loss.tolist() == [0.125, 2, 6]
    assert losses.huber_loss_bwd(error, jnp.ones_like(loss), delta=2.0)[0].tolist() == [
        [0.5], [-2], [2]
    ]  # fmt: skip


def test_hinge_loss_is_at_rest_at_the_margin(dtype):
    f, y = jnp.asarray([[1.0, -1.0, 0.0, NAN]], dtype), jnp.asarray([[1.0, 1.0, -1.0, 1.0]], dtype)
    _, df = gradient(fnn.hinge_loss, f[:, :3], y[:, :3])
    assert df.tolist() == [[0, -1, 1]]
    assert jnp.isnan(fnn.hinge_loss(f, y)).all()


def test_divergence_is_zero_at_the_softmax_and_counts_no_empty_class(dtype):
    z = jnp.asarray([[0.0, np.log(3)]], dtype)
    same = jnp.asarray([[0.25, 0.75]], dtype)
    np.testing.assert_allclose(fnn.kl_divergence(z, same), [0], atol=1e-7)
    loss, dz = gradient(fnn.kl_divergence, z, jnp.asarray([[0.0, 1.0]], dtype))
    np.testing.assert_allclose(loss, [np.log(4 / 3)], rtol=1e-6)
    np.testing.assert_allclose(dz, [[0.25, -0.25]], rtol=1e-6)


def test_short_floats_are_rounded_once():
    z = jnp.linspace(-8, 8, 257, dtype=jnp.bfloat16).reshape(-1, 1)
    y = jnp.ones_like(z)
    for name in ("half_squared_error", "sigmoid_cross_entropy", "hinge_loss", "huber_loss"):
        wide = gradient(fnn.RULES[name], z.astype(jnp.float32), y.astype(jnp.float32))
        for found, right in zip(gradient(fnn.RULES[name], z, y), wide, strict=True):
            assert found.dtype == jnp.bfloat16
            assert found.tolist() == right.astype(jnp.bfloat16).tolist(), name


def test_many_classes_with_small_integers(dtype):
    # 300 does not fit into uint8, but each of these labels does.
    z = jnp.zeros((2, 300), dtype)
    loss = losses.softmax_cross_entropy(z, jnp.asarray([0, 255], jnp.uint8))
    np.testing.assert_allclose(loss, np.log(300), rtol=1e-5)


def test_softmax_cross_entropy_gradient_for_targets_that_do_not_sum_to_one(dtype):
    z, y = jnp.asarray([[0.5, -1.0]], dtype), jnp.asarray([[0.3, 0.1]], dtype)
    _, residuals = losses.softmax_cross_entropy_fwd(z, y)
    dz, _ = losses.softmax_cross_entropy_bwd(residuals, jnp.ones(1, dtype))
    expected = jax.grad(lambda z: losses.softmax_cross_entropy(z, y).sum())(z)
    np.testing.assert_allclose(dz, expected, rtol=1e-5)


@pytest.mark.parametrize("rule", losses.RULES, ids=lambda rule: rule.name)
def test_one_number_for_each_example(rule, dtype):
    assert rule.primal(jnp.ones((4, 2, 3), dtype), jnp.zeros((4, 2, 3), dtype)).shape == (4, 2)


@pytest.mark.parametrize("rule", losses.RULES, ids=lambda rule: rule.name)
def test_bad_targets(rule, dtype):
    f = jnp.ones((4, 3), dtype)
    with pytest.raises(ValueError, match=r"Got \w+ of shape \(4, 3\) and targets of shape \(4,\)"):
        rule.primal(f, jnp.ones(4, dtype))
    with pytest.raises(ValueError, match=r"Got \w+ of shape \(4, 3\) and targets of shape \(4, 1"):
        rule.fwd(f, jnp.ones((4, 1), dtype))
    with pytest.raises(TypeError, match="targets must have the same dtype. Got .* Convert one"):
        rule.primal(f, jnp.ones((4, 3), jnp.bfloat16))
    with pytest.raises(TypeError, match="targets must have a floating-point dtype. Got bool"):
        rule.primal(f, jnp.ones((4, 3), bool))


def test_integer_targets_belong_to_softmax_cross_entropy(dtype):
    f, labels = jnp.ones((4, 3), dtype), jnp.zeros(4, jnp.int32)
    with pytest.raises(TypeError, match="targets must have a floating-point dtype. Got int32"):
        losses.squared_error(f, labels)


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_out_of_range(label, dtype):
    labels = jnp.asarray([0, label], jnp.int32)
    with pytest.raises(ValueError, match=r"must lie in \[0, 3\).* Got labels from .* Number the"):
        losses.softmax_cross_entropy(jnp.ones((2, 3), dtype), labels)


@pytest.mark.parametrize("delta", [0.0, -1.0, np.nan, np.float32(-0.5)])
def test_huber_needs_a_positive_delta(delta, dtype):
    f = jnp.ones((2, 3), dtype)
    for call in (losses.huber_loss, jax.jit(lambda f, y, delta: losses.huber_loss(f, y, delta=-1))):
        with pytest.raises(ValueError, match=r"delta must be positive. Got .* Pass the size of"):
            call(f, f, delta=delta)
    assert losses.huber_loss(f, 0 * f, delta=1).tolist() == [1.5, 1.5]


@pytest.mark.parametrize("smoothing", [-0.1, 1.5, np.nan])
def test_smoothing_is_a_part(smoothing, dtype):
    z, labels = jnp.zeros((2, 4), dtype), jnp.int32([0, 3])
    with pytest.raises(
        ValueError, match=r"smoothing must lie in \[0, 1\].* Got .* Pass 0 for none"
    ):
        losses.softmax_cross_entropy(z, labels, smoothing=smoothing)
    with pytest.raises(ValueError, match="smoothing must lie in"):
        losses.softmax_cross_entropy_rule(smoothing)
    for allowed in (0.0, 1.0):
        assert losses.softmax_cross_entropy(z, labels, smoothing=allowed).shape == (2,)
