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
from typing import Any, Literal

from derivations import clock

# Code that is left to end. A destructor or a callback of the garbage collector or of a weak
# reference swallows an exception; while a thread is made, the new one may get it; a module that is
# half imported cannot be imported again; and JAX would be left with half of its devices.
WHOLE = ("__del__", "gc_callback")
WHOLE_FILES = ("weakref.py", "_weakrefset.py", "<frozen importlib._bootstrap>", "xla_bridge.py")
# Half of a change of state would stay behind: JAX would go on as if it still traced.
CHANGING = ("__enter__", "__exit__", "set_trace", "set_axis_env", "swap_local", "set_local")
INNERMOST = 4  # frames in which that is looked for: what takes longer is no change of state
SOON, AGAIN = 0.01, 0.25  # seconds until the next attempt


class OutOfTime(BaseException):
    """The time is up. Not an `Exception`, so that the interrupted code does not swallow it."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises `OutOfTime` in this thread if the block takes longer, by `clock.now`.

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

    end = clock.now() + seconds

    enabled = gc.isenabled()
    collecting = False

    def gc_callback(phase: str, info: dict[str, int]) -> None:
        nonlocal collecting
        if threading.get_ident() == ident:
            collecting = phase == "start"

    def watch() -> None:
        wait = max(seconds, 0.0)
        while not left.wait(wait):
            wait = end - clock.now()
            if wait > 0:
                continue
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

    gc.callbacks.append(gc_callback)
    watcher = threading.Thread(target=watch, daemon=True, name="time limit")
    with swallowed_in_silence():
        try:
            watcher.start()
            yield
        finally:
            while True:
                try:
                    with between:
                        left.set()
                        # One that is on its way arrives in the loop. To take it back by raising
                        # nothing leaves Python 3.11 under a profiler, or a tracer, waiting for it
                        # for ever.
                        for _ in range(9):
                            pass
                    break
                except OutOfTime:
                    continue
            gc.callbacks.remove(gc_callback)
            if enabled:
                gc.enable()
            if watcher.is_alive():  # a thread that is left over may end the process badly
                watcher.join()


@contextlib.contextmanager
def swallowed_in_silence() -> Iterator[None]:
    """Says nothing of an `OutOfTime` that a destructor or callback swallows: it is raised again."""
    reported = sys.unraisablehook

    def unraisable(found: Any) -> None:
        if found.exc_type is not OutOfTime:
            reported(found)

    sys.unraisablehook = unraisable
    try:
        yield
    finally:
        sys.unraisablehook = reported


def _state(owner: FrameType, ident: int) -> Literal["inside", "whole", "left"]:
    """Tells whether a thread is still inside a function, and whether in code that is left to end.

    An exception arrives where the thread is now: it does not run while another one looks at it.
    """
    state, depth = "inside", 0
    frame = sys._current_frames().get(ident)
    while frame is not None and frame is not owner:
        name, file = frame.f_code.co_name, frame.f_code.co_filename
        changing = depth < INNERMOST and name in CHANGING
        starting = name == "start" and file == threading.__file__
        if changing or starting or name.endswith(WHOLE) or file.endswith(WHOLE_FILES):
            state = "whole"
        frame, depth = frame.f_back, depth + 1
    return "left" if frame is None else state
