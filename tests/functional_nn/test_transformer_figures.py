"""What the compiler says of a transformer's blocks and layers, held to bounds: a regression fails.

The sizes are those of `benchmarks/transformer.py`, which measures times as well. Attention and
the linear cross-entropy have their figures in the tests of their own files.
"""

import jax
import jax.numpy as jnp
import pytest

import functional_nn as fnn

BLOCKS, WIDTH, HEADS, CONTEXT, BATCH = 12, 256, 8, 256, 8
ROWS = CONTEXT * BATCH
# What is compiled is not run: how fast it would be does not change what memory it needs.
QUICK: dict[str, str | bool] = {"xla_backend_optimization_level": "0"}
PERCEPTRON = fnn.serial(fnn.dense(4 * WIDTH), fnn.gelu_tanh, fnn.dense(WIDTH))
BLOCK = fnn.serial(
    fnn.residual(fnn.serial(fnn.layer_norm(), fnn.multi_head_attention(HEADS))),
    fnn.residual(fnn.serial(fnn.layer_norm(), PERCEPTRON)),
)


def memory(function, *arguments):
    with jax.default_device(jax.devices("cpu")[0]):
        compiled = jax.jit(function).lower(*arguments).compile(compiler_options=QUICK)
    figures = compiled.memory_analysis()
    assert figures is not None
    return figures.temp_size_in_bytes


def by_hand(layer, depth, shape):
    """Of the gradient of a loop over layers."""
    net, x = fnn.repeat(layer, depth), jax.ShapeDtypeStruct(shape, jnp.float32)
    params = jax.eval_shape(net.init, jax.random.key(0), x)
    return memory(lambda p, x, dy: net.bwd(net.fwd(p, x)[1], dy)[0], params, x, x)


def by_autodiff(layer, depth, shape, checkpoint):
    x = jax.ShapeDtypeStruct(shape, jnp.float32)
    params = jax.eval_shape(fnn.repeat(layer, depth).init, jax.random.key(0), x)
    step = checkpoint(layer.apply)

    def loss(params, x, dy):
        y, _ = jax.lax.scan(lambda x, own: (step(own, x), None), x, params)
        return jnp.vdot(y, dy)

    return memory(jax.grad(loss), params, x, x)


@pytest.mark.nightly
def test_twelve_blocks():
    shape = (BATCH, CONTEXT, WIDTH)
    ours = by_hand(BLOCK, BLOCKS, shape)
    assert ours <= by_autodiff(BLOCK, BLOCKS, shape, jax.checkpoint)
    assert ours <= 0.15 * by_autodiff(BLOCK, BLOCKS, shape, lambda f: f)


LAYERS = {
    "layer_norm": (fnn.layer_norm(), 1.01),
    "rms_norm": (fnn.rms_norm(), 1.01),
    "perceptron": (PERCEPTRON, 5.0),
}


@pytest.mark.parametrize("name", LAYERS)
def test_what_a_layer_keeps(name):
    """In units of its input: alone, what its rules keep; in a loop, its input and no more."""
    layer, bound = LAYERS[name]
    x = jax.ShapeDtypeStruct((ROWS, WIDTH), jnp.float32)
    params = jax.eval_shape(layer.init, jax.random.key(0), x)
    _, residuals = jax.eval_shape(layer.fwd, params, x)
    arrays = [a for a in jax.tree.leaves(residuals) if a.shape[:1] == (ROWS,)]
    assert sum(a.size for a in arrays) <= bound * x.size
    of_depth = {depth: by_hand(layer, depth, (ROWS, WIDTH)) for depth in (6, 12)}
    assert of_depth[12] - of_depth[6] <= 1.01 * 6 * 4 * x.size
