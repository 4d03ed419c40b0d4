"""Sharded training: on eight devices in a process of its own, and what is refused."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

import functional_nn as fnn

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "marked", ["not nightly", pytest.param("nightly", marks=pytest.mark.nightly)]
)
def test_on_eight_devices(marked):
    """All of `eight_devices/cases.py`, in one process: to start one takes seconds."""
    environment = os.environ | {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "JAX_PLATFORMS": "cpu",
        "JAX_ENABLE_X64": "1",
        "PYTHONPATH": str(ROOT),
    }
    program = [sys.executable, "-m", "pytest", "-q", "--tb=short", "--durations=5", "-m", marked]
    cases = HERE / "eight_devices/cases.py"
    done = subprocess.run(
        [*program, str(cases)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


ONE = jax.devices()[:1]


def test_mesh_of_another_number_of_devices_is_refused():
    with pytest.raises(ValueError, match=r"must be the number of devices, 1. Got 2 \* 3"):
        fnn.mesh(data=2, model=3, devices=ONE)
    with pytest.raises(ValueError, match="data must be a positive whole number"):
        fnn.mesh(data=0, devices=ONE)


@pytest.mark.parametrize("wrapper", [fnn.sharded, fnn.partitioned])
def test_layout_without_a_mesh_is_refused(wrapper):
    with pytest.raises(ValueError, match="a mesh axis 'data' for each parameter"):
        wrapper(lambda params, x, y: (x, params), {"w": None})


def test_sharded_refuses_a_layout_of_another_axis():
    mesh = fnn.mesh(data=1, devices=ONE)
    for spec in [PartitionSpec("model"), PartitionSpec("data", "model")]:
        with pytest.raises(ValueError, match=r"Use functional_nn.partitioned for this layout"):
            fnn.sharded(lambda params, x, y: (x, params), {"w": NamedSharding(mesh, spec)})


def test_small_arrays_stay_whole(dtype):
    mesh = fnn.mesh(data=1, devices=ONE)
    layout = fnn.fully_sharded(mesh, {"w": jnp.ones((8, 16), dtype), "b": jnp.ones(16, dtype)},
                               min_size=17)  # fmt: skip
    assert layout["w"].spec == PartitionSpec(None, "data")
    assert layout["b"].spec == PartitionSpec()


def test_shard_batch_copies():
    rows = np.ones((4, 16))
    put = fnn.shard_batch(fnn.mesh(data=1, devices=ONE), rows)
    rows[:] = 0
    assert np.asarray(put).min() == 1
