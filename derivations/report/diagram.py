"""A worked example as a picture: every number of both passes on its neuron or on its edge."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from derivations.lectures.example import NOT_COMPARED, Dense
from derivations.lectures.worked import Pass, Worked, by_textbook
from derivations.report.canvas import INK, available, saved, style
from derivations.report.document import Figure

FORWARD, BACKWARD = "#2f7fd0", "#d9711c"

_ROW, _FONT = 11.0, 7.6  # points
_WEIGHT, _SHARE, _TARGET = 26.0, 36.0, 22.0
_NODE, _GAP, _APART, _HEAD, _MARGIN = 49.0, 46.0, 9.0, 20.0, 5.0
_ACTIVATIONS = {"relu": "ReLU"}
_LOSSES = {
    "half_squared_error": "Σ ½ (a − y)²",
    "squared_error": "Σ (a − y)²",
    "sigmoid_cross_entropy": "cross-entropy",
    "softmax_cross_entropy": "−Σ y log a",
}

LEGEND = (
    "In a neuron: its bias b, its sum z, its activation a, and δ = ∂C/∂z. On an edge: its weight w "
    "and w δ, what it carries back. In bold: printed in the lecture, which stops at the output; "
    "the loss C and its target y are chosen here."
)


class _Line(NamedTuple):
    """A line of a neuron: a letter, its number, the colour, and whether the lecture prints it."""

    letter: str
    number: str
    colour: str = INK
    bold: bool = False


class _Node(NamedTuple):
    """A neuron: its lines, and for each edge that comes in its weight and what it carries back."""

    lines: tuple[_Line, ...]
    edges: tuple[tuple[str, str], ...] = ()

    @property
    def height(self) -> float:
        return _ROW * max(len(self.lines), len(self.edges)) + 6


class _Column(NamedTuple):
    """Neurons one below the other, and how much room the numbers on their edges take."""

    title: str
    nodes: tuple[_Node, ...]
    labels: float

    @property
    def height(self) -> float:
        return sum(node.height + _APART for node in self.nodes) - _APART

    @property
    def width(self) -> float:
        """From the neurons on the left to the end of these."""
        return _NODE + (self.labels and _GAP + self.labels)


def diagram(worked: Worked) -> Figure | None:
    """Draws a worked example for a report; `None` without matplotlib."""
    if not available():
        return None
    from matplotlib.figure import Figure as Canvas

    name, found = f"worked-{worked.name}", by_textbook(worked)
    with style(name):
        canvas = Canvas(figsize=size(worked, found))
        draw(canvas.add_axes((0, 0, 1, 1)), worked, found)
        both = saved(canvas, name)
    return Figure(
        picture=both.svg,
        paper=both.pdf,
        name=name,
        alt=f"{worked.title}: the network with the numbers of both passes",
        caption=f"{worked.title}. {LEGEND}",
    )


def size(worked: Worked, found: Pass) -> tuple[float, float]:
    """Gives the width and height of the picture, in inches."""
    columns = _columns(worked, found)
    width = sum(column.width for column in columns) + 2 * _MARGIN
    height = max(column.height for column in columns) + _HEAD + 2 * _MARGIN
    return width / 72, height / 72


def draw(axes: Any, worked: Worked, found: Pass) -> None:
    """Draws both passes of an example into matplotlib's axes, in units of a point."""
    width, height = (72 * inches for inches in size(worked, found))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    below: list[tuple[float, float]] = []
    right = _MARGIN
    for column in _columns(worked, found):
        right += column.width
        _text(axes, right - _NODE / 2, height - _HEAD / 2, column.title, INK, "center")
        top = (height - _HEAD + column.height) / 2
        ends = []
        for node in column.nodes:
            _node(axes, node, right, top)
            _edges(axes, node, right - _NODE, top, column.labels, below)
            ends.append((right, top - node.height / 2))
            top -= node.height + _APART
        below = ends


def number(value: float) -> str:
    """Writes a number for a picture: three digits, two of a small one, and no long row of zeros.

    Example:
      >>> number(-70.0), number(0.11731), number(-0.0699), number(-0.00032)
      ('−70', '0.117', '−0.070', '−3e−4')
    """
    if value == int(value):
        text = f"{abs(value) and value:.0f}"
    elif abs(value) < 0.001:
        digits, _, exponent = f"{value:.0e}".partition("e")
        text = f"{digits}e{int(exponent)}"
    else:
        text = f"{value:#.3g}" if abs(value) >= 0.1 else f"{value:#.2g}"
    return _minus(text.rstrip("."))


