"""Pairs of floats are right to 32 bits, and under the compiler as well."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from functional_nn.pairs import (
    Pair,
    add,
    constant,
    divide,
    exponential,
    horner,
    multiply,
    negative,
    pair,
    rounded,
    scaled,
    square_root,
)

RANDOM = np.random.default_rng(0)


def drawn() -> tuple[Pair, np.ndarray]:
    """Gives pairs whose second part matters, and what they stand for."""
    size, rest = (
        np.exp2(RANDOM.uniform(-20, 20, 20_000)),
        RANDOM.uniform(-(2.0**-13), 2.0**-13, 20_000),
    )
    p = jax.jit(pair)(size.astype(np.float32), (size * rest).astype(np.float32))
    return p, whole(p)


def whole(p: Pair) -> np.ndarray:
    return np.asarray(p.high).astype(np.float64) + np.asarray(p.low).astype(np.float64)


@pytest.mark.parametrize(
    ("computed", "true"),
    [
        (lambda a, b: add(a, b), lambda a, b: a + b),
        (lambda a, b: add(a, b, a), lambda a, b: a + b + a),
        (lambda a, b: multiply(a, b), lambda a, b: a * b),
        (lambda a, b: divide(a, b), lambda a, b: a / b),
        (lambda a, b: square_root(a), lambda a, b: np.sqrt(a)),
        (lambda a, b: scaled(negative(a), 0.25), lambda a, b: -a / 4),
        (lambda a, b: multiply(a, constant(np.pi, b.high)), lambda a, b: a * np.pi),
    ],
    ids=["sum", "sum of three", "product", "quotient", "root", "scaled", "times a constant"],
)
def test_what_is_computed_is_right_to_32_bits(computed, true):
    (a, true_a), (b, true_b) = drawn(), drawn()
    found, wanted = jax.jit(computed)(a, b), true(true_a, true_b)
    assert (np.abs(whole(found) / wanted - 1) < 2.0**-32).all()
    # The first part is short, and so are not all of one float.
    high = np.asarray(found.high)
    assert (high == np.asarray(jax.lax.reduce_precision(high, 8, 11))).all()
    assert (np.abs(np.asarray(rounded(found)) / wanted - 1) > 2.0**-26).any()


def test_what_cancels_keeps_its_digits():
    a, true = drawn()
    nearly = pair(a.high)
    found = jax.jit(lambda a, b: add(a, negative(b)))(a, nearly)
    wanted = true - np.asarray(a.high).astype(np.float64)
    assert (np.abs(whole(found) - wanted) <= 2.0**-23 * np.abs(wanted)).all()


def test_the_exponential_of_a_pair_to_26_bits():
    a = -RANDOM.uniform(0, 80, 20_000)
    high = a.astype(np.float32)
    argument = jax.jit(pair)(high, (a - high).astype(np.float32))
    e, scale = jax.jit(exponential)(argument)
    true = np.exp(whole(argument))
    assert (np.abs(whole(e) * np.asarray(scale) / true - 1) < 2.0**-25.5).all()
    assert (np.abs(np.exp(high.astype(np.float64)) / true - 1) > 2.0**-23).any()  # without the rest


def test_a_polynomial_whose_later_terms_are_small():
    x = pair(jnp.asarray(RANDOM.uniform(-0.1, 0.1, 20_000), jnp.float32))
    found = jax.jit(lambda x: horner((np.e, -np.pi), (0.5, 0.25), x))(x)
    t = whole(x)
    wanted = np.e - np.pi * t + t * t * (0.5 + 0.25 * t)
    assert (np.abs(whole(found) / wanted - 1) < 2.0**-29).all()
