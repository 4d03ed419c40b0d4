"""Every function keeps its promise; one that does not is found."""

import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from derivations import Verdict, accuracy, check
from derivations.catalog import CATALOG
from derivations.ulps.contract import (
    CONTRACT,
    FIXED_CONTRACT,
    PRECISE_CONTRACT,
    ROWS,
    ROWS_CONTRACT,
    Bound,
    broken,
    broken_rows,
    measured_rows,
)
from derivations.ulps.fixed import FIXED, fixed
from derivations.ulps.floats import format_of
from derivations.ulps.measure import SPECIAL, special
from derivations.ulps.scalar import scalar
from functional_nn import Rule, activations, losses
from functional_nn.activations import PRECISE_RULES

ROOT = Path(__file__).parents[3]

SHORT = [pytest.param(dtype, marks=pytest.mark.nightly) for dtype in ("bfloat16", "float16")]
DTYPES = ["float32", *SHORT]
CASES = [(name, dtype) for name, bounds in CONTRACT.items() for dtype in bounds]


def test_every_activation_of_one_array_promises_something():
    several = {"softmax", "prelu", "glu", "swiglu"}
    assert set(CONTRACT) == {rule.name for rule in activations.RULES} - several
    assert set(PRECISE_CONTRACT) == set(PRECISE_RULES)


@pytest.mark.parametrize(("name", "dtype"), CASES, ids=["-".join(case) for case in CASES])
def test_kept(name: str, dtype: str):
    report = accuracy(CATALOG[name].rule, dtype=dtype)
    assert broken(report, CONTRACT[name][dtype]) == []
    assert report.value.open.times == report.derivative.open.times == report.value.left_out == 0


@pytest.mark.parametrize("name", PRECISE_CONTRACT)
@pytest.mark.parametrize("dtype", DTYPES)
def test_kept_by_the_precise_activations(name: str, dtype: str):
    report = accuracy(PRECISE_RULES[name], dtype=dtype)
    assert broken(report, PRECISE_CONTRACT[name][dtype]) == []
    assert report.value.open.times == report.derivative.open.times == report.value.left_out == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", PRECISE_CONTRACT)
def test_a_precise_activation_is_proved_the_textbooks(name: str):
    operation = CATALOG[name]
    rule = PRECISE_RULES[name]
    report = check(rule, *operation.arguments, textbook=operation.textbook)
    assert report.verdict is Verdict.PROVED
    assert rule.primal is not operation.rule.primal


FIXED_CASES = [(name, dtype) for name, bounds in FIXED_CONTRACT.items() for dtype in bounds]


@pytest.mark.parametrize(("name", "dtype"), FIXED_CASES, ids=["-".join(c) for c in FIXED_CASES])
def test_kept_by_operations_of_several_arrays(name: str, dtype: str):
    report = accuracy(fixed(CATALOG[FIXED[name].operation].rule, name), dtype=dtype)
    assert broken(report, FIXED_CONTRACT[name][dtype]) == []
    assert report.value.open.times == report.derivative.open.times == report.value.left_out == 0


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_kept_by_losses_of_one_class_out_of_many(name: str, dtype: str):
    """The loss, and every entry of its gradient, at margins to 60."""
    found = measured_rows(CATALOG[ROWS[name].operation].rule, name, dtype)
    assert broken_rows(name, dtype, found, ROWS_CONTRACT[name][dtype]) == []
    assert found.value.inputs >= 10
    assert found.gradient.inputs > ROWS[name].classes
    if dtype == "float32":
        assert found.subnormal == 0


def test_a_worse_loss_breaks_it():
    name = "softmax_cross_entropy, labels, K = 4"
    rule = CATALOG[ROWS[name].operation].rule
    worse = rule._replace(bwd=lambda residuals, d: rule.bwd(residuals, d * (1 + 1e-6)))
    found = broken_rows(name, "float32", measured_rows(worse, name, "float32"), Bound(3, 6))
    assert len(found) == 1
    assert "gradient" in found[0]


def test_the_page_has_a_row_for_every_promise():
    page = (ROOT / "benchmarks/results/accuracy.md").read_text(encoding="utf-8")
    largest, special = (
        [
            [c.strip() for c in line.strip("|").split("|")]
            for line in part.splitlines()
            if "|" in line
        ]
        for part in page.split("## ")[1:]
    )
    precise = {f"precise {name}": bounds for name, bounds in PRECISE_CONTRACT.items()}
    promised = {
        (name, dtype, "/".join(f" {b:g} " for b in bound).strip())
        for contract in (CONTRACT, precise, FIXED_CONTRACT, ROWS_CONTRACT)
        for name, bounds in contract.items()
        for dtype, bound in bounds.items()
    }
    assert {tuple(row[:3]) for row in largest[2:]} == promised
    for row in largest[2:]:  # and it keeps them
        bound = [float(b) for b in row[2].split(" / ")]
        assert all(float(e) <= b for e, b in zip(row[3:5], bound, strict=True)), row
    assert {row[0] for row in special[2:]} == {*CONTRACT, *precise, *FIXED_CONTRACT}
    assert special[0][1:] == list(SPECIAL)
    assert all(len(row) == len(special[0]) and all(row) for row in special[2:])
    assert re.search(r"jax \d+\.\d+\.\d+, jaxlib .*, optax \d", page)


