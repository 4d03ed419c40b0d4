"""Going on where a training stopped: its checkpoints, and an orderly end on SIGTERM."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax
from jax.experimental import multihost_utils

from functional_nn.checkpoints import Checkpoints

STOPPED = 75
"""The exit status of a training that SIGTERM ended after its checkpoint was complete.

It is EX_TEMPFAIL of sysexits.h: nothing is wrong, start it again.
"""


class Kept(NamedTuple):
    """What a training goes on from, and how it is kept.

    Attributes:
      state: The state of the newest whole checkpoint, or the one to start from.
      position: What was saved beside it; empty at the start.
      save: `save(number, state, position, loss)` saves a checkpoint. Raises `SystemExit` with the
        status `STOPPED`, once it is complete, if SIGTERM came.
      stopped: `stopped(number)` tells whether SIGTERM came: then it is time to save. It is asked
        for every number, one after the other: several processes are told at the same one.
    """

    state: Any
    position: dict[str, Any]
    save: Callable[[int, Any, dict[str, Any], float], None]
    stopped: Callable[[int], bool]


@contextmanager
def keeping(folder: str | Path | None, state: Any, run: dict[str, Any]) -> Iterator[Kept]:
    """Restores what a folder holds of a run, and keeps its checkpoints there.

    Args:
      folder: The checkpoints' folder; `None` keeps nothing, and leaves SIGTERM alone.
      state: The state to start from, and the form of the one to restore.
      run: What tells this run from others, plain JSON.

    Yields:
      A `Kept`. Leaving waits for the last save.

    Raises:
      ValueError: The folder is that of another run.
    """
    if folder is None:
        yield Kept(state, {}, lambda *everything: None, lambda number: False)
        return
    with Checkpoints(folder) as checkpoints, _sigterm() as stopped:
        found = checkpoints.restore(state)
        if found is not None:
            _same_run(folder, run, found.position.get("run"))
            state = found.state

        def save(number: int, state: Any, position: dict[str, Any], loss: float) -> None:
            checkpoints.save(number, state, position=position | {"run": run}, loss=loss)
            if stopped(number):
                checkpoints.wait()
                raise SystemExit(STOPPED)

        yield Kept(state, {} if found is None else found.position, save, stopped)


def _same_run(folder: str | Path, run: dict[str, Any], found: Any) -> None:
    if found != run:
        raise ValueError(
            f"A checkpoint folder must be that of the same training. Got {found} in {folder}, "
            f"and here {run}. Call fit as before, or name another folder."
        )


@contextmanager
def _sigterm() -> Iterator[Callable[[int], bool]]:
    """Gives a function that tells, of a number, whether to stop there because SIGTERM came.

    Of several processes one may get the signal, or each at its own time: JAX's runtime, which
    listens from `jax.distributed.initialize` on, tells all of them to stop at the same number.
    Otherwise it is heard in the main thread; elsewhere Python has no signals.
    """
    if jax.process_count() > 1:
        yield multihost_utils.reached_preemption_sync_point
        return
    came = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield lambda number: False
        return
    before = signal.signal(signal.SIGTERM, lambda *_: came.set())
    try:
        yield lambda number: came.is_set()
    finally:
        signal.signal(signal.SIGTERM, before)
