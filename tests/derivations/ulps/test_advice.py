"""Formulas that lose digits are found in rules, and what is named instead is equal and better."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from derivations import Verdict, accuracy, check
from derivations.ulps.advice import REWRITES, Rewrite, advice
from derivations.ulps.known import known_as
from derivations.ulps.scalar import scalar
from functional_nn import Rule

PAIRS = [(r, code) for r in REWRITES for code in r.loses]


@pytest.mark.parametrize(("rewrite", "code"), PAIRS, ids=[r.name for r, _ in PAIRS])
def test_what_is_named_is_proved_equal(rewrite: Rewrite, code: Any):
    rule = Rule(
        "rewritten",
        code,
        lambda x: (rewrite.keeps(x), x),
        lambda x, dy: jax.vjp(code, x)[1](dy),
    )
    report = check(rule, jax.ShapeDtypeStruct((4,), jnp.float32))
    value = next(o for o in report.obligations if o.name == "value")
    assert value.verdict is Verdict.PROVED


@pytest.mark.parametrize("rewrite", REWRITES, ids=[r.name for r in REWRITES])
def test_what_is_named_keeps_digits(rewrite: Rewrite):
    loses, keeps = (
        accuracy(code, dtype="bfloat16", definition=rewrite.loses[0])
        for code in (rewrite.loses[0], rewrite.keeps)
    )
    assert loses.value.maximum > 16
    assert keeps.value.maximum < 5


def test_it_is_found_in_a_rule():
    @jax.custom_vjp
    def f(x: jax.Array) -> jax.Array:
        return jnp.tanh(3 * x)

    def fwd(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        t = jnp.tanh(3 * x)
        return t, t

    f.defvjp(fwd, lambda t, dy: (3 * dy * (1 - t * t),))
    lines = advice(f, accuracy(f, dtype="bfloat16"))
    assert any("1 - tanh(x)²" in line for line in lines)
    assert any(line.startswith("derivative: digits are lost") for line in lines)
    assert not any(line.startswith("value") for line in lines)


def test_nothing_is_said_of_what_keeps_digits():
    for function in (jnp.log1p, jax.nn.softplus, jax.nn.relu):
        assert advice(function, accuracy(function, dtype="bfloat16")) == []


def test_a_formula_elsewhere_is_not_named():
    def loses(x: jax.Array) -> jax.Array:
        return (2 * x + np.float32(3).astype(x.dtype)) - 3

    lines = advice(loses, accuracy(loses, dtype="bfloat16"))
    assert lines
    assert not any("equal" in line for line in lines)


def elu(x: jax.Array) -> jax.Array:
    return jnp.where(x > 0, x, jnp.exp(x) - 1)


def test_no_formula_is_blamed_where_it_keeps_its_digits():
    """The slope f + 1 of an elu is wrong far out, where exp(x) - 1 in it is right."""
    rule = jax.custom_vjp(elu)
    rule.defvjp(lambda x: (elu(x), elu(x)), lambda y, dy: (dy * jnp.where(y > 0, 1, y + 1),))
    lines = advice(rule, accuracy(rule, dtype="bfloat16"))
    first = next(i for i, line in enumerate(lines) if line.startswith("derivative"))
    assert any("exp(x) - 1" in line for line in lines[:first])
    assert not any("exp(x) - 1" in line for line in lines[first:])
    assert "functional_nn.elu, whose derivative keeps them" in lines[-1]


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (elu, "elu"),
        (jax.nn.celu, "elu"),  # of α = 1
        (lambda x: jnp.log(1 + jnp.exp(x)), "softplus"),
        (lambda x: x / (1 + jnp.exp(-x)), "silu"),
        (lambda x: (jnp.exp(x) - jnp.exp(-x)) / (jnp.exp(x) + jnp.exp(-x)), "tanh"),
        (jax.nn.gelu, "gelu_tanh"),
        (lambda x: jax.nn.relu(x) ** 2, None),
        (lambda x: jax.nn.softplus(2 * x), None),
    ],
)
def test_an_activation_of_the_library_is_recognised(function: Any, name: str | None):
    assert known_as(scalar(function, "float32").truth) == name
