"""Every rule, from one table: its forward and backward pass against JAX's own derivative."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functional_nn as fnn
from functional_nn import activations, losses
from functional_nn.layers.attention import ATTENTION
from functional_nn.layers.dense import DENSE
from functional_nn.layers.dropout import DROPOUT
from functional_nn.layers.embedding import EMBEDDING, LEARNED_POSITIONS
from functional_nn.layers.group_norm import GROUP_NORM
from functional_nn.layers.normalization import LAYER_NORM, RMS_NORM
from functional_nn.layers.rotary import ROTARY
from functional_nn.losses.linear import LINEAR_CROSS_ENTROPY

TOLERANCE = {"bfloat16": 3e-2, "float16": 4e-3, "float32": 2e-6, "float64": 1e-12}


class Case(NamedTuple):
    """A rule and the shapes of its arguments for n rows of k numbers; `None` for integer labels.

    Where `positive` holds, the last argument is; where `mask` holds, it is of truth values. Numbers
    are `scale` in size.
    """

    rule: fnn.Rule
    shapes: Callable[[int, int], tuple[Any, ...]]
    positive: bool = False
    mask: bool = False
    scale: float = 2.0


def rows(n, k):
    return ((n, k),)


def pair(n, k):
    return ((n, k), (n, k))


CASES = {
    "identity": Case(activations.IDENTITY, rows),
    "sigmoid": Case(activations.SIGMOID, rows),
    "tanh": Case(activations.TANH, rows),
    "relu": Case(activations.RELU, rows),
    "softplus": Case(activations.SOFTPLUS, rows),
    "log_sigmoid": Case(activations.LOG_SIGMOID, rows),
    "silu": Case(activations.SILU, rows),
    "mish": Case(activations.MISH, rows),
    "gelu": Case(activations.GELU, rows),
    "gelu_tanh": Case(activations.GELU_TANH, rows),
    "elu": Case(activations.ELU, rows),
    "celu": Case(activations.CELU, rows),
    "selu": Case(activations.SELU, rows),
    "soft_sign": Case(activations.SOFT_SIGN, rows),
    "squareplus": Case(activations.SQUAREPLUS, rows),
    "relu6": Case(activations.RELU6, rows),
    "leaky_relu": Case(activations.LEAKY_RELU, rows),
    "hard_tanh": Case(activations.HARD_TANH, rows),
    "hard_sigmoid": Case(activations.HARD_SIGMOID, rows),
    "hard_silu": Case(activations.HARD_SILU, rows),
    "prelu": Case(activations.PRELU, lambda n, k: ((n, k), (k,))),
    "glu": Case(activations.GLU, pair),
    "swiglu": Case(activations.SWIGLU, pair),
    "softmax": Case(activations.SOFTMAX, rows),
    "dense": Case(DENSE, lambda n, k: ((n, k), (k, k + 1), (k + 1,))),
    "layer_norm": Case(LAYER_NORM, lambda n, k: ((n, k), (k,), (k,))),
    "rms_norm": Case(RMS_NORM, lambda n, k: ((n, k), (k,))),
    "group_norm": Case(GROUP_NORM, lambda n, k: ((n, 4, 3, k), (3, k), (3, k))),
    "dropout": Case(DROPOUT, lambda n, k: ((n, k), (n, k)), mask=True),
    "attention": Case(
        ATTENTION, lambda n, k: ((n, 3, k), (n, 4, k), (n, 4, 2), (n, 3, 4)), mask=True
    ),
    "embedding": Case(EMBEDDING, lambda n, k: ((k, 4), None)),
    "learned_positions": Case(LEARNED_POSITIONS, lambda n, k: ((n, 4, k), (4, k))),
    "rotary": Case(ROTARY, lambda n, k: ((n, 4, k), (n, 4, k), (4, k))),
    "half_squared_error": Case(losses.HALF_SQUARED_ERROR, pair),
    "squared_error": Case(losses.SQUARED_ERROR, pair),
    "absolute_error": Case(losses.ABSOLUTE_ERROR, pair),
    "sigmoid_cross_entropy": Case(losses.SIGMOID_CROSS_ENTROPY, pair),
    "huber_loss": Case(losses.HUBER_LOSS, pair),
    "hinge_loss": Case(losses.HINGE_LOSS, pair),
    "softmax_cross_entropy": Case(losses.SOFTMAX_CROSS_ENTROPY, pair),
    "smoothed_softmax_cross_entropy": Case(losses.SMOOTHED_SOFTMAX_CROSS_ENTROPY, pair),
    "kl_divergence": Case(losses.KL_DIVERGENCE, pair, positive=True),
    "linear_cross_entropy": Case(
        LINEAR_CROSS_ENTROPY, lambda n, k: ((n, 2), (k, 2), None), scale=1.0
    ),
}
LABELS = Case(losses.SOFTMAX_CROSS_ENTROPY, lambda n, k: ((n, k), None))
ONE_AXIS_BEFORE_THE_LAST = {"linear_cross_entropy"}
EVERY = [pytest.param(case, id=name) for name, case in CASES.items()]
EVERY.append(pytest.param(LABELS, id="softmax_cross_entropy-labels"))
OF_ANY_AXES = [p for p in EVERY if p.id not in ONE_AXIS_BEFORE_THE_LAST]


def draw(case, dtype, n=5, k=3, seed=0):
    """Gives arguments and an output cotangent: normal numbers, or labels."""
    random = np.random.default_rng(seed)
    args = tuple(
        jnp.asarray(random.integers(0, k, n), jnp.int32)
        if shape is None
        else jnp.asarray(case.scale * random.standard_normal(shape), dtype)
        for shape in case.shapes(n, k)
    )
    if case.positive:
        args = (*args[:-1], jnp.abs(args[-1]))
    if case.mask:
        args = (*args[:-1], args[-1] > 0)
    out = jax.eval_shape(case.rule.primal, *args)
    return args, jnp.asarray(random.standard_normal(out.shape), dtype)


def reference(rule, args, dy):
    """Gives the primal's value and its vector-Jacobian product by automatic differentiation."""
    floating = [i for i, arg in enumerate(args) if jnp.issubdtype(arg.dtype, jnp.floating)]

    def of_floating(*values):
        full = list(args)
        for i, value in zip(floating, values, strict=True):
            full[i] = value
        return rule.primal(*full)

    out, pullback = jax.vjp(of_floating, *(args[i] for i in floating))
    cotangents = dict(zip(floating, pullback(dy), strict=True))
    return out, tuple(cotangents.get(i) for i in range(len(args)))


