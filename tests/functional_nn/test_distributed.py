"""Several processes: the same parameters as one, and a clear end where one is missing or lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import functional_nn as fnn
from digits import data

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/11_processes.py"
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(ROOT),
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "",
    "PYTHONUNBUFFERED": "1",
}
EPOCHS, BATCH = 1, 64


def cache():
    """What this run keeps of compiled programs is kept for the processes too."""
    kept = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]
    return {
        "JAX_COMPILATION_CACHE_DIR": str(kept),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def alone():
    """The parameters that one process on one device gets, by the plain training."""
    digits = data.digits(seed=0)
    net = fnn.mlp([256, 32, 10], activation=fnn.tanh)
    train = fnn.training(
        fnn.objective(net, fnn.softmax_cross_entropy), optax.sgd(0.1, momentum=0.9)
    )
    params = net.init(jax.random.key(0), digits.x)
    batches = fnn.Batches(np.asarray(digits.x), np.asarray(digits.y), BATCH)
    state = fnn.fit(train, params, batches, epochs=EPOCHS, progress=False).state
    return jax.tree.leaves(state.params)


@pytest.mark.nightly
@pytest.mark.parametrize("count", [2, 4])
def test_processes_train_to_the_parameters_of_one(tmp_path, count):
    out = tmp_path / "params.npz"
    given = ["--processes", str(count), "--epochs", str(EPOCHS), "--out", str(out)]
    done = subprocess.run(
        [sys.executable, EXAMPLE, *given],
        env=ENVIRONMENT | cache(), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"{count} processes: " in done.stdout
    with np.load(out, allow_pickle=False) as found:
        arrays = [found[str(i)] for i in range(len(found.files))]
    tolerance = 1e-10 if jnp.result_type(float) == jnp.float64 else 1e-4
    for array, expected in zip(arrays, alone(), strict=True):
        assert np.abs(array - expected).max() <= tolerance * np.abs(expected).max()


def joining(**given):
    program = (
        "import functional_nn as fnn\n"
        f"with fnn.distributed(**{given!r}): raise SystemExit('never here')"
    )
    return subprocess.run(
        [sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True, timeout=60
    )


def test_missing_coordinator_ends_with_a_message():
    done = joining(coordinator="127.0.0.1:1", count=2, process=1, patience=1.0)
    assert done.returncode == 75, done.stderr
    assert "within 1 s. Got no answer (process 1 of 2, coordinator 127.0.0.1:1)" in done.stderr


@pytest.mark.nightly
def test_missing_process_ends_with_a_message():
    done = joining(coordinator="127.0.0.1:29476", count=2, process=0, patience=2.0)
    assert done.returncode == 75, done.stderr
    assert "Got no answer (process 0 of 2" in done.stderr


@pytest.mark.nightly
def test_no_cluster_is_refused():
    done = joining()
    assert done.returncode == 1
    assert "must run in a cluster that JAX knows" in done.stderr


@pytest.mark.nightly
def test_sigterm_to_the_launcher_saves_and_the_same_call_goes_on(tmp_path):
    given = ["--checkpoint", str(tmp_path / "run"), "--processes"]
    with subprocess.Popen(
        [sys.executable, EXAMPLE, *given, "2", "--epochs", "1000000"],
        env=ENVIRONMENT | cache(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as launcher:  # fmt: skip
        assert launcher.stdout
        assert any(line.startswith("epoch 1:") for line in launcher.stdout), launcher.stderr
        launcher.terminate()
        out, errors = launcher.communicate(timeout=60)
    assert launcher.returncode == 75, errors
    done = 1 + sum(line.startswith("epoch ") for line in out.splitlines())
    done_again = subprocess.run(
        [sys.executable, EXAMPLE, *given, "1", "--epochs", str(done + 1)],
        env=ENVIRONMENT | cache(), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done_again.returncode == 0, done_again.stderr
    epochs = [line for line in done_again.stdout.splitlines() if line.startswith("epoch ")]
    assert [line.split(":")[0] for line in epochs] == [f"epoch {done + 1}"], "it went on"


@pytest.mark.nightly
@pytest.mark.parametrize("victim", [0, 1])
def test_killed_process_ends_the_other_within_20_seconds(victim):
    with subprocess.Popen(
        [sys.executable, EXAMPLE, "--processes", "2", "--epochs", "1000000"],
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as launcher:  # fmt: skip
        assert launcher.stdout
        pids = [int(pid) for pid in launcher.stdout.readline().split()[1:]]
        assert any(line.startswith("epoch 1:") for line in launcher.stdout), launcher.stderr
        os.kill(pids[victim], signal.SIGKILL)
        killed = time.monotonic()
        _, errors = launcher.communicate(timeout=30)
    assert time.monotonic() - killed <= 20
    assert launcher.returncode
    assert "did not end" not in errors
    # Ours, or that of JAX's runtime, whichever notices first.
    assert "Restart all of them" in errors or "another task died" in errors
