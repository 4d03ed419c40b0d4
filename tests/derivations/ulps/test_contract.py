"""Every function keeps its promise; one that does not is found."""

import jax
import jax.numpy as jnp
import pytest

from derivations import accuracy
from derivations.catalog import CATALOG
from derivations.ulps.contract import CONTRACT, Bound, broken
from functional_nn import activations

CASES = [(name, dtype) for name, bounds in CONTRACT.items() for dtype in bounds]


def test_every_activation_of_one_array_promises_something():
    several = {"softmax", "prelu", "glu", "swiglu"}
    assert set(CONTRACT) == {rule.name for rule in activations.RULES} - several


@pytest.mark.parametrize(("name", "dtype"), CASES, ids=["-".join(case) for case in CASES])
def test_kept(name: str, dtype: str):
    report = accuracy(CATALOG[name].rule, dtype=dtype)
    assert broken(report, CONTRACT[name][dtype]) == []
    assert report.value.open.times == report.derivative.open.times == report.value.left_out == 0


@pytest.mark.nightly
@pytest.mark.parametrize("name", CONTRACT)
def test_kept_by_every_float_of_the_band(name: str):
    report = accuracy(CATALOG[name].rule, inputs="band")
    assert broken(report, CONTRACT[name]["float32"]) == []


def test_a_worse_function_breaks_it():
    def worse(x: jax.Array) -> jax.Array:
        return (
            1 / (1 + jnp.exp(-x)) * jnp.where(jnp.abs(x - 3) < 0.001, 1 + 1e-5, 1).astype(x.dtype)
        )

    report = accuracy(worse, definition=jax.nn.sigmoid)
    found = broken(report, Bound(3, None))
    assert found
    assert report.value.all.at is not None
    assert abs(report.value.all.at - 3) < 0.001


def test_a_wrong_kind_of_answer_breaks_it():
    report = accuracy(jax.nn.sigmoid, dtype="bfloat16")
    assert any("zeros" in words for words in broken(report, Bound(3, 1e9)))
