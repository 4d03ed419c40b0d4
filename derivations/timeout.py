"""A limit on the time that somebody else's code may take: an endless loop must not end the check.

The limit is kept by a second thread, which raises an exception in the first one. Python code is
interrupted between two of its instructions, whatever it catches; compiled code when it returns.
"""

import contextlib
import ctypes
import gc
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Literal

# Code that is left to end: a destructor or a callback of the garbage collector or of a weak
# reference swallows an exception; a context that is half entered or left, JAX's trace among them,
# stays so; and a module that is half imported cannot be imported again.
WHOLE = ("__del__", "gc_callback", "__enter__", "__exit__", "set_trace")
WHOLE_FILES = ("weakref.py", "_weakrefset.py", "<frozen importlib._bootstrap>")
SOON, AGAIN = 0.01, 0.25  # seconds until the next attempt


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

    collecting = gc.isenabled()

    def watch() -> None:
        wait = max(seconds, 0.0)
        while not left.wait(wait):
            with between:
                state = "left" if left.is_set() else _state(owner, ident)
                if state == "left":
                    return
                # What the collector calls would swallow the exception: it is stopped first, and
                # may have been at work.
                ready = state == "inside" and not gc.isenabled()
                gc.disable()
                if ready:
                    raise_in(ctypes.c_ulong(ident), ctypes.py_object(OutOfTime))
                    if _state(owner, ident) == "whole":  # it has moved on in the meantime
                        raise_in(ctypes.c_ulong(ident), None)
                        ready = False
            wait = AGAIN if ready else SOON

    try:
        threading.Thread(target=watch, daemon=True, name="time limit").start()
        yield
    finally:
        while not left.is_set():
            with contextlib.suppress(OutOfTime), between:
                left.set()
                raise_in(ctypes.c_ulong(ident), None)  # one that is on its way has come too late
        if collecting:
            gc.enable()


def _state(owner: FrameType, ident: int) -> Literal["inside", "whole", "left"]:
    """Tells whether a thread is still inside a function, and whether in what is left to end."""
    state = "inside"
    frame = sys._current_frames().get(ident)
    while frame is not None and frame is not owner:
        code = frame.f_code
        if code.co_name.endswith(WHOLE) or code.co_filename.endswith(WHOLE_FILES):
            state = "whole"
        frame = frame.f_back
    return "left" if frame is None else state
