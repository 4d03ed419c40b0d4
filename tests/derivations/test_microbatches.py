"""Microbatches give the gradient of the whole batch: proved for a network and its loss."""

import jax
import numpy as np
import pytest

import functional_nn as fnn
from derivations.equality import equal
from derivations.lift import Assumptions
from derivations.theorems import floats
from derivations.trace import Shapes, lifted
from functional_nn.backprop import averaged

OBJECTIVE = fnn.objective(fnn.serial(fnn.dense(2), fnn.tanh), fnn.RULES["half_squared_error"])
AVALS = (floats(3, 2), floats(2), floats(4, 3), floats(4, 2))


def entries(function):
    """Every entry of the loss and the gradients for four examples, all sums written out."""

    def run(w, b, x, y):
        return jax.tree.leaves(function(({"w": w, "b": b}, ()), x, y))

    shapes = Shapes(AVALS, {}, "", explicit=True)
    arrays = lifted(run, shapes, ["w", "b", "x", "y"], Assumptions())
    sizes = [(), (2,), (3, 2)]
    return [
        a.at(*at) for a, size in zip(arrays, sizes, strict=True) if a for at in np.ndindex(size)
    ]


def same(function):
    pairs = zip(entries(function), entries(fnn.value_and_grad(OBJECTIVE)), strict=True)
    return [equal(one, other).equal for one, other in pairs]


@pytest.mark.nightly
@pytest.mark.parametrize("microbatches", [2, 4])
def test_the_mean_over_parts_is_the_mean(microbatches):
    assert same(fnn.value_and_grad(OBJECTIVE, microbatches=microbatches)) == [True] * 9


@pytest.mark.slow
def test_a_sum_for_a_mean_is_not_proved():
    def doubled(params, x, y):
        loss, grads = fnn.value_and_grad(OBJECTIVE)(params, x, y)
        return loss, jax.tree.map(lambda g: 2 * g, grads)

    assert same(averaged(doubled, 2)) == [True] + [False] * 8
