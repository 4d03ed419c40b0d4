"""What hand-written passes save where automatic differentiation cannot: one table.

    python benchmarks/lean.py            # --out DIR for the folder of the page and its numbers

Deep stacks (`repeat`), per-example gradients, epochs in one loop, ensembles and microbatches, each
against the same thing in plain JAX, compiled in the same process. "memory" is the temporary memory
of the compiled program, which is exact and repeats; a time is CPU time or wall time, taken in
random order within each round and told as the ratio's median and quartiles. Wall time is what a
loop in Python costs; CPU time suffers less from what else a machine does. A bound that is not met
is marked.
"""

import argparse
import functools
import json
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import functional_nn as fnn

ROUNDS = 11
ON_CPU = jax.default_backend() == "cpu"
ACTIVATIONS = [r.name for r in fnn.activations.RULES if r.name not in ("identity", "softmax")]


class Line(NamedTuple):
    """One measured figure, and the bound that it is held to.

    Attributes:
      what: What was measured.
      figure: The ratio, or its median.
      low, high: Its quartiles, if it is a time.
      bound: At most this; `None` where nothing is claimed.
      clock: Which time it is, "CPU" or "wall".
    """

    what: str
    figure: float
    low: float | None = None
    high: float | None = None
    bound: float | None = None
    clock: str = ""

    @property
    def met(self) -> bool:
        return self.bound is None or self.figure <= self.bound


class Program(NamedTuple):
    """A compiled program with its arguments."""

    compiled: Any
    arguments: tuple[Any, ...]

    def __call__(self) -> None:
        jax.block_until_ready(self.compiled(*self.arguments))

    @property
    def memory(self) -> int:
        return self.compiled.memory_analysis().temp_size_in_bytes


def program(function: Callable[..., Any], *arguments: Any) -> Program:
    return Program(jax.jit(function).lower(*arguments).compile(), arguments)


def timed(
    what: str,
    one: Callable[[], None],
    base: Callable[[], None],
    bound: float | None,
    *,
    calls: tuple[int, int] = (1, 1),
    wall: bool = False,
) -> Line:
    """Gives the time of a call of one program over that of another.

    Args:
      what: What is measured.
      one: The program.
      base: The other.
      bound: What the ratio should stay below.
      calls: How often each is called in a round. A short one is called often: after a long one the
        caches are not its own.
      wall: Whether to take wall time where there is a choice.
    """
    wall = wall or not ON_CPU
    clock = time.perf_counter if wall else time.process_time
    ratios = []
    for measured in [False, *[True] * ROUNDS]:  # the first round warms up
        seconds = [0.0, 0.0]
        for which, run in random.sample([*enumerate((one, base))], 2):
            start = clock()
            for _ in range(calls[which]):
                run()
            seconds[which] = (clock() - start) / calls[which]
        if measured:
            ratios.append(seconds[0] / seconds[1])
    low, middle, high = quantiles(ratios, n=4)
    return Line(what, middle, low, high, bound, "wall" if wall else "CPU")


def classifier(net: Any, batch: int, inputs: int) -> tuple[Any, Any, Any, Any]:
    """Gives an objective, parameters and a batch."""
    x = jax.random.normal(jax.random.key(1), (batch, inputs), jnp.float32)
    y = jax.random.randint(jax.random.key(2), (batch,), 0, 10)
    return fnn.objective(net, fnn.softmax_cross_entropy), net.init(jax.random.key(0), x), x, y


# --- deep stacks --------------------------------------------------------------------------------

DEPTH, WIDTH, BATCH = 64, 256, 1024
SET = DEPTH * WIDTH * BATCH * 4  # bytes: one array a block


def deep(activation: str, *, first: bool) -> list[Line]:
    act = getattr(fnn, activation)
    layers = (act, fnn.dense(WIDTH)) if first else (fnn.dense(WIDTH), act)
    name = " then ".join(layer.name for layer in layers)

    def made(gradient: Any, remat: str | None = None) -> Program:
        stack = fnn.repeat(fnn.serial(*layers), DEPTH, remat=remat)
        objective, *arguments = classifier(fnn.serial(stack, fnn.dense(10)), BATCH, WIDTH)
        return program(gradient(objective), *arguments)

    ours, theirs = made(fnn.value_and_grad), made(jax.value_and_grad)
    lean = made(fnn.value_and_grad, "sqrt")
    bound = {"tanh": 0.85, "gelu": 0.65}.get(activation)
    return [
        Line(f"{name}: memory, in activation sets", ours.memory / SET, bound=1.1),
        Line(f"{name}: memory by jax.grad of the same loop, in sets", theirs.memory / SET),
        timed(f"{name}: time to jax.grad of the same loop", ours, theirs, bound),
        Line(f'{name}: memory with remat="sqrt", in sets', lean.memory / SET, bound=0.4),
        timed(f'{name}: time with remat="sqrt" to repeat', lean, ours, 1.2),
    ]


