"""A training that is killed, stopped or ended early goes on bit for bit."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import functional_nn as fnn

from . import resumed_run as run

SCRIPT = Path(__file__).with_name("resumed_run.py")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="module")
def whole():
    return run.train(None)


def start(folder: Path, way: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, SCRIPT, folder, way], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    )


def finished(folder: Path, way: str = "arrays") -> list[str]:
    process = start(folder, way)
    out, _ = process.communicate()
    assert process.returncode == 0
    return out.splitlines()


def killed(folder: Path, delay: float, how: int, way: str = "arrays") -> int:
    """Kills a run some time after its first epoch, and gives its status; 0 if it was done."""
    with start(folder, way) as process:
        assert process.stdout
        if process.stdout.readline() == "epoch\n":
            time.sleep(delay)
            process.send_signal(how)
        process.stdout.read()
        return process.wait()


def test_with_checkpoints_the_same_is_trained(tmp_path, whole):
    assert run.digests(run.train(tmp_path)) == run.digests(whole)


def test_more_epochs_go_on(tmp_path, whole):
    run.train(tmp_path, epochs=4)
    fitted = run.train(tmp_path)
    assert run.digests(fitted) == run.digests(whole)
    assert [r.loss for r in fitted.history] == [r.loss for r in whole.history]
    again = run.train(tmp_path)
    assert run.digests(again) == run.digests(whole)
    assert again.history == fitted.history, "nothing is trained twice"


def test_a_damaged_newest_costs_what_came_after_the_one_before(tmp_path, whole):
    run.train(tmp_path, epochs=6)
    (tmp_path / "6" / "seal" / "metadata").write_text("{}")
    with pytest.warns(UserWarning, match="6 removed"):
        fitted = run.train(tmp_path)
    assert run.digests(fitted) == run.digests(whole)


def test_the_folder_of_another_run_is_refused(tmp_path):
    run.train(tmp_path, epochs=1)
    with pytest.raises(ValueError, match="'seed': 0.*'seed': 1.*name another folder"):
        run.train(tmp_path, epochs=2, seed=1)


@pytest.mark.slow
def test_killed_runs_end_bit_for_bit(tmp_path, whole):
    assert killed(tmp_path, 0.5, signal.SIGKILL) == -signal.SIGKILL
    assert finished(tmp_path)[-1] == run.digests(whole)


@pytest.mark.nightly
def test_sigterm_saves_and_leaves_with_its_status(tmp_path, whole):
    assert killed(tmp_path, 0.1, signal.SIGTERM) == fnn.STOPPED == 75
    with fnn.Checkpoints(tmp_path) as checkpoints:
        reached = checkpoints.steps()[-1]
    assert 1 <= reached < 12
    assert run.digests(run.train(tmp_path)) == run.digests(whole)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.nightly
@pytest.mark.parametrize("way", ["arrays", "batches"])
def test_fifty_kills_at_random_moments(tmp_path, way):
    choose, kills, history = random.Random(0), 0, 0
    whole, numbers = run.digests(run.train(None, way=way)), {"arrays": 1, "batches": 6}[way]
    while kills < 50:
        folder, history = tmp_path / str(history), history + 1
        for _ in range(2):
            status = killed(folder, choose.uniform(0, 0.6), signal.SIGKILL, way)
            assert status in (0, -signal.SIGKILL)
            kills += status != 0
        steps = [int(path.name) for path in folder.iterdir() if path.name.isdigit()]
        lines = finished(folder, way)
        assert lines[-1] == whole
        left = 12 - max(steps, default=0) // numbers
        assert lines.count("epoch") == left, "what came after the checkpoint, and no more"
