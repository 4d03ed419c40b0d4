"""Random programs: JAX's two ways to the derivative are equal, and equal ones agree in float64."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from derivations.modular import compare
from derivations.modular.compare import _points

from ..test_random_programs import PROGRAMS, _mutants, _programs, _run
from .formulas import real

many = settings(
    max_examples=4 * PROGRAMS, deadline=None, derandomize=PROGRAMS < 100, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip


def _backwards(tree: Any):
    return lambda x, y, dy: jax.vjp(lambda *a: _run(tree, *a), x, y)[1](dy)


def _forwards(tree: Any):
    def contracted(x, y, dy):
        return jnp.sum(_run(tree, x, y) * dy)

    return jax.jacfwd(contracted, argnums=(0, 1))


def _args(tree: Any, scalar: bool) -> list[jax.ShapeDtypeStruct]:
    shape = () if scalar else (3, 4)
    out = jax.eval_shape(lambda *a: _run(tree, *a), real(*shape), real(*shape))
    return [real(*shape), real(*shape), real(*out.shape)]


@pytest.mark.slow
@pytest.mark.parametrize("scalar", [True, False], ids=["scalar", "array"])
@many
@given(data=st.data())
def test_both_ways_to_the_derivative_never_differ(scalar: bool, data: st.DataObject):
    tree = data.draw(_programs(scalar))
    found = compare(_backwards(tree), _forwards(tree), *_args(tree, scalar))
    assert found.outcome != "differ", found


@pytest.mark.slow
@pytest.mark.parametrize("scalar", [True, False], ids=["scalar", "array"])
@many
@given(data=st.data())
def test_what_is_equal_agrees_in_float64(scalar: bool, data: st.DataObject):
    tree = data.draw(_programs(scalar))
    mutant = data.draw(st.sampled_from(list(_mutants(tree))))
    args = _args(tree, scalar)
    found = compare(_backwards(mutant), _backwards(tree), *args)
    if found.outcome != "equal":
        return
    for seed, attempts in zip(found.seeds, found.attempts, strict=True):
        avals = [jax.ShapeDtypeStruct(a.shape, np.float64) for a in args]
        points = _points(avals, [()] * len(avals), seed)
        shadows = [next(points) for _ in range(attempts)][-1]
        with jax.enable_x64(True):
            pair = [f(*map(jnp.asarray, shadows)) for f in (_backwards(mutant), _backwards(tree))]
        for a, b in zip(*pair, strict=True):
            size = max(1e-6, float(np.abs(np.asarray(b)).max()))
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6 * size)
