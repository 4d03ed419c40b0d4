"""The worked examples as pictures: every number is there, and none stands on another."""

import itertools

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from derivations.lectures.example import NOT_COMPARED, Dense
from derivations.lectures.worked import WORKED, by_textbook
from derivations.report.diagram import BACKWARD, FORWARD, draw, number, size


def drawn(worked):
    found = by_textbook(worked)
    figure = Figure(figsize=size(worked, found), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    draw(axes, worked, found)
    return found, figure, axes.texts


@pytest.mark.parametrize("worked", WORKED, ids=lambda worked: worked.name)
def test_no_number_stands_on_another_or_outside(worked):
    _, figure, texts = drawn(worked)
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [text.get_window_extent(renderer) for text in texts if text.get_text()]
    width, height = figure.canvas.get_width_height()
    for box in boxes:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= width
        assert box.y1 <= height
    for one, other in itertools.combinations(boxes, 2):
        across = min(one.x1, other.x1) - max(one.x0, other.x0)
        along = min(one.y1, other.y1) - max(one.y0, other.y0)
        assert across <= 0 or along <= 1, "letters above one another may touch, and no more"


@pytest.mark.parametrize("worked", WORKED, ids=lambda worked: worked.name)
def test_every_number_is_drawn(worked):
    found, _, texts = drawn(worked)
    layers = [layer for layer in worked.example.layers if isinstance(layer, Dense)]
    weights = [text.replace("-", "−") for layer in layers for row in layer.w for text in row]
    assert [t.get_text() for t in texts if t.get_color() == FORWARD] == weights
    deltas = [delta for place in range(1, len(found.slopes), 2) for delta in found.slopes[place]]
    shares = [
        float(text) * delta
        for place, layer in enumerate(layers)
        for row, delta in zip(layer.w, found.slopes[2 * place + 1], strict=True)
        for text in row
    ]
    backward = [t.get_text() for t in texts if t.get_color() == BACKWARD and t.get_text() != "δ"]
    assert sorted(backward) == sorted(map(number, [*deltas, *shares]))
    printed = {
        text.replace("-", "−")
        for _, numbers in worked.example.printed
        for text in numbers
        if text != NOT_COMPARED
    }
    assert printed == {t.get_text() for t in texts if t.get_fontweight() == "bold"}
