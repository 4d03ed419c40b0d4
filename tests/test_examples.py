"""The examples run as a user runs them, and say what is wrong with a user's data."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from digits import comparison, data, options

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "examples/01_digits.py"
DOUBLE = jnp.result_type(float) == jnp.float64
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}


def run(program: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *program], env=ENVIRONMENT, capture_output=True, encoding="utf-8"
    )


def number(pattern: str, text: str) -> list[float]:
    found = re.search(pattern, text)
    assert found, text
    return [float(group) for group in found.groups()]


def check_digits(out: Path, seed: int) -> None:
    done = run([DIGITS, "--out", out, "--seed", str(seed)])
    assert done.returncode == 0, done.stdout + done.stderr
    assert min(number(r"accuracy, held out +([\d.]+) +([\d.]+)", done.stdout)) >= 0.95
    (gradients,) = number(r"same parameters differ by (\S+)", done.stdout)
    assert gradients <= (1e-13 if DOUBLE else 1e-5)
    (parameters,) = number(r"trained parameters differ by (\d\S+\d)", done.stdout)
    assert parameters <= (1e-8 if DOUBLE else 1e-4)
    assert done.stdout.count("PROVED") == 9
    assert not re.search("REFUTED|UNDECIDED", done.stdout)

    assert [path.name for path in out.iterdir()] == ["report.html"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 3
    assert not re.search(r'(src|href)="(?!data:|#)', page), "the page needs nothing from elsewhere"


@pytest.mark.slow
def test_digits(tmp_path):
    check_digits(tmp_path / "report", seed=0)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(1, 6))
def test_digits_with_other_seeds(tmp_path, seed):
    check_digits(tmp_path / "report", seed)


@pytest.mark.nightly
def test_own_data(tmp_path):
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    images = (random.integers(0, 256, (60, 4, 5, 3)) // 2 + 40 * labels[:, None, None, None]) % 256
    np.savez(tmp_path / "own.npz", images=images.astype(np.uint8), labels=labels)
    out = tmp_path / "report"
    done = run([DIGITS, "--data", tmp_path / "own.npz", "--epochs", "2", "--out", out])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "60-30-3 network on 48 images" in done.stdout
    assert (out / "report.html").is_file()


def prepared(preparation: str, given: Sequence[str | Path]) -> list[str]:
    """The example with something done to its process first."""
    arguments = [str(DIGITS), *map(str, given)]
    return [
        "-c",
        f"import runpy, signal, sys\n{preparation}\nsys.argv = {arguments}\n"
        f"sys.path.insert(0, {str(DIGITS.parent)!r})\n"
        f"runpy.run_path({str(DIGITS)!r}, run_name='__main__')",
    ]


WRONG = """
import functional_nn as fnn
right = fnn.sigmoid.bwd
fnn.sigmoid = fnn.sigmoid._replace(bwd=lambda a, dy: ((), right(a, dy)[1] * 1.001))
"""


@pytest.mark.nightly
def test_planted_mistake_is_found(tmp_path):
    done = run(prepared(WRONG, ["--epochs", "1", "--out", tmp_path / "report"]))
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"2\. sigmoid +REFUTED", done.stdout)
    assert "more than 1e-" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", pytest.param("SIGTERM", marks=pytest.mark.nightly)])
def test_interrupted_demo_leaves_nothing(tmp_path, name):
    # A process that was started in the background ignores Ctrl-C, and so would its children.
    heard = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    given = ["--epochs", "1000000", "--out", tmp_path / "report"]
    with subprocess.Popen(
        [sys.executable, *prepared(heard, given)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        try:
            assert process.stdout
            assert "Training" in process.stdout.readline()
            process.send_signal(signal.Signals[name])
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130, errors
    assert errors == "Interrupted: no report was written.\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--epochs", "0"], "a whole number from 1 on. Got '0'"),
        (["--epochs", "1.5"], "a whole number from 1 on. Got '1.5'"),
        (["--seed", "-1"], "a whole number from 0 on. Got '-1'"),
        (["--sed", "1"], "unrecognized arguments: --sed"),
    ],
)
def test_wrong_usage(given, message, capsys):
    with pytest.raises(SystemExit) as left:
        options.parser(None).parse_args(given)
    assert left.value.code == 3
    assert message in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--data", "missing.npz"], "Got 'missing.npz', which is not one"),
        (["--out", str(DIGITS)], "is a file"),
    ],
)
def test_demo_refuses_before_it_trains(given, message):
    done = run([DIGITS, *given])
    assert done.returncode == 3
    assert message in done.stderr
    assert done.stdout == ""


IMAGES = np.ones((6, 2, 2))
LABELS = np.arange(6) % 2


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": IMAGES}, "must hold the arrays images and labels. Got images"),
        ({"images": np.array([{}] * 6), "labels": LABELS}, "must hold plain arrays of numbers"),
        ({"images": IMAGES.astype(str), "labels": LABELS}, "images must hold numbers. Got <U"),
        ({"images": np.ones(6), "labels": LABELS}, r"must have shape (n, ...)"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "Got (0, 2, 2)"),
        ({"images": IMAGES, "labels": LABELS[1:]}, "Got labels of shape (5,)"),
        ({"images": IMAGES, "labels": LABELS / 1}, "Got labels of shape (6,), float64"),
        ({"images": IMAGES[:4], "labels": LABELS[:4]}, "takes at least 5 images. Got 4"),
        ({"images": IMAGES * np.nan, "labels": LABELS}, "images must be finite. Got 6"),
        ({"images": IMAGES, "labels": LABELS + 1}, "must be 0 to K - 1 for K >= 2 classes"),
        ({"images": IMAGES, "labels": LABELS * 2}, "Got 0, 2. Renumber them"),
        ({"images": IMAGES, "labels": LABELS * 0}, "Got 0. Renumber them"),
    ],
)
def test_data_that_does_not_fit(tmp_path, arrays, message):
    path = tmp_path / "own.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=re.escape(message)):
        data.from_file(path, seed=0)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_file_that_is_no_archive_of_arrays(tmp_path, content):
    path = tmp_path / "own.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"Save (one|them) with numpy\.savez"):
        data.from_file(path, seed=0)


def test_file_that_was_cut_or_changed(tmp_path):
    path = tmp_path / "own.npz"
    np.savez(path, images=IMAGES, labels=LABELS)
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read"):
        data.from_file(path, seed=0)


def test_held_out_fifth_is_disjoint_and_fixed_by_the_seed(tmp_path):
    path = tmp_path / "own.npz"
    np.savez(path, images=np.arange(50.0).reshape(25, 2), labels=np.arange(25) % 2)
    first, again, other = (data.from_file(path, seed) for seed in (3, 3, 4))
    assert len(first.test_x) == 5
    rows = np.concatenate([first.x, first.test_x])
    np.testing.assert_allclose(np.sort(rows.ravel() * 49), np.arange(50.0), rtol=1e-6)
    np.testing.assert_array_equal(first.x, again.x)
    assert not np.array_equal(first.x, other.x)


def test_gradients_that_differ_are_not_close():
    right = {"w": np.array([1.0, 1e-3], np.float32)}
    assert comparison.close(right, right, 1e-5)
    assert not comparison.close({"w": np.array([1.0001, 1e-3], np.float32)}, right, 1e-5)
    assert comparison.difference({"w": np.array([1.5, 1e-3], np.float32)}, right) == 0.5


@pytest.mark.nightly
def test_resume():
    done = run([ROOT / "examples/13_resume.py"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("killed after") == 2
    assert done.stdout.endswith("the same as without a kill, bit for bit\n")
