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
