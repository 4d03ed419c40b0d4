"""In the process under test: what is seen of a rule, and how a mutant of it gets in."""

import functools
import json
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from derivations import Verdict, check
from derivations.mutation import worker
from functional_nn import Rule, with_rule

X = np.array([0.5, -1.5, 2.0], np.float32)


def square_rule():
    return Rule("square", lambda x: x * x, lambda x: (x * x, x), lambda x, dy: (2.0 * x * dy,))


def scaled():
    """A rule with an argument that is not differentiated, and one of integers."""

    @functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
    def function(power, x, labels):
        return x**power

    def bwd(power, x, dy):
        return power * x ** (power - 1) * dy, None

    function.defvjp(lambda power, x, labels: (x**power, x), bwd)
    return function


@pytest.fixture(autouse=True)
def nothing_left_to_do(monkeypatch):
    monkeypatch.setattr(worker, "_finish", [])


@pytest.fixture
def attach(tmp_path):
    """Takes hold of a rule in a module of its own; gives the module."""

    def into(thing, mutant=None, function="rule", **others):
        module = types.ModuleType("some_rules")
        vars(module).update({"rule": thing, **others})
        plan = {"folder": str(tmp_path), "function": function, "mutant": mutant}
        worker.attach(module, plan)
        return module

    return into


@pytest.fixture
def notes(tmp_path):
    def read():
        (path,) = tmp_path.glob("[0-9]*.json")
        return json.loads(path.read_text())

    return read


def gradient(function, x=X):
    return jax.grad(lambda x: jnp.sum(function(x)))(x)


def test_what_is_seen(attach, notes):
    rule = attach(with_rule(square_rule())).rule
    assert not notes()["called"]
    rule(X)
    assert (notes()["called"], notes()["differentiated"]) == (True, False)
    assert notes()["ran"] == []
    np.testing.assert_allclose(jax.jit(lambda x: gradient(rule, x=x))(X), 2 * X)
    gradient(rule, x=np.ones((2, 2), np.float32))
    assert notes()["differentiated"]
    assert notes()["ran"] == ["float32[3], float32[3]", "float32[2,2], float32[2,2]"]
    assert {m["words"] for m in notes()["mutants"].values()} == {
        "the constant 2 replaced by 1",
        "the constant 2 replaced by 4",
        "the first factor of the product dropped",
        "the second factor of the product dropped",
        "the cotangent of x set to zero",
    }
    assert {m["line"][0] for m in notes()["mutants"].values()} == {__file__}


def keyed(notes, words):
    (key,) = [key for key, m in notes()["mutants"].items() if m["words"] == words]
    return key


@pytest.mark.parametrize("how", [lambda f: f, jax.jit, lambda f: jax.vmap(f, in_axes=0)])
def test_a_mutant(attach, notes, how):
    rule = attach(with_rule(square_rule())).rule
    gradient(rule)
    key = keyed(notes, "the constant 2 replaced by 1")
    rule = attach(with_rule(square_rule()), key).rule
    assert not notes()["applied"]
    np.testing.assert_allclose(how(jax.grad(lambda x: jnp.sum(rule(x))))(X), X)
    assert notes()["applied"]
    np.testing.assert_allclose(rule(X), X * X)


def test_the_checker_sees_the_mutant(attach, notes):
    rule = attach(with_rule(square_rule())).rule
    assert check(rule, X).verdict is Verdict.PROVED
    key = keyed(notes, "the second factor of the product dropped")
    rule = attach(with_rule(square_rule()), key).rule
    assert check(rule, X).verdict is Verdict.REFUTED


def test_a_survivor_is_compared_when_the_tests_have_passed(attach, notes, tmp_path):
    rule = attach(with_rule(square_rule())).rule
    gradient(rule)
    key = keyed(notes, "the constant 2 replaced by 1")
    rule = attach(with_rule(square_rule()), key).rule
    worker.finish()
    assert not (tmp_path / "comparison.json").exists()  # it was not run
    jax.jit(lambda x: gradient(rule, x=x))(X)
    worker.finish()
    found = json.loads((tmp_path / "comparison.json").read_text())
    assert found["verdict"] == "different"
    assert found["detail"].startswith("at x = [")


def test_arguments_that_are_not_differentiated(attach, notes):
    labels = np.zeros(3, np.int32)

    def gradients(function):
        return jax.grad(lambda x: jnp.sum(function(3, x, labels)))(X)

    rule = attach(scaled()).rule
    np.testing.assert_allclose(gradients(rule), 3 * X**2, rtol=1e-6)
    key = keyed(notes, "the power 2 replaced by 1")
    np.testing.assert_allclose(gradients(attach(scaled(), key).rule), 3 * X, rtol=1e-6)


def test_the_function_inside_jit(attach, notes):
    rule = attach(jax.jit(with_rule(square_rule()))).rule
    gradient(rule)
    assert notes()["ran"]


def test_a_rule_is_replaced_under_all_its_names(attach, notes):
    rule = square_rule()
    module = attach(rule, alias=rule)
    assert module.alias is module.rule
    assert module.rule is not rule
    gradient(with_rule(module.alias))
    assert notes()["ran"] == ["float32[3], float32[3]"]


def test_a_rule_inside_a_class(attach, notes):
    attach(None, function="Rules.square", Rules=type("Rules", (), {"square": square_rule()}))
    assert notes()["error"] == ""


@pytest.mark.parametrize(
    ("thing", "function", "message"),
    [
        (lambda x: x, "rule", "rule is not a jax.custom_vjp function or a Rule, but function"),
        (3, "rule", "but int"),
        (None, "rules", "some_rules has no 'rules'"),
        (jax.custom_vjp(lambda x: x), "rule", "function without a rule"),
    ],
)
def test_what_is_no_rule(attach, notes, thing, function, message):
    attach(thing, function=function)
    assert message in notes()["error"]


def test_code_that_branches_on_values_is_left_as_it_is(attach, notes):
    @jax.custom_vjp
    def function(x):
        return x * x

    def bwd(x, dy):
        return (2.0 * x * dy if x[0] > 0 else x * dy,)

    function.defvjp(lambda x: (x * x, x), bwd)
    np.testing.assert_allclose(gradient(attach(function).rule), 2 * X)
    assert notes()["ran"] == []
    assert notes()["untraced"]
