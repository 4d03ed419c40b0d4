"""The errors of a function and of its derivative, drawn along the line."""

from typing import TYPE_CHECKING, Any

import numpy as np

from derivations.report.canvas import GREY, Saved, saved, style
from derivations.ulps.tally import Errors

if TYPE_CHECKING:
    from derivations.ulps.accuracy import Accuracy

_VALUE, _DERIVATIVE = "#2f7fd0", "#d9711c"
_NEAR = 2.0**-12  # within this of zero the line is drawn evenly, beyond by the exponent


def plot(report: "Accuracy") -> Saved:
    """Draws the largest error of each stretch of the line, one point a quarter of a binade."""
    from matplotlib.figure import Figure

    name = f"accuracy-{report.name}-{report.dtype}"
    with style(name):
        figure = Figure(figsize=(6.4, 3.4))
        axes = figure.add_axes((0.1, 0.16, 0.87, 0.8))
        axes.set_xscale("symlog", base=2, linthresh=_NEAR)
        axes.set_yscale("log")
        axes.axhline(0.5, color=GREY, linewidth=0.6)
        pairs = (("value", report.value, _VALUE), ("derivative", report.derivative, _DERIVATIVE))
        for label, errors, colour in pairs:
            _draw(axes, errors, label, colour)
        reach = min(128.0, max((abs(x) for x, _ in report.value.curve), default=1.0))
        axes.set_xlim(-reach, reach)
        ticks = [-(2.0**k) for k in (6, 2, -2, -6, -10)]
        axes.set_xticks([*ticks, 0.0, *(-t for t in ticks[::-1])])
        axes.set_xticklabels([_tick(t) for t in [*ticks, 0.0, *(-t for t in ticks[::-1])]])
        axes.set_xlabel("x")
        axes.set_ylabel("largest error in ulps")
        axes.legend(frameon=False, labelcolor=GREY)
        return saved(figure, name)


def _tick(x: float) -> str:
    sign = "−" if x < 0 else ""
    return "0" if x == 0 else f"{sign}{abs(x):g}" if abs(x) >= 1 else f"{sign}1/{1 / abs(x):g}"


def _draw(axes: Any, errors: Errors, label: str, colour: str) -> None:
    x = np.array([point[0] for point in errors.curve])
    y = np.array([point[1] for point in errors.curve])
    endless = ~np.isfinite(y)
    axes.plot(x, np.where(endless, np.nan, np.maximum(y, 1e-3)), color=colour, label=label)
    if endless.any():  # an answer that is not finite stands at the upper edge
        axes.plot(
            x[endless], np.ones(endless.sum()), "|", color=colour,
            transform=axes.get_xaxis_transform(), clip_on=False,
        )  # fmt: skip
