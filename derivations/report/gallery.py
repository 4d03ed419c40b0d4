"""Pictures of claims that people would rather look at than read, from what settled them."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from derivations.folding import folding, linear_regions
from derivations.lectures.counting import DEPTHS, WIDTH
from derivations.lectures.geometry import circle_points
from derivations.lectures.regions import REGIONS, fires, network
from derivations.lectures.runs import gradient
from derivations.report.canvas import GREY, available, saved, style
from derivations.report.document import Figure
from derivations.report.words import count
from derivations.work import operations, paths

BLUE, ORANGE = "#2f7fd0", "#d9711c"


class _Picture(NamedTuple):
    """How a picture is drawn, how many panels it has side by side, and what it shows."""

    draw: Callable[[Any], None]
    panels: int
    alt: str
    caption: str


def gallery(claim: str) -> Figure | None:
    """Gives the picture of a claim by its id; `None` where there is none, or no matplotlib."""
    if claim not in _PICTURES or not available():
        return None
    from matplotlib.figure import Figure as Canvas

    drawn = _PICTURES[claim]
    name = f"claim-{claim.replace('.', '-')}"
    with style(name):
        canvas = Canvas(figsize=(2.2 * drawn.panels + 0.4, 2.5), layout="constrained")
        drawn.draw(canvas.subplots(1, drawn.panels, squeeze=False)[0])
        both = saved(canvas, name)
    return Figure(both.svg, name, drawn.alt, drawn.caption, both.pdf)


def _circle(panels: Any) -> None:
    labels = {False: ("x₁", "x₂"), True: ("radius", "angle")}
    for axes, (polar, (across, up)) in zip(panels, labels.items(), strict=True):
        points, inside = circle_points(polar=polar)
        for side, colour in ((inside, ORANGE), (~inside, BLUE)):
            axes.plot(*points[side].T, ".", color=colour, markersize=3)
        axes.set(xlabel=across, ylabel=up)


def _regions(panels: Any) -> None:
    # Exact as floats, and so is what the first layer makes of them.
    steps = np.arange(-80, 177) / 32
    grid = np.stack(np.meshgrid(steps, steps), axis=-1)
    for axes, (name, region) in zip(panels, REGIONS.items(), strict=True):
        first, *above = network(region)
        sums = [float(bias) + grid @ np.array(weights, float) for bias, *weights in first]
        units = np.stack([line >= 0 for line in sums], axis=-1).reshape(-1, len(first)).astype(int)
        patterns, which = np.unique(units, axis=0, return_inverse=True)
        outputs = [fires(above, tuple(p)) if above else bool(p[0]) for p in patterns.tolist()]
        fired = np.array(outputs, float)[which].reshape(grid.shape[:2])
        axes.contourf(steps, steps, fired, [0.5, 1.5], colors=[BLUE], alpha=0.75)
        for line in sums:
            axes.contour(steps, steps, line, [0], colors=GREY, linewidths=0.7)
        axes.set(title=name, aspect="equal", xticks=[], yticks=[])


def _saddle(panels: Any) -> None:
    (axes,) = panels
    steps = np.linspace(-2, 2, 81)
    u, v = np.meshgrid(steps, steps)
    levels = [0.02, 0.1, 0.25, 0.5, 0.8, 1.2, 2, 4]
    axes.contour(steps, steps, (u * v - 1) ** 2 / 2, levels, colors=BLUE, linewidths=0.8)
    axes.plot(0, 0, "x", color=ORANGE, markersize=8)
    axes.set(xlabel="u", ylabel="v", aspect="equal")


def _growth(panels: Any) -> None:
    (axes,) = panels
    depths = list(DEPTHS)
    through = [paths([WIDTH] * (depth + 1)) for depth in depths]
    work = [operations(*gradient(WIDTH, depth)) for depth in depths]
    axes.semilogy(depths, through, "o-", color=ORANGE, markersize=4, label="paths")
    axes.semilogy(depths, work, "o-", color=BLUE, markersize=4, label="operations")
    axes.set(xlabel="depth")
    axes.legend(frameon=False, labelcolor=GREY)


def _folds(panels: Any) -> None:
    for depth, axes in enumerate(panels, 1):
        pieces = linear_regions(folding(depth))
        ends = [*(piece.start for piece in pieces), Fraction(1)]
        lines = [piece.lines[0] for piece in [*pieces, pieces[-1]]]
        values = [slope * x + start for x, (slope, start) in zip(ends, lines, strict=True)]
        axes.plot([float(x) for x in ends], [float(y) for y in values], color=BLUE)
        axes.set(title=f"{count(depth, 'fold')}, {count(len(pieces), 'piece')}", xticks=[0, 1])
        axes.set(yticks=[0, 1])


_PICTURES = {
    "003.4": _Picture(
        _circle, 2, "points inside a circle and around it, in Cartesian and polar coordinates",
        "The points, in Cartesian coordinates and in polar ones, where a line parts them.",
    ),
    "003.11": _Picture(
        _regions, len(REGIONS), "four regions, filled where a network fires",
        "Where each network fires, and the lines of its first layer.",
    ),
    "003.13": _Picture(
        _saddle, 1, "contour lines of a loss of two weights, with a saddle in the middle",
        "Lines of equal loss ½ (u v − 1)²: two valleys, and the saddle between them at 0.",
    ),
    "003.14": _Picture(
        _growth, 1, "two curves over the depth: paths grow exponentially, operations slowly",
        f"Paths through networks of width {WIDTH}, and operations of one gradient, as counted.",
    ),
    "003.15": _Picture(
        _folds, 4, "a tent map folded one to four times",
        "The tent map upon itself: each layer of two units doubles the pieces.",
    ),
}  # fmt: skip
