"""A small training with checkpoints, to be killed and started again: FOLDER WAY.

WAY is `arrays`, or `batches` with a checkpoint after each. Prints a line an epoch, and the digests
of its parameters when it is done.
"""

import sys
import time

import jax.numpy as jnp
import numpy as np
import optax

import functional_nn as fnn
from functional_nn.flat import digest


def train(folder, epochs=12, pause=0.0, seed=0, way="arrays"):
    random = np.random.default_rng(0)
    x = random.standard_normal((40, 3)).astype(np.float32)
    y = random.integers(0, 3, 40).astype(np.int32)
    net = fnn.mlp([3, 8, 3], activation=fnn.tanh)
    start = [
        {"w": random.standard_normal((3, 8)), "b": np.zeros(8)},
        (),
        {"w": random.standard_normal((8, 3)), "b": np.zeros(3)},
    ]
    params = tuple(
        {k: jnp.asarray(v, jnp.float32) for k, v in dict(p).items()} or () for p in start
    )
    training = fnn.training(fnn.objective(net, fnn.softmax_cross_entropy), optax.adam(0.05))

    def evaluate(params):
        if pause:
            print("epoch", flush=True)
        time.sleep(pause)
        return 0.0

    given = {"epochs": epochs, "evaluate": evaluate, "progress": False, "checkpoint": folder}
    if way == "batches":
        return fnn.fit(training, params, fnn.Batches(x, y, 8), checkpoint_batches=1, **given)
    return fnn.fit(training, params, x, y, batch_size=8, seed=seed, **given)


def digests(fitted):
    return " ".join(digest(a) for a in fnn.flatten_params(fitted.state).values())


if __name__ == "__main__":
    print(digests(train(sys.argv[1], pause=0.02, way=sys.argv[2])), flush=True)
