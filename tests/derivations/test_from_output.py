"""The named choices that take the derivative from the output are the textbook's functions too."""

import jax
import jax.numpy as jnp
import pytest

import functional_nn as fnn
from derivations import Verdict, check
from derivations.textbook import ENTRIES
from functional_nn.activations import from_output


@pytest.mark.parametrize(
    ("rule", "name"),
    [(from_output.SIGMOID_FROM_OUTPUT, "sigmoid"), (from_output.TANH_FROM_OUTPUT, "tanh")],
)
def test_right_and_as_the_textbook_says(rule, name):
    report = check(rule, jax.ShapeDtypeStruct((), jnp.float32), textbook=ENTRIES[name])
    assert report.verdict is Verdict.PROVED
    assert {"textbook", "value", "cotangent[x]"} <= {o.name for o in report.obligations}


def test_in_a_network():
    net = fnn.serial(fnn.dense(3), fnn.repeat(fnn.serial(fnn.dense(3), fnn.tanh_from_output), 4))
    x = jax.ShapeDtypeStruct((5, 3), jnp.float32)
    report = check(net, jax.eval_shape(net.init, jax.random.key(0), x), x)
    assert report.verdict is Verdict.PROVED


def test_a_sigmoid_s_formula_is_not_tanh_s():
    wrong = from_output.TANH_FROM_OUTPUT._replace(bwd=from_output.sigmoid_from_output_bwd)
    assert check(wrong, jax.ShapeDtypeStruct((), jnp.float32)).verdict is Verdict.REFUTED
