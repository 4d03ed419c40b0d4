"""Checkpoints of several processes: saved together, gone on from bit for bit, whatever happens."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

import functional_nn as fnn

from . import processes_run as run

SCRIPT = Path(__file__).with_name("processes_run.py")
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(Path(__file__).parents[2]),
    "PYTHONUNBUFFERED": "1",
    "JAX_PLATFORMS": "cpu",
    "JAX_ENABLE_X64": "0",
    "XLA_FLAGS": "",
}
WAYS = pytest.mark.parametrize("way", ["arrays", "batches"])


def cache():
    """What this run keeps of compiled programs is kept for the processes too."""
    kept = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]
    if kept is None:
        return {}
    return {
        "JAX_COMPILATION_CACHE_DIR": str(kept),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def started(count, folder, *given):
    """Starts the processes of a run; FOLDER may be one for each."""
    port = free_port()
    folders = folder if isinstance(folder, list) else [folder] * count
    return [
        subprocess.Popen(
            [sys.executable, SCRIPT, str(i), str(count), port, folders[i], *map(str, given)],
            env=ENVIRONMENT | cache(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for i in range(count)
    ]  # fmt: skip


def ended(processes):
    """Waits for all of a run: their statuses, the lines of each, and the first one's errors."""
    try:
        said = [process.communicate(timeout=900) for process in processes]
    finally:
        for process in processes:
            process.kill()
    lines = [[line for line in out.splitlines() if "[Gloo]" not in line] for out, _ in said]
    return [process.returncode for process in processes], lines, said[0][1]


def finished(count, folder, *given):
    """Gives the last line of each process of a run that ends well."""
    statuses, lines, errors = ended(started(count, folder, *given))
    assert statuses == [0] * count, errors
    assert len({of[-1] for of in lines}) == 1, "all hold the same"
    return lines[0]


def interrupted(folder, way, victim, how, delay):
    """Sends a signal to one of two processes some time after the first epoch."""
    processes = started(2, folder, 200, way, 0.05)
    for process in processes:
        assert process.stdout
        while (line := process.stdout.readline()) != "epoch\n":
            assert line, ended(processes)
    time.sleep(delay)
    processes[victim].send_signal(how)
    since = time.monotonic()
    return (*ended(processes), time.monotonic() - since)


def newest(folder):
    return max((int(path.name) for path in folder.iterdir() if path.name.isdigit()), default=0)


@pytest.mark.slow
def test_sigterm_to_one_ends_both_at_the_same_step(tmp_path):
    """And one process alone goes on from there."""
    statuses, lines, errors, _ = interrupted(tmp_path, "arrays", 1, signal.SIGTERM, 0.0)
    assert statuses == [fnn.STOPPED, fnn.STOPPED] == [75, 75], errors
    assert lines[0] == lines[1], "as many epochs"
    stopped = newest(tmp_path)
    assert 1 <= stopped < 200
    found, whole = (run.trained(folder, stopped + 2) for folder in (tmp_path, None))
    for mine, expected in zip(*map(jax.tree.leaves, (found.params, whole.params)), strict=True):
        assert np.abs(mine - expected).max() <= 1e-3 * np.abs(expected).max()


@pytest.mark.nightly
@WAYS
def test_two_processes_go_on_bit_for_bit(tmp_path, way):
    whole = finished(2, "-", 4, way)[-1]
    assert finished(2, tmp_path, 2, way)[-1] != whole
    lines = finished(2, tmp_path, 4, way)
    assert lines == ["epoch", "epoch", whole], "two epochs are left"


@pytest.mark.nightly
@WAYS
@pytest.mark.parametrize("victim", [0, 1])
def test_sigterm_costs_nothing(tmp_path, way, victim):
    statuses, lines, errors, _ = interrupted(tmp_path, way, victim, signal.SIGTERM, 0.3)
    assert statuses == [fnn.STOPPED] * 2, errors
    assert lines[0] == lines[1]
    epochs = newest(tmp_path) // (1 if way == "arrays" else 5) + 2
    assert finished(2, tmp_path, epochs, way)[-1] == finished(2, "-", epochs, way)[-1]


