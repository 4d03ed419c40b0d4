"""What a gradient keeps in memory, by the compiler's own figures: against the batch, and saved."""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax

import functional_nn as fnn
from derivations.lectures.claim import Finding, Measured, Status
from derivations.lectures.runs import of_equal_widths
from derivations.work import temporary_bytes

WIDTH, LAYERS = 64, 8
BATCHES = (512, 1024, 2048)
GROUND = "the memory analysis of the compiled gradient, on the CPU"


class Memory(NamedTuple):
    """How the memory of a gradient is claimed to grow: with which power of the batch."""

    power: int


def _temporary(gradient: Callable[..., Any], activation: str, batch: int) -> int:
    """Gives what a gradient of a deep network takes beside what goes in and comes out."""
    objective, params, x = of_equal_widths(WIDTH, LAYERS, activation=activation, batch=batch)
    with jax.default_device(jax.devices("cpu")[0]):
        return temporary_bytes(gradient(objective), params, x, x)


def memory_grows(memory: Memory) -> Finding:
    """Compiles jax.value_and_grad of a network of eight layers for three sizes of the batch."""
    taken = [_temporary(jax.value_and_grad, "softplus", batch) for batch in BATCHES]
    ratios = [b / a for a, b in itertools.pairwise(taken)]
    claimed = 2.0**memory.power
    told = Measured(
        f"temporary bytes for batches of {', '.join(map(str, BATCHES))}",
        ", ".join(map(str, taken)),
        f"times {claimed:g} with each doubling, to a tenth",
        all(abs(r / claimed - 1) < 0.1 for r in ratios),
    )  # fmt: skip
    return Finding(Status.MEASURED, GROUND, measured=(told,))


class Saving(NamedTuple):
    """The part of the memory of jax.grad that a hand-written rule is claimed to need at most."""

    activation: str
    part: float


def saved(saving: Saving) -> Finding:
    """Compiles both gradients of the same network, with the same activation."""
    ours, theirs = (
        _temporary(gradient, saving.activation, BATCHES[0])
        for gradient in (fnn.value_and_grad, jax.value_and_grad)
    )
    told = Measured(
        f"temporary bytes with {saving.activation}, hand-written and by jax.grad",
        f"{ours} and {theirs}, {ours / theirs:.2f} times",
        f"at most {saving.part:g} times",
        ours <= saving.part * theirs,
    )  # fmt: skip
    return Finding(Status.MEASURED, GROUND, measured=(told,))
