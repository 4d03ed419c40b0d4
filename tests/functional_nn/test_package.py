"""What importing the package brings with it, and what its modules import."""

import ast
import subprocess
import sys
from pathlib import Path

import functional_nn

PACKAGE = Path(functional_nn.__file__).parent
FOREIGN = (
    *("sympy", "flint", "derivations", "rich", "matplotlib", "sklearn", "jaxtyping"),
    *("orbax", "safetensors"),
)


def test_import_brings_in_nothing_foreign():
    program = f"import functional_nn, sys; print([m for m in {FOREIGN} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PACKAGE.parent, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_no_module_imports_the_checker():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: imports are absolute"
                names = [node.module or ""]
            roots = {name.split(".")[0] for name in names}
            assert roots.isdisjoint({"sympy", "flint", "derivations"}), path


def test_package_is_typed():
    assert (PACKAGE / "py.typed").exists()