@pytest.mark.nightly
@WAYS
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_process_ends_the_other_and_a_restart_of_both_goes_on(tmp_path, way, victim):
    choose = random.Random(victim)
    epochs = 0
    for _ in range(3):
        statuses, _, errors, seconds = interrupted(
            tmp_path, way, victim, signal.SIGKILL, choose.uniform(0, 1.0)
        )
        assert statuses[victim] == -signal.SIGKILL
        assert statuses[1 - victim] in (75, -signal.SIGABRT)
        assert seconds <= 20
        if victim == 1:
            assert "Restart all of them" in errors or "another task died" in errors
        epochs = newest(tmp_path) // (1 if way == "arrays" else 5) + 2
    lines = finished(2, tmp_path, epochs, way)
    assert lines.count("epoch") <= 3, "no more than what came after the newest checkpoint"
    assert lines[-1] == finished(2, "-", epochs, way)[-1]


@pytest.mark.nightly
@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (2, 4), (4, 2)])
def test_another_number_of_processes_restores_the_same(tmp_path, before, after):
    whole = finished(before, tmp_path / "run", 2)[-1]
    (restored,) = finished(after, tmp_path, 0, "restore")
    assert restored == f"run 2 [] {whole}"


@pytest.mark.nightly
def test_damage_that_one_of_them_meets_is_named_by_all(tmp_path):
    (tmp_path / "cases").mkdir()
    second = finished(2, tmp_path / "whole", 2)[-1]
    first = finished(2, tmp_path / "first", 1)[-1]
    parts = [*sorted((tmp_path / "whole/2").rglob("d/*")), tmp_path / "whole/2/seal/metadata"]
    assert any("ocdbt.process_1" in str(part) for part in parts)
    for number, part in enumerate(parts):
        for kind in ("truncated", "missing", "flipped"):
            case = tmp_path / f"cases/{number:02}.{kind}"
            shutil.copytree(tmp_path / "whole", case)
            path = case / part.relative_to(tmp_path / "whole")
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data[: len(data) // 2] if kind == "truncated" else data)
            if kind == "missing":
                path.unlink()
    cases = 3 * len(parts)
    _, lines, errors = ended(started(2, tmp_path / "cases", 0, "restore"))
    assert lines[0] == lines[1]
    assert len(lines[0]) == cases, errors
    found = {line.split(" ", 1)[1] for line in lines[0]}
    assert found <= {f"2 [] {second}", f"1 [2] {first}"}
    noticed = {line.split(".")[0] for line in lines[0] if " 1 [2] " in line}
    for whose in ("ocdbt.process_0", "ocdbt.process_1", "seal"):
        of = {f"{number:02}" for number, part in enumerate(parts) if whose in str(part)}
        assert of & noticed, f"nothing is read from {whose}"


@pytest.mark.nightly
def test_a_folder_that_they_do_not_share_is_refused(tmp_path):
    statuses, _, errors = ended(started(2, [tmp_path / "a", tmp_path / "b"], 1))
    assert statuses == [1, 1]
    assert "which process 1 does not share with process 0" in errors


@pytest.mark.nightly
@pytest.mark.parametrize("count", [2, 4])
def test_steps_of_several_processes_are_those_of_one_device(count):
    """In double precision: every layout, a perceptron and a transformer, both gradients."""
    script, port = SCRIPT.with_name("eight_devices") / "steps_run.py", free_port()
    wide = ENVIRONMENT | cache() | {"JAX_ENABLE_X64": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, script, str(i), str(count), port],
            env=wide, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for i in range(count)
    ]  # fmt: skip
    statuses, lines, errors = ended(processes)
    assert statuses == [0] * count, errors
    found = [float(line.split()[1]) for line in lines[0] if line.startswith("away ")]
    assert len(found) == 12
    assert max(found) <= 1e-12


@pytest.mark.nightly
def test_parameters_on_no_mesh_are_refused(tmp_path):
    statuses, _, errors = ended(started(2, tmp_path, 1, "apart"))
    assert statuses == [1, 1]
    assert "With several processes every array must lie on a mesh of all their devices" in errors


@pytest.mark.nightly
def test_where_a_value_is_not_finite_all_say_so(tmp_path):
    statuses, _, errors = ended(started(2, tmp_path, 1, "nan"))
    assert statuses == [1, 1]
    assert "Got nan in epoch 1, at its batch 1, step 1" in errors
    assert "the data of layer input" in errors
    with np.load(tmp_path / "nonfinite-0.npz", allow_pickle=False) as kept:
        assert kept["x"].shape == (16, 8), "the rows of both"
