"""What the library promises of its functions over the floats: the one table of it.

Of inputs that are zero or normal, with a true result that is zero or normal, on a CPU. A function
that breaks its promise fails the tests.
"""

from typing import NamedTuple

from derivations.ulps.accuracy import Accuracy


class Bound(NamedTuple):
    """The largest errors in ulps; and no answer of the wrong kind. `None` promises nothing."""

    value: float | None
    derivative: float | None


# In single precision: the value, the derivative.
_SINGLE = {
    "identity": (0, 0), "relu": (0, 0), "relu6": (0, 0), "hard_tanh": (0, 0), "leaky_relu": (1, 1),
    "sigmoid": (3, 3), "tanh": (5, 3), "softplus": (3, 3), "log_sigmoid": (3, 3),
    "elu": (3, 3), "celu": (3, 3), "selu": (3, 3), "soft_sign": (3, 3),
    "hard_sigmoid": (3, 1), "hard_silu": (3, 3),
    "silu": (6, 6), "mish": (6, 6), "gelu": (6, 6), "gelu_tanh": (6, 6), "squareplus": (6, 6),
}  # fmt: skip
# One rounding of single precision: the nearest float, but for a tie that is decided wrongly.
_SHORT = Bound(0.502, 0.502)

CONTRACT: dict[str, dict[str, Bound]] = {
    name: {"float32": Bound(*single), "bfloat16": _SHORT, "float16": _SHORT}
    for name, single in _SINGLE.items()
}


def broken(report: Accuracy, bound: Bound) -> list[str]:
    """Tells how a measurement breaks its bound, in words; nothing if it keeps it."""
    found = []
    for name in ("value", "derivative"):
        promised, errors = getattr(bound, name), getattr(report, name)
        if promised is None:
            continue
        what = f"{report.name}, {report.dtype}, {name}"
        if errors.maximum > promised:
            found.append(
                f"{what}: {errors.maximum:.4g} ulp at {errors.all.at!r}, where {promised:g} is "
                "promised"
            )
        if not errors.sound:
            found.append(f"{what}: wrong zeros, signs, NaN or infinities")
    return found
