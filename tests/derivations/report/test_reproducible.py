"""A report made twice from the same is the same, byte for byte."""

import os
import subprocess
import sys

import pytest


def made(out, seed, form):
    """Makes a report in a process with another order of sets, and gives its files."""
    subprocess.run(
        [
            sys.executable,
            "-m",
            "derivations",
            "report",
            "hinge_loss",
            "--out",
            out,
            "--format",
            form,
        ],
        env=os.environ | {"PYTHONHASHSEED": seed},
        capture_output=True,
        check=True,
    )
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}


@pytest.mark.nightly
@pytest.mark.parametrize("form", ["html", "markdown", "latex"])
def test_two_reports_are_the_same(tmp_path, form):
    one, other = (made(tmp_path / seed, seed, form) for seed in ("1", "2"))
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []
