"""A rule of this library inside a model of another one: the same numbers, and it is checked there.

`pip install '.[peers]'` installs the other libraries; what is not installed is skipped.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn
from derivations import Verdict, check

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.filterwarnings("ignore"),  # theirs
]
Activation = Callable[[jax.Array], jax.Array]
Model = Callable[[Any, jax.Array], jax.Array]
X = jnp.float32([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
by_hand = fnn.with_rule(fnn.RULES["gelu"])
of_jax = fnn.RULES["gelu"].primal


@pytest.fixture(autouse=True)
def _lenient():
    """Other libraries' code is not written for the strictness of this project's tests."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def equinox(activation: Activation) -> tuple[Any, Model]:
    eqx = pytest.importorskip("equinox")
    first, second = (eqx.nn.Linear(n, m, key=jax.random.key(n)) for n, m in ((3, 4), (4, 2)))
    network = eqx.nn.Sequential([first, eqx.nn.Lambda(activation), second])
    params, rest = eqx.partition(network, eqx.is_array)
    return params, lambda params, x: jax.vmap(eqx.combine(params, rest))(x)


def flax_linen(activation: Activation) -> tuple[Any, Model]:
    nn = pytest.importorskip("flax.linen")
    network = nn.Sequential([nn.Dense(4), activation, nn.Dense(2)])
    return network.init(jax.random.key(0), X), network.apply


def flax_nnx(activation: Activation) -> tuple[Any, Model]:
    nnx = pytest.importorskip("flax.nnx")
    rngs = nnx.Rngs(0)
    network = nnx.Sequential(nnx.Linear(3, 4, rngs=rngs), activation, nnx.Linear(4, 2, rngs=rngs))
    graph, params = nnx.split(network)
    return params, lambda params, x: nnx.merge(graph, params)(x)


def haiku(activation: Activation) -> tuple[Any, Model]:
    hk = pytest.importorskip("haiku")
    network = hk.without_apply_rng(
        hk.transform(lambda x: hk.Sequential([hk.Linear(4), activation, hk.Linear(2)])(x))
    )
    return network.init(jax.random.key(0), X), network.apply


LIBRARIES = {peer.__name__: peer for peer in (equinox, flax_linen, flax_nnx, haiku)}


@pytest.mark.parametrize("name", LIBRARIES)
def test_gradients_by_hand_are_those_of_jax(name):
    params, model = LIBRARIES[name](by_hand)
    _, derived = LIBRARIES[name](of_jax)
    assert "custom_vjp_call" in str(jax.make_jaxpr(model)(params, X)), "the rule is in the model"

    def loss(model: Model) -> Callable[[Any], jax.Array]:
        return jax.jit(lambda params: jnp.mean(model(params, X) ** 2))

    for hand, jaxs in zip(
        jax.tree.leaves(jax.grad(loss(model))(params)),
        jax.tree.leaves(jax.grad(loss(derived))(params)),
        strict=True,
    ):
        np.testing.assert_allclose(hand, jaxs, rtol=1e-5, atol=1e-6)


@jax.custom_vjp
def _twice_as_steep(x):
    return jnp.tanh(x)


_twice_as_steep.defvjp(lambda x: (jnp.tanh(x), x), lambda x, dy: (2 * dy / jnp.cosh(x) ** 2,))


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_rule_is_checked_where_it_stands(name):
    params, model = LIBRARIES[name](by_hand)
    right = check(model, params, X, budget=60.0)
    assert right.verdict is not Verdict.REFUTED, str(right)
    assert any(part.verdict is Verdict.PROVED for part in right.parts), str(right)

    params, model = LIBRARIES[name](_twice_as_steep)
    wrong = check(model, params, X, budget=60.0)
    assert wrong.verdict is Verdict.REFUTED, str(wrong)
    assert "_twice_as_steep" in str(wrong)
