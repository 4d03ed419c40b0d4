"""Files that are there as a whole or not at all."""

import os
import tempfile
from pathlib import Path


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


def write_files(out: Path, files: dict[str, bytes]) -> None:
    """Writes files by their path inside the folder `out`, the last one last.

    They are first written beside their place. A new folder then appears in one step; in a folder
    that is there, each file replaces its forerunner in one step, and no other file is touched.
    """
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
