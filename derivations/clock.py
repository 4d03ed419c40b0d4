"""The clock of budgets: a busy machine must not decide what can be proved.

It is the time that passes, less the time in which this process was ready to run and others did. The
Linux kernel counts that, but not what a hypervisor or a quota takes; elsewhere it is the time that
passes.
"""

import os
import time

_COUNTED = "/proc/self/schedstat"  # of the first thread: nanoseconds run, and waited


def _opened() -> int | None:
    try:
        return os.open(_COUNTED, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


_file = _opened()
_latest = 0.0  # what the clock said last


def _again() -> None:
    """A copy of the process has counts of its own."""
    global _file
    if _file is not None:
        os.close(_file)
    _file = _opened()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_again)


def now() -> float:
    """Gives the seconds on the clock, from an arbitrary start; it may stand, and never goes back.

    Example:
      >>> start = now()
      >>> start <= now()
      True
    """
    global _latest
    passed = time.monotonic()
    if _file is None:
        return passed
    # Others may run between the two readings: then the time they took is off, but not yet passed.
    _latest = max(_latest, passed - int(os.pread(_file, 64, 0).split()[1]) / 1e9)
    return _latest


def share(deadline: float, part: float) -> float:
    """Gives an earlier deadline: a part of the time that is left."""
    here = now()
    return here + part * max(0.0, deadline - here)
