"""What the library promises of its functions over the floats: the one table of it.

Of inputs that are zero or normal, with a true result that is zero or normal, on a CPU. A function
that breaks its promise fails the tests.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from derivations.ulps.accuracy import Accuracy
from derivations.ulps.losses import LossErrors, confident, cross_entropy, loss_accuracy


class Bound(NamedTuple):
    """The largest errors in ulps; and no answer of the wrong kind. `None` promises nothing."""

    value: float | None
    derivative: float | None


# In single precision: the value, the derivative.
_SINGLE = {
    "identity": (0, 0), "relu": (0, 0), "relu6": (0, 0), "hard_tanh": (0, 0), "leaky_relu": (1, 1),
    "sigmoid": (3, 3), "tanh": (5, 3), "softplus": (2, 2), "log_sigmoid": (2, 2),
    "elu": (2, 2), "celu": (2, 2), "selu": (3, 3), "soft_sign": (3, 3),
    "hard_sigmoid": (3, 1), "hard_silu": (3, 3),
    "silu": (6, 6), "mish": (6, 6), "gelu": (6, 6), "gelu_tanh": (6, 6), "squareplus": (6, 6),
}  # fmt: skip
# One rounding of single precision: the nearest float, but for a tie that is decided wrongly.
_SHORT = Bound(0.502, 0.502)


def _of(single: tuple[float, float]) -> dict[str, Bound]:
    return {"float32": Bound(*single), "bfloat16": _SHORT, "float16": _SHORT}


# Of one array: by the name of the operation.
CONTRACT: dict[str, dict[str, Bound]] = {name: _of(single) for name, single in _SINGLE.items()}

# What `functional_nn.activations.PRECISE_RULES` has under the same names.
_PRECISE = "sigmoid tanh silu mish gelu gelu_tanh selu soft_sign squareplus"
PRECISE_CONTRACT = {name: _of((1, 1)) for name in _PRECISE.split()}

# Of several arrays, all but one of them fixed: by the names of `derivations.ulps.fixed`.
FIXED_CONTRACT: dict[str, dict[str, Bound]] = {
    name: _of(single)
    for name, single in {
        "prelu, x": (1, 0), "prelu, slope": (1, 0),
        "glu, values": (3, 3), "glu, gate": (4, 4),  # what the gate is off by, and a product
        "swiglu, values": (4, 4), "swiglu, gate": (5, 5),
        "half_squared_error": (3, 1), "squared_error": (3, 1), "absolute_error": (1, 0),
        "huber_loss": (3, 1), "hinge_loss, yes": (1, 0), "hinge_loss, no": (1, 0),
        "sigmoid_cross_entropy, yes": (3, 3), "sigmoid_cross_entropy, no": (3, 3),
    }.items()
}  # fmt: skip


class Rows(NamedTuple):
    """Rows of K logits, with one class as the target.

    Attributes:
      operation: The loss, in the catalogue.
      classes: K.
      one_hot: Whether the targets are rows of the dtype of the logits, not labels.
    """

    operation: str
    classes: int
    one_hot: bool


# One class out of K, the margins up to 60: the loss, and every entry of its gradient.
ROWS: dict[str, Rows] = {
    "softmax_cross_entropy, labels, K = 4": Rows("softmax_cross_entropy", 4, False),
    "softmax_cross_entropy, one-hot, K = 4": Rows("softmax_cross_entropy", 4, True),
    "kl_divergence, one-hot, K = 4": Rows("kl_divergence", 4, True),
    "softmax_cross_entropy, labels, K = 1000": Rows("softmax_cross_entropy", 1000, False),
    "softmax_cross_entropy, one-hot, K = 1000": Rows("softmax_cross_entropy", 1000, True),
}
ROWS_CONTRACT: dict[str, dict[str, Bound]] = {name: _of((3, 6)) for name in ROWS}


def measured_rows(rule: Any, name: str, dtype: Any) -> LossErrors:
    """Measures a loss of one class out of K, at the rows that the contract speaks of."""
    case = ROWS[name]
    logits, labels = confident(case.classes, 400 if case.classes < 100 else 16)
    targets = jnp.asarray(labels)
    if case.one_hot:
        targets = jax.nn.one_hot(targets, case.classes, dtype=dtype)
    return loss_accuracy(rule, jnp.asarray(logits, dtype), targets, truth=cross_entropy)


def broken(report: Accuracy, bound: Bound) -> list[str]:
    """Tells how a measurement breaks its bound, in words; nothing if it keeps it."""
    found = []
    for name in ("value", "derivative"):
        promised, errors = getattr(bound, name), getattr(report, name)
        if promised is None:
            continue
        what = f"{report.name}, {report.dtype}, {name}"
        found += _beyond(what, errors.maximum, errors.all.at, promised)
        if not errors.sound:
            found.append(f"{what}: wrong zeros, signs, NaN or infinities")
    return found


def broken_rows(name: str, dtype: str, errors: LossErrors, bound: Bound) -> list[str]:
    """Tells how the errors at the rows of a loss break its bound."""
    found = []
    pairs = (errors.value, bound.value), (errors.gradient, bound.derivative)
    for part, (largest, promised) in zip(("value", "gradient"), pairs, strict=True):
        if promised is not None:
            what = f"{name}, {dtype}, {part}"
            found += _beyond(what, largest.maximum, largest.at, promised)
    return found


def _beyond(what: str, error: float, at: float | None, promised: float) -> list[str]:
    if error <= promised:
        return []
    return [f"{what}: {error:.4g} ulp at {at!r}, where {promised:g} is promised"]
