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


CONTRACT: dict[str, dict[str, Bound]] = {
    "identity": dict.fromkeys(("float32", "bfloat16", "float16"), Bound(0, 0)),
    "relu": dict.fromkeys(("float32", "bfloat16", "float16"), Bound(0, 0)),
    "sigmoid": {
        "float32": Bound(3, None),
        "bfloat16": Bound(3, None),
        "float16": Bound(2, None),
    },
    "tanh": {
        "float32": Bound(5, None),
        "bfloat16": Bound(0.502, None),
        "float16": Bound(0.502, None),
    },
    "softplus": {
        "float32": Bound(3, None),
        "bfloat16": Bound(1.5, None),
        "float16": Bound(1.5, None),
    },
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
