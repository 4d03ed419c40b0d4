"""`repeat`: what a deep stack computes, what it keeps, and what it refuses."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn

BLOCKS = {
    "dense, tanh": lambda: fnn.serial(fnn.dense(3), fnn.tanh),
    "softplus, dense": lambda: fnn.serial(fnn.softplus, fnn.dense(3)),
    "dense": lambda: fnn.dense(3),
    "sigmoid": lambda: fnn.sigmoid,
    "repeat": lambda: fnn.repeat(fnn.serial(fnn.dense(3), fnn.tanh), 2),
}


def rows(dtype, *shape):
    return jnp.asarray(np.random.default_rng(0).standard_normal(shape), dtype)


def one_by_one(block, n):
    """The same stack without a loop."""
    chain = fnn.serial(*[block] * n)

    def row(params, i):
        return jax.tree.map(lambda p: p[i], params)

    return lambda params, x: chain.apply(tuple(row(params, i) for i in range(n)), x)


@pytest.mark.parametrize("remat", [None, "sqrt"])
@pytest.mark.parametrize(
    ("block", "n"), [("dense, tanh", 1), ("dense, tanh", 4), *((name, 7) for name in BLOCKS)]
)
def test_bwd_is_vjp_of_the_blocks_one_by_one(block, n, remat, draw_params, dtype):
    block = BLOCKS[block]()
    net = fnn.repeat(block, n, remat=remat)
    x = rows(dtype, 5, 3)
    params = draw_params(net, x)

    @jax.jit
    def both(params, x):
        y, residuals = net.fwd(params, x)
        expected, pullback = jax.vjp(one_by_one(block, n), params, x)
        dy = jnp.cos(expected)
        return (y, net.apply(params, x), net.bwd(residuals, dy)), (
            expected, expected, pullback(dy),
        )  # fmt: skip

    found, expected = both(params, x)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), found, expected
    )


def test_every_block_starts_from_a_key_of_its_own(dtype):
    net = fnn.repeat(fnn.dense(3), 4)
    w = net.init(jax.random.key(0), jnp.ones((1, 3), dtype))["w"]
    assert w.shape == (4, 3, 3)
    assert len({np.asarray(own).tobytes() for own in w}) == 4


def test_remat_changes_neither_parameters_nor_values(dtype):
    x = rows(dtype, 5, 3)
    plain, lean = (fnn.repeat(fnn.dense(3), 7, remat=remat) for remat in (None, "sqrt"))
    params = plain.init(jax.random.key(0), x)
    jax.tree.map(np.testing.assert_array_equal, params, lean.init(jax.random.key(0), x))
    np.testing.assert_allclose(plain.apply(params, x), lean.apply(params, x), rtol=1e-5)


def test_a_stack_trains_as_a_layer_of_a_network(draw_params, dtype):
    net = fnn.serial(fnn.dense(3), fnn.repeat(BLOCKS["dense, tanh"](), 5), fnn.dense(2))
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    x, y = rows(dtype, 6, 4), jnp.arange(6, dtype=jnp.int32) % 2
    params = draw_params(net, x)
    found = jax.jit(fnn.value_and_grad(objective))(params, x, y)
    expected = jax.jit(jax.value_and_grad(objective))(params, x, y)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), found, expected
    )


@pytest.mark.parametrize(
    ("name", "remat"), [("softplus, dense", None), ("dense, tanh", "sqrt"), ("repeat", None)]
)
def test_sensitivities_are_those_of_the_blocks_one_by_one(name, remat, draw_params, dtype):
    """The layers of a block, each with the results of all blocks above each other."""
    n, block = 5, BLOCKS[name]()
    net = fnn.serial(fnn.dense(3), fnn.repeat(block, n, remat=remat), fnn.dense(2))
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    x, y = rows(dtype, 6, 4), jnp.arange(6, dtype=jnp.int32) % 2
    params = draw_params(net, x)
    found = jax.jit(fnn.sensitivities(objective))(params, x, y)

    first, stacked, last = params
    each = tuple(jax.tree.map(lambda p, i=i: p[i], stacked) for i in range(n))
    chain = fnn.objective(
        fnn.serial(fnn.dense(3), fnn.serial(*[block] * n), fnn.dense(2)), objective.loss
    )
    whole = jax.jit(fnn.sensitivities(chain))((first, each, last), x, y)
    inner = [whole[1 + i : -1 : len(found) - 2] for i in range(len(found) - 2)]
    expected = [
        whole[0],
        *(jax.tree.map(lambda *a: jnp.stack(a), *own) for own in inner),
        whole[-1],
    ]
    assert [s.name for s in found] == [s.name for s in expected]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.output, theirs.output, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(ours.cotangent, theirs.cotangent, rtol=1e-4, atol=1e-6)


# --- what the compiler says: deterministic, so that a regression fails ---------------------------

DEPTH, WIDTH, BATCH = 64, 256, 1024
SET = DEPTH * WIDTH * BATCH * 4  # bytes of one array a block


@functools.cache
def temporary(activation, first, remat=None, gradient=fnn.value_and_grad):
    """The temporary memory of loss and gradients, in arrays of one block's output a block."""
    act = getattr(fnn, activation)
    block = fnn.serial(act, fnn.dense(WIDTH)) if first else fnn.serial(fnn.dense(WIDTH), act)
    net = fnn.repeat(block, DEPTH, remat=remat)
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    x = jax.ShapeDtypeStruct((BATCH, WIDTH), jnp.float32)
    y = jax.ShapeDtypeStruct((BATCH,), jnp.int32)
    params = jax.eval_shape(net.init, jax.random.key(0), x)
    compiled: Any = jax.jit(gradient(objective)).lower(params, x, y).compile()
    return compiled.memory_analysis().temp_size_in_bytes / SET


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("activation", ["tanh", "softplus"])
def test_one_array_a_block_is_kept(activation, first):
    assert temporary(activation, first) < 1.1
    assert temporary(activation, first, "sqrt") < (0.4 if first else 0.42)


