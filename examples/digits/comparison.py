"""Two trainings from the same parameters on the same batches, one by each gradient."""

from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

import functional_nn as fnn
from digits.data import Data


class Comparison(NamedTuple):
    """What the two trainings gave; the first of each pair is back-propagation's.

    Attributes:
      params: The trained parameters.
      losses: The mean loss of each epoch.
      accuracy: The share of held-out examples that are told right.
      gradients: The largest relative difference of the two gradients at the same parameters,
        looked at once an epoch.
      agree: Whether the gradients agreed each time: to `tolerance`, or to the rounding of one.
      parameters: The relative difference of the two networks after the last epoch.
    """

    params: tuple[Any, Any]
    losses: tuple[list[float], list[float]]
    accuracy: tuple[float, float]
    gradients: float
    agree: bool
    parameters: float


def side_by_side(
    objective: fnn.Objective,
    optimizer: optax.GradientTransformation,
    params: Any,
    data: Data,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
) -> Comparison:
    """Trains twice, once by back-propagation and once by `jax.grad`."""
    trainings = [
        fnn.training(objective, optimizer, gradients=gradients)
        for gradients in ("backprop", "autodiff")
    ]
    states = [training.init(params) for training in trainings]
    backprop, autodiff = map(
        jax.jit, (fnn.value_and_grad(objective), jax.value_and_grad(objective))
    )
    losses: tuple[list[float], list[float]] = ([], [])
    gradients, agree = 0.0, True
    shuffle = np.random.default_rng(seed)
    columns = ("epoch", MofNCompleteColumn(), BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns) as progress:
        task = progress.add_task("compiling", total=epochs)
        for _ in range(epochs):
            order = shuffle.permutation(len(data.x)).astype(np.int32)
            for i, training in enumerate(trainings):
                states[i], batch_losses = training.epoch(
                    states[i], data.x, data.y, order, batch_size=batch_size
                )
                losses[i].append(float(batch_losses.mean()))
            here = states[0].params, data.x, data.y
            # A GPU multiplies float32 matrices in fewer digits, unless told.
            with jax.default_matmul_precision("highest"):
                by_hand, automatic = backprop(*here)[1], autodiff(*here)[1]
            gradients = max(gradients, difference(by_hand, automatic))
            agree = agree and close(by_hand, automatic, tolerance(data.x.dtype))
            text = "losses {:.4f} {:.4f}, ".format(*(each[-1] for each in losses))
            progress.update(task, advance=1, description=text + f"gradients {gradients:.0e} apart")
    first, second = (state.params for state in states)
    return Comparison(
        (first, second),
        losses,
        (accuracy(objective.net, first, data), accuracy(objective.net, second, data)),
        gradients,
        agree,
        difference(first, second),
    )


def tolerance(dtype: Any) -> float:
    """How far apart, relatively, two right gradients may be."""
    return 1e-5 if dtype == np.float32 else 1e-13


def difference(found: Any, expected: Any) -> float:
    """The largest relative difference, in each array with its largest entry as the measure."""

    def relative(a: Any, b: Any) -> float:
        apart = float(np.abs(a - b).max())
        return apart and apart / max(float(np.abs(b).max()), np.finfo(b.dtype).tiny)

    return max(jax.tree.leaves(jax.tree.map(relative, found, expected)))


def close(found: Any, expected: Any, tolerance: float) -> bool:
    """Whether two gradients agree.

    A gradient sums differences of numbers near one. Once the network fits its data they cancel, and
    what is left of the gradient may be smaller than the rounding of those numbers.
    """

    def near(a: Any, b: Any) -> bool:
        allowed = tolerance * np.abs(b).max() + np.finfo(b.dtype).eps
        return bool(np.abs(a - b).max() <= allowed)

    return all(jax.tree.leaves(jax.tree.map(near, found, expected)))


def accuracy(net: fnn.Layer, params: Any, data: Data) -> float:
    """The share of the held-out examples whose largest output is the right one."""
    return float((net.apply(params, data.test_x).argmax(axis=-1) == data.test_y).mean())
