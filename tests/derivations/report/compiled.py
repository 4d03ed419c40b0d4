"""pdflatex, where it is installed, and what its log says."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

pdflatex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")


def compiled(folder: Path) -> str:
    """Runs pdflatex on `report.tex` until its references are right, and gives its log."""
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "report.tex"]
    for _ in range(2):
        done = subprocess.run(command, cwd=folder, capture_output=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    return (folder / "report.log").read_text(encoding="latin-1")


def margins(log: str) -> float:
    """Gives by how many points the widest line runs over its margin."""
    over = re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)
    return max(map(float, over), default=0)
