"""Identities of per-example work, proved for all sizes from the code that runs."""

import jax.numpy as jnp
import pytest
from jax import export

from derivations import graph as g
from derivations.differentiate import derivative
from derivations.equality import equal
from derivations.graph import Index
from derivations.theorems import floats, lifts
from functional_nn.layers import dense
from functional_nn.per_example import _factors

N, T, D, M = export.symbolic_shape("n, t, d, m")
VECTORS = {"x": (N, D), "w": (D, M), "b": (M,), "delta": (N, M)}
SEQUENCES = {"x": (N, T, D), "w": (D, M), "b": (M,), "delta": (N, T, M)}
ONE = {"x": (1, D), "w": (D, M), "b": (M,), "delta": (1, M)}


def lifted(function, shapes):
    """What a function of x, w, b and delta computes."""
    avals = [floats(*shape) for shape in shapes.values()]
    return lifts(function, avals, list(shapes))


def index(size):
    return 0 if size == 1 else Index("i", str(size))


def total(indices, body):
    for i in indices:
        if isinstance(i, Index):
            body = g.total(i, body)
    return body


def gradient_of(example, shapes):
    """The derivative of Σ z_n · δ_n for one example n, by the checker's own differentiation."""
    (z,) = lifted(lambda x, w, b, delta: [dense.dense(x, w, b)], shapes)
    rest = [index(size) for size in shapes["delta"][1:]]
    at = (example, *rest)
    product = total(rest[::-1], g.mul(z.at(*at), g.entry("delta", at)))
    return lambda name, where: derivative(product, name, where)


def squared_norm(example, shapes):
    gradient = gradient_of(example, shapes)
    parts = []
    for name in ("w", "b"):
        where = [index(size) for size in shapes[name]]
        parts.append(total(where[::-1], g.power(gradient(name, tuple(where)), 2)))
    return g.add(*parts)


SQUARES = {
    "vectors": (lambda x, w, b, delta: [dense.dense_squares((x, w), delta)[0]], VECTORS),
    "sequences, Gram": (
        lambda x, w, b, delta: [dense.gram_squares(x, delta) + bias(delta)], SEQUENCES,
    ),
    "sequences, direct": (
        lambda x, w, b, delta: [dense.direct_squares(x, delta) + bias(delta)], SEQUENCES,
    ),
}  # fmt: skip


def bias(delta):
    return jnp.sum(jnp.sum(delta, axis=1) ** 2, axis=-1)


@pytest.mark.parametrize("case", SQUARES)
def test_squared_norms_are_those_of_the_examples_gradients(case):
    function, shapes = SQUARES[case]
    (found,) = lifted(function, shapes)
    example = Index("n", "n")
    outcome = equal(found.at(example), squared_norm(example, shapes))
    assert outcome.equal, outcome.reason


def test_the_choice_by_shape_is_one_of_the_two():
    for steps in (2, 3):
        shapes = {"x": (N, steps, 4), "w": (4, 6), "b": (6,), "delta": (N, steps, 6)}
        (found,) = lifted(lambda x, w, b, delta: [dense.sequence_squares(x, delta)], shapes)
        example = Index("n", "n")
        gram_or_direct = SQUARES["sequences, Gram" if steps == 2 else "sequences, direct"][0]
        (expected,) = lifted(gram_or_direct, shapes)
        assert equal(found.at(example), expected.at(example)).equal


def test_a_wrong_norm_is_not_proved():
    """Forgetting the bias, or the mixed terms of a sequence."""

    def without_bias(x, w, b, delta):
        return [jnp.sum(delta**2, axis=-1) * jnp.sum(x**2, axis=-1)]

    def without_mixed(x, w, b, delta):
        return [jnp.sum(jnp.sum(delta**2, -1) * jnp.sum(x**2, -1), axis=1) + bias(delta)]

    for function, shapes in ((without_bias, VECTORS), (without_mixed, SEQUENCES)):
        (found,) = lifted(function, shapes)
        example = Index("n", "n")
        assert not equal(found.at(example), squared_norm(example, shapes)).equal


@pytest.mark.parametrize("shapes", [VECTORS, SEQUENCES], ids=["vectors", "sequences"])
def test_scaled_sensitivities_give_the_scaled_sum_of_gradients(shapes):
    """What clipping rests on: bwd of c_n δ_n is Σ_n c_n g_n, for any factors c."""

    def scaled(x, w, b, delta, c):
        factors = jnp.reshape(c, (c.shape[0], *[1] * (delta.ndim - 1)))
        _, dw, db = dense.dense_bwd((x, w), delta * factors)
        return [dw, db]

    found = lifted(scaled, {**shapes, "c": (N,)})
    example = Index("n", "n")
    gradient = gradient_of(example, shapes)
    for name, array in zip(("w", "b"), found, strict=True):
        where = tuple(index(size) for size in shapes[name])
        expected = g.total(example, g.mul(g.entry("c", (example,)), gradient(name, where)))
        outcome = equal(array.at(*where), expected)
        assert outcome.equal, outcome.reason


def test_of_one_example_the_factors_give_the_second_moment():
    """vec(∇W) vec(∇W)ᵀ = aaᵀ ⊗ δδᵀ entry by entry; the row of the bias is the one at the end."""

    def factors(x, w, b, delta):
        inputs, outputs = _factors(x, delta)
        size = x.shape[1]
        return [inputs[:size, :size], inputs[:size, size], inputs[size, size], outputs]

    shapes = {"x": (1, 3), "w": (3, M), "b": (M,), "delta": (1, M)}
    weights, mixed, bias, outputs = lifted(factors, shapes)
    gradient = gradient_of(0, shapes)
    o, p = Index("o", "m"), Index("p", "m")
    for i in range(3):
        for j in range(3):
            found = g.mul(weights.at(i, j), outputs.at(o, p))
            expected = g.mul(gradient("w", (i, o)), gradient("w", (j, p)))
            assert equal(found, expected).equal
        found = g.mul(mixed.at(i), outputs.at(o, p))
        assert equal(found, g.mul(gradient("w", (i, o)), gradient("b", (p,)))).equal
    found = g.mul(bias.at(), outputs.at(o, p))
    assert equal(found, g.mul(gradient("b", (o,)), gradient("b", (p,)))).equal
