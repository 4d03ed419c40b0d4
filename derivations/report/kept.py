"""A report that is there already: what it was made from, and whether it is still as it was written.

Beside its pages a report has `report.json`: a key, which is a hash of everything that it was made
from, and a digest of every file. Where the key is the same and every file is as it was, there is
nothing to do.
"""

import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata, resources
from pathlib import Path
from typing import Any, NamedTuple

from derivations.report.files import inside

MANIFEST = "report.json"

_MADE_BY = "derivations report"
_SOURCES = ("derivations", "functional_nn")
_SUFFIXES = {".py", ".css", ".js", ".tex"}
_PACKAGES = (
    "jax", "jaxlib", "sympy", "python-flint", "numpy", "optax", "matplotlib", "scikit-learn",
)  # fmt: skip


class Kept(NamedTuple):
    """What a report says of itself.

    Attributes:
      key: What it was made from.
      first: The file to open.
      status: The exit status that its verdicts come to.
      files: The digest of every file, by path.
    """

    key: str
    first: str
    status: int
    files: Mapping[str, str]


def key(format: str, names: Sequence[str]) -> str:
    """Gives a hash of what a report is made from: sources, packages, settings of JAX, options."""
    digest = hashlib.sha256()
    for package in _SOURCES:
        home = Path(str(resources.files(package)))
        for path in sorted(home.rglob("*")):
            if path.suffix in _SUFFIXES:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{package}/{path.relative_to(home)} {content}\n".encode())
    told = {
        "packages": {name: _version(name) for name in _PACKAGES},
        "python": platform.python_version(),
        "settings": {k: v for k, v in sorted(os.environ.items()) if k.startswith("JAX_")},
        "format": format,
        "names": list(names),
    }
    digest.update(json.dumps(told).encode())
    return digest.hexdigest()


def manifest(key: str, first: str, status: int, files: Mapping[str, bytes]) -> bytes:
    """Gives what stands in `report.json`."""
    digests = {name: _digest(content) for name, content in sorted(files.items())}
    told = {"made_by": _MADE_BY, **Kept(key, first, status, digests)._asdict()}
    return json.dumps(told, indent=1).encode()


def kept(folder: Path) -> Kept | None:
    """Reads what the report in a folder says of itself; `None` where there is none of ours."""
    try:
        return _read(folder / MANIFEST)
    except (OSError, ValueError):
        return None


def flaw(folder: Path) -> str:
    """Tells why the `report.json` of a folder is not believed; empty if it is, or is not there."""
    try:
        _read(folder / MANIFEST)
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def _read(path: Path) -> Kept:
    try:
        told: Any = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"it is not JSON in UTF-8: {error}") from error
    if not isinstance(told, dict) or told.pop("made_by", None) != _MADE_BY:
        raise ValueError(f'it is not made by "{_MADE_BY}"')
    if told.keys() != set(Kept._fields):
        raise ValueError(f"it has the fields {', '.join(Kept._fields)}. Got {', '.join(told)}")
    found = Kept(**told)
    sound = {
        "key": isinstance(found.key, str),
        "status": isinstance(found.status, int),
        "files": isinstance(found.files, dict)
        and all(isinstance(digest, str) for digest in found.files.values())
        and all(map(inside, found.files)),
    }
    sound["first"] = sound["files"] and found.first in list(found.files)
    for field, right in sound.items():
        if not right:
            raise ValueError(f"its field {field!r} holds what no report has there")
    return found


def unchanged(folder: Path, key: str) -> Kept | None:
    """Gives the report in a folder if it was made from the same, and every file is as written."""
    found = kept(folder)
    if found is None or found.key != key:
        return None
    try:
        whole = all(
            _digest((folder / name).read_bytes()) == digest for name, digest in found.files.items()
        )
    except OSError:
        return None
    return found if whole else None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