def as_printed(value: float, printed: str, truncated: bool) -> str:
    """Writes a number with as many decimals as a lecture prints of it, rounded or cut off.

    Example:
      >>> as_printed(0.86681, "0.866", True), as_printed(0.86681, "0.867", False)
      ('0.866', '0.867')
      >>> as_printed(-1.1, "-1.1", False)
      '−1.1'
    """
    decimals = len(printed.partition(".")[2])
    if truncated:
        value = int(value * 10**decimals) / 10**decimals
    return _minus(f"{value:.{decimals}f}")


def _columns(worked: Worked, found: Pass) -> list[_Column]:
    """Gives the input, each layer of neurons, and the loss, from left to right."""
    layers = worked.example.layers
    inputs = tuple(_Node((_Line("x", _minus(text)),)) for text in worked.example.x)
    columns = [_Column("input", inputs, 0)]
    for place, layer in enumerate(layers):
        if isinstance(layer, Dense):
            name = str(layers[place + 1])
            neurons = _neurons(worked, found, place, layer)
            columns.append(_Column(_ACTIVATIONS.get(name, name), neurons, _WEIGHT + _SHARE))
    targets = tuple((f"y {_minus(text)}", "") for text in worked.target)
    loss = _Node((_Line("C", number(found.loss)),), targets)
    columns.append(_Column(_LOSSES[worked.loss], (loss,), _TARGET))
    return columns


def _neurons(worked: Worked, found: Pass, place: int, layer: Dense) -> tuple[_Node, ...]:
    z, a = (_numbers(worked, found, place + after) for after in (1, 2))
    nodes = []
    for row, bias, own, out, slope in zip(
        layer.w, layer.b, z, a, found.slopes[place + 1], strict=True
    ):
        edges = tuple((_minus(text), number(float(text) * slope)) for text in row)
        delta = _Line("δ", number(slope), BACKWARD)
        lines = (_Line("b", _minus(bias)), _Line("z", *own), _Line("a", *out), delta)
        nodes.append(_Node(lines, edges))
    return tuple(nodes)


def _numbers(worked: Worked, found: Pass, place: int) -> list[tuple[str, str, bool]]:
    """Gives the numbers of a place, those that the lecture prints in its digits and in bold."""
    printed = dict(worked.example.printed).get(place, (NOT_COMPARED,) * len(found.values[place]))
    return [
        (number(value), INK, False)
        if text == NOT_COMPARED
        else (as_printed(value, text, worked.example.truncated), INK, True)
        for value, text in zip(found.values[place], printed, strict=True)
    ]


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _node(axes: Any, node: _Node, right: float, top: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    left, bottom = right - _NODE, top - node.height
    axes.add_patch(
        FancyBboxPatch(
            (left, bottom), _NODE, node.height, boxstyle="round,pad=0,rounding_size=5",
            facecolor="none", edgecolor=INK, linewidth=0.8,
        )
    )  # fmt: skip
    for line, y in zip(node.lines, _rows(node, len(node.lines), top), strict=True):
        weight = "bold" if line.bold else "normal"
        _text(axes, left + 4, y, line.letter, line.colour, "left", style="italic")
        _text(axes, right - 4, y, line.number, line.colour, "right", weight=weight)


def _edges(
    axes: Any, node: _Node, left: float, top: float, labels: float,
    below: Sequence[tuple[float, float]],
) -> None:  # fmt: skip
    """Draws the edges into a neuron: on the last stretch each has its numbers to itself."""
    rows = _rows(node, len(node.edges), top)
    for (w, share), y, (x0, y0) in zip(node.edges, rows, below, strict=False):
        start = left - labels
        axes.plot([x0, start, left], [y0, y - 4.2, y - 4.2], color=INK, linewidth=0.35)
        _text(axes, start + min(labels, _WEIGHT) - 4, y, w, FORWARD if share else INK, "right")
        if share:
            _text(axes, left - 3, y, share, BACKWARD, "right")


def _rows(node: _Node, count: int, top: float) -> list[float]:
    """Gives the heights of so many lines, in the middle of a neuron."""
    first = top - (node.height - _ROW * (count - 1)) / 2
    return [first - _ROW * line for line in range(count)]


def _text(axes: Any, x: float, y: float, text: str, colour: str, side: str, **style: Any) -> None:
    axes.text(x, y, text, color=colour, ha=side, va="center", fontsize=_FONT, **style)
