"""The worked examples with their backward passes, by the textbook and by the library.

The lectures stop at the forward pass. The loss and the target that the backward pass starts from
are chosen here: of the losses that each lecture speaks of, the one that fits its output.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

import functional_nn as fnn
from derivations.evaluate import Point, ball, evaluate, rational
from derivations.formula import definition_of, pullback_of
from derivations.graph import Index
from derivations.lectures import basic_ideas, deep_learning, stor566
from derivations.lectures.example import Dense, Example, digits, forward
from derivations.lectures.runs import layer_of
from derivations.textbook import ENTRIES


class Worked(NamedTuple):
    """A worked example of a lecture, with a loss behind its last layer.

    Attributes:
      name: A short name of its own.
      claim: The claim that states it.
      title: What the network is.
      example: Its numbers.
      loss: The name of the loss. A cross-entropy takes what enters the last activation.
      target: What the output should have been.
    """

    name: str
    claim: str
    title: str
    example: Example
    loss: str
    target: tuple[str, ...]

    @property
    def read_by_loss(self) -> int:
        """After how many layers the loss reads: before the last activation, if it has its own."""
        return len(self.example.layers) - self.loss.endswith("_cross_entropy")


class Pass(NamedTuple):
    """The numbers of one example, forward and backward.

    Attributes:
      values: The input, and what each layer makes of it.
      slopes: The derivative of the loss in each of `values`, as far as the loss reads them: behind
        a dense layer, its δ.
      loss: The loss.
    """

    values: tuple[tuple[float, ...], ...]
    slopes: tuple[tuple[float, ...], ...]
    loss: float


WORKED: tuple[Worked, ...] = (
    Worked("layer", "000.6", "One layer of two sigmoid neurons", basic_ideas.MATRIX,
           "half_squared_error", digits("1 0")),
    Worked("drawn", "000.7", "Three layers of two sigmoid neurons", basic_ideas.DRAWN,
           "half_squared_error", digits("1 0")),
    Worked("drawn-zero", "000.7", "The same network at zero", basic_ideas.AT_ZERO,
           "half_squared_error", digits("1 0")),
    Worked("exercise", "002.4", "A ReLU network without biases", stor566.EXERCISE,
           "squared_error", digits("1")),
    Worked("hidden-layer", "003.5", "One hidden layer, one sigmoid output", deep_learning.ONE_OUT,
           "sigmoid_cross_entropy", digits("1")),
    Worked("classes", "003.8", "The same hidden layer, three classes", deep_learning.THREE_OUT,
           "softmax_cross_entropy", digits("0 1 0")),
    Worked("deep", "003.9", "Three ReLU layers and three classes", deep_learning.DEEP,
           "softmax_cross_entropy", digits("1 0 0")),
)  # fmt: skip


def by_textbook(worked: Worked) -> Pass:
    """Computes both passes from the textbook's definitions, and what SymPy derives from them.

    Example:
      >>> found = by_textbook(WORKED[0])
      >>> found.values[1], [round(slope, 4) for slope in found.slopes[1]]
      ((4.0, -2.0), [-0.0003, 0.0125])
    """
    values = forward(worked.example)
    last = worked.read_by_loss
    inputs = [values[last], [rational(text) for text in worked.target]]
    names = [argument.name for argument in ENTRIES[worked.loss].arguments]
    tensors = dict(zip(names, map(_row, inputs), strict=True))
    one = np.array([rational(1)], dtype=object)
    slopes = [_pulled(worked.loss, tensors, one, len(values[last]))]
    for place in reversed(range(last)):
        layer = worked.example.layers[place]
        if isinstance(layer, Dense):
            w = np.array([[rational(text) for text in row] for row in layer.w], dtype=object).T
            b = np.array([rational(text) for text in layer.b], dtype=object)
            tensors = {"x": _row(values[place]), "w": w, "b": b}
            slopes.append(_pulled("dense", tensors, _row(slopes[-1]), len(values[place])))
        else:
            pairs = zip(values[place], slopes[-1], strict=True)
            single = [[np.array(number, dtype=object) for number in pair] for pair in pairs]
            slopes.append([_pulled(layer, {"x": x}, dy, None)[0] for x, dy in single])
    entry = ENTRIES[worked.loss]
    given = {a.name: (a.name, (1, len(values[last]))) for a in entry.arguments}
    tensors = dict(zip(names, map(_row, inputs), strict=True))
    loss = evaluate(definition_of(entry, given, (0,)), Point({}, tensors, ties=True))[()]
    return Pass(_floats(values), _floats(reversed(slopes)), float(ball(loss)))


def by_library(worked: Worked) -> Pass:
    """Computes both passes by the layers of `functional_nn`, whose backward pass is by hand."""
    layers, params = zip(*map(layer_of, worked.example.layers), strict=True)
    x, y = (jnp.asarray([np.array(n, np.float32)]) for n in (worked.example.x, worked.target))
    last = worked.read_by_loss
    objective = fnn.objective(fnn.serial(*layers[:last]), fnn.RULES[worked.loss])
    own = params[:last]
    found = fnn.sensitivities(objective)(own, x, y)
    values = [x, *(layer.output for layer in found)]
    _, residuals = layers[0].fwd(params[0], x)
    _, dx = layers[0].bwd(residuals, found[0].cotangent)
    for layer, layer_params in zip(layers[last:], params[last:], strict=True):
        values.append(layer.apply(layer_params, values[-1]))
    return Pass(
        tuple(tuple(map(float, row[0])) for row in values),
        tuple(tuple(map(float, row[0])) for row in (dx, *(layer.cotangent for layer in found))),
        float(objective(own, x, y)),
    )


def apart(first: Pass, second: Pass) -> float:
    """Gives the largest difference between the numbers of two passes, beside 1 if they are large.

    Example:
      >>> apart(by_textbook(WORKED[1]), by_library(WORKED[1])) < 1e-6
      True
    """
    rows = [
        (np.array(one), np.array(other))
        for one, other in zip(
            (*first.values, *first.slopes, (first.loss,)),
            (*second.values, *second.slopes, (second.loss,)),
            strict=True,
        )
    ]
    return max(float(np.max(abs(a - b) / np.maximum(1, abs(a)))) for a, b in rows)


def _pulled(name: str, tensors: dict[str, Any], dy: Any, width: int | None) -> list[Any]:
    """Gives the cotangent of the first argument, from that of the output."""
    entry = ENTRIES[name]
    inputs = {a.name: (a.name, tensors[a.name].shape) for a in entry.arguments}
    own = () if width is None else (Index("i", width),)
    at = (0, *own) if own else ()
    pulled = pullback_of(entry, entry.arguments[0], inputs, "dy", at)
    values = evaluate(pulled, Point({}, tensors | {"dy": dy}, ties=True), own)
    return list(values.reshape(-1))


def _row(numbers: Any) -> Any:
    return np.array([list(numbers)], dtype=object)


def _floats(rows: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(ball(value)) for value in row) for row in rows)
