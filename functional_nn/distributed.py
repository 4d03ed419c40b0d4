"""Several processes as one run, on JAX's own runtime: they start together and end together."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import jax
import numpy as np
from jax.experimental.multihost_utils import process_allgather

from functional_nn import checks

LOST = 75  # the system's status for "try again later": a supervisor may start all processes anew


@contextmanager
def distributed(
    coordinator: str | None = None,
    count: int | None = None,
    process: int | None = None,
    *,
    patience: float = 15.0,
) -> Iterator[None]:
    """Joins this process with others; inside, `jax.devices()` are those of all of them.

    Every process runs the same program, with the batches of `functional_nn.shard_batch`. To be
    entered before anything is computed. Without the first three arguments JAX finds out itself,
    under SLURM, Kubernetes, Open MPI or on a TPU.

    A process that is lost takes the others with it, because they wait for its numbers: they end
    with status 75 and a message, or, where JAX's runtime notices first, with its message and
    SIGABRT. Restart all of them, from a checkpoint.

    Args:
      coordinator: `"host:port"` of process 0, the same for all.
      count: How many processes there are.
      process: The number of this one, from 0.
      patience: How many seconds to wait for the others at the start. Where a cluster starts them at
        different times, give more.

    Raises:
      ValueError: Only some of the three are given, or none and this is no cluster that JAX knows;
        or `patience` is not positive.

    Example:
      >>> with distributed("localhost:1234", count=2):
      ...     pass
      Traceback (most recent call last):
      ValueError: coordinator, count and process must be given together. Got 'localhost:1234', 2,
      None. Name all three, or none on a cluster.
    """
    given = (coordinator, count, process)
    checks.positive("patience", patience)
    if None in given and given != (None, None, None):
        raise ValueError(
            "coordinator, count and process must be given together. Got "
            f"{', '.join(map(repr, given))}. Name all three, or none on a cluster."
        )
    # JAX itself would end the process by SIGABRT, with a stack trace in place of a remedy.
    where = f"process {process} of {count}, coordinator {coordinator}" if coordinator else "cluster"
    watch = threading.Timer(
        patience,
        _end,
        [
            f"All processes must be there within {patience:g} s. Got no answer ({where}). Start "
            "process 0 at that address and every other one, look for a firewall, or give patience=."
        ],
    )
    watch.daemon = True
    watch.start()
    try:
        jax.distributed.initialize(
            coordinator,
            count,
            process,
            initialization_timeout=int(patience) + 30,
            heartbeat_timeout_seconds=10,
            shutdown_timeout_seconds=5,
        )
    except ValueError as error:
        raise ValueError(
            "Without coordinator, count and process, this must run in a cluster that JAX knows. "
            f"Got: {error} Name all three, or start it by srun, mpirun or on Kubernetes."
        ) from error
    finally:
        watch.cancel()
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        # At an ordinary exit JAX would wait for the one that is lost.
        _end(
            "All processes must go on until the end. Got, where this one waited for another: "
            f"{str(error)[:300]}. Restart all of them, from the last checkpoint."
        )
    jax.distributed.shutdown()


def everyone(text: str) -> list[str]:
    """Gives what every process says, in their order, once all have said it.

    Example:
      >>> everyone("ready")
      ['ready']
    """
    if jax.process_count() == 1:
        return [text]
    data = np.frombuffer(text.encode(), np.uint8)
    lengths = process_allgather(np.int32(data.size))
    rows = process_allgather(np.pad(data, (0, int(lengths.max()) - data.size)))
    return [bytes(row[:n]).decode() for row, n in zip(rows, lengths, strict=True)]


def _end(message: str) -> None:
    sys.stdout.flush()
    print(message, file=sys.stderr, flush=True)
    os._exit(LOST)
