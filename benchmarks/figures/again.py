"""What it costs to make outputs again in the backward pass, and what the machine's matmul gives."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from figures.measure import Line, Run, classifier, program, ratio, seconds, stepping

import functional_nn as fnn

NAMES = ("sigmoid", "tanh", "softplus", "elu", "silu", "gelu", "gelu_tanh", "mish")


def again(depth: int = 8, width: int = 256, batch: int = 1024) -> list[Line]:
    """A step with the output made again, to one that keeps it beside the input."""
    lines = []
    for name in NAMES:
        rule = fnn.RULES[name]
        runs: dict[str, Run] = {}
        memory = {}
        for kind, own, gradients in (
            ("again", rule, "backprop"),
            ("kept", rule._replace(again=None), "backprop"),
            ("autodiff", rule, "autodiff"),
        ):
            net = fnn.mlp([width] * (depth + 1) + [10], fnn.elementwise(own))
            objective, params, x, y = classifier(net, batch, width)
            train = fnn.training(objective, optax.sgd(0.01), gradients=gradients)
            state = train.init(params)
            compiled: Any = train.step.lower(state, x, y).compile()
            memory[kind] = compiled.memory_analysis().temp_size_in_bytes
            runs[kind] = stepping(compiled, state, [(x, y)] * 3)
        taken = seconds(runs, rounds=7)
        what = f"{name}: made again, to both arrays kept"
        lines += [
            ratio(f"{what}: time of a step", taken["again"], taken["kept"]),
            Line(f"{what}: memory", memory["again"] / memory["kept"]),
            ratio(f"{name}: made again, to jax.grad: time of a step", taken["again"],
                  taken["autodiff"]),
            Line(f"{name}: made again, to jax.grad: memory", memory["again"] / memory["autodiff"]),
        ]  # fmt: skip
    return lines


def peak(depth: int = 8, width: int = 1024, batch: int = 512, size: int = 2048) -> list[Line]:
    """The share of the machine's own matrix product that a step of (c) reaches."""
    square = jax.random.normal(jax.random.key(0), (size, size), jnp.float32)
    product = program(jnp.matmul, square, square)
    net = fnn.mlp([width] * (depth + 1) + [10], fnn.relu)
    objective, params, x, y = classifier(net, batch, width)
    train = fnn.training(objective, optax.sgd(0.01))
    state = train.init(params)
    compiled: Any = train.step.lower(state, x, y).compile()
    costs = compiled.cost_analysis()["flops"]
    taken = seconds({"product": product, "step": stepping(compiled, state, [(x, y)])}, rounds=9)
    share = [b * costs / (2 * size**3) for b in taken["product"]]
    return [ratio("(c), SGD: share of the peak", share, taken["step"], 0.75, least=True)]
