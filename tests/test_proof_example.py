"""The example that proves a whole transformer: its lines, its theorems, and a run of it."""

import runpy
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from rich.console import Console

import functional_nn as fnn
from derivations import check

PATH = Path(__file__).parents[1] / "examples/15_proof.py"
EXAMPLE = runpy.run_path(str(PATH))
GUIDES = " \xa0│├└─"


def printed(report):
    console = Console(width=100, no_color=True)
    with console.capture() as captured:
        console.print(EXAMPLE["tree"](report))
    return captured.get()


@pytest.mark.slow
def test_a_line_a_layer_and_each_theorem_once():
    net = fnn.serial(fnn.residual(fnn.serial(fnn.dense(2), fnn.tanh)), fnn.dense(3))
    x, y = jnp.ones((4, 2), jnp.float32), jnp.zeros(4, jnp.int32)
    params = jax.eval_shape(net.init, jax.random.key(0), x)
    report = check(fnn.objective(net, fnn.softmax_cross_entropy), params, x, y)
    lines = printed(report).splitlines()
    assert [line.lstrip(GUIDES).split("  ")[0] for line in lines] == [
        "objective", "1. residual", "1. serial", "1. dense", "2. tanh", "2. dense",
        "softmax_cross_entropy",
    ]  # fmt: skip
    assert sum("theorem PROVED" in line for line in lines) == 3
    assert sum("PROVED, " in line for line in lines) == 4
    assert len(EXAMPLE["theorems"](report)) == 3  # of two layers, of a sum, of a mean loss


@pytest.mark.slow
def test_what_is_not_proved_is_named():
    wrong = fnn.tanh._replace(bwd=lambda kept, dy: ((), 2 * fnn.tanh.bwd(kept, dy)[1]))
    net = fnn.serial(wrong, fnn.dense(3))
    x = jnp.ones((4, 2), jnp.float32)
    report = check(net, jax.eval_shape(net.init, jax.random.key(0), x), x)
    (told,) = [line for line in printed(report).splitlines() if "REFUTED" in line]
    assert "1. tanh  REFUTED, " in told
    assert "REFUTED: cotangent[x]" in told


@pytest.mark.parametrize(
    ("given", "message"),
    [(["--budget", "0"], "a whole number from 1 on"), (["--out", str(PATH)], "is a file")],
)
def test_wrong_usage(given, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["15_proof.py", *given])
    with pytest.raises(SystemExit) as left:
        EXAMPLE["main"]()
    assert left.value.code == 3
    assert message in capsys.readouterr().err


@pytest.mark.nightly
@pytest.mark.parametrize("arrangement", EXAMPLE["CONTEXT"])
def test_a_run(tmp_path, arrangement):
    given = ["--arrangement", arrangement, "--budget", "20", "--out", tmp_path / "proof"]
    done = subprocess.run(
        [sys.executable, "-W", "error", PATH, *given], capture_output=True, encoding="utf-8"
    )
    assert done.returncode in (0, 2), done.stdout + done.stderr  # what 20 seconds are enough for
    assert "2. multi_head_attention" in done.stdout
    assert "REFUTED" not in done.stdout
    assert (tmp_path / "proof/report.html").is_file()
