"""A training step by hand-coded backpropagation against the same step by jax.grad.

    python benchmarks/step.py

A ReLU network 784-512-512-10 with softmax cross-entropy on batches of 128, SGD, compiled with the
state donated. The compiler's own figures (flops, temporary memory) are exact; CPU time is taken for
both programs in one process, in random order within each round, and told as the ratio's median and
quartiles. Two copies of the same program show how far such a ratio can be trusted.
"""

import random
import time
from collections.abc import Callable
from statistics import quantiles
from typing import Any

import jax
import jax.numpy as jnp
import optax

import functional_nn as fnn

WIDTHS = [784, 512, 512, 10]
BATCH = 128
ROUNDS = 40
STEPS = 10  # in a round


def compiled_step(gradients: str) -> tuple[Any, Any, Any, Any]:
    """Compiles a step and gives it with its first arguments."""
    net = fnn.mlp(WIDTHS, activation=fnn.relu)
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    x = jax.random.normal(jax.random.key(1), (BATCH, WIDTHS[0]), jnp.float32)
    y = jax.random.randint(jax.random.key(2), (BATCH,), 0, WIDTHS[-1])
    train = fnn.training(objective, optax.sgd(0.1), gradients=gradients)
    state = train.init(net.init(jax.random.key(0), x))
    return jax.jit(train.step, donate_argnums=0).lower(state, x, y).compile(), state, x, y


def figures(program: Any) -> dict[str, float]:
    """Gives what the compiler says of a program."""
    memory = program.memory_analysis()
    return {
        "flops": program.cost_analysis()["flops"],
        "temporary bytes": memory.temp_size_in_bytes,
    }


def ratios(programs: dict[str, tuple[Any, Any, Any, Any]], base: str) -> dict[str, list[float]]:
    """Gives the CPU time of each program over that of `base`, for every round."""
    runs = {name: _runner(*arguments) for name, arguments in programs.items()}
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        order = random.sample(list(runs), len(runs))
        seconds = {name: runs[name]() for name in order}
        for name in runs:
            found[name].append(seconds[name] / seconds[base])
    return found


def _runner(program: Any, state: Any, x: Any, y: Any) -> Callable[[], float]:
    held = [state]

    def run() -> float:
        start = time.process_time()
        for _ in range(STEPS):
            held[0], _ = program(held[0], x, y)
        jax.block_until_ready(held[0])
        return time.process_time() - start

    run()
    return run


def main() -> None:
    """Prints the table."""
    programs = {
        "jax.grad": compiled_step("autodiff"),
        "jax.grad, a second copy": compiled_step("autodiff"),
        "backpropagation by hand": compiled_step("backprop"),
    }
    exact = {name: figures(program) for name, (program, *_) in programs.items()}
    base = exact["jax.grad"]
    timed = ratios(programs, "jax.grad")
    print(f"784-512-512-10 ReLU, batch {BATCH}, SGD, jax {jax.__version__}, to jax.grad = 1")
    print(f"{'':26}{'flops':>8}{'temporary memory':>20}{'CPU time (quartiles)':>26}")
    for name, own in exact.items():
        low, middle, high = quantiles(timed[name], n=4)
        print(
            f"{name:26}{own['flops'] / base['flops']:8.4f}"
            f"{own['temporary bytes'] / base['temporary bytes']:20.4f}"
            f"{middle:12.3f} ({low:.3f} to {high:.3f})"
        )


if __name__ == "__main__":
    main()
