"""One process of a training in several: PROCESS COUNT PORT FOLDER EPOCHS [WAY] [PAUSE].

WAY is `arrays`, `batches` (checkpoints within an epoch too), `nan` (batches that hold it), `apart`
(parameters on no mesh), or `restore`: that reads each folder of checkpoints below FOLDER. Prints a
line an epoch, and what `test_processes.py` compares.
"""

import sys
import time
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import functional_nn as fnn
from functional_nn.flat import digest

jax.config.update("jax_numpy_dtype_promotion", "strict")
RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((64, 8)).astype(np.float32)
Y = RANDOM.integers(0, 4, 64).astype(np.int32)
WIDTH = 256
W = RANDOM.standard_normal((8, WIDTH)), RANDOM.standard_normal((WIDTH, 4)) / 16
SIZE = 16


def made():
    """A training that is fully sharded over all devices, and where it starts."""
    net = fnn.mlp([8, WIDTH, 4], activation=fnn.tanh)
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    first, last = (jnp.asarray(w, jnp.float32) for w in W)
    params = ({"b": jnp.zeros(WIDTH, jnp.float32), "w": first}, (),
              {"b": jnp.zeros(4, jnp.float32), "w": last})  # fmt: skip
    mesh = fnn.mesh(data=jax.device_count())
    layout = fnn.fully_sharded(mesh, params, min_size=32)
    gradients = fnn.sharded(fnn.value_and_grad(objective), layout)
    train = fnn.training(objective, optax.adam(0.05), gradients=gradients)
    return mesh, train, jax.device_put(params, layout)


def trained(folder, epochs, way="arrays", pause=0.0):
    mesh, train, params = made()

    def evaluate(params):
        print("epoch", flush=True)
        time.sleep(pause)
        return 0.0

    given = {"epochs": epochs, "checkpoint": folder, "evaluate": evaluate, "progress": False}
    if way == "apart":
        params = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), params)
    if way in ("batches", "nan"):
        x = X if way == "batches" else X * np.float32("nan")
        batches = fnn.Batches(x, Y, SIZE, mesh=mesh)
        return fnn.fit(train, params, batches, checkpoint_batches=1, **given).state
    return fnn.fit(train, params, X, Y, batch_size=SIZE, **given).state


def digests(state):
    return " ".join(digest(a) for a in fnn.flatten_params(state).values())


def restored(folder):
    mesh, train, params = made()
    state = fnn.on_mesh(mesh, train.init(params))
    for case in sorted(p for p in Path(folder).iterdir() if p.is_dir()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is damaged is named in the result
            with fnn.Checkpoints(case) as checkpoints:
                found = checkpoints.restore(state)
        assert found is not None
        print(case.name, found.step, sorted(found.damaged), digests(found.state), flush=True)


def main(process, count, port, folder, epochs, way="arrays", pause="0"):
    with fnn.distributed(f"127.0.0.1:{port}", int(count), int(process)):
        if way == "restore":
            restored(folder)
        else:
            state = trained(None if folder == "-" else folder, int(epochs), way, float(pause))
            print(digests(state), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
