"""The four networks that a step is measured on, and where it starts."""

from typing import Any, NamedTuple

import jax
import numpy as np
import optax

import functional_nn as fnn


class Workload(NamedTuple):
    """A classifier and a batch.

    Attributes:
      name: A letter.
      widths: The inputs, the hidden layers and the classes.
      activation: Its name, the same in every library.
      batch: The number of examples.
      calls: How many steps make a turn in the benchmark.
    """

    name: str
    widths: tuple[int, ...]
    activation: str
    batch: int
    calls: int

    def __str__(self) -> str:
        hidden = self.widths[1:-1]
        if len(hidden) > 2:
            layers = f"{len(hidden)} layers of width {hidden[0]}"
        else:
            layers = "-".join(map(str, self.widths))
        return f"({self.name}) {layers}, {self.activation}, batch {self.batch}"


WORKLOADS = (
    Workload("a", (256, 30, 10), "sigmoid", 32, 200),
    Workload("b", (784, 512, 512, 10), "relu", 128, 10),
    Workload("c", (*[1024] * 9, 10), "relu", 512, 1),
    Workload("d", (*[256] * 65, 10), "tanh", 1024, 1),
)


class Start(NamedTuple):
    """What every implementation starts from: the same weights, batch and optimiser."""

    work: Workload
    weights: list[tuple[np.ndarray, np.ndarray]]
    x: np.ndarray
    y: np.ndarray
    optimizer: str

    @property
    def transformation(self) -> optax.GradientTransformation:
        return optax.sgd(0.01) if self.optimizer == "SGD" else optax.adam(1e-3)


def start(work: Workload, optimizer: str) -> Start:
    random = np.random.default_rng(0)
    weights = []
    for inputs, outputs in zip(work.widths[:-1], work.widths[1:], strict=True):
        scale = (2 / (inputs + outputs)) ** 0.5
        w = (scale * random.standard_normal((inputs, outputs))).astype(np.float32)
        weights.append((w, np.zeros(outputs, np.float32)))
    x = random.standard_normal((work.batch, work.widths[0])).astype(np.float32)
    y = random.integers(0, work.widths[-1], work.batch).astype(np.int32)
    return Start(work, weights, x, y, optimizer)


def network(work: Workload, activation: str = "") -> fnn.Layer:
    return fnn.mlp(list(work.widths), getattr(fnn, activation or work.activation))


def parameters(begin: Start) -> Any:
    """Gives the weights as the parameters of `network`."""
    params: list[Any] = []
    for w, b in begin.weights:
        params += [{"w": jax.numpy.asarray(w), "b": jax.numpy.asarray(b)}, ()]
    return tuple(params[:-1])
