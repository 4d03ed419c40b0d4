"""Places where a rule divides by zero, or takes log 0, and the primal does not."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import pytest

from derivations import Obligation, Verdict, check
from derivations import graph as g
from derivations.graph import Index
from derivations.singular import singular_places
from functional_nn import Rule

from ..corpus.entry import floats


class Case(NamedTuple):
    """A function and a backward pass of it: `bwd(dy, *args)` gives the cotangents.

    `told`: a part of what the report says of the place.
    """

    primal: Callable[..., Any]
    bwd: Callable[..., tuple[Any, ...]]
    shapes: tuple[tuple[int, ...], ...]
    told: str


def _square(x):
    return x * x


def _product(x, y):
    return x * y


def _norm(x):
    return jnp.sqrt(jnp.sum(x * x))


def _softmax(x):
    return jnp.exp(x) / jnp.sum(jnp.exp(x))


def _safe_norm(x):
    squares = jnp.sum(x * x)
    return jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1.0)), 0.0)


def _trapped_norm(x):
    squares = jnp.sum(x * x)
    return jnp.where(squares > 0, jnp.sqrt(squares), 0.0)


def _over_norm(dy, x):
    return (dy * x / _norm(x),)


def _distance(x, y):
    squares = jnp.sum((x - y) ** 2)
    return jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1.0)), 0.0)


def _over_distance(dy, x, y):
    d = dy * (x - y) / _distance(x, y)
    return d, -d


def _zero_or_over_norm(dy, x):
    size = _norm(x)
    return (jnp.where(size > 0, dy * x / jnp.where(size > 0, size, 1.0), 0.0),)


def _entropy(x):
    return jnp.where(x > 0, x * jnp.log(jnp.where(x > 0, x, 1.0)), 0.0)


REFUTED = {
    "0/0 in a square": Case(_square, lambda dy, x: (2 * dy * x * x / x,), ((),), "x = 0"),
    "0/0 off the origin": Case(
        _square, lambda dy, x: (2 * dy * x * (x - 3) / (x - 3),), ((),), "x = 3"
    ),
    "infinity times zero": Case(
        _square, lambda dy, x: (2 * dy * (x * x) * (1 / x),), ((),), "rule gives nan"
    ),
    "infinity alone": Case(
        _square, lambda dy, x: (dy * (2 * x + 1 / x - 1 / x),), ((),), "jax.grad 0"
    ),
    "a logarithm": Case(
        _square, lambda dy, x: (dy * (2 * x + x * (jnp.log(x * x) - 2 * jnp.log(jnp.abs(x)))),),
        ((),), "x = 0",
    ),
    "one entry of several": Case(
        lambda x: x * x, lambda dy, x: (2 * dy * x * x / x,), ((3,),), "along x["
    ),
    "where another argument is zero": Case(
        _product, lambda dy, x, y: (dy * y, dy * x * x / x), ((), ()), "along y"
    ),
    "a norm that is safe": Case(_safe_norm, _over_norm, ((3,),), "left -1, right 1"),
    "a distance of two": Case(_distance, _over_distance, ((3,), (3,)), "jax.grad 0"),
    "a root of a negative number": Case(
        _square, lambda dy, x: (dy * (2 * x - jnp.sqrt(x) ** 2 + x),), ((),), "negative number"
    ),
    "a logarithm of negative numbers": Case(
        _square, lambda dy, x: (2 * dy * jnp.exp(jnp.log(x)),), ((3,),), "negative number"
    ),
    "a product over its factors": Case(
        lambda x: jnp.prod(x), lambda dy, x: (dy * jnp.prod(x) / x,), ((2,),), "(smooth)"
    ),
}  # fmt: skip

LISTED = {
    "a norm": Case(_norm, _over_norm, ((3,),), "rule gives nan and jax.grad nan"),
    "a norm that is zero on one branch": Case(
        _trapped_norm, _over_norm, ((3,),), "rule gives nan and jax.grad nan"
    ),
    "better than jax.grad": Case(
        _norm, _zero_or_over_norm, ((3,),), "the rule takes 0 (middle), jax.grad takes none"
    ),
    "a root": Case(
        lambda x: jnp.sqrt(x), lambda dy, x: (dy * jnp.sqrt(x) / x / 2,), ((3,),), "(singular)"
    ),
    "an infinite derivative": Case(
        lambda x: jnp.sqrt(jnp.abs(x)),
        lambda dy, x: (dy * jnp.sign(x) / (2 * jnp.sqrt(jnp.abs(x))),),
        ((),), "(singular)",
    ),
    "a number by way of infinity": Case(
        _square, lambda dy, x: (2 * dy * jnp.exp(jnp.log(x * x)) * 1 / jnp.where(x == 0, 1.0, x),),
        ((),), "run, the rule gives 0",
    ),
    "a branch of some entries": Case(
        lambda x: jnp.maximum(x, 0.0),
        lambda dy, x: (jnp.where(x > 0, dy * x / x, 0.0),),
        ((3,),), "(left)",
    ),
    "x log x": Case(
        _entropy,
        lambda dy, x: (jnp.where(x > 0, dy * (jnp.log(jnp.where(x > 0, x, 1.0)) + 1), 0.0),),
        ((3,),), "(singular)",
    ),
}  # fmt: skip

NOTHING = {
    "a reciprocal": Case(lambda x: 1 / x, lambda dy, x: (-dy / (x * x),), ((),), ""),
    "a logarithm": Case(lambda x: jnp.log(x), lambda dy, x: (dy / x,), ((),), ""),
    "a softmax": Case(_softmax, lambda dy, x: jax.vjp(_softmax, x)[1](dy), ((3,),), ""),
    "a positive denominator": Case(
        lambda x: jnp.arctan(x), lambda dy, x: (dy / (1 + x * x),), ((),), ""
    ),
}


def _kinks(case: Case, fwd: Callable[..., Any] | None = None) -> Obligation:
    primal = case.primal
    rule = Rule("case", primal, fwd or (lambda *a: (primal(*a), a)), lambda a, dy: case.bwd(dy, *a))
    report = check(rule, *floats(*case.shapes))
    others = [o for o in report.obligations if o.name not in ("kinks", "second order")]
    assert Verdict.REFUTED not in {o.verdict for o in others}
    return next(o for o in report.obligations if o.name == "kinks")


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUTED)
def test_not_finite_where_the_primal_is_differentiable_is_refuted(name: str):
    kinks = _kinks(REFUTED[name])
    assert kinks.verdict is Verdict.REFUTED, kinks.reason
    assert REFUTED[name].told in kinks.reason
    assert kinks.witness is not None
    assert kinks.witness.found == "not finite"


@pytest.mark.parametrize("name", LISTED)
def test_what_is_no_mistake_is_listed(name: str):
    kinks = _kinks(LISTED[name])
    assert kinks.verdict is Verdict.PROVED, kinks.reason
    assert any(LISTED[name].told in line for line in kinks.details), kinks.details
    alike = "jax.grad nan" in LISTED[name].told
    assert ("where bwd and jax.grad have no value" in kinks.scope) is alike


@pytest.mark.parametrize("name", NOTHING)
def test_where_the_primal_has_no_value_there_is_nothing_to_say(name: str):
    kinks = _kinks(NOTHING[name])
    assert kinks.verdict is Verdict.PROVED
    assert "zero" not in kinks.scope
    assert not kinks.details


def test_what_is_made_finite_by_hand_is_not_judged():
    def bwd(dy, x):
        quotient = x / x
        return (dy * jnp.where(jnp.isnan(quotient), 0.0, quotient),)

    kinks = _kinks(Case(lambda x: 1 * x, bwd, ((),), ""))
    assert kinks.verdict is Verdict.UNDECIDED
    assert "run, the rule gives 0" in kinks.reason


def test_a_forward_pass_without_a_value_is_refuted():
    case = Case(_square, lambda dy, x: (2 * dy * x,), ((),), "")
    kinks = _kinks(case, lambda x: (x * x * x / x, (x,)))
    assert kinks.verdict is Verdict.REFUTED
    assert "fwd has no value there" in kinks.reason


def test_a_place_without_a_rational_point_is_told():
    def bwd(dy, x):
        return (2 * dy * x * (x * x - 2) / (x * x - 2),)

    kinks = _kinks(Case(_square, bwd, ((),), ""))
    assert "exact points of 0 of 1 places" in kinks.scope


def test_places_are_the_same_whatever_their_indices_are_called():
    i, j = Index("i", "n"), Index("j", "n")
    x, y = (g.entry("x", (k,)) for k in (i, j))
    over = g.total(j, g.div(g.ONE, y))
    assert singular_places([g.div(g.ONE, x)], [over]) == []
    assert len(singular_places([g.div(g.ONE, x)], [g.total(j, y)])) == 1


def test_a_denominator_on_one_branch_of_the_primal_alone_is_a_place():
    x = g.entry("x", ())
    safe = g.select(g.compare("lt", g.ZERO, x), g.div(g.ONE, x), g.ZERO)
    assert len(singular_places([g.div(g.ONE, x)], [safe])) == 1
