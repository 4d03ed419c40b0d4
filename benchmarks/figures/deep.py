"""Deep stacks as one loop: memory, time and compiling."""

import time

import jax
import optax
from figures.measure import Line, Program, Run, classifier, program, stepping, timed

import functional_nn as fnn

DEPTH, WIDTH, BATCH = 64, 256, 1024
SET = DEPTH * WIDTH * BATCH * 4  # bytes: one array a block
ACTIVATIONS = [
    *("tanh", "tanh_from_output", "gelu", "silu", "relu", "sigmoid", "softplus", "elu", "mish"),
    *("leaky_relu", "gelu_tanh", "soft_sign", "hard_silu"),
]


def deep(activation: str, *, first: bool) -> list[Line]:
    act = getattr(fnn, activation)
    layers = (act, fnn.dense(WIDTH)) if first else (fnn.dense(WIDTH), act)
    name = " then ".join(layer.name for layer in layers)

    def made(gradient: object, remat: str | None = None) -> Program:
        stack = fnn.repeat(fnn.serial(*layers), DEPTH, remat=remat)
        objective, *arguments = classifier(fnn.serial(stack, fnn.dense(10)), BATCH, WIDTH)
        return program(gradient(objective), *arguments)  # pyright: ignore[reportCallIssue]

    ours, theirs = made(fnn.value_and_grad), made(jax.value_and_grad)
    lean = made(fnn.value_and_grad, "sqrt")
    bound = {"tanh": 0.85, "tanh_from_output": 0.85, "gelu": 0.65}.get(activation)
    return [
        Line(f"{name}: memory, in activation sets", ours.memory / SET, bound=1.1),
        Line(f"{name}: memory by jax.grad of the same loop, in sets", theirs.memory / SET),
        Line(f'{name}: memory with remat="sqrt", in sets', lean.memory / SET, bound=0.4),
        timed(f"{name}: time to jax.grad of the same loop", ours, theirs, bound, rounds=7),
        timed(f'{name}: time with remat="sqrt" to repeat', lean, ours, 1.2, rounds=7),
    ]


def unrolled() -> list[Line]:
    """Layer by layer, without a loop: memory in sets."""
    lines = []
    for name in ("sigmoid_from_output", "tanh_from_output", "sigmoid", "tanh", "relu", "softplus",
                 "elu", "leaky_relu", "silu", "gelu"):  # fmt: skip
        net = fnn.mlp([WIDTH] * (DEPTH + 1) + [10], getattr(fnn, name))
        objective, *arguments = classifier(net, BATCH, WIDTH)
        ours, theirs = (
            program(gradient(objective), *arguments).memory / SET
            for gradient in (fnn.value_and_grad, jax.value_and_grad)
        )
        bound = 1.05 if name not in ("silu", "gelu") else None
        lines.append(Line(f"{name}: memory, in activation sets", ours, bound=bound))
        lines.append(Line(f"{name}: memory by jax.grad, in sets", theirs))
    return lines


def narrow(depth: int = 256, width: int = 64, batch: int = 32) -> list[Line]:
    """A deep and narrow network, Adam: one loop against the layers one by one."""

    def made(activation: fnn.Layer, gradients: str) -> tuple[Run, float]:
        block = fnn.serial(activation, fnn.dense(width))
        stack = fnn.serial(*[block] * depth)
        if gradients == "backprop":
            stack = fnn.repeat(block, depth)
        objective, params, x, y = classifier(fnn.serial(stack, fnn.dense(10)), batch, width)
        train = fnn.training(objective, optax.adam(1e-3), gradients=gradients)
        state = train.init(params)
        start = time.process_time()
        compiled = train.step.lower(state, x, y).compile()
        return stepping(compiled, state, [(x, y)] * 5), time.process_time() - start

    base, base_seconds = made(fnn.tanh, "autodiff")
    lines = []
    for activation in (fnn.tanh, fnn.tanh_from_output):
        run, taken = made(activation, "backprop")
        name = f"{depth} blocks of {activation.name} and dense, width {width}, Adam"
        name += ", to the unrolled jax.grad"
        lines += [
            timed(f"{name}: a step", run, base, None),
            timed(f"{name}: a step", run, base, 0.3, wall=True),
            Line(f"{name}: lowering and compiling", taken / base_seconds, bound=0.35),
        ]
    return lines
