"""One training step of four networks, here and in every other library that is installed."""

import importlib.util
import shutil
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from figures.measure import Line, ratio, seconds
from figures.workloads import WORKLOADS, Start, Workload, network, parameters, start
from peers.jax_libraries import equinox_step, linen_step, nnx_step
from peers.other_libraries import sklearn_steps, torch_step
from peers.plain_jax import compiled_step

import functional_nn as fnn

BASE = "raw JAX"
OURS = "by hand"
AT_ONCE = "scikit-learn"  # takes all steps of a turn in one call


class Figures(NamedTuple):
    """What the compiler says of a step, and its CPU time to that of raw JAX."""

    work: str
    optimizer: str
    name: str
    flops: float | None
    memory: int | None
    seconds: list[float]
    time: Line


def ours(begin: Start, activation: str = "", gradients: str = "backprop") -> tuple[Any, Any]:
    objective = fnn.objective(network(begin.work, activation), fnn.softmax_cross_entropy)
    train = fnn.training(objective, begin.transformation, gradients=gradients)
    state = train.init(parameters(begin))
    return train.step.lower(state, begin.x, begin.y).compile(), state


def looped(begin: Start, activation: str = "") -> tuple[Any, Any]:
    """The hidden layers as one `repeat`."""
    act = getattr(fnn, activation or begin.work.activation)
    width = begin.work.widths[1]
    stack = fnn.repeat(fnn.serial(fnn.dense(width), act), len(begin.weights) - 1)
    net = fnn.serial(stack, fnn.dense(begin.work.widths[-1]))
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    train = fnn.training(objective, begin.transformation)
    *hidden, (w, b) = begin.weights
    stacked = {
        "w": np.stack([own for own, _ in hidden]),
        "b": np.stack([own for _, own in hidden]),
    }
    state = train.init(((stacked, ()), {"w": w, "b": b}))
    return train.step.lower(state, begin.x, begin.y).compile(), state


def implementations(work: Workload, optimizer: str) -> dict[str, Callable[[Start], Any]]:
    """Gives what can be measured here, by name; each makes a step and its state."""
    made: dict[str, Callable[[Start], Any]] = {
        BASE: compiled_step,
        "raw JAX, a second copy": compiled_step,
        OURS: ours,
    }
    if work.activation in ("sigmoid", "tanh"):
        named = f"{work.activation}_from_output"
        made[f"{OURS}, {named}"] = partial(ours, activation=named)
    deep = len(set(work.widths[:-1])) == 1
    if deep:
        made |= {
            f"{OURS}, repeat": looped,
            "raw JAX, scan": partial(compiled_step, scan=True),
            "raw JAX, scan of jax.checkpoint": partial(compiled_step, scan=True, remat=True),
            "raw JAX, jax.checkpoint": partial(compiled_step, remat=True),
        }
    if deep and optimizer != "SGD":  # where a step takes long, the others are timed with one
        return made
    if importlib.util.find_spec("equinox"):
        made["Equinox"] = equinox_step
    if importlib.util.find_spec("flax"):
        made |= {"Flax linen": linen_step, "Flax nnx": nnx_step}
    if importlib.util.find_spec("torch"):
        made["PyTorch, eager"] = partial(torch_step, compiled=False)
        if shutil.which("g++") and not deep:
            made["PyTorch, compiled"] = partial(torch_step, compiled=True)
    if importlib.util.find_spec("sklearn") and not deep:
        made[AT_ONCE] = sklearn_steps
    return made


def running(step: Any, state: Any, begin: Start, times: int) -> Callable[[], Any]:
    held = [state]
    # The batch as a library is given one: an array in memory that has not to be copied in.
    x, y = jax.numpy.asarray(begin.x), jax.numpy.asarray(begin.y)

    def run() -> Any:
        loss = None
        for _ in range(times):
            held[0], loss = step(held[0], x, y)
        return jax.block_until_ready((held[0], loss))[1]

    return run


def of(work: Workload, optimizer: str) -> list[Figures]:
    """Measures all implementations of one step in turns, after their first losses agreed."""
    begin = start(work, optimizer)
    runs, exact, first = {}, {}, {}
    for name, make in implementations(work, optimizer).items():
        step, state = make(begin)
        # Read before the step is timed: only compiled JAX programs tell.
        told = hasattr(step, "cost_analysis")
        scan = "scan" in name or "repeat" in name  # the compiler counts the body of a loop once
        flops = step.cost_analysis()["flops"] if told and not scan else None
        exact[name] = flops, step.memory_analysis().temp_size_in_bytes if told else None
        state, loss = step(state, begin.x, begin.y)
        if name != AT_ONCE:
            first[name] = float(loss)
        runs[name] = running(step, state, begin, 1 if name == AT_ONCE else work.calls)
    wrong = {n: loss for n, loss in first.items() if abs(loss / first[BASE] - 1) > 1e-4}
    if wrong:
        raise AssertionError(f"Other losses than {first[BASE]} in the first step: {wrong}")
    taken = seconds(runs, rounds=9 if work.calls > 1 else 7)
    found = []
    for name in runs:
        time, (flops, memory) = ratio(name, taken[name], taken[BASE]), exact[name]
        found.append(Figures(str(work), optimizer, name, flops, memory, taken[name], time))
    return found


def bounds(found: list[Figures], taken_from: str) -> list[Line]:
    """Holds what was found of one network and optimiser to what is asked."""
    by = {f.name: f for f in found}
    base = by[BASE]
    lines = []
    for name, own in by.items():
        if not name.startswith(OURS) or "repeat" in name:
            continue
        what = f"{taken_from}: {name}"
        lines.append(own.time._replace(what=f"{what}, time to raw JAX", bound=1.05))
        if own.flops and base.flops and own.memory is not None and base.memory:
            lines += [
                Line(f"{what}, flops", own.flops / base.flops, bound=1.01),
                Line(f"{what}, memory", own.memory / base.memory, bound=1.0),
            ]
    return lines


# How many times slower than ours other libraries are asked to be, by network.
SLOWER = {
    "a": {"Equinox": 3.5, "Flax nnx": 9, "PyTorch, eager": 4, "scikit-learn": 3},
    "c": {"PyTorch, eager": 1.5},
}


def steps() -> tuple[list[Line], list[Figures]]:
    lines, everything = [], []
    for work in WORKLOADS:
        for optimizer in ("SGD", "Adam"):
            found = of(work, optimizer)
            everything += found
            lines += bounds(found, f"({work.name}), {optimizer}")
            if optimizer == "SGD":
                us = next(f for f in found if f.name == OURS)
                for other in found:
                    bound = SLOWER.get(work.name, {}).get(other.name)
                    if bound:
                        what = f"({work.name}), SGD: {other.name}, time to by hand"
                        lines.append(ratio(what, other.seconds, us.seconds, bound, least=True))
    return lines, everything
