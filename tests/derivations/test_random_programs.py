"""Random programs: the derivative that JAX finds is never refuted, a mutated one never proved.

`RANDOM_PROGRAMS=500 python -m pytest tests/derivations/test_random_programs.py` tries 500 in each
of the four tests, as `make nightly` does.
"""

import os
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from derivations import Report, Verdict, check
from derivations.settle import FAILED
from functional_nn import Rule

from ..corpus.entry import floats

PROGRAMS = int(os.environ.get("RANDOM_PROGRAMS", "5"))
BUDGET = 3.0  # seconds: what takes longer is undecided, and no wrong verdict
Tree = tuple[Any, ...]  # an operation and its operands


def _earlier(a: Any) -> Any:
    rows, columns = jnp.arange(a.shape[0]), jnp.arange(a.shape[1])
    return columns[None, :] <= rows[:, None]


UNARY = {
    "neg": lambda a: -a,
    "exp": lambda a: jnp.exp(a),
    "tanh": lambda a: jnp.tanh(a),
    "sigmoid": lambda a: jax.nn.sigmoid(a),
    "softplus": lambda a: jnp.log1p(jnp.exp(a)),
    "log": lambda a: jnp.log(1 + a * a),
    "sqrt": lambda a: jnp.sqrt(2 + a * a),
    "sin": lambda a: jnp.sin(a),
    "relu": lambda a: jnp.maximum(a, 0.0),
    "abs": lambda a: jnp.abs(a),
    "square": lambda a: a * a,
    "inverse": lambda a: 1 / (1 + a * a),
    "atan": lambda a: jnp.arctan(a),
    "sawtooth": lambda a: a - jnp.floor(a),
    "sum of the row": lambda a: jnp.sum(a, axis=1, keepdims=True),
    "mean of the column": lambda a: jnp.mean(a, axis=0, keepdims=True),
    "max of the row": lambda a: jnp.max(a, axis=1, keepdims=True),
    "softmax": lambda a: jax.nn.softmax(a, axis=1),
    "log softmax": lambda a: jax.nn.log_softmax(a, axis=1),
    "running sum": lambda a: jnp.cumsum(a, axis=1),
    "running product": lambda a: jnp.cumprod(a, axis=1),
    "rolled": lambda a: jnp.concatenate([a[:, 1:], a[:, :1]], axis=1),
    "mirrored": lambda a: a[::-1, :],
    "causal": lambda a: jnp.where(_earlier(a), a, 0.0),
    "entry of the largest": lambda a: jnp.take_along_axis(
        a * a, jnp.argmax(a, axis=1, keepdims=True), axis=1
    ),
    "flattened": lambda a: jnp.tanh(a.reshape(-1)).reshape(a.shape),
    "gram": lambda a: a @ a.T,
}
BINARY = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / (1 + b * b),
    "max": lambda a, b: jnp.maximum(a, b),
    "min": lambda a, b: jnp.minimum(a, b),
    "where": lambda a, b: jnp.where(a > b, a * b, a),
    "by columns": lambda a, b: a @ b.T,
}
SQUARE_ONLY = {"gram", "by columns"}  # the result is n by n: only at the top
FLAT = {
    "neg",
    "exp",
    "tanh",
    "sigmoid",
    "softplus",
    "log",
    "sqrt",
    "sin",
    "relu",
    "abs",
    "square",
    "inverse",
    "atan",
    "sawtooth",
}  # what a scalar has too
CONSTANTS = [-2.0, -0.5, 0.25, 1.0, 3.0]


