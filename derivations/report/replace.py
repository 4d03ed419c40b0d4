"""A folder that is replaced as a whole, and holds nothing that is somebody else's."""

import ctypes
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from derivations.report.files import require_inside, require_writable
from derivations.report.kept import MANIFEST, flaw, kept

_MOST = 5  # names in a message


def require_replaceable(out: Path) -> None:
    """Checks before any work that a folder can be replaced by a report, and leaves nothing behind.

    Raises:
      OSError: It cannot be written, or it holds files that are not of a report of ours.
    """
    out = out.resolve()
    if out.is_dir():
        foreign = _foreign(out)
        if foreign:
            more = f" and {len(foreign) - _MOST} more" if len(foreign) > _MOST else ""
            raise FileExistsError(
                "The report goes into a folder that is new, empty or holds such a report: it is "
                f"replaced as a whole. {str(out)!r} holds {', '.join(foreign[:_MOST])}{more}. "
                f"{_damage(out)}Choose another with --out, or move them away."
            )
    elif out.exists():
        require_writable(out)
    # It is made beside its place, and put there in one step.
    require_writable(out.parent)


def replace_folder(out: Path, files: Mapping[str, bytes]) -> None:
    """Puts a folder with these files, by path, in the place of `out`, in one step.

    An interruption leaves what was there before. Where the system cannot exchange two folders, the
    old one is moved aside first, and back if the new one cannot be put in its place.

    Raises:
      ValueError: A path leads out of the folder.
    """
    require_inside(files)
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".derivations-", dir=out.parent) as temporary:
        new, old = Path(temporary, "new"), Path(temporary, "old")
        for name, content in files.items():
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if not out.exists():
            new.rename(out)
        elif not _exchanged(new, out):
            out.rename(old)
            try:
                new.rename(out)
            except BaseException:
                old.rename(out)
                raise


def _foreign(out: Path) -> list[str]:
    """Gives what stands in a folder and is no part of a report of ours."""
    there = kept(out)
    ours = set() if there is None else {MANIFEST, *there.files}
    files = (path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir())
    return sorted(name for name in files if name not in ours)


def _damage(out: Path) -> str:
    """Tells of a damaged list of files, which may be all that keeps a folder from being ours."""
    why = flaw(out)
    if not why:
        return ""
    return (
        f"Which files are a report's own is told by {str(out / MANIFEST)!r}, and that cannot be "
        f"used: {why}. If all of the folder is a report, remove it. "
    )


def _exchanged(one: Path, other: Path) -> bool:
    """Exchanges two folders in one step, where the system can."""
    if sys.platform != "linux":
        return False
    exchange, here = 2, -100  # RENAME_EXCHANGE, AT_FDCWD
    try:
        rename = ctypes.CDLL(None).renameat2
    except (OSError, AttributeError):
        return False
    return rename(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0