def test_every_loss_is_in_the_contract():
    operations = {FIXED[name].operation for name in FIXED} | {c.operation for c in ROWS.values()}
    assert set(FIXED) == set(FIXED_CONTRACT)
    assert {rule.name for rule in losses.RULES} - operations == {"smoothed_softmax_cross_entropy"}
    assert {"prelu", "glu", "swiglu"} <= operations


NAN, INF = float("nan"), float("inf")
# Value and derivative at 0, -0, inf, -inf, nan, and the largest numbers; "x" is the input.
SPECIAL_VALUES: dict[str, list[tuple[Any, float]]] = {
    "relu": [(0.0, 0), (0.0, 0), (INF, 1), (0.0, 0), (NAN, NAN), ("x", 1), (0.0, 0)],
    "sigmoid": [(0.5, 0.25), (0.5, 0.25), (1, 0), (0, 0), (NAN, NAN), (1, 0), (0, 0)],
    "tanh": [(0.0, 1), (-0.0, 1), (1, 0), (-1, 0), (NAN, NAN), (1, 0), (-1, 0)],
    "softplus": [
        (0.6931472, 0.5),
        (0.6931472, 0.5),
        (INF, 1),
        (0, 0),
        (NAN, NAN),
        ("x", 1),
        (0, 0),
    ],
    "log_sigmoid": [
        *[(-0.6931472, 0.5)] * 2,
        *[(-0.0, 0), (-INF, 1), (NAN, NAN), (-0.0, 0), ("x", 1)],
    ],
    **{
        name: [(0.0, s), (-0.0, s), (INF, 1), (-0.0, -0.0), (NAN, NAN), ("x", 1), (-0.0, -0.0)]
        for name, s in {"silu": 0.5, "gelu": 0.5, "gelu_tanh": 0.5, "mish": 0.6}.items()
    },
    "elu": [(0.0, 1), (-0.0, 1), (INF, 1), (-1, 0), (NAN, NAN), ("x", 1), (-1, 0)],
    "selu": [
        *[(0.0, 1.7580993), (-0.0, 1.7580993), (INF, 1.050701), (-1.7580993, 0), (NAN, NAN)],
        *[(INF, 1.050701), (-1.7580993, 0)],
    ],
    "soft_sign": [(0.0, 1), (-0.0, 1), (1, 0), (-1, 0), (NAN, NAN), (1, 0), (-1, 0)],
    "squareplus": [(1, 0.5), (1, 0.5), (INF, 1), (0, 0), (NAN, NAN), ("x", 1), (0, 0)],
}


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        *((CATALOG[name].rule, name) for name in SPECIAL_VALUES),
        *((rule, name) for name, rule in PRECISE_RULES.items()),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_special_values(rule: Rule, name: str):
    found = special(scalar(rule, "float32"), format_of("float32"))
    wanted = dict(zip([s for s in SPECIAL if "sub" not in s], SPECIAL_VALUES[name], strict=True))
    largest = float(np.finfo(np.float32).max)
    for at, (value, slope) in wanted.items():
        sign = -1 if at.startswith("-") else 1
        value = sign * largest if value == "x" else value
        for got, right in zip(found[at], (value, slope), strict=True):
            np.testing.assert_allclose(got, right, rtol=2e-7, err_msg=f"{name} at {at}")
            if right == 0 and isinstance(right, float):
                assert np.signbit(got) == np.signbit(right), f"{name} at {at}: {got}"
    for at in ("subnormal", "-subnormal"):  # as zero, or the number itself
        np.testing.assert_allclose(found[at], found[at.replace("subnormal", "0")], atol=3e-39)


@pytest.mark.nightly
@pytest.mark.parametrize("name", CONTRACT)
def test_kept_by_every_float_of_the_band(name: str):
    report = accuracy(CATALOG[name].rule, inputs="band")
    assert broken(report, CONTRACT[name]["float32"]) == []


@pytest.mark.nightly
@pytest.mark.parametrize("name", PRECISE_CONTRACT)
def test_kept_by_the_precise_ones_at_every_float_of_the_band(name: str):
    report = accuracy(PRECISE_RULES[name], inputs="band")
    assert broken(report, PRECISE_CONTRACT[name]["float32"]) == []


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
