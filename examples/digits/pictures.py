"""Pictures for the report: the losses, the predictions, and what the first layer looks for."""

import io
from typing import Any

import jax
import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure as Canvas

import functional_nn as fnn
from derivations.report.document import Figure
from digits.comparison import Comparison
from digits.data import Data

# Readable on white and on black: a picture does not know the page's colours.
GREY, BLUE, ORANGE, RED = "#7b7f86", "#2f7fd0", "#d9711c", "#d0342c"
STYLE: Any = {
    "font.size": 9.0,
    "text.color": GREY,
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def pictures(net: fnn.Layer, data: Data, result: Comparison) -> list[Figure]:
    """The pictures of a comparison; network and predictions are those of back-propagation."""
    with rc_context(STYLE):
        return [losses(result), predictions(net, data, result), weights(data, result)]


def losses(result: Comparison) -> Figure:
    """The loss curves of both trainings."""
    canvas = Canvas(figsize=(6.4, 3.2), layout="constrained")
    axes = canvas.subplots()
    epochs = np.arange(1, len(result.losses[0]) + 1)
    axes.plot(epochs, result.losses[1], color=ORANGE, linewidth=5, alpha=0.5, label="jax.grad")
    axes.plot(epochs, result.losses[0], color=BLUE, linewidth=1.5, label="hand-written")
    axes.set(xlabel="epoch", ylabel="mean loss of the epoch", yscale="log")
    axes.legend(frameon=False, labelcolor=GREY)
    return Figure(
        _png(canvas),
        "losses",
        f"Two loss curves over {len(epochs)} epochs, one upon the other",
        "The loss by the hand-written backward pass, drawn upon that by jax.grad, from the same "
        "parameters on the same batches.",
    )


def predictions(net: fnn.Layer, data: Data, result: Comparison) -> Figure:
    """A sheet of held-out examples, the wrongly told ones first."""
    shares = np.asarray(jax.nn.softmax(net.apply(result.params[0], data.test_x)))
    told, truth = shares.argmax(axis=-1), np.asarray(data.test_y)
    order = np.argsort(told == truth, kind="stable")[:40]
    canvas, cells = _sheet(len(order), columns=10, data=data, title=0.25)
    for axes, i in zip(cells, order, strict=False):
        wrong = told[i] != truth[i]
        axes.imshow(_picture(data.test_x[i], data), cmap="gray_r", interpolation="nearest")
        text = f"{told[i]}, {shares[i].max():.0%}" + (f" (is {truth[i]})" if wrong else "")
        axes.set_title(text, fontsize=7, color=RED if wrong else GREY, pad=3)
    wrong = int((told != truth).sum())
    return Figure(
        _png(canvas),
        "predictions",
        f"{len(order)} held-out examples, each with the label that the network gives it",
        f"Held-out examples with the network's label and its confidence. {wrong} of {len(truth)} "
        "are told wrongly: they come first, with the right label in brackets.",
    )


def weights(data: Data, result: Comparison) -> Figure:
    """The weights of the first layer, a picture for each hidden unit."""
    first = np.asarray(result.params[0][0]["w"]).T
    canvas, cells = _sheet(len(first), columns=10, data=data, title=0.0)
    reach = float(np.abs(first).max())
    for axes, row in zip(cells, first, strict=False):
        axes.imshow(_picture(row, data), cmap="RdBu", vmin=-reach, vmax=reach)
    return Figure(
        _png(canvas),
        "weights",
        f"The weights of {len(first)} hidden units, each laid out as an image",
        "What each hidden unit looks for: its weights, laid out as an image. Ink on blue excites "
        "the unit, ink on red inhibits it.",
    )


def _sheet(count: int, *, columns: int, data: Data, title: float) -> tuple[Canvas, list[Any]]:
    """A grid of axes without ticks, each with room for a title of some inches."""
    height, width = data.picture
    rows = -(-count // columns)
    inches = np.clip(0.64 * height / width, 0.2, 2.0) + title
    canvas = Canvas(figsize=(6.8, rows * inches), layout="constrained")
    cells = list(canvas.subplots(rows, columns, squeeze=False).flat)
    for axes in cells:
        axes.set_axis_off()
    return canvas, cells


def _picture(row: Any, data: Data) -> np.ndarray:
    return np.asarray(row).reshape(*data.picture, -1).mean(axis=-1)


def _png(canvas: Canvas) -> bytes:
    file = io.BytesIO()
    canvas.savefig(file, format="png", dpi=200, transparent=True)
    return file.getvalue()