def _programs(scalar: bool) -> st.SearchStrategy[Tree]:
    leaves = st.sampled_from([("x",), ("x",), ("y",)]) | st.sampled_from(
        [("constant", c) for c in CONSTANTS]
    )
    unary = sorted(FLAT if scalar else set(UNARY) - SQUARE_ONLY)
    binary = sorted(set(BINARY) - SQUARE_ONLY)

    def grow(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        return st.tuples(st.sampled_from(unary), inner) | st.tuples(
            st.sampled_from(binary), inner, inner
        )

    body = st.recursive(leaves, grow, max_leaves=5)
    top = st.just("plus x") if scalar else st.sampled_from(["plus x", "times y", *SQUARE_ONLY])
    return st.tuples(top, body)


def _run(tree: Tree, x: Any, y: Any) -> Any:
    match tree:
        case ("x",):
            return x
        case ("y",):
            return y
        case ("constant", value):
            return jnp.full_like(x, value)
        case ("plus x", inner):
            return _run(inner, x, y) + x
        case ("times y", inner):
            return _run(inner, x, y) * y + x
        case ("by columns", inner):
            return (_run(inner, x, y) * jnp.ones_like(x)) @ y.T
        case ("gram", inner):
            return UNARY["gram"](_run(inner, x, y) * jnp.ones_like(x))
        case ("mutated", "sign", inner):
            return -_run(inner, x, y)
        case ("mutated", "scale", inner):
            return _run(inner, x, y) * 1.125
        case ("mutated", "drop", inner):
            return 0 * _run(inner, x, y)
        case (name, inner):
            return UNARY[name](_run(inner, x, y))
        case (name, left, right):
            return BINARY[name](_run(left, x, y), _run(right, x, y))
    raise AssertionError(tree)


def _mutants(tree: Tree) -> Iterator[Tree]:
    """Gives the tree with one node wrapped in a mistake, in every way."""
    if tree[0] in ("x", "y", "constant"):
        yield from (("mutated", how, tree) for how in ("sign", "scale", "drop"))
        return
    for place in range(1, len(tree)):
        if isinstance(tree[place], tuple):
            for mutant in _mutants(tree[place]):
                yield (*tree[:place], mutant, *tree[place + 1 :])
    if tree[0] not in ("plus x", "times y", *SQUARE_ONLY):
        yield from (("mutated", how, tree) for how in ("sign", "scale", "drop"))


def _rule(tree: Tree, derived_from: Tree) -> Rule:
    """Gives the rule whose backward pass is JAX's derivative of another program."""

    def primal(x: Any, y: Any) -> Any:
        return _run(tree, x, y)

    def bwd(residuals: Any, dy: Any) -> Any:
        return jax.vjp(lambda x, y: _run(derived_from, x, y), *residuals)[1](dy)

    return Rule("program", primal, lambda x, y: (primal(x, y), (x, y)), bwd)


def _pull(rule: Rule, args: Any, dy: Any) -> list[np.ndarray]:
    with jax.enable_x64(True):
        return [np.asarray(c) for c in rule.bwd(tuple(args), dy)]


def _differ_somewhere(right: Rule, wrong: Rule, shape: tuple[int, ...]) -> bool:
    """Tells whether two backward passes differ at one of many points, in float64."""
    random = np.random.default_rng(0)
    for scale in (0.1, 1.0, 1.0, 3.0):
        x, y = (scale * random.normal(size=shape) for _ in range(2))
        with jax.enable_x64(True):
            dy = random.normal(size=np.shape(right.primal(x, y)))
        for a, b in zip(_pull(right, (x, y), dy), _pull(wrong, (x, y), dy), strict=True):
            with np.errstate(invalid="ignore"):  # e^(e^9) and such: NaN, which tells nothing
                apart = np.abs(a - b).max()
            if apart > 1e-6 * max(1e-3, np.abs(a).max(), np.abs(b).max()):
                return True
    return False


def _check(rule: Rule, scalar: bool) -> Report:
    shape = () if scalar else (3, 4)
    report = check(rule, *floats(shape, shape), budget=BUDGET)
    told = [text for o in report.obligations for text in (o.reason, *o.details)]
    assert not any(FAILED in text for text in told), told
    return report


many = settings(
    max_examples=PROGRAMS, deadline=None, derandomize="RANDOM_PROGRAMS" not in os.environ,
    database=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("scalar", [True, False], ids=["scalar", "array"])
@many
@given(data=st.data())
def test_what_jax_derives_is_not_refuted(scalar: bool, data: st.DataObject):
    tree = data.draw(_programs(scalar))
    report = _check(_rule(tree, tree), scalar)
    event(str(report.verdict))
    _not_refuted(report)


@pytest.mark.slow
def test_what_jax_derives_is_not_refuted_where_two_entries_are_the_largest():
    """There JAX derives a minimum with the largest entry as if it were two branches."""
    tree = ("plus x", ("min", ("x",), ("max of the row", ("x",))))
    _not_refuted(_check(_rule(tree, tree), scalar=False))


def _not_refuted(report: Report) -> None:
    for obligation in report.obligations:
        # JAX's own value on a boundary may lie outside the one-sided derivatives.
        if obligation.name != "kinks":
            assert obligation.verdict is not Verdict.REFUTED, obligation


@pytest.mark.slow
@pytest.mark.parametrize("scalar", [True, False], ids=["scalar", "array"])
@many
@given(data=st.data())
def test_a_mutated_derivative_is_not_proved(scalar: bool, data: st.DataObject):
    tree = data.draw(_programs(scalar))
    mutant = data.draw(st.sampled_from(list(_mutants(tree))))
    right, wrong = _rule(tree, tree), _rule(tree, mutant)
    assume(_differ_somewhere(right, wrong, () if scalar else (3, 4)))
    report = _check(wrong, scalar)
    event(str(report.verdict))
    assert report.verdict is not Verdict.PROVED
    for obligation in report.obligations:
        if obligation.witness is not None and obligation.name.startswith("cotangent"):
            _confirm(right, wrong, obligation.witness)


def _confirm(right: Rule, wrong: Rule, witness: Any) -> None:
    values = {
        name: np.vectorize(lambda text: float(Fraction(text)), otypes=[np.float64])(nested)
        for name, nested in witness.inputs.items()
    }
    args, dy = (values["x"], values["y"]), values["cotangent"]
    match = re.fullmatch(r"d([xy])(?:\[([\d, ]*)\])?", witness.output)
    assert match is not None
    at = tuple(int(i) for i in (match[2] or "").split(",") if i)
    a, b = (_pull(rule, args, dy)["xy".index(match[1])][at] for rule in (right, wrong))
    assert a != b
