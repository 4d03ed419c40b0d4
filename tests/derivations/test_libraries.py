"""Rules of other libraries, as installed: no crash, and what is refuted is indeed no derivative.

`pip install '.[peers]'` installs them; what is not installed is skipped.
"""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from derivations import Verdict, check
from derivations.doors import subject_of
from derivations.trace import double_precision

from .libraries import LIBRARIES, Shipped

STEP = 1e-6

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.filterwarnings("ignore"),  # theirs
]


@pytest.fixture(autouse=True)
def _lenient():
    """Other libraries' code is not written for the strictness of this project's tests."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def test_there_are_thirty():
    assert len(LIBRARIES) >= 30
    assert {s.package for s in LIBRARIES.values()} == {
        "jax", "optax", "distrax", "jaxopt", "lineax", "e3nn_jax", "flax",
    }  # fmt: skip


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_rule_of_another_library(name):
    shipped = LIBRARIES[name]
    pytest.importorskip(shipped.package)
    report = check(shipped.rule(), *shipped.arguments, budget=10.0)
    if shipped.refuted:
        assert report.verdict is Verdict.REFUTED, str(report)
        assert disagreement(shipped, report) > 1e-2, str(report)
    elif shipped.proved:
        assert report.verdict is Verdict.PROVED, str(report)
    else:
        assert report.verdict is not Verdict.REFUTED, str(report)


def disagreement(shipped: Shipped, report) -> float:
    """How far the rule is from the finite differences of its value, at the witness."""
    (witness, *_) = [o.witness for o in report.obligations if o.witness is not None]
    names = subject_of(shipped.rule(), shipped.arguments).names
    numbers = {name: _numbers(entries) for name, entries in witness.inputs.items()}
    cotangent = numbers["cotangent"]
    rule = shipped.rule()
    with double_precision():
        inputs = [jnp.asarray(numbers[name]) for name in names]
        pulled = jax.vjp(rule, *inputs)[1](jnp.asarray(cotangent))

        def along(place, where, step):
            moved = [np.array(a) for a in inputs]
            moved[place][where] += step
            return float(np.sum(np.asarray(rule(*map(jnp.asarray, moved))) * cotangent))

        return max(
            abs(
                (along(place, where, STEP) - along(place, where, -STEP)) / (2 * STEP)
                - float(pulled[place][where])
            )
            for place, array in enumerate(inputs)
            for where in np.ndindex(array.shape)
        )


def _numbers(entries):
    return np.vectorize(lambda text: float(Fraction(text)), otypes=[np.float64])(
        np.array(entries, dtype=object)
    )
