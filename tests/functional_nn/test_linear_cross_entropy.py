"""The last layer and its loss as one operation, by chunks of classes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn

LABELS = jnp.int32([1, 10, -1, 0, 8])


def drawn(dtype, *shapes):
    numbers = np.random.default_rng(0)
    return [jnp.asarray(numbers.standard_normal(shape), dtype) for shape in shapes]


@pytest.mark.parametrize(
    "chunk", [4, *(pytest.param(n, marks=pytest.mark.nightly) for n in (11, 512))]
)
@pytest.mark.parametrize(
    "options", [{}, {"smoothing": 0.1}, {"z_loss": 0.01}, {"smoothing": 0.2, "cap": 2.0}]
)
def test_chunks_are_the_plain_form(chunk, options, dtype):
    x, w, dloss = drawn(dtype, (5, 3), (11, 3), (5,))
    rule = fnn.linear_cross_entropy_rule(chunk=chunk, **options)
    expected, pull = jax.vjp(lambda x, w: rule.primal(x, w, LABELS), x, w)
    loss, residuals = jax.jit(rule.fwd)(x, w, LABELS)
    dx, dw, none = jax.jit(rule.bwd)(residuals, dloss)
    assert none is None
    for a, b in zip((loss, dx, dw), (expected, *pull(dloss)), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=20 * float(jnp.finfo(a.dtype).eps))
    assert loss[2] == 0
    assert not dx[2].any()


def test_it_is_the_loss_of_a_dense_layer(dtype):
    x, w = drawn(dtype, (5, 3), (11, 3))
    labels = jnp.abs(LABELS)
    rule = fnn.linear_cross_entropy_rule(smoothing=0.1)
    other = fnn.losses.softmax_cross_entropy(x @ w.T, labels, smoothing=0.1)
    np.testing.assert_allclose(rule(x, w, labels), other, rtol=1e-5)


def test_bfloat16_is_rounded_once():
    x, w, dloss = drawn("bfloat16", (5, 3), (11, 3), (5,))
    rule = fnn.linear_cross_entropy_rule(chunk=4)
    loss, residuals = rule.fwd(x, w, LABELS)
    wide = rule.fwd(x.astype(jnp.float32), w.astype(jnp.float32), LABELS)[0]
    assert loss.dtype == jnp.bfloat16
    assert (loss == wide.astype(jnp.bfloat16)).all()
    assert {d.dtype for d in rule.bwd(residuals, dloss)[:2]} == {jnp.dtype("bfloat16")}


def test_no_array_of_rows_by_classes():
    """A thirtieth of the memory of the plain form under jax.grad."""
    x, w = (jax.ShapeDtypeStruct(s, jnp.float32) for s in ((2048, 256), (50_257, 256)))
    labels = jax.ShapeDtypeStruct((2048,), jnp.int32)
    rule = fnn.linear_cross_entropy_rule()

    def by_hand(x, w, labels):
        loss, residuals = rule.fwd(x, w, labels)
        return jnp.mean(loss), rule.bwd(residuals, jnp.full_like(loss, 1 / 2048))[:2]

    def automatic(x, w, labels):
        return jax.value_and_grad(lambda x, w: jnp.mean(rule.primal(x, w, labels)), (0, 1))(x, w)

    lean, plain = (
        memory.temp_size_in_bytes
        for f in (by_hand, automatic)
        if (memory := jax.jit(f).lower(x, w, labels).compile().memory_analysis()) is not None
    )
    assert lean <= plain / 30


def test_bad_arguments(dtype):
    x, w = drawn(dtype, (5, 3), (11, 3))
    rule = fnn.linear_cross_entropy_rule()
    with pytest.raises(ValueError, match=r"w of shape \(3, 11\)"):
        rule(x, w.T, LABELS)
    with pytest.raises(TypeError, match="labels must be whole numbers"):
        rule(x, w, x[:, 0])
    with pytest.raises(ValueError, match=r"lie in \[0, 11\).* Got labels from 0 to 11"):
        rule.fwd(x, w, jnp.arange(5, dtype=jnp.int32).at[4].set(11))
    with pytest.raises(ValueError, match=r"smoothing must lie in \[0, 1\]. Got 2"):
        fnn.linear_cross_entropy_rule(smoothing=2)
    with pytest.raises(ValueError, match="cap must be positive"):
        fnn.linear_cross_entropy_rule(cap=0.0)
