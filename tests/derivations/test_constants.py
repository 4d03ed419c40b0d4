"""Constants of code are read as the numbers that a person wrote."""

from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest

from derivations import Verdict, check
from derivations import graph as g
from derivations.constants import recognised
from functional_nn import Rule


@pytest.mark.parametrize("exponent", [-1, -12, -13, -20, -24, -60, -126, -1000, 60])
@pytest.mark.parametrize("factor", [1, -3, 2047])
def test_a_number_that_is_short_in_binary_is_itself(factor: int, exponent: int):
    value = factor * 2.0**exponent
    assert recognised(value) == (g.const(Fraction(factor) * Fraction(2) ** exponent), "")


def test_short_decimals_stay_decimals():
    """None of them comes to a short binary fraction by chance, in single or double precision."""
    for exponent in range(1, 31):
        for digits in range(1, 100):
            written = f"{digits}e-{exponent}"
            for value in (float(written), float(np.float32(written))):
                assert recognised(value)[0] == g.const(Fraction(written)), written


def test_a_rule_scaled_by_a_power_of_two_is_proved():
    rule = Rule(
        "scaled",
        lambda x: x * x * np.float32(2.0**-20),
        lambda x: (x * x * np.float32(2.0**-20), x),
        lambda x, dy: (dy * x * np.float32(2.0**-19),),
    )
    report = check(rule, jnp.ones(4, jnp.float32))
    assert report.verdict is Verdict.PROVED
    assert not any(
        "stands for" in assumption for o in report.obligations for assumption in o.assumptions
    )