def narrow(depth: int = 256, width: int = 64, batch: int = 32) -> list[Line]:
    """A deep and narrow network, Adam: one loop against the layers one by one."""
    block = fnn.serial(fnn.dense(width), fnn.tanh)
    nets = {"backprop": fnn.repeat(block, depth), "autodiff": fnn.serial(*[block] * depth)}
    runs, seconds = {}, {}
    for gradients, net in nets.items():
        objective, params, x, y = classifier(fnn.serial(net, fnn.dense(10)), batch, width)
        train = fnn.training(objective, optax.adam(1e-3), gradients=gradients)
        state = train.init(params)
        start = time.process_time()
        compiled = train.step.lower(state, x, y).compile()
        seconds[gradients] = time.process_time() - start
        runs[gradients] = stepping(compiled, state, [(x, y)] * 5)
    name = f"{depth} layers of width {width}, Adam, to the unrolled jax.grad"
    return [
        timed(f"{name}: a step", runs["backprop"], runs["autodiff"], None),
        timed(f"{name}: a step", runs["backprop"], runs["autodiff"], 0.3, wall=True),
        Line(f"{name}: compiling", seconds["backprop"] / seconds["autodiff"], bound=0.35),
    ]


def stepping(step: Any, state: Any, batches: Any, *, fetch: bool = False) -> Callable[[], None]:
    """Takes a step for each batch, from where the last call ended."""
    held = [state]

    def run() -> None:
        for x, y in batches:
            held[0], loss = step(held[0], x, y)
            if fetch:
                float(loss)
        jax.block_until_ready(held[0])

    return run


# --- per-example work ---------------------------------------------------------------------------


def per_example() -> list[Line]:
    objective, *arguments = classifier(fnn.mlp([784, 512, 512, 10], fnn.relu), 128, 784)

    def of_one(params: Any, x: Any, y: Any) -> Any:
        return jax.grad(objective)(params, x[None], y[None])

    def all_of_them(params: Any, x: Any, y: Any) -> Any:
        grads = jax.vmap(of_one, in_axes=(None, 0, 0))(params, x, y)
        squares = [jnp.sum(g * g, axis=range(1, g.ndim)) for g in jax.tree.leaves(grads)]
        return grads, jnp.sqrt(sum(squares[1:], squares[0]))

    def cut(params: Any, x: Any, y: Any) -> Any:
        grads, norms = all_of_them(params, x, y)
        scale = 1 / jnp.maximum(norms, 1) / len(norms)
        return jax.tree.map(lambda g: jnp.tensordot(scale, g, 1), grads)

    plain = program(fnn.value_and_grad(objective), *arguments)
    ours = {
        "norms": program(fnn.per_example_gradient_norms(objective), *arguments),
        "clipped mean": program(fnn.clipped_value_and_grad(objective, 1.0), *arguments),
    }
    theirs = {
        "norms": program(lambda *a: all_of_them(*a)[1], *arguments),
        "clipped mean": program(cut, *arguments),
    }
    found = ours["clipped mean"].compiled(*arguments)[1]
    expected = theirs["clipped mean"].compiled(*arguments)
    pairs = list(zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True))
    error = max(float(jnp.abs(a - b).max()) for a, b in pairs) / max(
        float(jnp.abs(b).max()) for _, b in pairs
    )
    lines = [Line("clipped mean: largest error, relative to the largest entry", error, bound=1e-6)]
    for name, time_bound, vmap_bound in (("norms", 0.65, 1 / 60), ("clipped mean", 1.1, 1 / 120)):
        one = ours[name]
        lines += [
            timed(f"{name}: time to one plain gradient", one, plain, time_bound, calls=(20, 20)),
            timed(f"{name}: time to vmap(grad)", one, theirs[name], vmap_bound, calls=(20, 1)),
            Line(f"{name}: memory to one plain gradient's", one.memory / plain.memory, bound=1.1),
            Line(f"{name}: memory to vmap(grad)'s", one.memory / theirs[name].memory),
        ]
    return lines


# --- small networks -----------------------------------------------------------------------------