def assert_close(found, expected):
    """Compares values relative to the largest, and dtypes and shapes exactly."""
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    tolerance = TOLERANCE[expected.dtype.name]
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    scale = max(1.0, np.abs(expected).max(initial=0.0))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)


def assert_right(rule, *problems):
    """Compares a rule's value and cotangents with automatic differentiation of its primal."""

    # One compilation for all problems: that is what these tests spend their time on.
    @jax.jit
    def both(problems):
        pairs = []
        for args, dy in problems:
            value, residuals = rule.fwd(*args)
            pairs.append(((value, rule.bwd(residuals, dy)), reference(rule, args, dy)))
        return pairs

    for found, expected in both(problems):
        assert jax.tree.structure(found) == jax.tree.structure(expected)
        jax.tree.map(assert_close, found, expected)


def test_table_is_registry_and_public():
    assert {name: case.rule for name, case in CASES.items()} == fnn.RULES
    assert all(name == rule.name for name, rule in fnn.RULES.items())
    public = {name for name in fnn.RULES if hasattr(fnn, name)}
    # The half of squared_error is an argument of the public name, not a name; so is the smoothing.
    # The rules that hold no large array are made by functions.
    made = {"attention", "linear_cross_entropy"}
    assert public == set(fnn.RULES) - made - {
        "half_squared_error", "smoothed_softmax_cross_entropy",
    }  # fmt: skip


@pytest.mark.parametrize("case", EVERY)
def test_bwd_is_vjp_of_primal_in_short_dtypes(case):
    assert_right(case.rule, *(draw(case, jnp.dtype(name)) for name in ("bfloat16", "float16")))


@pytest.mark.parametrize("case", EVERY)
@settings(max_examples=3, deadline=None, derandomize=True, database=None)
@given(n=st.integers(1, 4), k=st.integers(1, 4), seed=st.integers(0, 9))
def test_bwd_is_vjp_of_primal_for_shapes(case, dtype, n, k, seed):
    assert_right(case.rule, draw(case, dtype, n, k, seed))


@pytest.mark.parametrize("case", OF_ANY_AXES)
def test_any_number_of_leading_axes(case, dtype):
    def blocks(array):
        return array.reshape(2, 3, *array.shape[1:]) if len(array) == 6 else array

    def single(array):
        return array[0] if len(array) == 1 else array

    problems = [
        jax.tree.map(reshape, draw(case, dtype, n)) for n, reshape in ((6, blocks), (1, single))
    ]
    assert_right(case.rule, *problems)


@pytest.mark.parametrize("case", OF_ANY_AXES)
def test_with_rule_inside_grad_jit_and_vmap(case, dtype):
    args, dy = draw(case, dtype)
    floating = tuple(i for i, a in enumerate(args) if jnp.issubdtype(a.dtype, jnp.floating))
    batched = tuple(0 if len(a) == len(dy) else None for a in args)

    def total(function, *args):
        return jnp.sum(jax.vmap(function, in_axes=batched)(*args) * dy)

    @jax.jit
    def gradients(*args):
        argnums = tuple(i + 1 for i in floating)
        return tuple(
            jax.grad(total, argnums)(function, *args)
            for function in (fnn.with_rule(case.rule), case.rule.primal)
        )

    jax.tree.map(assert_close, *gradients(*args))


@pytest.mark.parametrize("case", EVERY)
def test_second_derivative(case, dtype):
    args, dy = draw(case, dtype, n=2)

    def twice(function, x):
        def total(x):
            return jnp.sum(function(x, *args[1:]) * dy)

        return jax.grad(lambda x: jnp.sum(jax.grad(total)(x) ** 2))(x)

    @jax.jit
    def both(x):
        return twice(fnn.with_rule(case.rule), x), twice(case.rule.primal, x)

    assert_close(*both(args[0]))


def test_a_wrong_rule_is_noticed(dtype):
    def forgotten_sum(residuals, dy):
        s = residuals
        return (dy * s * (1 - s),)

    wrong = activations.SOFTMAX._replace(bwd=forgotten_sum)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        assert_right(wrong, draw(CASES["softmax"], dtype))
