"""How a figure is taken: compiled programs, times in turns within one process, and its bound."""

import random
import time
from collections.abc import Callable, Mapping
from statistics import quantiles
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

import functional_nn as fnn

ON_CPU = jax.default_backend() == "cpu"
Run = Callable[[], object]


class Line(NamedTuple):
    """One measured figure, and the bound that it is held to.

    Attributes:
      what: What was measured.
      figure: The ratio, or its median.
      low, high: Its quartiles, if it is a time.
      bound: What it is held to; `None` where nothing is claimed.
      least: Whether the bound is a lower one.
      clock: Which time it is, "CPU" or "wall"; empty for the compiler's own figures.
    """

    what: str
    figure: float
    low: float | None = None
    high: float | None = None
    bound: float | None = None
    least: bool = False
    clock: str = ""

    @property
    def met(self) -> bool:
        if self.bound is None:
            return True
        return self.figure >= self.bound if self.least else self.figure <= self.bound


class Program(NamedTuple):
    """A compiled program with its arguments."""

    compiled: Any
    arguments: tuple[Any, ...]

    def __call__(self) -> None:
        jax.block_until_ready(self.compiled(*self.arguments))

    @property
    def memory(self) -> int:
        return self.compiled.memory_analysis().temp_size_in_bytes

    @property
    def flops(self) -> float:
        return self.compiled.cost_analysis()["flops"]


def program(function: Callable[..., Any], *arguments: Any) -> Program:
    return Program(jax.jit(function).lower(*arguments).compile(), arguments)


def seconds(
    runs: Mapping[str, Run],
    *,
    rounds: int = 11,
    calls: int | Mapping[str, int] = 1,
    wall: bool = False,
) -> dict[str, list[float]]:
    """Times programs in turns, in a new random order in each round.

    Args:
      runs: The programs by name.
      rounds: How often each has its turn; one turn before does not count.
      calls: How often each is called in a turn. A short one is called often: after a long one the
        caches are not its own.
      wall: Whether to take wall time where there is a choice.

    Returns:
      Of each program the seconds of one call, a number a round.
    """
    clock = time.process_time if ON_CPU and not wall else time.perf_counter
    found: dict[str, list[float]] = {name: [] for name in runs}
    for measured in [False, *[True] * rounds]:
        for name in random.sample(list(runs), len(runs)):
            many = calls if isinstance(calls, int) else calls[name]
            start = clock()
            for _ in range(many):
                runs[name]()
            if measured:
                found[name].append((clock() - start) / many)
    return found


def ratio(
    what: str,
    one: list[float],
    base: list[float],
    bound: float | None = None,
    *,
    least: bool = False,
    wall: bool = False,
) -> Line:
    """Gives the median and the quartiles of the ratios of two programs' times, round by round."""
    low, middle, high = quantiles([a / b for a, b in zip(one, base, strict=True)], n=4)
    clock = "CPU" if ON_CPU and not wall else "wall"
    return Line(what, middle, low, high, bound, least, clock)


def timed(
    what: str,
    one: Run,
    base: Run,
    bound: float | None,
    *,
    calls: tuple[int, int] = (1, 1),
    wall: bool = False,
    rounds: int = 11,
) -> Line:
    """Gives the time of a call of one program over that of another."""
    runs, often = {"one": one, "base": base}, {"one": calls[0], "base": calls[1]}
    found = seconds(runs, rounds=rounds, calls=often, wall=wall)
    return ratio(what, found["one"], found["base"], bound, wall=wall)


def classifier(net: Any, batch: int, inputs: int) -> tuple[Any, Any, Any, Any]:
    """Gives an objective, parameters and a batch."""
    x = jax.random.normal(jax.random.key(1), (batch, inputs), jnp.float32)
    y = jax.random.randint(jax.random.key(2), (batch,), 0, 10)
    return fnn.objective(net, fnn.softmax_cross_entropy), net.init(jax.random.key(0), x), x, y


def stepping(step: Any, state: Any, batches: Any, *, fetch: bool = False) -> Run:
    """Takes a step for each batch, from where the last call ended."""
    held = [state]

    def run() -> None:
        for x, y in batches:
            held[0], loss = step(held[0], x, y)
            if fetch:
                float(loss)
        jax.block_until_ready(held[0])

    return run
