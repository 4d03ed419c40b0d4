"""What a training tells while it runs: JSON lines, TensorBoard, and how long it compiled."""

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import jax

try:
    import fcntl
except ImportError:  # Windows has no such locks.
    fcntl = None

Record = Mapping[str, Any]


def json_lines(path: str | Path) -> Callable[[Record], None]:
    """Gives a function that appends a record to a file, one JSON object a line.

    Each line is written at once and the file is locked while it is, so those of several processes
    do not mix, and a process that is killed leaves whole lines; what is left of one, say by a full
    disk, is ended before the next. Where files have no locks, as on Windows, an empty line may
    come between those of several processes.
    Numbers that are not finite, which JSON does not have, become null.

    Args:
      path: The file; it is made, with its folder, if it is missing.

    Raises:
      OSError: From the function: the file cannot be written to.

    Example:
      >>> import tempfile
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     log = json_lines(f"{folder}/log.jsonl")
      ...     log({"epoch": 1, "loss": 0.5})
      ...     log({"epoch": 2, "loss": float("nan")})
      ...     print(Path(folder, "log.jsonl").read_text(), end="")
      {"epoch": 1, "loss": 0.5}
      {"epoch": 2, "loss": null}
    """
    path = Path(path)

    def log(record: Record) -> None:
        line = json.dumps(_finite(record), allow_nan=False).encode() + b"\n"
        path.parent.mkdir(parents=True, exist_ok=True)
        # Opened each time: nothing is to be closed, and a file that was moved away is made anew.
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            # A file grows while another writes to it: without the lock its end looks torn.
            _lock(file)
            size = os.fstat(file).st_size
            torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            data = b"\n" + line if torn else line
            if os.write(file, data) != len(data):
                raise OSError(f"A record must be written whole. {path} took a part: make room.")
        finally:
            os.close(file)

    return log


@contextmanager
def tensorboard(folder: str | Path) -> Iterator[Callable[[Record], None]]:
    """Gives a function that writes the numbers of a record as TensorBoard reads them.

    Each number is a curve over the steps, those of an epoch under `epoch/` and those of a step
    under `step/`. For `functional_nn.fit(..., log=...)`; needs the extra `tensorboard`.

    Args:
      folder: Where the events go; `tensorboard --logdir` shows it.

    Yields:
      The function. Leaving closes the file.

    Raises:
      ImportError: tensorboardX is not installed.
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise ImportError(
            "What TensorBoard reads is written by tensorboardX. It is not installed: "
            "pip install 'functional-nn[tensorboard]'."
        ) from error

    def log(record: Record) -> None:
        for name, value in _numbers(record):
            writer.add_scalar(f"{record['record']}/{name}", value, record["step"])
        writer.flush()

    with SummaryWriter(str(folder)) as writer:
        yield log


@contextmanager
def compiling() -> Iterator[Callable[[], float]]:
    """Gives a function that tells for how many seconds JAX has traced and compiled since."""
    seconds = 0.0

    def hear(event: str, duration_secs: float, **_: Any) -> None:
        nonlocal seconds
        if event in _COMPILING:
            seconds += duration_secs

    jax.monitoring.register_event_duration_secs_listener(hear)
    try:
        yield lambda: seconds
    finally:
        jax.monitoring.unregister_event_duration_listener(hear)


def laps(compiled: Callable[[], float]) -> Callable[[], tuple[float, float]]:
    """Gives a function that tells the seconds since its last call, and those of compiling."""
    last = time.perf_counter(), compiled()

    def lap() -> tuple[float, float]:
        nonlocal last
        before, last = last, (time.perf_counter(), compiled())
        return last[0] - before[0], last[1] - before[1]

    return lap


def rates(steps: int, examples: int, seconds: float, compiling: float) -> dict[str, float | None]:
    """Gives how fast a training is, with the time that compiling took apart.

    Of no steps, as when all of an epoch was done before, nobody knows how long one takes.

    Example:
      >>> rates(steps=10, examples=320, seconds=3.0, compiling=1.0)
      {'compile_seconds': 1.0, 'step_seconds': 0.2, 'examples_per_second': 160.0}
    """
    running = max(seconds - compiling, 1e-9)
    return {
        "compile_seconds": compiling,
        "step_seconds": running / steps if steps else None,
        "examples_per_second": examples / running,
    }


@contextmanager
def profiling(folder: str | Path | None, *, first: int, count: int) -> Iterator[Callable[[], None]]:
    """Gives a function to be called before each epoch, or batch, of which some are profiled.

    Args:
      folder: Where the profile goes; `None` makes none.
      first: How many are let pass before it begins.
      count: How many it holds, if there are so many.
    """
    calls, running = 0, False

    def seen() -> None:
        nonlocal calls, running
        if folder is not None and calls == first:
            jax.profiler.start_trace(str(folder))
            running = True
        elif calls == first + count:
            end()
        calls += 1

    def end() -> None:
        nonlocal running
        if running:
            running = False
            jax.profiler.stop_trace()

    try:
        yield seen
    finally:
        end()


_COMPILING = (
    "/jax/core/compile/jaxpr_trace_duration",
    "/jax/core/compile/jaxpr_to_mlir_module_duration",
    "/jax/core/compile/backend_compile_duration",
)


def _lock(file: int) -> None:
    """Waits for a file to be ours until it is closed, where there are locks."""
    if fcntl is not None:
        with suppress(OSError):  # Some file systems of a network have none.
            fcntl.flock(file, fcntl.LOCK_EX)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(inside) for name, inside in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _numbers(record: Record, path: str = "") -> Iterator[tuple[str, float]]:
    """Gives the numbers of a record by name, those inside joined by slashes."""
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{path}{name}/")
        elif isinstance(value, (int, float)) and name not in ("epoch", "step"):
            yield f"{path}{name}", value
