"""Counterexamples come out small: the fewest entries, the plainest numbers, and still refuting."""

from fractions import Fraction
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derivations import Verdict, Witness, check, clock
from derivations import graph as g
from derivations.evaluate import Point, rational
from derivations.graph import Index
from derivations.refute import Suspect, Tensor, counterexample, points
from derivations.shrink import shrunk
from functional_nn import Rule

from ..corpus.entry import floats, labels


def _dense(x: Any, w: Any, b: Any) -> Any:
    return x @ w + b[None, :]


def _rule(primal: Any, bwd: Any) -> Rule:
    return Rule("shrinking", primal, lambda *args: (primal(*args), args), bwd)


def _witness(rule: Rule, *args: Any) -> Witness:
    (refuted,) = [
        o
        for o in check(rule, *args).obligations
        if o.verdict is Verdict.REFUTED and o.name.startswith("cotangent")
    ]
    assert refuted.witness is not None
    return refuted.witness


def _numbers(witness: Witness) -> dict[str, np.ndarray]:
    read = np.vectorize(lambda text: Fraction(text), otypes=[object])
    return {name: read(nested) for name, nested in witness.inputs.items()}


def test_a_dense_layer_needs_two_rows_of_zeros_and_ones():
    rule = _rule(_dense, lambda r, dy: (dy @ r[1].T, 2 * (r[0].T @ dy), dy.sum(0)))
    inputs = _numbers(_witness(rule, *floats((4, 3), (3, 5), (5,))))
    assert {name: a.shape for name, a in inputs.items()} == {
        "x": (2, 2), "w": (2, 2), "b": (2,), "cotangent": (2, 2)
    }  # fmt: skip
    assert {value for a in inputs.values() for value in a.flat} <= {0, 1}
    # One entry of x and one of the cotangent are enough.
    assert sum(inputs["x"].flat) == sum(inputs["cotangent"].flat) == 1
    assert not inputs["w"].any()
    assert not inputs["b"].any()


@pytest.mark.parametrize(("far", "least"), [(4, 5), (70, 71), (1000, 1001)])
def test_a_branch_far_out_is_reached_and_left_by_one(far: float, least: int):
    rule = _rule(
        jnp.tanh, lambda r, dy: (jnp.where(r[0] > far, dy, dy * (1 - jnp.tanh(r[0]) ** 2)),)
    )
    assert _numbers(_witness(rule, *floats(())))["x"] == least


def test_a_branch_behind_a_curve_is_reached():
    # No rational number solves x³ = 5000: that the solution is near is enough.
    rule = _rule(lambda x: x * x, lambda r, dy: (jnp.where(r[0] ** 3 > 5000, 0.0, 2 * r[0] * dy),))
    assert _numbers(_witness(rule, *floats(())))["x"] == 18


def test_a_branch_that_needs_all_entries_is_reached():
    rule = _rule(
        lambda x: x * x,
        lambda r, dy: (jnp.where(jnp.all(r[0] > 90), 0.0, 2 * r[0] * dy),),
    )
    assert min(_numbers(_witness(rule, *floats((3,))))["x"].flat) == 91


def test_labels_stay_in_range():
    def picked(table: Any, label: Any) -> Any:
        return table[label]

    def bwd(residuals: Any, dy: Any) -> Any:
        table, label = residuals
        return jnp.zeros_like(table).at[label].set(dy), None

    inputs = _numbers(_witness(_rule(picked, bwd), *floats((5, 3)), labels(4)))
    table, label = inputs["table"], inputs["label"]
    assert all(0 <= i < len(table) for i in label)
    assert len(set(label)) < len(label)  # a row that is picked twice


def test_no_two_entries_are_the_largest():
    def bwd(residuals: Any, dy: Any) -> Any:
        (x,) = residuals
        top = jnp.max(x, axis=1, keepdims=True)
        return (2 * jnp.where(x == top, dy[:, None], 0.0),)

    x = _numbers(_witness(_rule(lambda x: jnp.max(x, axis=1), bwd), *floats((4, 3))))["x"]
    for row in x:
        assert sorted(row)[-1] > sorted(row)[-2]


def test_what_is_past_its_deadline_is_left_alone():
    x = g.entry("x", ())
    tensors = [Tensor("x", (), "float")]
    suspect = Suspect(g.mul(x, x), g.ZERO, (), "dx")
    point = Point({}, {"x": np.array(rational(Fraction(7, 3)), dtype=object)})
    assert shrunk(suspect, point, tensors, clock.now() - 1).tensors["x"] == rational("7/3")
    assert shrunk(suspect, point, tensors, clock.now() + 9).tensors["x"] == 1


@settings(max_examples=40, deadline=None, database=None)
@given(seed=st.integers(0, 10**6), power=st.integers(1, 3), bound=st.integers(-9, 9))
def test_a_shrunk_point_still_refutes(seed: int, power: int, bound: int):
    i = Index("i", "n")
    x, y = g.entry("x", (i,)), g.entry("y", (i,))
    found = g.select(g.compare("lt", g.const(bound), x), g.mul(x, y), g.power(x, power))
    suspect = Suspect(found, g.power(x, power), (i,), "dx")
    tensors = [Tensor("x", ("n",), "float"), Tensor("y", ("n",), "float")]
    for point, _ in zip(points(tensors, {"n": 4}, seed=seed), range(3), strict=False):
        before = counterexample(suspect, point)
        if before is None:
            continue
        small = shrunk(suspect, point, tensors, clock.now() + 9)
        after = counterexample(suspect, small)
        assert after is not None
        assert small.sizes["n"] == 2
        assert _total(small) <= _total(point)


def _total(point: Point) -> int:
    return sum(int(v.q) + abs(int(v.p)) for a in point.tensors.values() for v in a.flat)
