"""Scale on paper: what a training step computes and sends, and what that takes on n devices.

    python benchmarks/scale.py [--flops 1e14] [--link 5e10] [--latency 5e-6]

The rates are a device's operations and the bytes that it sends, each a second, and the seconds of
one exchange between neighbours. Operations and bytes of a step are read from programs compiled for
1, 2, 4 and 8 simulated devices. The model knows the one-device program and the size of the
parameters only: both are held against what was read. Times are modelled and not measured, the
upper one without and the lower one with perfect overlap of computing and sending.
Exit status: 0 the model agrees with every program within 2 %; 1 not.
"""

import argparse
import itertools
import os
import sys
from typing import Any, NamedTuple

COUNTS = (1, 2, 4, 8)
WIDTHS, BATCH = [256, 512, 512, 512, 16], 512


class Step(NamedTuple):
    """What a device does in a step: operations, bytes sent, exchanges between neighbours."""

    flops: float
    sent: float
    hops: int


def measured(kind: str, devices: int) -> Step:
    """Compiles a step for some of the simulated devices, and reads it."""
    import jax
    import jax.numpy as jnp
    import optax

    import functional_nn as fnn
    from derivations.communication import collectives

    net = fnn.mlp(WIDTHS, activation=fnn.relu)
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    x = jax.ShapeDtypeStruct((BATCH, WIDTHS[0]), jnp.float32)
    y = jax.ShapeDtypeStruct((BATCH,), jnp.int32)
    params = jax.eval_shape(net.init, jax.random.key(0), x)
    mesh = fnn.mesh(data=devices, devices=jax.devices()[:devices])
    layout = (fnn.fully_sharded if kind == "fully sharded" else fnn.replicated)(mesh, params)
    gradients = fnn.sharded(fnn.value_and_grad(objective), layout)
    train = fnn.training(objective, optax.sgd(0.1), gradients=gradients)
    rows = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    whole = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
    state = jax.eval_shape(train.init, params)
    shardings = state._replace(params=layout, step=whole)
    program: Any = (
        jax.jit(train.step, in_shardings=(shardings, rows, rows)).lower(state, x, y).compile()
    )
    found = collectives(program.as_text())
    rounds = {"all-reduce": 2, "all-gather": 1, "reduce-scatter": 1}
    hops = sum(rounds[c.kind] * (c.devices - 1) * c.times for c in found)
    return Step(program.cost_analysis()["flops"], sum(c.wire_bytes for c in found), hops)


def predicted(kind: str, devices: int, alone: Step) -> tuple[float, float]:
    """The operations and bytes of a device, from the program of one and the parameters' size."""
    numbers = sum(i * o + o for i, o in itertools.pairwise(WIDTHS))
    update = 2 * numbers  # of gradient descent: one product and one difference a parameter
    split = devices if kind == "fully sharded" else 1
    # Both an all-reduce and the pair of all-gather and reduce-scatter send every byte twice.
    sent = 2 * 4 * numbers * (devices - 1) / devices
    return (alone.flops - update) / devices + update / split, sent


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--flops", type=float, default=1e14, help="operations a second")
    parser.add_argument("--link", type=float, default=5e10, help="bytes sent a second")
    parser.add_argument("--latency", type=float, default=5e-6, help="seconds an exchange")
    given = parser.parse_args()
    if min(given.flops, given.link) <= 0 or given.latency < 0:
        parser.error("rates must be positive, and the latency not negative.")
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={max(COUNTS)}"
    os.environ["JAX_PLATFORMS"] = "cpu"

    agreed = True
    print(f"relu network {'-'.join(map(str, WIDTHS))}, batch {BATCH} in all, float32, SGD")
    print(f"{given.flops:g} operations/s, {given.link:g} bytes/s, {given.latency:g} s an exchange")
    print(f"{'':16}{'devices':>8}{'Mflop':>9}{'/model':>8}{'MB sent':>9}{'/model':>8}{'us':>16}")
    for kind in ("data-parallel", "fully sharded"):
        alone = measured(kind, 1)
        for devices in COUNTS:
            step = measured(kind, devices)
            flops, sent = predicted(kind, devices, alone)
            ratios = step.flops / flops, step.sent / sent if sent else float(step.sent == 0)
            agreed = agreed and all(abs(ratio - 1) <= 0.02 for ratio in ratios)
            computing = step.flops / given.flops
            sending = step.sent / given.link + step.hops * given.latency
            print(
                f"{kind:16}{devices:8}{step.flops / 1e6:9.1f}{ratios[0]:8.3f}"
                f"{step.sent / 1e6:9.3f}{ratios[1]:8.3f}"
                f"{1e6 * max(computing, sending):8.1f} to {1e6 * (computing + sending):.1f}"
            )
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
