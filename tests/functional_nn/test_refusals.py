"""What deep stacks, microbatches and per-example work refuse: in words, and before compiling."""

import re

import jax
import jax.numpy as jnp
import pytest

import functional_nn as fnn

STACK = fnn.serial(fnn.dense(3), fnn.repeat(fnn.serial(fnn.tanh, fnn.dense(3)), 4))
STRANGE = fnn.serial(fnn.dense(3), fnn.prelu())  # without squares


def objective(net):
    return fnn.objective(net, fnn.softmax_cross_entropy)


def microbatches(params, x, y):
    return fnn.value_and_grad(objective(STACK), microbatches=5)(params, x, y)


def unequal_blocks(params, x, y):
    start, (none, dense) = params
    short = dense | {"w": dense["w"][:3]}
    return fnn.value_and_grad(objective(STACK))((start, (none, short)), x, y)


def changing_width(params, x, y):
    net = fnn.repeat(fnn.dense(4), 4)
    stacked = {"w": jnp.ones((4, 2, 4), x.dtype), "b": jnp.ones((4, 4), x.dtype)}
    return fnn.value_and_grad(objective(net))(stacked, x, y)


def no_norms(params, x, y):
    return fnn.per_example_gradient_norms(objective(STRANGE))(params, x, y)


def no_clipping(params, x, y):
    return fnn.clipped_value_and_grad(objective(STRANGE), 1.0)(params, x, y)


def clipped_at_zero(params, x, y):
    return fnn.clipped_value_and_grad(objective(STACK), 0.0)(params, x, y)


def clipped_below_zero(params, x, y):
    return fnn.clipped_value_and_grad(objective(STACK), -1.5)(params, x, y)


# The invariant; what came; the remedy.
CASES = {
    microbatches: ("must divide the number of examples", "Got 5 for 12 examples", "Use 4, or"),
    unequal_blocks: (
        "4 blocks need parameters with a leading axis of length 4",
        "Got shape (3, 3, 3) at params[1]['w']",
        "Make them with this layer's init, or stack those of equal blocks",
    ),
    changing_width: (
        "must give the shape and dtype that it takes",
        "[12, 2] -> ",
        "Put a layer that changes the width before the repetition or after it",
    ),
    no_norms: ("need the `squares` of every layer", "Got prelu", "Give it one, layer._replace"),
    no_clipping: ("need the `squares` of every layer", "Got prelu", "or use jax.vmap of jax.grad"),
    clipped_at_zero: ("max_norm must be positive", "Got 0.0", "Pass a small positive number"),
    clipped_below_zero: ("max_norm must be positive", "Got -1.5", "Pass a small positive number"),
}


def compiled(caplog, function):
    """Whether JAX has said that it compiles a function."""
    name = re.compile(rf"Compiling (jit\()?{function.__name__}\b")
    return any(name.match(record.getMessage()) for record in caplog.records)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_refused_before_anything_is_compiled(case, draw_params, dtype, caplog):
    x, y = jnp.ones((12, 2), dtype), jnp.zeros(12, jnp.int32)
    params = draw_params(STACK, x)
    invariant, came, remedy = map(re.escape, CASES[case])
    with (
        jax.log_compiles(),
        pytest.raises(ValueError, match=f"(?s){invariant}.*{came}.*{remedy}"),
    ):
        jax.jit(case)(params, x, y)
    assert not compiled(caplog, case)


def test_what_is_not_refused_is_compiled(draw_params, dtype, caplog):
    def accepted(params, x, y):
        return fnn.value_and_grad(objective(STACK), microbatches=4)(params, x, y)

    x, y = jnp.ones((12, 2), dtype), jnp.zeros(12, jnp.int32)
    with jax.log_compiles():
        jax.jit(accepted)(draw_params(STACK, x), x, y)
    assert compiled(caplog, accepted)
