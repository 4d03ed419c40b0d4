"""A training that is killed twice, in the middle, and ends as if it never was.

The script starts itself: a child trains with checkpoints, is killed, and goes on.

Exit status: 0 the parameters are those of a run that was not killed, bit for bit; 1 they are not.
"""

import os
import signal
import subprocess
import sys
import tempfile

import jax
import numpy as np
import optax

import functional_nn as fnn


def train(folder: str | None, say: bool = False) -> fnn.Fit:
    random = np.random.default_rng(0)
    x = random.standard_normal((200, 2)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int32)
    net = fnn.mlp([2, 16, 2], activation=fnn.tanh)
    training = fnn.training(fnn.objective(net, fnn.softmax_cross_entropy), optax.adam(0.01))

    def evaluate(params) -> float:
        if say:
            print("an epoch", flush=True)
        return float(np.mean(net.apply(params, jax.numpy.asarray(x)).argmax(axis=-1) == y))

    return fnn.fit(
        training,
        net.init(jax.random.key(0), jax.numpy.asarray(x)),
        x,
        y,
        epochs=20,
        batch_size=20,
        evaluate=evaluate,
        progress=False,
        checkpoint=folder,
    )


def kill_after(epochs: int, folder: str) -> None:
    """Starts the training in a process of its own, and kills it after some epochs of work."""
    command = [sys.executable, __file__, folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        for _ in range(epochs):
            child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
    with fnn.Checkpoints(folder) as checkpoints:
        print(f"killed after {epochs} epochs of work; checkpoints: {checkpoints.steps()}")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        for epochs in (5, 7):
            kill_after(epochs, folder)
        resumed = train(folder)
    whole = train(None)
    print(f"accuracy {resumed.history[-1].evaluation:.3f} after {len(resumed.history)} epochs")
    pairs = zip(*map(jax.tree.leaves, (resumed.state, whole.state)), strict=True)
    same = all(np.array_equal(a, b) for a, b in pairs)
    print("the same as without a kill, bit for bit" if same else "NOT the same")
    return 0 if same else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        train(sys.argv[1], say=True)
    else:
        sys.exit(main())