def epochs(steps: int = 50, batch: int = 32) -> list[Line]:
    net = fnn.mlp([256, 30, 10])
    objective, params, xs, ys = classifier(net, steps * batch, 256)
    train = fnn.training(objective, optax.sgd(0.1))
    order = np.random.default_rng(0).permutation(len(xs)).astype(np.int32)
    held = [train.init(params)]

    def scanned() -> None:
        held[0], losses = train.epoch(held[0], xs, ys, order, batch_size=batch)
        jax.block_until_ready(losses)

    by_jax = fnn.training(objective, optax.sgd(0.1), gradients="autodiff")
    rows = order.reshape(steps, batch)
    batches = [(np.asarray(xs)[own], np.asarray(ys)[own]) for own in rows]
    loop = stepping(by_jax.step, by_jax.init(params), batches)
    fetching = stepping(by_jax.step, by_jax.init(params), batches, fetch=True)
    name = f"256-30-10, an epoch of {steps} steps"
    often = {"calls": (10, 10), "wall": True}
    return [
        timed(f"{name}: time to a loop over NumPy batches", scanned, loop, 0.65, **often),
        timed(f"{name}: time to a loop that fetches each loss", scanned, fetching, 0.28, **often),
    ]


def ensembles(members: int = 64, batch: int = 32) -> list[Line]:
    net = fnn.mlp([256, 30, 10])
    many, loss = fnn.ensemble(net, members), fnn.ensemble_loss(fnn.softmax_cross_entropy)
    objective, params, x, y = classifier(net, batch, 256)
    alone = fnn.training(objective, optax.sgd(0.1))
    together = fnn.training(fnn.objective(many, loss), optax.sgd(0.1))
    start = many.init(jax.random.key(0), x)
    one = stepping(alone.step, alone.init(params), [(x, y)] * members * 10)
    all_ = stepping(together.step, together.init(start), [(x, y)] * 10)
    name = f"256-30-10, {members} members: time for each, to one alone"
    return [timed(name, all_, one, 0.55, wall=wall) for wall in (False, True)]


def parts(depth: int = 16) -> list[Line]:
    net = fnn.mlp([WIDTH] * depth + [10], fnn.tanh)
    objective, *arguments = classifier(net, BATCH, WIDTH)
    made = {
        m: program(fnn.value_and_grad(objective, microbatches=m), *arguments) for m in (1, 2, 4, 8)
    }
    name = f"{depth} layers of width {WIDTH}, batch {BATCH}"
    return [
        *(
            Line(f"{name}, {m} microbatches: memory to one", made[m].memory / made[1].memory)
            for m in (2, 4, 8)
        ),
        timed(f"{name}, 2 microbatches: time to one", made[2], made[1], None),
    ]


SECTIONS: dict[str, list[Callable[[], list[Line]]]] = {
    f"Deep: {DEPTH} blocks of width {WIDTH}, batch {BATCH}, loss and gradients": [
        *(functools.partial(deep, name, first=True) for name in ACTIVATIONS),
        functools.partial(deep, "tanh", first=False),
    ],
    "Deep and narrow": [narrow],
    "Per-example gradients: 784-512-512-10 relu, batch 128": [per_example],
    "Small networks": [epochs, ensembles],
    "Microbatches": [parts],
}


def shown(line: Line) -> tuple[str, str, str]:
    figure = f"{line.figure:.3g}"
    if line.clock:
        figure += f" ({line.low:.3g} to {line.high:.3g}) {line.clock}"
    bound = "" if line.bound is None else f"{line.bound:.3g}" + ("" if line.met else ", not met")
    return line.what, figure, bound


def main() -> None:
    """Measures, prints, and writes the page and its numbers."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, default=Path("build/benchmarks"), metavar="DIR")
    out = options.parse_args().out
    device = jax.devices()[0]
    head = (
        f"JAX {jax.__version__}, {device.platform} ({device.device_kind}), float32, "
        f"{datetime.now(UTC):%Y-%m-%d}. Ratios of times: median and quartiles of {ROUNDS} rounds."
    )
    page = ["# What hand-written passes save", "", head]
    numbers: dict[str, Any] = {"head": head}
    print(head)
    for title, sections in SECTIONS.items():
        lines = [line for section in sections for line in section()]
        page += ["", f"## {title}", "", "| what | figure | bound |", "|---|---|---|"]
        page += [f"| {' | '.join(shown(line))} |" for line in lines]
        numbers[title] = [line._asdict() | {"met": line.met} for line in lines]
        print(f"\n{title}")
        for what, figure, bound in map(shown, lines):
            print(f"  {what:71}  {figure:31}{bound}", flush=True)
    out.mkdir(parents=True, exist_ok=True)
    (out / "lean.md").write_text("\n".join([*page, ""]), encoding="utf-8")
    (out / "lean.json").write_text(json.dumps(numbers, indent=1), encoding="utf-8")
    print(f"\nPage: {out / 'lean.md'}")


if __name__ == "__main__":
    main()
