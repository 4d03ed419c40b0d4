"""Functions with the derivative that JAX gives them: never refuted, and proved but for a table."""

import inspect

import jax
import optax
import pytest

from derivations import Verdict, check

from .zoo import ACTIVATIONS, LOSSES, ZOO, Animal

# Public functions that have no derivative, or no code on this device.
NO_DERIVATIVE = {
    "get_scaled_dot_general_config",
    "scaled_dot_general",
    "scaled_matmul",
}
# Another name for a function that is there.
SAME = {"hard_swish", "swish"}
NO_LOSS = {
    "convex_kl_divergence": "the old name of generalized_kl_divergence",
    "ctc_loss": "the paddings decide by rounding",
    "ctc_loss_with_forward_probs": "the paddings decide by rounding",
    "make_fenchel_young_loss": "makes losses",
    "multiclass_generalized_dice_loss": "see dice_loss",
}


@pytest.fixture(autouse=True)
def _lenient():
    """Other libraries' code is not written for the strictness of this project's tests."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.mark.slow
@pytest.mark.parametrize(
    "animal",
    [
        pytest.param(animal, id=name, marks=[pytest.mark.nightly] if animal.slow else [])
        for name, animal in ZOO.items()
    ],
)
def test_never_refuted(animal: Animal):
    @jax.custom_vjp
    def rule(*args):
        return animal.function(*args)

    rule.defvjp(lambda *args: jax.vjp(animal.function, *args), lambda pull, ct: pull(ct))
    budget = 120.0 if animal.slow else 20.0
    report = check(rule, *animal.arguments, sizes=animal.sizes, budget=budget)
    if not animal.undecided:
        assert report.verdict in (Verdict.PROVED, Verdict.EXACT), str(report)
        return
    assert report.verdict is Verdict.UNDECIDED, str(report)
    assert any(animal.undecided in o.reason for o in report.obligations), str(report)


def _functions(module):
    return {
        name
        for name, thing in vars(module).items()
        if callable(thing) and not name.startswith("_") and not inspect.isclass(thing)
    }


def test_every_function_of_jax_nn_is_there():
    assert _functions(jax.nn) <= set(ACTIVATIONS) | NO_DERIVATIVE | SAME


def test_every_loss_of_optax_is_there():
    assert _functions(optax.losses) <= set(LOSSES) | set(NO_LOSS)
