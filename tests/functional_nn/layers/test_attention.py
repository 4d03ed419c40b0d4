"""Attention in its plain form, by blocks, and as a layer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn
from functional_nn.layers.attention import ATTENTION, attention


def drawn(dtype, *shapes):
    numbers = np.random.default_rng(0)
    return [jnp.asarray(numbers.standard_normal(shape), dtype) for shape in shapes]


def errors(found, expected):
    def error(a, b):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        a, b = (np.asarray(c, np.float64) for c in (a, b))
        return np.abs(a - b).max(initial=0) / np.abs(b).max(initial=1)

    return max(error(a, b) for a, b in zip(found, expected, strict=True))


TOLERANCE = {"float32": 3e-6, "float64": 1e-13, "bfloat16": 1e-2}


def compared(rule, q, k, v, *rest, do):
    expected, pull = jax.vjp(lambda q, k, v: rule.primal(q, k, v, *rest), q, k, v)
    o, residuals = jax.jit(rule.fwd)(q, k, v, *rest)
    *cotangents, none = jax.jit(rule.bwd)(residuals, do)
    assert none is None
    error = errors((o, *cotangents), (expected, *pull(do)))
    assert error <= TOLERANCE[q.dtype.name]
    return o, cotangents


def test_plain_rule_is_vjp_of_its_primal(dtype):
    q, k, v, do = drawn(dtype, (2, 3, 4), (2, 5, 4), (2, 5, 2), (2, 3, 2))
    mask = jnp.asarray(np.random.default_rng(1).random((2, 3, 5)) < 0.6).at[0, 1].set(False)
    o, (dq, *_) = compared(ATTENTION, q, k, v, mask, do=do)
    assert o[0, 1].tolist() == [0, 0]
    assert dq[0, 1].tolist() == [0, 0, 0, 0]


def test_what_is_hidden_may_be_large():
    q, k, v = jnp.float32([[1.0]]), jnp.float32([[-1e4], [1e4]]), jnp.float32([[2.0], [3.0]])
    mask = jnp.bool_([[True, False]])
    o, pull = jax.vjp(lambda q, k, v: attention(q, k, v, mask), q, k, v)
    assert o.tolist() == [[2.0]]
    assert all(jnp.isfinite(d).all() for d in pull(o))


@pytest.mark.slow
@pytest.mark.parametrize("short", ["float32", pytest.param("bfloat16", marks=pytest.mark.nightly)])
@pytest.mark.parametrize(
    ("queries", "keys", "shared", "causal", "block", "lengths"),
    [
        pytest.param(*(7, 7, 4, True, 3, (7, 7)), marks=pytest.mark.nightly),
        (7, 9, 2, True, 3, (9, 4)),
        (9, 7, 2, True, 4, (0, 4)),  # the first queries see nothing, nor does an example
        pytest.param(*(5, 8, 1, False, 3, (0, 5)), marks=pytest.mark.nightly),
        pytest.param(*(6, 6, 2, True, None, (6, 3)), marks=pytest.mark.nightly),
        (0, 3, 2, True, None, (3, 2)),
        (3, 0, 2, False, 2, (0, 0)),
        (0, 0, 4, True, None, (0, 0)),
    ],
)
def test_blocks_are_the_plain_form(short, queries, keys, shared, causal, block, lengths, dtype):
    q, k, v, do = drawn(
        short if short == "bfloat16" else dtype,
        (2, 4, queries, 3),
        (2, shared, keys, 3),
        (2, shared, keys, 5),
        (2, 4, queries, 5),
    )
    rule = fnn.blockwise_attention_rule(causal=causal, block=block)
    o, (dq, *_) = compared(rule, q, k, v, jnp.int32(lengths), do=do)
    if lengths[0] == 0:
        assert not o[0].any()
        assert not dq[0].any()


def gradients(steps):
    """Gives the temporary memory of both gradients of causal attention, in bytes."""
    x = jax.ShapeDtypeStruct((1, 4, steps, 64), jnp.float32)
    rule, lengths = fnn.blockwise_attention_rule(), jnp.int32([steps])

    def by_hand(q, k, v, do):
        o, residuals = rule.fwd(q, k, v, lengths)
        return jnp.vdot(o, do), rule.bwd(residuals, do)[:3]

    def automatic(q, k, v, do):
        of = lambda *qkv: jnp.vdot(rule.primal(*qkv, lengths), do)  # noqa: E731
        return jax.value_and_grad(of, (0, 1, 2))(q, k, v)

    return [
        memory.temp_size_in_bytes
        for f in (by_hand, automatic)
        if (memory := jax.jit(f).lower(x, x, x, x).compile().memory_analysis()) is not None
    ]


def test_memory_is_linear_in_the_length():
    """A sixteenth of the plain form at 2048 positions, and four times that at four times these."""
    by_hand, automatic = gradients(2048)
    assert by_hand <= automatic / 16
    assert gradients(8192)[0] <= 4.2 * by_hand


@pytest.mark.parametrize(
    "options", [{}, {"shared": 2, "rotary": True, "block": 2}, {"causal": False}]
)
def test_the_layer_is_vjp_of_apply(assert_layer, options, dtype):
    (x,) = drawn(dtype, (2, 5, 8))
    assert_layer(fnn.multi_head_attention(4, **options), x)


def test_the_layer_in_bfloat16():
    (x,) = drawn("bfloat16", (2, 5, 8))
    layer = fnn.multi_head_attention(2)
    y, residuals = layer.fwd(layer.init(jax.random.key(0), x), x)
    grads, dx = layer.bwd(residuals, y)
    assert {a.dtype for a in (y, dx, *grads.values())} == {jnp.dtype("bfloat16")}


def test_bad_arguments(dtype):
    q, k, v = drawn(dtype, (2, 3, 4), (2, 5, 4), (2, 5, 2))
    with pytest.raises(ValueError, match=r"mask of shape \(2, 3, 4\)"):
        attention(q, k, v, jnp.ones((2, 3, 4), bool))
    with pytest.raises(TypeError, match="mask must hold truth values"):
        attention(q, k, v, jnp.ones((2, 3, 5), jnp.int32))
    rule = fnn.blockwise_attention_rule()
    with pytest.raises(ValueError, match=r"lengths of shape \(1,\)"):
        rule.fwd(q[None], k[None], v[None, :, :3], jnp.int32([3]))
    with pytest.raises(ValueError, match="heads of the keys must divide.* Got 2 for 3"):
        rule.fwd(
            jnp.ones((1, 3, 2, 2)), jnp.ones((1, 2, 2, 2)), jnp.ones((1, 2, 2, 2)), jnp.int32([1])
        )
    with pytest.raises(ValueError, match="shared must divide heads. Got 3 for 4"):
        fnn.multi_head_attention(4, shared=3)
    with pytest.raises(ValueError, match="its 3 heads must divide D"):
        fnn.multi_head_attention(3).init(jax.random.key(0), q)


@pytest.mark.parametrize("rotary", [False, pytest.param(True, marks=pytest.mark.nightly)])
def test_squares_are_those_of_single_examples(rotary, assert_squares, dtype):
    (x,) = drawn(dtype, (3, 5, 8))
    assert_squares(fnn.multi_head_attention(4, shared=2, rotary=rotary), x)