def test_autodiff_keeps_more():
    kept = temporary("tanh", False)
    assert temporary("tanh", False, gradient=jax.value_and_grad) > 1.8 * kept


def test_what_is_compiled_does_not_grow_with_depth():
    def lines(n):
        net = fnn.repeat(BLOCKS["dense, tanh"](), n)
        objective = fnn.objective(net, fnn.softmax_cross_entropy)
        x, y = jnp.ones((2, 3), jnp.float32), jnp.zeros(2, jnp.int32)
        params = jax.eval_shape(net.init, jax.random.key(0), x)
        return len(jax.jit(fnn.value_and_grad(objective)).lower(params, x, y).as_text().split("\n"))

    assert lines(200) == lines(10)


# --- what is refused ----------------------------------------------------------------------------


def test_a_block_that_cannot_follow_itself(dtype):
    x = jnp.ones((2, 3), dtype)
    net = fnn.repeat(fnn.dense(4), 2)
    with pytest.raises(ValueError, match=r"shape and dtype that it takes. Got .*\[2, 3\] -> .*4\]"):
        net.init(jax.random.key(0), x)
    params = {"w": jnp.ones((2, 3, 4), dtype), "b": jnp.ones((2, 4), dtype)}
    for function in (net.apply, net.fwd):
        with pytest.raises(ValueError, match=r"from dense. Put a layer that changes the width"):
            function(params, x)


@pytest.mark.parametrize("remat", [None, "sqrt"])
def test_parameters_of_blocks_of_unequal_number(remat, dtype):
    net = fnn.repeat(fnn.dense(3), 4, remat=remat)
    params = {"w": jnp.ones((4, 3, 3), dtype), "b": jnp.ones((3, 3), dtype)}
    for function in (net.apply, net.fwd):
        with pytest.raises(
            ValueError, match=r"4 blocks need .* Got shape \(3, 3\) at params\['b'\]"
        ):
            function(params, jnp.ones((2, 3), dtype))


def test_what_is_not_a_layer_a_number_or_a_word():
    with pytest.raises(TypeError, match="repeat takes a layer. Got 'tanh'. Did you mean"):
        fnn.repeat("tanh", 2)  # pyright: ignore[reportArgumentType]
    for n in (0, -1, 2.0, True):
        with pytest.raises(ValueError, match="n must be a positive whole number. Got"):
            fnn.repeat(fnn.tanh, n)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="remat must be one of 'sqrt'. Got 'sqr'. Did you mean"):
        fnn.repeat(fnn.tanh, 2, remat="sqr")
