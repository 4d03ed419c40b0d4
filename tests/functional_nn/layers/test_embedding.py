"""Tokens, learned positions and rotary positions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn
from derivations import Verdict, check
from functional_nn.layers.embedding import embedding, embedding_bwd, embedding_fwd
from functional_nn.layers.rotary import rotary


def rows(dtype, *shape):
    return jnp.asarray(np.random.default_rng(0).standard_normal(shape), dtype)


TOKENS = jnp.int32([[0, 2, 2, 4], [1, 0, 0, 0]])


def test_bwd_is_vjp_of_apply(assert_layer, dtype):
    assert_layer(fnn.embedding(5, 3, dtype=dtype), TOKENS)
    assert_layer(fnn.learned_positions(6), rows(dtype, 2, 4, 3))
    assert_layer(fnn.rotary(), rows(dtype, 2, 4, 6))


def test_squares_are_those_of_single_examples(assert_squares, dtype):
    assert_squares(fnn.embedding(5, 3, dtype=dtype), TOKENS)
    assert_squares(fnn.learned_positions(6), rows(dtype, 2, 4, 3))


def test_the_layers_are_proved():
    tokens, x = jax.ShapeDtypeStruct((2, 3), jnp.int32), jax.ShapeDtypeStruct((2, 3, 4), "float32")
    for layer, given in (
        (fnn.embedding(5, 2), tokens),
        (fnn.learned_positions(5), x),
        (fnn.rotary(), x),
    ):
        params = jax.eval_shape(layer.init, jax.random.key(0), given)
        report = check(layer, params, given)
        assert report.verdict is Verdict.PROVED, str(report)


def test_many_equal_tokens_are_added_in_single_precision():
    """In bfloat16 a sum of ones would stop at 256."""
    table, tokens = jnp.zeros((2, 1), jnp.bfloat16), jnp.ones(1024, jnp.int32)
    y, residuals = embedding_fwd(table, tokens)
    dtable, none = embedding_bwd(residuals, jnp.ones_like(y))
    assert (dtable.tolist(), none) == ([[0.0], [1024.0]], None)


@pytest.mark.parametrize("token", [-1, 5, 1 << 30])
def test_a_token_outside_the_vocabulary(token, dtype):
    table, tokens = rows(dtype, 5, 2), jnp.int32([1, token])
    with pytest.raises(ValueError, match=rf"lie in \[0, 5\).* Got {token} at tokens\[1\]. Encode"):
        embedding(table, tokens)
    # Traced, its row is NaN, and nothing reaches the table from it.
    y, residuals = jax.jit(embedding_fwd)(table, tokens)
    assert jnp.isnan(y).tolist() == [[False, False], [True, True]]
    dtable, _ = jax.jit(embedding_bwd)(residuals, jnp.ones_like(y))
    assert dtable.tolist() == [[0, 0], [1, 1], [0, 0], [0, 0], [0, 0]]


def test_rotated_products_hang_on_the_distance_alone(dtype):
    q, k = rows(dtype, 2, 8)
    turn = fnn.rotary_angles(12, 8)
    products = fnn.turned(jnp.tile(q, (12, 1)), turn) @ fnn.turned(jnp.tile(k, (12, 1)), turn).T
    for distance in range(-3, 4):
        on_diagonal = np.diagonal(products, distance)
        np.testing.assert_allclose(on_diagonal, on_diagonal[0], rtol=1e-4, atol=1e-5)


def test_turned_back(dtype):
    x, turn = rows(dtype, 3, 5, 4), fnn.rotary_angles(jnp.arange(7, 12), 4)
    back = fnn.turned(fnn.turned(x, turn), -turn)
    np.testing.assert_allclose(back, x, atol=1e-6)


def test_a_network_of_tokens_by_both_gradients(draw_params, dtype):
    net = fnn.serial(
        fnn.embedding(5, 4, dtype=dtype), fnn.learned_positions(4), fnn.rms_norm(), fnn.dense(5)
    )
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    params = draw_params(net, TOKENS)
    loss, by_hand = jax.jit(fnn.value_and_grad(objective))(params, TOKENS, TOKENS)
    same, automatic = jax.jit(jax.value_and_grad(objective))(params, TOKENS, TOKENS)
    np.testing.assert_allclose(loss, same, rtol=1e-6)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), by_hand, automatic
    )
    assert fnn.per_example_gradient_norms(objective)(params, TOKENS, TOKENS).shape == (2,)


def test_bad_arguments(dtype):
    table, x = rows(dtype, 5, 2), rows(dtype, 2, 4, 3)
    with pytest.raises(TypeError, match="tokens must be whole numbers. Got float"):
        embedding(table, rows(dtype, 3))
    with pytest.raises(ValueError, match=r"table must have shape \(V, K\)"):
        embedding(table[0], TOKENS)
    layer = fnn.learned_positions(3)
    with pytest.raises(ValueError, match=r"longer than the table of positions, 3. Got x of shape"):
        layer.init(jax.random.key(0), x)
    with pytest.raises(ValueError, match="longer than the table of positions, 3"):
        layer.apply({"table": rows(dtype, 3, 3)}, x)
    with pytest.raises(ValueError, match="length must be a positive whole number. Got 0"):
        fnn.learned_positions(0)
    with pytest.raises(ValueError, match=r"even length. Got x of shape \(2, 4, 3\)"):
        fnn.rotary().apply((), x)
    with pytest.raises(ValueError, match=r"angles of shape \(2, 3\). Make the angles"):
        rotary(x, x, rows(dtype, 2, 3))
    with pytest.raises(ValueError, match="features must be even.* Got 3"):
        fnn.rotary_angles(2, 3)
    with pytest.raises(ValueError, match="vocabulary must be a positive whole number"):
        fnn.embedding(0, 3)
