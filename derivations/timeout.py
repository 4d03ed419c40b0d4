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

# An exception inside a destructor or a callback of the garbage collector is printed and swallowed.
SWALLOWING = ("__del__", "gc_callback")
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

    enabled = gc.isenabled()
    collecting = False

    def gc_callback(phase: str, info: dict[str, int]) -> None:
        nonlocal collecting
        if threading.get_ident() == ident:
            collecting = phase == "start"

    def watch() -> None:
        wait = max(seconds, 0.0)
        while not left.wait(wait):
            with between:
                state = "left" if left.is_set() else _state(owner, ident)
                if state == "left":
                    return
                # What the collector calls would swallow the exception: it is stopped first, and
                # what it has begun may take long.
                ready = state == "inside" and not gc.isenabled() and not collecting
                gc.disable()
                if ready:
                    raise_in(ctypes.c_ulong(ident), ctypes.py_object(OutOfTime))
            wait = AGAIN if ready else SOON

    threading.Thread(target=watch, daemon=True, name="time limit").start()
    gc.callbacks.append(gc_callback)
    try:
        yield
    finally:
        while not left.is_set():
            with contextlib.suppress(OutOfTime), between:
                left.set()
                raise_in(ctypes.c_ulong(ident), None)  # one that is on its way has come too late
        gc.callbacks.remove(gc_callback)
        if enabled:
            gc.enable()


def _state(owner: FrameType, ident: int) -> Literal["inside", "collecting", "left"]:
    """Tells whether a thread is still inside a function, and whether it collects garbage there."""
    state = "inside"
    frame = sys._current_frames().get(ident)
    while frame is not None and frame is not owner:
        if frame.f_code.co_name.endswith(SWALLOWING):
            state = "collecting"
        frame = frame.f_back
    return "left" if frame is None else state
