"""How the cost of a gradient grows with width, depth and batch, over three octaves each."""

from typing import Any, NamedTuple

import jax
from figures.measure import Line, Program, classifier, program, ratio, seconds

import functional_nn as fnn

OCTAVES = (1, 2, 4, 8)
START = {"width": 64, "depth": 4, "batch": 256}  # of what grows; the rest stays as below
REST = {"width": 128, "depth": 8, "batch": 256}


class Curve(NamedTuple):
    """How a program's time and memory grow with one of the three."""

    axis: str
    name: str
    at: tuple[int, ...]
    seconds: tuple[float, ...]
    bytes: tuple[int, ...]


def _programs(axis: str, factor: int) -> dict[str, Program]:
    size = REST | {axis: START[axis] * factor}
    block = fnn.serial(fnn.tanh, fnn.dense(size["width"]))
    ends = fnn.dense(size["width"]), fnn.dense(10)
    one_by_one = fnn.serial(ends[0], *[block] * size["depth"], ends[1])
    looped = fnn.serial(ends[0], fnn.repeat(block, size["depth"]), ends[1])
    made = {}
    for name, net, gradient in (
        ("by hand", one_by_one, fnn.value_and_grad),
        ("by hand, repeat", looped, fnn.value_and_grad),
        ("jax.grad", one_by_one, jax.value_and_grad),
    ):
        objective, *arguments = classifier(net, size["batch"], 128)
        made[name] = program(gradient(objective), *arguments)
    return made


def growth() -> tuple[list[Line], list[Curve]]:
    lines, curves = [], []
    for axis in START:
        made: dict[Any, Program] = {}
        for factor in OCTAVES:
            made |= {f"{n}, {factor}": p for n, p in _programs(axis, factor).items()}
        often = {name: max(1, 32 // int(name.split(", ")[-1])) for name in made}
        taken = seconds(made, rounds=9, calls=often)
        for name in ("by hand", "by hand, repeat", "jax.grad"):
            keys = [f"{name}, {factor}" for factor in OCTAVES]
            at = tuple(START[axis] * factor for factor in OCTAVES)
            middle = tuple(sorted(taken[key])[len(taken[key]) // 2] for key in keys)
            memory = tuple(made[key].memory for key in keys)
            curves.append(Curve(axis, name, at, middle, memory))
            linear = 8 if axis != "width" else None
            bound = linear if name != "jax.grad" else None
            what = f"{axis} from {at[0]} to {at[-1]}, {name}"
            lines.append(ratio(f"{what}: time, times", taken[keys[-1]], taken[keys[0]], bound))
            grown = memory[-1] / memory[0]
            lines.append(Line(f"{what}: memory, times", grown, bound=bound))
    return lines, curves
