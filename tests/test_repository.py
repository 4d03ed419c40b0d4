"""What holds of the repository as a whole: who imports whom, and what stands where."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOP = {
    *(".ci", ".gitignore", "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "pyproject.toml"),
    *("benchmarks", "derivations", "examples", "functional_nn", "tests"),
}


def imports(path: Path) -> Iterator[str]:
    """The names of the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module
            yield node.module


def importers(folder: str, package: str) -> set[str]:
    """The files below a folder that import a package, by their path inside the folder."""
    home = ROOT / folder
    return {
        path.relative_to(home).as_posix()
        for path in home.rglob("*.py")
        if any(f"{name}.".startswith(f"{package}.") for name in imports(path))
    }


def files() -> list[Path]:
    """The files that belong to the repository: git's, without what it ignores."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = (ROOT / name for name in listing.stdout.split("\0") if name)
    return [path for path in paths if path.exists()]


def test_library_knows_nothing_of_the_checker():
    for package in ("derivations", "sympy", "flint"):
        assert importers("functional_nn", package) == set()


def test_textbook_is_sympy_alone():
    allowed = {*sys.stdlib_module_names, "sympy"}
    for path in (ROOT / "derivations/textbook").rglob("*.py"):
        for name in imports(path):
            known = name.split(".")[0] in allowed or f"{name}.".startswith("derivations.textbook.")
            assert known, f"{path} imports {name}"


def test_catalogue_and_ledger_alone_join_the_two_sides():
    assert importers("derivations", "functional_nn") == {
        "catalog.py",
        *(
            f"lectures/{name}.py"
            for name in (
                "decisions",
                "learning",
                "runs",
                "memory",
                "networks",
                "regions",
                "worked",
            )
        ),
    }


def test_nothing_else_stands_at_the_top():
    assert {path.relative_to(ROOT).parts[0] for path in files()} <= TOP


def test_version_is_the_changelogs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)", changelog, re.MULTILINE)
    assert newest
    assert newest[1] == project["version"]


def test_no_file_names_the_machine_that_it_was_written_on():
    machine = re.compile(rb"(?<![\w.:/-])/(home|root|Users|work|farm|mnt)/|[A-Z]:\\\\?Users")
    for path in files():
        found = machine.search(path.read_bytes())
        assert not found, f"{path}: {found and found[0]!r}"
