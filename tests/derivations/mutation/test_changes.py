"""Every mistake that is planted does what its words say: held against the mistake, written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export, lax

from derivations.mutation.mutants import Line, evaluate, fits, mutants

HOME = Line("home.py", 1)
X = np.array([0.5, -1.5, 2.0, 0.75], np.float32)
Y = np.array([-0.25, 1.25, 3.0, -2.0], np.float32)
A = np.arange(9, dtype=np.float32).reshape(3, 3) - 3.5
B = np.sin(A)
ROWS = np.array([1, 0, 1, 1], np.int32)

# What is mutated, on which arrays, what is done to it, and the same written out.
CASES = {
    "sum, first": (lambda x, y: x + y, (X, Y), "the first term of the sum dropped", lambda x, y: y),
    "sum, second": (
        lambda x, y: x + y,
        (X, Y),
        "the second term of the sum dropped",
        lambda x, y: x,
    ),
    "sum, sign": (
        lambda x, y: x + y,
        (X, Y),
        "the second term of the sum subtracted",
        lambda x, y: x - y,
    ),
    "sum, a number": (
        lambda x: x + 3.0,
        (X,),
        "the first term of the sum dropped",
        lambda x: jnp.full_like(x, 3.0),
    ),
    "difference, first": (
        lambda x, y: x - y,
        (X, Y),
        "the first term of the difference dropped",
        lambda x, y: -y,
    ),
    "difference, a number": (
        lambda x: 1.0 - x,
        (X,),
        "the second term of the difference dropped",
        jnp.ones_like,
    ),
    "difference, sign": (
        lambda x, y: x - y,
        (X, Y),
        "the second term of the difference added",
        lambda x, y: x + y,
    ),
    "product": (
        lambda x, y: x * y,
        (X, Y),
        "the first factor of the product dropped",
        lambda x, y: y,
    ),
    "product, of a column": (
        lambda a: a * a[:, :1],
        (A,),
        "the first factor of the product dropped",
        lambda a: jnp.broadcast_to(a[:, :1], a.shape),
    ),
    "difference, of a column": (
        lambda a: a - a[:, :1],
        (A,),
        "the second term of the difference added",
        lambda a: a + jnp.broadcast_to(a[:, :1], a.shape),
    ),
    "quotient": (lambda x, y: x / y, (X, Y), "the divisor dropped", lambda x, y: x),
    "minus": (lambda x: -x, (X,), "the minus sign dropped", lambda x: x),
    "square": (jnp.square, (X,), "the square dropped", lambda x: x),
    "power": (lambda x: x**3, (X,), "the power 3 replaced by 2", lambda x: x * x),
    "constant, one": (
        lambda x: 2.5 * x,
        (X,),
        "the constant 2.5 replaced by 1",
        lambda x: x,
    ),
    "constant, doubled": (
        lambda x: 2.5 * x,
        (X,),
        "the constant 2.5 replaced by 5",
        lambda x: 5 * x,
    ),
    "constant, half": (
        lambda x: 0.5 * x,
        (X,),
        "the constant 0.5 replaced by 1",
        lambda x: x,
    ),
    "constant, in a sum": (
        lambda x: x + 1e-3,
        (X,),
        "the constant 0.001 replaced by 0.002",
        lambda x: x + 2e-3,
    ),
    "constant, divisor": (
        lambda x: jnp.mean(x),
        (X,),
        "the constant 4 replaced by 1",
        jnp.sum,
    ),
    "constant, everywhere": (
        lambda x: x @ jnp.full((4, 4), 3.0, x.dtype),
        (X,),
        "the constant 3 replaced by 1",
        lambda x: x @ jnp.ones((4, 4), x.dtype),
    ),
    "transpose": (lambda a: a.T, (A,), "the transpose dropped", lambda a: a),
    "reversal": (lambda x: x[::-1], (X,), "the reversal dropped", lambda x: x),
    "matrix product, first": (
        lambda a, b: a @ b,
        (A, B),
        "the first factor of the matrix product transposed",
        lambda a, b: a.T @ b,
    ),
    "matrix product, second": (
        lambda a, b: a @ b,
        (A, B),
        "the second factor of the matrix product transposed",
        lambda a, b: a @ b.T,
    ),
    "matrix product, batch": (
        lambda a, b: jnp.einsum("bij,bjk->bik", a, b),
        (np.stack([A, B]), np.stack([B, A])),
        "the first factor of the matrix product transposed in the axes 2 and 1",
        lambda a, b: jnp.einsum("bji,bjk->bik", a, b),
    ),
    "sum of the other axis": (
        lambda a: jnp.sum(a, axis=0),
        (A,),
        "the sum taken over the axis 1 instead of 0",
        lambda a: jnp.sum(a, axis=1),
    ),
    "mean": (
        lambda a: jnp.sum(a, axis=0),
        (A,),
        "the sum replaced by the mean",
        lambda a: jnp.mean(a, axis=0),
    ),
    "selection, swapped": (
        lambda x, y: jnp.where(x > 0, x, y),
        (X, Y),
        "the two branches of the selection swapped",
        lambda x, y: jnp.where(x > 0, y, x),
    ),
    "selection, false": (
        lambda x, y: jnp.where(x > 0, x, y),
        (X, Y),
        "the branch for false taken everywhere",
        lambda x, y: y,
    ),
    "selection, true": (
        lambda x, y: jnp.where(x > 0, x, y),
        (X, Y),
        "the branch for true taken everywhere",
        lambda x, y: x,
    ),
    "mask off by one": (
        lambda a: jnp.where(jnp.arange(3)[:, None] >= jnp.arange(3)[None, :], a, 0.0),
        (A,),
        "the comparison of positions off by one",
        lambda a: jnp.where(jnp.arange(3)[:, None] > jnp.arange(3)[None, :], a, 0.0),
    ),
    "set for add": (
        lambda x: jnp.zeros_like(x).at[ROWS].add(x),
        (X,),
        "set instead of added where indices repeat",
        lambda x: jnp.zeros_like(x).at[ROWS].set(x),
    ),
    "cumulative sum": (
        lambda x: lax.cumsum(x, reverse=True),
        (X,),
        "the cumulative operation not reversed",
        lax.cumsum,
    ),
    "cumulative product": (
        lax.cumprod,
        (X,),
        "the cumulative operation reversed",
        lambda x: lax.cumprod(x, reverse=True),
    ),
    "scan": (
        lambda x: lax.scan(lambda c, a: (c * 0.5 + a, c), jnp.zeros_like(x[0]), x, reverse=True)[1],
        (X,),
        "the scan not reversed",
        lambda x: lax.scan(lambda c, a: (c * 0.5 + a, c), jnp.zeros_like(x[0]), x)[1],
    ),
    "concatenation": (
        lambda x, y: jnp.concatenate([x, y]),
        (X, Y),
        "the two parts of the concatenation swapped",
        lambda x, y: jnp.concatenate([y, x]),
    ),
    # --- inside other equations
    "inside jit": (
        jax.jit(lambda x, y: jnp.sin(x - y)),
        (X, Y),
        "the second term of the difference added",
        lambda x, y: jnp.sin(x + y),
    ),
    "inside a custom rule": (
        lambda x: jax.nn.silu(x),
        (X,),
        "the first factor of the product dropped",
        jax.nn.sigmoid,
    ),
    "inside remat": (
        jax.checkpoint(lambda x, y: jnp.sin(x) * y),
        (X, Y),
        "the second factor of the product dropped",
        lambda x, y: jnp.sin(x),
    ),
    "inside a scan": (
        lambda x: lax.scan(lambda c, a: (c - a, c), jnp.zeros_like(x[0]), x)[0],
        (X,),
        "the second term of the difference added",
        jnp.sum,
    ),
    "inside a loop": (
        lambda x: lax.fori_loop(0, 3, lambda i, c: c - x, jnp.zeros_like(x)),
        (X,),
        "the second term of the difference added",
        lambda x: 3 * x,
    ),
    "inside a branch": (
        lambda x, y: lax.cond(jnp.sum(x) > 0, lambda: x - y, lambda: x * y),
        (X, Y),
        "the second term of the difference added",
        lambda x, y: x + y,
    ),
}


def traced(function, *arrays):
    """The jaxpr, and its mutants that fit."""
    closed = jax.make_jaxpr(lambda *a: [function(*a)])(*arrays)
    found = mutants(closed, HOME, {}, ["x"])
    return closed, [mutant for mutant in found if fits(closed, mutant)]


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_does_what_it_says(name):
    function, arrays, words, mistake = CASES[name]
    closed, found = traced(function, *arrays)
    (mutant,) = [m for m in found if m.words == words]
    expected = np.asarray(mistake(*arrays))
    for run in (mutant.run, jax.jit(mutant.run)):
        (result,) = run(*arrays)
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)
    # The mistake is one, and the rest is left alone.
    (original,) = evaluate(closed, *arrays)
    np.testing.assert_allclose(original, np.asarray(function(*arrays)), rtol=1e-6)
    assert not np.allclose(original, expected)


def test_a_mistake_is_made_at_every_shape():
    """What fits at a batch of one alone would survive there."""

    def bwd(error, dloss):
        return jnp.sign(error) * dloss[..., None]

    words = []
    for shape in ((5, 3), (1, 1), (1, 3), (5, 1)):
        _, found = traced(bwd, np.ones(shape, np.float32), np.ones(shape[:1], np.float32))
        words.append([m.words for m in found])
    assert all(w == words[0] for w in words)
    assert "the first factor of the product dropped" in words[0]


def test_the_line_is_the_users():
    def function(x, y):
        inner = jnp.where(x > 0, y, 0.0)
        return inner * y

    first = function.__code__.co_firstlineno
    _, found = traced(function, X, Y)
    lines = {m.words: m.line for m in found}
    assert lines["the two branches of the selection swapped"] == Line(__file__, first + 1)
    assert lines["the first factor of the product dropped"] == Line(__file__, first + 2)
    assert lines["the cotangent of x set to zero"] == HOME


def test_what_jit_has_kept_stands_where_it_is_called():
    def early(x, y):
        return jnp.where(x > 1, y, 0.0)

    def late(x, y):
        return jnp.where(x > 1, y, 0.0)

    for function in (early, late):
        _, found = traced(function, X, Y)
        (mutant,) = [m for m in found if "swapped" in m.words]
        assert mutant.line.number == function.__code__.co_firstlineno + 1


def test_keys_tell_mutants_apart_and_are_the_same_at_every_size():
    def function(x, y):
        return jnp.mean(x) * y + x * y - 2.0 * x

    with jax.numpy_rank_promotion("allow"):
        _, found = traced(function, X, Y)
        _, others = traced(function, np.ones(7, np.float32), np.ones(7, np.float32))
    keys = [m.key for m in found]
    assert len(set(keys)) == len(keys)
    assert keys == [m.key for m in others]
    # Though not what is said of them: the mean divides by another number.
    assert {m.words for m in found} != {m.words for m in others}


def test_dead_code_is_not_mutated():
    def function(x, y):
        _ = jnp.sin(x) * y
        return x

    _, found = traced(function, X, Y)
    assert [m.words for m in found] == ["the cotangent of x set to zero"]


def test_what_would_change_a_shape_is_no_mutant():
    _, found = traced(lambda a: jnp.sum(a, axis=0) @ a.T, np.ones((2, 3), np.float32))
    words = {m.words for m in found}
    assert not any("transpose" in w or "axis" in w for w in words)
    assert "the sum replaced by the mean" in words


def test_in_double_precision_where_it_is_off():
    with jax.enable_x64(True):
        wide = jax.ShapeDtypeStruct((3,), jnp.float64)
        closed = jax.make_jaxpr(lambda x: [2.0 * x - 1.0])(wide)
    with jax.enable_x64(False):  # and with warnings as errors
        found = [m for m in mutants(closed, HOME, {}, ["x"]) if fits(closed, m)]
    assert {m.words for m in found} >= {
        "the constant 2 replaced by 1",
        "the constant 1 replaced by 2",
        "the second term of the difference dropped",
    }


def test_indices_are_left_alone():
    _, found = traced(lambda x: x[ROWS + 1 - 1], X)
    assert [m.words for m in found] == ["the cotangent of x set to zero"]


def test_another_residual_is_one_of_equal_shape_and_dtype():
    closed = jax.make_jaxpr(lambda r, s, t, dy: [r * dy + t.sum()])(X, Y, A, X)
    residuals = {0: "residuals[0]", 1: "residuals[1]", 2: "residuals[2]"}
    found = [m for m in mutants(closed, HOME, residuals, ["x"]) if "taken" in m.words]
    # The second is not used: there is nothing to take for it.
    assert [m.words for m in found] == ["residuals[1] taken for residuals[0]"]
    (result,) = found[0].run(X, Y, A, X)
    np.testing.assert_allclose(result, Y * X + A.sum(), rtol=1e-6)


def test_a_cotangent_set_to_zero_leaves_the_others():
    closed = jax.make_jaxpr(lambda x, dy: [x * dy, dy])(X, Y)
    (mutant,) = [
        m for m in mutants(closed, HOME, {}, ["x", "b"]) if m.words.endswith("b set to zero")
    ]
    first, second = mutant.run(X, Y)
    np.testing.assert_allclose(first, X * Y)
    np.testing.assert_allclose(second, 0 * Y)


def test_at_symbolic_sizes():
    n, k = export.symbolic_shape("n,k")
    shape = jax.ShapeDtypeStruct((n, k), jnp.float32)
    closed = jax.make_jaxpr(lambda x, dy: [dy - jnp.sum(x * dy, axis=1, keepdims=True)])(
        shape, shape
    )
    found = [m for m in mutants(closed, HOME, {}, ["x"]) if fits(closed, m)]
    words = [m.words for m in found]
    assert "the sum replaced by the mean" in words
    assert "the second term of the difference added" in words
    for mutant in found:  # and they can be traced there
        (result,) = jax.make_jaxpr(mutant.run)(shape, shape).out_avals
        assert result.shape == (n, k)
