"""The README says what is so: its code runs and prints what is shown, and its files are there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from derivations import check
from derivations.catalog import CATALOG

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL)


def test_all_code_has_its_output_beside_it():
    assert len(EXAMPLES) == README.count("```python") == 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "output"),
    EXAMPLES,
    ids=["functional_nn", "derivations", "testing", "lean", "sharding"],
)
def test_code_prints_what_is_shown(code, output, tmp_path):
    # From a file, because a traced function is read from there; elsewhere, as a reader would.
    script = tmp_path / "example.py"
    script.write_text(code, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    environment.pop("JAX_ENABLE_X64", None)
    done = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == output


@pytest.mark.nightly  # it checks every operation
def test_table_of_operations_is_what_the_checker_finds():
    table = README.partition("| operation | verdict | holds for |\n|---|---|---|\n")[2]
    shown = table.partition("\n\n")[0].splitlines()
    found = []
    for name, rule, entry, arguments in CATALOG.values():
        report = check(rule, *arguments, textbook=entry)
        value = next(o for o in report.obligations if o.name == "value")
        scope = re.sub(r" with .*\)", "", value.scope)
        found.append(f"| `{name}` | `{report.verdict}` | {scope} |")
    assert shown == found


def test_files_and_commands_exist():
    for path in set(re.findall(r"`((?:functional_nn|derivations|examples)/[^`]*)`", README)):
        assert (ROOT / path).exists(), path
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"make (?:PYTHON=\S+ )?([a-z]+)", README)) - {"and"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
