"""A long training with everything going on: SECONDS FOLDER. Then it is told to stop, by SIGTERM.

Batches of a memory-mapped file, metrics to JSON lines and TensorBoard, two checkpoints an epoch,
and beside it one report of `derivations` after the other. Prints after each epoch the resident
bytes, the open descriptors and the threads.

There are at most 90 epochs, for at every save orbax and tensorstore lose some 30 kB by themselves
(`soak_saves.py` measures it).
"""

import os
import signal
import subprocess
import sys
import threading
import time
from itertools import cycle
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import functional_nn as fnn

jax.config.update("jax_numpy_dtype_promotion", "strict")
ROWS, WIDTH, CLASSES, SIZE, EPOCHS = 12_800, 64, 10, 64, 90


def train(seconds, folder):
    random = np.random.default_rng(0)
    file = np.lib.format.open_memmap(folder / "x.npy", "w+", np.float32, (ROWS, WIDTH))
    file[:] = random.standard_normal(file.shape)
    file.flush()
    x = np.load(folder / "x.npy", mmap_mode="r")
    y = random.integers(0, CLASSES, ROWS).astype(np.int32)
    net = fnn.mlp([WIDTH, 128, CLASSES], activation=fnn.tanh)

    def right(z, y):
        return {"right": jnp.mean((jnp.argmax(z, -1) == y).astype(z.dtype))}

    training = fnn.training(
        fnn.objective(net, fnn.softmax_cross_entropy), optax.adam(1e-3), metrics=right
    )
    names, start, done = cycle(["relu", "tanh", "sigmoid"]), time.monotonic(), 0
    report = subprocess.Popen(["true"])

    def evaluate(params):
        nonlocal report, done
        done += 1
        if report.poll() is not None:
            assert report.returncode == 0
            command = [sys.executable, "-m", "derivations", "report", next(names), "--out"]
            out = str(folder / "report")
            report = subprocess.Popen(
                [*command, out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        print(resident, len(os.listdir("/proc/self/fd")), threading.active_count(), flush=True)
        if time.monotonic() > start + seconds:
            os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(max(0.0, start + done * seconds / EPOCHS - time.monotonic()))
        return 0.0

    with fnn.tensorboard(folder / "events") as events:
        lines = fnn.json_lines(folder / "log.jsonl")

        def log(record):
            lines(record)
            events(record)

        try:
            fnn.fit(
                training, net.init(jax.random.key(0), x[:1]), x, y, epochs=10**6, batch_size=SIZE,
                evaluate=evaluate, log=log, checkpoint=folder / "run", checkpoint_batches=150,
                progress=False,
            )  # fmt: skip
        finally:
            report.wait()


if __name__ == "__main__":
    train(float(sys.argv[1]), Path(sys.argv[2]))
