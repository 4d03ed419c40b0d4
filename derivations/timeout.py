"""A limit on the time that somebody else's code may take: an endless loop must not end the check.

The limit is kept by a second thread, which raises an exception in the first one. Python code is
interrupted between two of its instructions, whatever it catches; compiled code when it returns.
"""

import contextlib
import ctypes
import sys
import threading
from collections.abc import Iterator
from types import FrameType

AGAIN = 0.25  # seconds: an exception raised inside a destructor is swallowed, so it is raised again


class OutOfTime(BaseException):
    """The time is up. Not an `Exception`, so that the interrupted code does not swallow it."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises `OutOfTime` in this thread if the block takes longer.

    Example:
      >>> try:
      ...     with time_limit(0.1):
      ...         while True:
      ...             pass
      ... except OutOfTime:
      ...     print("interrupted")
      interrupted
    """
    ident, owner = threading.get_ident(), sys._getframe(2)
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    left = threading.Event()
    between = threading.Lock()  # leaving the block and interrupting it do not happen at once

    def watch() -> None:
        wait = max(seconds, 0.0)
        while not left.wait(wait):
            with between:
                if left.is_set() or not _runs(owner, ident):
                    return
                raise_in(ctypes.c_ulong(ident), ctypes.py_object(OutOfTime))
            wait = AGAIN

    threading.Thread(target=watch, daemon=True, name="time limit").start()
    try:
        yield
    finally:
        while not left.is_set():
            with contextlib.suppress(OutOfTime), between:
                left.set()
                raise_in(ctypes.c_ulong(ident), None)  # one that is on its way has come too late


def _runs(owner: FrameType, ident: int) -> bool:
    """Tells whether a thread is still inside a function."""
    frame = sys._current_frames().get(ident)
    while frame is not None and frame is not owner:
        frame = frame.f_back
    return frame is not None
