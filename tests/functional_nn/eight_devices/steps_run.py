"""One of several processes, of one device each: PROCESS COUNT PORT.

Prints, for layouts, networks and both gradients, how far three steps are from those of one device.
"""

import sys

import jax

import functional_nn as fnn
from functional_nn.flat import on_host
from functional_nn.layouts import own_rows

WAYS = [("replicated", fnn.sharded), ("full", fnn.sharded), ("tensor", fnn.partitioned)]


def away(kind, wrapper, net, gradients):
    import cases  # beside this file: found where it is run, not where it is collected

    train, state, _ = cases.training(kind, wrapper, net, gradients)
    mesh = cases.mesh_of(kind)
    data = fnn.shard_batch(mesh, tuple(a[own_rows(mesh, len(a))] for a in cases.DATA[net]))
    loss = None
    for _ in range(3):
        state, loss = jax.block_until_ready(train.step(state, *data))
    expected, expected_loss = cases.alone(net, gradients)
    found = jax.tree.map(on_host, (cases.seen(state.params), loss))
    return cases.difference(found, (cases.seen(expected.params), expected_loss))


if __name__ == "__main__":
    process, count, port = sys.argv[1:]
    with fnn.distributed(f"127.0.0.1:{port}", int(count), int(process)):
        for kind, wrapper in WAYS:
            for net in ("mlp", "gpt2"):
                for gradients in ("backprop", "autodiff"):
                    print("away", away(kind, wrapper, net, gradients), flush=True)
