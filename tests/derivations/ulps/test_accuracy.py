"""The measured errors are those that higher precision gives, point by point."""

import json
from typing import Any

import flint
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from derivations import accuracy
from derivations.ulps import floats
from derivations.ulps.floats import format_of
from derivations.ulps.reference import references
from derivations.ulps.scalar import NotElementwise, scalar
from derivations.ulps.truth import KINK, KNOWN, UNDEFINED, exact

SINGLE = format_of("float32")


@pytest.fixture(autouse=True)
def precise():
    before = flint.ctx.prec
    flint.ctx.prec = 400
    yield
    flint.ctx.prec = before


def sigmoid(x: flint.arb) -> flint.arb:
    return 1 / (1 + (-x).exp())


CASES: dict[str, Any] = {
    "sigmoid": (jax.nn.sigmoid, sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    "tanh": (jnp.tanh, lambda x: x.tanh(), lambda x: 4 * sigmoid(2 * x) * sigmoid(-2 * x)),
    "expm1": (jnp.expm1, lambda x: x.expm1(), lambda x: x.exp()),
    "softplus": (jax.nn.softplus, lambda x: x.exp().log1p(), sigmoid),
    "silu": (
        jax.nn.silu,
        lambda x: x * sigmoid(x),
        lambda x: sigmoid(x) + x * sigmoid(x) * sigmoid(-x),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_reference_is_right_to_a_hundredth_of_an_ulp(name: str):
    """By polynomials and by balls: both against formulas of arb's own, at 400 bits."""
    code, value, slope = CASES[name]
    function = scalar(code, "float32")
    draw = np.random.default_rng(1)
    places = np.sort(draw.choice(floats.sampled(SINGLE), 1500, replace=False))
    x = floats.at(places, SINGLE).astype(np.float64)
    by_balls = (
        exact(function.truth, x, SINGLE),
        exact(function.derived, x, SINGLE, derivative=True),
    )
    for found in (references(function, x, SINGLE), by_balls):
        for truth, formula in zip(found, (value, slope), strict=True):
            assert (truth.status == KNOWN).all()
            size = np.where(np.isfinite(truth.value), truth.value, 0)
            units = floats.ulp(size, SINGLE)
            for point, got, unit in zip(x.tolist(), truth.value.tolist(), units, strict=True):
                expected = formula(flint.arb(point))
                if expected > SINGLE.overflow:
                    assert got > SINGLE.overflow
                    continue
                assert abs(flint.arb(got) - expected) <= 0.01001 * flint.arb(float(unit))


def test_every_float16_is_measured():
    report = accuracy(lambda x: x * x, dtype="float16")
    assert report.value.all.inputs + report.value.subnormal_results.inputs < 63487
    assert 0.49 < report.value.maximum <= 0.5  # one rounding
    assert report.value.sound
    assert report.derivative.maximum == 0


def test_a_planted_error_is_measured():
    def off(x: jax.Array) -> jax.Array:
        return jnp.where(x == 3, x + 8 * 2.0**-22, x)

    report = accuracy(off, definition=lambda x: x)
    assert report.value.all.at == 3
    assert report.value.maximum == 8
    assert report.value.steps.times > 0


def test_wrong_kinds_of_answers_are_told_apart():
    zero = accuracy(lambda x: jnp.where(x > 8, 0, x), dtype="bfloat16", definition=lambda x: x)
    assert zero.value.wrong_zeros.times > 1000
    assert zero.value.wrong_zeros.at == 8.0625
    sign = accuracy(lambda x: jnp.where(x > 8, -x, x), dtype="bfloat16", definition=lambda x: x)
    assert sign.value.wrong_signs.times == zero.value.wrong_zeros.times
    nan = accuracy(lambda x: jnp.where(x > 8, x / 0, x), dtype="bfloat16", definition=lambda x: x)
    assert nan.value.not_finite.times == zero.value.wrong_zeros.times
    assert nan.value.maximum == float("inf")


def test_overflow_of_the_truth_is_no_error():
    report = accuracy(jnp.exp, dtype="float16")
    assert report.value.sound
    assert report.value.maximum < 0.6


def test_kinks_and_places_without_a_value():
    x = np.array([-1.0, 0.0, 1.0])
    relu = scalar(jax.nn.relu, "float32")
    assert exact(relu.derived, x, SINGLE, derivative=True).status.tolist() == [0, KINK, 0]
    log = scalar(jnp.log, "float32")
    assert exact(log.truth, x, SINGLE).status.tolist() == [UNDEFINED, UNDEFINED, 0]
    smooth = scalar(jax.nn.softplus, "float32")  # its code compares with zero; it has no kink there
    assert exact(smooth.derived, x, SINGLE, derivative=True).value[1] == 0.5


def test_subnormals_stand_apart():
    report = accuracy(lambda x: x * 2.0**-12, dtype="float32")
    assert report.value.subnormal_results.inputs > 1000
    assert report.value.subnormal_inputs.inputs > 10
    assert report.value.maximum == 0


@pytest.mark.slow
def test_double_precision():
    report = accuracy(jnp.tanh, dtype="float64")
    assert 1 < report.value.maximum < 20
    assert report.value.sound
    assert report.value.left_out == 0


def test_a_rule_is_measured_by_its_backward_pass():
    @jax.custom_vjp
    def square(x: jax.Array) -> jax.Array:
        return x * x

    square.defvjp(lambda x: (x * x, x), lambda x, dy: (dy * 2 * x * (1 - 2.0**-5),))
    report = accuracy(square, dtype="bfloat16")
    assert report.value.maximum <= 0.5
    assert 7 <= report.derivative.maximum <= 8.5


def test_a_function_of_a_number_alone():
    def stepwise(x: jax.Array) -> jax.Array:
        return jax.lax.cond(x < 1, lambda: x, lambda: 2 * x)

    assert accuracy(stepwise, dtype="bfloat16").value.maximum == 0


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (jax.nn.softmax, "depends on all entries"),
        (lambda x: x - x[0], "depends on entry 0"),
        (lambda x: x * jnp.arange(x.size).astype(x.dtype), "position"),
        (lambda x: x.sum(), "shape"),
        (lambda x: x[::-1], "entry"),
    ],
    ids=["softmax", "first", "position", "sum", "reversed"],
)
def test_refused_if_not_element_wise(function: Any, words: str):
    with pytest.raises(NotElementwise, match=words):
        accuracy(function)


@pytest.mark.parametrize("dtype", ["int32", "complex64", "bool"])
def test_refused_if_not_floating(dtype: str):
    with pytest.raises(TypeError, match="floating"):
        accuracy(jnp.tanh, dtype=dtype)
    with pytest.raises(TypeError, match="floating"):
        accuracy(lambda x: x.astype(dtype))


def test_refused_words():
    with pytest.raises(ValueError, match="sample"):
        accuracy(jnp.tanh, inputs="everything")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="float32"):
        accuracy(jnp.tanh, dtype="float64", inputs="all")
    with pytest.raises(TypeError, match="one argument"):
        accuracy(lambda x, y: x * y)


def test_the_report():
    report = accuracy(jax.nn.gelu, dtype="bfloat16")
    assert "NaN or infinity where the truth is finite" in str(report)
    assert "version" not in str(report)
    data = json.loads(report.to_json())
    assert data["derivative"]["all"]["maximum"] == "inf"
    assert data["versions"]["jax"] == jax.__version__
    svg = report.to_svg()
    assert svg.startswith("<svg")
    assert "derivative" in svg
