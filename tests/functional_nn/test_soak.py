"""A training that goes on and on holds what it held: memory, descriptors, threads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import functional_nn as fnn

SCRIPT = Path(__file__).with_name("soak_run.py")
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(Path(__file__).parents[2]),
    "JAX_PLATFORMS": "cpu",
    "JAX_ENABLE_X64": "0",
}


@pytest.mark.nightly
def test_memory_and_descriptors_stay_as_they_are(tmp_path):
    """For half an hour, or SOAK_SECONDS; the first third is for caches to fill."""
    seconds = float(os.environ.get("SOAK_SECONDS", "1800"))
    done = subprocess.run(
        [sys.executable, SCRIPT, str(seconds), tmp_path],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=2 * seconds + 600,
    )  # fmt: skip
    assert done.returncode == fnn.STOPPED, done.stderr[-2000:]
    rows = np.array([[int(word) for word in line.split()] for line in done.stdout.splitlines()])
    tenth, third = max(len(rows) // 10, 3), len(rows) // 3
    assert third >= tenth, "too slow a machine for so short a time"
    early, late = rows[third:-third], rows[-tenth:]
    memory = np.median(late[:, 0]) / np.median(early[:tenth, 0])
    print(f"{len(rows)} epochs: memory x {memory:.4f}, descriptors {early[:, 1].max()} then "
          f"{late[:, 1].max()}, threads {early[:, 2].max()} then {late[:, 2].max()}")  # fmt: skip
    assert memory <= 1.02
    assert (late[:, 1:].max(axis=0) <= early[:, 1:].max(axis=0) + 4).all()

    assert (tmp_path / "report/index.html").exists()
    records = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    epochs = [record for record in records if record["record"] == "epoch"]
    assert len(epochs) == len(rows)
    assert sum(record["record"] == "step" for record in records) == epochs[-1]["step"]
