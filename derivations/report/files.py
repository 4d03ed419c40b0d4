"""Files that are there as a whole or not at all."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath


def require_writable(out: Path) -> None:
    """Checks before any work that a folder can be written, and leaves nothing behind.

    Raises:
      OSError: It cannot be; the message says why.
    """
    folder = out.absolute()
    while not folder.exists():
        folder = folder.parent
    try:
        if not folder.is_dir():
            raise NotADirectoryError(f"{folder} is a file")
        with tempfile.TemporaryDirectory(prefix=".derivations-", dir=folder):
            pass
    except OSError as error:
        raise OSError(
            f"The report goes into a folder that can be written. Got {str(out)!r}: {error}. "
            "Choose another with --out."
        ) from error


def inside(name: str) -> bool:
    """Tells whether a path, such as `"figures/a.svg"`, leads to a file inside a folder.

    Example:
      >>> inside("figures/a.svg"), inside("../a.svg"), inside("/a.svg"), inside("")
      (True, False, False, False)
    """
    path = PurePosixPath(name)
    plain = not path.is_absolute() and path.parts and ".." not in path.parts
    return bool(plain) and "\0" not in name and "\\" not in name


def require_inside(names: Iterable[str]) -> None:
    """Refuses to write anywhere but inside a folder.

    Raises:
      ValueError: A path leads elsewhere.
    """
    for name in names:
        if not inside(name):
            raise ValueError(f"A file of a report lies inside the folder. Got the path {name!r}.")


def write_files(out: Path, files: dict[str, bytes]) -> None:
    """Writes files by their path inside the folder `out`, the last one last.

    They are first written beside their place. A new folder then appears in one step; in a folder
    that is there, each file replaces its forerunner in one step, and no other file is touched.

    Raises:
      ValueError: A path leads out of the folder.
    """
    require_inside(files)
    out = out.absolute()
    # On the same file system as the destination, or moving would not be one step.
    beside = out if out.is_dir() else out.parent
    beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".derivations-", dir=beside) as temporary:
        new = Path(temporary, "report")
        for name, content in files.items():
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if not out.exists():
            new.rename(out)
            return
        for name in files:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(new / name, out / name)
