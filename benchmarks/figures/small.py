"""Small networks: epochs in one loop and ensembles; and batches in parts."""

import jax
import numpy as np
import optax
from figures.measure import Line, classifier, program, ratio, seconds, stepping, timed

import functional_nn as fnn


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
    runs = {
        "epoch": scanned,
        "loop": stepping(by_jax.step, by_jax.init(params), batches),
        "fetching": stepping(by_jax.step, by_jax.init(params), batches, fetch=True),
    }
    lines = []
    for wall in (True, False):
        taken = seconds(runs, calls=10, wall=wall)
        for other, bound in (("loop", 0.65), ("fetching", 0.28)):
            what = {"loop": "loop over NumPy batches", "fetching": "loop that fetches each loss"}
            name = f"256-30-10, an epoch of {steps} steps: time to a {what[other]}"
            lines.append(
                ratio(name, taken["epoch"], taken[other], bound if wall else None, wall=wall)
            )
    return lines  # fmt: skip


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


def parts(depth: int = 16, width: int = 256, batch: int = 1024) -> list[Line]:
    net = fnn.mlp([width] * depth + [10], fnn.tanh)
    objective, *arguments = classifier(net, batch, width)
    made = {
        m: program(fnn.value_and_grad(objective, microbatches=m), *arguments) for m in (1, 2, 4, 8)
    }
    name = f"{depth} layers of width {width}, batch {batch}"
    return [
        *(
            Line(f"{name}, {m} microbatches: memory to one", made[m].memory / made[1].memory)
            for m in (2, 4, 8)
        ),
        timed(f"{name}, 2 microbatches: time to one", made[2], made[1], None, rounds=7),
    ]
