"""One training in several processes, each with a part of every batch and of the parameters.

    python examples/11_processes.py --processes 2    # on one machine, over its loopback
    srun python examples/11_processes.py             # on a cluster that JAX knows: one a task

The parameters are those of a single process, to rounding. Where a process is lost, all end; with
--checkpoint the same call goes on, also with another number of processes, and SIGTERM saves first.
Exit status: 0 trained; 3 wrong usage; 75 saved, start it again; else that of the first that failed.
"""

import argparse
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import optax
from jax.experimental import multihost_utils

import functional_nn as fnn
from digits import data
from digits.options import Parser, whole_number

BATCH, WIDTH, RATE = 64, 32, 0.1


def main() -> int:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=whole_number(1), help="start so many on this machine")
    parser.add_argument("--process", type=whole_number(0), help="the number of this one")
    parser.add_argument("--coordinator", help="host:port of process 0")
    parser.add_argument("--epochs", type=whole_number(1), default=5)
    parser.add_argument("--checkpoint", type=Path, help="a folder that all processes share")
    parser.add_argument("--out", type=Path, help="where to save the parameters, as .npz")
    given = parser.parse_args()
    if BATCH % (given.processes or 1):
        parser.error(f"--processes must divide the batch of {BATCH}. Got {given.processes}.")
    if given.processes and given.process is None:
        return start(given.processes, sys.argv[1:], saving=given.checkpoint is not None)
    with fnn.distributed(given.coordinator, given.processes, given.process):
        train(given.epochs, given.checkpoint, given.out)
    return 0


def train(epochs: int, checkpoint: Path | None, out: Path | None) -> None:
    digits = jax.device_get(data.digits(seed=0))
    mesh = fnn.mesh(data=jax.device_count())
    net = fnn.mlp([digits.x.shape[1], WIDTH, digits.classes], activation=fnn.tanh)
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    params = net.init(jax.random.key(0), digits.x)
    layout = fnn.fully_sharded(mesh, params)
    gradients = fnn.sharded(fnn.value_and_grad(objective), layout)
    training = fnn.training(objective, optax.sgd(RATE, momentum=0.9), gradients=gradients)

    def log(record):
        if record["record"] == "epoch":
            print(f"epoch {record['epoch']}: loss {record['loss']:.4f}", flush=True)

    batches = fnn.Batches(digits.x, digits.y, BATCH, mesh=mesh)  # this process's rows alone
    told = {"epochs": epochs, "checkpoint": checkpoint, "log": log, "progress": False}
    state = fnn.fit(training, jax.device_put(params, layout), batches, **told).state
    params = multihost_utils.process_allgather(state.params, tiled=True)
    if jax.process_index() == 0:
        right = np.mean(net.apply(params, digits.test_x).argmax(axis=-1) == digits.test_y)
        print(f"{jax.process_count()} processes: {right:.1%} of the held-out digits right")
        if out is not None:
            np.savez(out, **{str(i): leaf for i, leaf in enumerate(jax.tree.leaves(params))})


def start(count: int, arguments: list[str], saving: bool) -> int:
    """Starts the processes, and ends them all once one has failed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    shared, ended = [sys.executable, __file__, *arguments, "--coordinator", address], []
    running = [subprocess.Popen([*shared, "--process", str(i)]) for i in range(count)]
    print("Started", *(process.pid for process in running), flush=True)
    if saving:  # one of them is told, and tells the others
        signal.signal(signal.SIGTERM, lambda *_: running[0].terminate())
    try:
        while None in (ended := [process.poll() for process in running]):
            time.sleep(0.05)
            deadline = time.monotonic() + 20  # they notice by themselves, and say so
            for process in running if any(ended) else ():
                process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        print("A process that was left did not end; it is stopped.", file=sys.stderr)
    finally:
        for process in running:
            process.kill()
    return next((abs(status) for status in ended if status), 0)


if __name__ == "__main__":
    sys.exit(main())
