"""Curves of an operation and of its derivative, drawn from the running rule.

matplotlib is an optional extra: without it there are no plots, and the report says so.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from derivations.report.canvas import GREY as _AXES
from derivations.report.canvas import Saved, available, saved, style
from derivations.report.document import Figure

_FUNCTION, _DERIVATIVE = "#2f7fd0", "#d9711c"

# The derivative jumps where two neighbouring points differ by more than this. The grid holds 0.
_JUMP = 0.2
_POINTS = 1201


class Slice(NamedTuple):
    """One line through the arguments, along which an operation is a curve.

    Attributes:
      arguments: From the points t on the line to the operation's arguments, one row a point.
      label: What t is.
      reach: The line runs from -reach to reach.
      argument: Which argument moves along it.
    """

    arguments: Callable[[Any], tuple[Any, ...]]
    label: str
    reach: float = 3.0
    argument: int = 0


def _rows(t: Any, *rest: float) -> Any:
    return np.stack([t, *(np.full_like(t, number) for number in rest)], axis=-1)


def _error(t: Any) -> tuple[Any, ...]:
    return _rows(t), np.zeros((len(t), 1), np.float32)


_GATE = Slice(lambda t: (_rows(np.ones_like(t)), _rows(t)), "gate g, the value is 1", 6.0, 1)
_RIGHT_OF_TWO = Slice(
    lambda t: (_rows(t, 0), _rows(np.ones_like(t), 0)), "logit of the right class of two", 6.0
)
_SLICES = {
    "softmax": Slice(lambda t: (_rows(t, 0, 0),), "first of three scores, the others 0", 6.0),
    "half_squared_error": Slice(_error, "error f - y, one component"),
    "squared_error": Slice(_error, "error f - y, one component"),
    "absolute_error": Slice(_error, "error f - y, one component"),
    "glu": _GATE,
    "swiglu": _GATE,
    "prelu": Slice(
        lambda t: (_rows(t), np.asarray([0.25], np.float32)), "x, with a slope of 1/4", 6.0
    ),
    "huber_loss": Slice(_error, "error f - y, one component"),
    "hinge_loss": Slice(
        lambda t: (_rows(t), np.ones((len(t), 1), np.float32)), "output f, the answer is yes"
    ),
    "sigmoid_cross_entropy": Slice(
        lambda t: (_rows(t), np.ones((len(t), 1), np.float32)), "logit z, the answer is yes", 6.0
    ),
    "softmax_cross_entropy": _RIGHT_OF_TWO,
    "smoothed_softmax_cross_entropy": _RIGHT_OF_TWO,
    "kl_divergence": _RIGHT_OF_TWO,
}
_SCALAR = Slice(lambda t: (t,), "x", 6.0)


def plot(rule: Any, entry: Any) -> Figure | None:
    """Draws an operation and its derivative; `None` where no curve shows it (a dense layer).

    Both curves come from the code of the rule: the value from `fwd`, the derivative from `bwd` with
    the cotangent 1.
    """
    line = _SLICES.get(entry.name, _SCALAR if not entry.indices else None)
    if line is None or not available():
        return None
    t = np.linspace(-line.reach, line.reach, _POINTS, dtype=np.float32)
    output, residuals = rule.fwd(*line.arguments(t))
    output = np.asarray(output)
    cotangent = np.zeros_like(output)
    cotangent[..., 0] = 1
    if output.ndim == 1:
        cotangent[:] = 1
    derivative = np.asarray(rule.bwd(residuals, cotangent)[line.argument])
    value = output if output.ndim == 1 else output[:, 0]
    slope = derivative if derivative.ndim == 1 else derivative[:, 0]
    drawn = _draw(entry.name, line.label, t, value, slope)
    return Figure(
        picture=drawn.svg,
        paper=drawn.pdf,
        name=entry.name,
        alt=f"{entry.title} and its derivative for values from {t[0]:g} to {t[-1]:g}",
        caption=f"{entry.title}, and its derivative as the rule computes it.",
    )


def _draw(name: str, label: str, t: Any, value: Any, slope: Any) -> Saved:
    from matplotlib.figure import Figure as Canvas

    with style(name):
        canvas = Canvas(figsize=(5.6, 3.0))
        axes = canvas.add_axes((0.08, 0.17, 0.9, 0.8))
        axes.axhline(0, color=_AXES, linewidth=0.6)
        axes.axvline(0, color=_AXES, linewidth=0.6)
        axes.plot(t, value, color=_FUNCTION, linewidth=2, label="function")
        jumps = np.flatnonzero(np.abs(np.diff(slope)) > _JUMP)
        axes.plot(
            np.insert(t, jumps + 1, np.nan),
            np.insert(slope, jumps + 1, np.nan),
            color=_DERIVATIVE,
            linewidth=2,
            linestyle=(0, (5, 1.5)),
            label="derivative",
        )
        _mark_jumps(axes, t, slope, jumps)
        axes.set_xlabel(label)
        axes.legend(frameon=False, labelcolor=_AXES)
        return saved(canvas, name)


def _mark_jumps(axes: Any, t: Any, slope: Any, jumps: Any) -> None:
    """A full dot where the rule's value stands at a kink, rings where it does not."""
    if not len(jumps):
        return
    centre = len(t) // 2
    ends = {position for jump in jumps for position in (jump, jump + 1)} - {centre}
    rings = [slope[end] for end in sorted(ends) if slope[end] != slope[centre]]
    axes.plot([t[centre]] * len(rings), rings, "o", color=_DERIVATIVE, markerfacecolor="none")
    axes.plot([t[centre]], [slope[centre]], "o", color=_DERIVATIVE)
