"""The examples with pictures run as a user runs them, and what they claim comes true."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
EXAMPLES = {
    "02_xor": ["add up to  0 >= 1: no such unit", "built: [0, 1, 1, 0]", "ation: [0, 1, 1, 0]"],
    "03_regions": ["hole with an island: 13 + 3 + 3 + 2 + 1 units, 0 of 961 points"],
    "04_circle": ["polar coordinates: ADALINE tells 100.0% right, the perceptron separates them"],
    "05_landscape": ["a saddle, eigenvalues [-1, 1]", "changes nothing, for any activation"],
    "06_worked": ["a of layer 4  library   (0.866, 0.015, 0.117)", "every printed digit: yes"],
    "07_templates": ["Most like their own class: 10 of 10"],
    "08_clipping": [
        "300 of 1438 labels are wrong",
        "of the 300 largest gradients are wrong labels",
    ],
    "09_saliency": ["By hand and by jax.grad the maps differ by"],
    "10_kfac": ["right (step size"],
    "12_convnet": ["conv2d relu max_pool conv2d relu max_pool flatten dense: 6090 parameters"],
    "14_gpt": ["pydoc_data/topics.py: ", "120576 parameters, gradient: hand", "bits a byte"],
}
LONG = {"08_clipping", "09_saliency", "10_kfac", "12_convnet", "14_gpt"}
PICTURES = {"06_worked": 7}


def run(name, *given):
    return subprocess.run(
        [sys.executable, "-W", "error", ROOT / f"examples/{name}.py", *given],
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.nightly] if n in LONG else []) for n in EXAMPLES]
)
def test_example(tmp_path, name):
    out = tmp_path / "pictures"
    done = run(name, "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    for text in EXAMPLES[name]:
        assert re.search(re.escape(text), done.stdout), done.stdout
    pictures = list(out.iterdir())
    assert len(pictures) == PICTURES.get(name, 1)
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)


ALTERED = """
import runpy, sys
from derivations.lectures import worked
last = worked.WORKED[-1]
printed = ((8, ("0.866", "0.015", "0.118")),)
wrong = last._replace(example=last.example._replace(printed=printed))
worked.WORKED = (wrong,)
sys.argv[:] = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.slow
def test_a_printed_digit_that_is_wrong_is_told(tmp_path):
    given = ["-c", ALTERED, str(ROOT / "examples/06_worked.py"), "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, *given], env=ENVIRONMENT, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "every printed digit: NO" in done.stdout


@pytest.mark.slow
def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    done = run("03_regions", "--out", tmp_path / "file")
    assert done.returncode == 3
    assert "is a file" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("[0-9]*.py")))
def test_examples_are_a_page(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 100
