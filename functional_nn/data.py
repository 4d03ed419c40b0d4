"""Data batch by batch: rows of arrays larger than memory, any iterable, fetched ahead of use."""

import functools
import json
import threading
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import islice
from queue import SimpleQueue
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from functional_nn import checks
from functional_nn.flat import typed
from functional_nn.layouts import own_rows, shard_batch


class Batches:
    """The rows of two arrays in batches, in a new random order for each epoch.

    The order is a function of the seed and the epoch's number alone, so an epoch can be gone
    through again, and be entered at any batch, without reading what comes before. Only the rows of
    a batch are read: of `numpy.memmap` and `numpy.load(path, mmap_mode="r")`, as much is in memory,
    and the N numbers of the order. As in `Training.epoch`, the last `N % batch_size` rows of the
    order are left out, so that all batches have one size.

    Args:
      x: The inputs, an array of N rows.
      y: The targets, an array of N rows.
      batch_size: The number of rows in each batch, at most N.
      seed: What the orders are drawn from, a whole number, not negative.
      mesh: With several processes, the mesh whose data axis they share: each process reads the rows
        of its own devices alone, of the batches that a single process would make.

    Raises:
      ValueError: The arrays are empty or have not one row per example, `batch_size` or `seed` is
        out of range, or the mesh does not divide the batch.
      TypeError: `x` holds neither floating nor whole numbers.

    Example:
      >>> x, y = np.arange(6.0).reshape(6, 1), np.arange(6)
      >>> epochs = Batches(x, y, batch_size=2)
      >>> [y.tolist() for x, y in epochs(1)]
      [[1, 4], [3, 0], [2, 5]]
      >>> [y.tolist() for x, y in epochs(2)]
      [[5, 2], [0, 1], [4, 3]]
    """

    def __init__(self, x: Any, y: Any, batch_size: int, *, seed: int = 0, mesh: Mesh | None = None):
        checks.batch(x, y)
        checks.batch_size(batch_size, len(x))
        checks.seed(seed)
        self.x, self.y, self.batch_size, self.seed = x, y, batch_size, seed
        self.own = slice(None) if mesh is None else own_rows(mesh, batch_size)

    def __call__(self, epoch: int) -> "Iterator[tuple[np.ndarray, np.ndarray]]":
        """Gives the batches of an epoch, from the first on."""
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.x))
        return _Rows(self, order)


class _Rows:
    """An iterator that knows where it stands."""

    def __init__(self, batches: Batches, order: np.ndarray):
        self.batches, self.order, self.next = batches, order, 0

    def __iter__(self) -> "_Rows":
        return self

    def __next__(self) -> tuple[np.ndarray, np.ndarray]:
        size = self.batches.batch_size
        rows = self.order[self.next * size : (self.next + 1) * size]
        if len(rows) < size:
            raise StopIteration
        self.next += 1
        rows = rows[self.batches.own]
        return np.asarray(self.batches.x[rows]), np.asarray(self.batches.y[rows])

    def get_state(self) -> int:
        return self.next

    def set_state(self, state: int) -> None:
        self.next = state


def prefetch(batches: Iterable[Any], size: int = 2) -> Generator[Any, None, None]:
    """Gives batches on the device, the next ones made and transferred while one is used.

    A thread of its own makes the batches. They are copied, so an iterable may reuse its buffers.

    Args:
      batches: Any iterable of pytrees of arrays: NumPy's, or what NumPy can convert, such as
        tensors of PyTorch or TensorFlow. JAX arrays stay where they are.
      size: How many batches lie on the device beside the one in use; as many again are made ahead.

    Yields:
      Each batch, in order. What the iterable raises is raised here, after the batches before it.
      Closing the generator ends the thread, as soon as the batch in the making is made.

    Raises:
      ValueError: `size` is not a positive whole number.

    Example:
      >>> [batch.sum().item() for batch in prefetch(np.ones((3, 2), np.float32))]
      [2.0, 2.0, 2.0]
    """
    checks.count("size", size)
    return _ahead(map(_copied, batches), size, _on_device)


def _ahead(
    items: Iterator[Any], size: int, transfer: Callable[[Any], Any]
) -> Generator[Any, None, None]:
    made: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
    room, closed = threading.Semaphore(size), threading.Event()

    def make() -> None:
        error: BaseException = StopIteration()
        try:
            while room.acquire() and not closed.is_set():
                made.put((next(items), None))
        except BaseException as raised:  # whatever it is, it is the consumer's
            error = raised
        made.put((None, error))

    thread = threading.Thread(target=make, name="functional_nn.prefetch", daemon=True)
    thread.start()
    ready: deque[Any] = deque()
    ended: BaseException | None = None
    try:
        while ended is None or ready:
            # Transferred by the caller's thread, whose settings of JAX hold (precision, device).
            while ended is None and len(ready) <= size:
                item, ended = made.get()
                if ended is None:
                    room.release()
                    ready.append(transfer(item))
            if ready:
                yield ready.popleft()
        if not isinstance(ended, StopIteration):
            raise ended
    finally:
        closed.set()
        room.release()
        thread.join()


def _copied(batch: Any) -> Any:
    """Gives a batch that nobody else writes to; JAX may share the memory of NumPy's arrays."""
    return jax.tree.map(lambda a: a if isinstance(a, jax.Array) else np.array(a), batch)


def _on_device(batch: Any, mesh: Mesh | None = None) -> Any:
    put = jax.device_put if mesh is None else functools.partial(shard_batch, mesh)
    return jax.tree.map(lambda a: a if isinstance(a, jax.Array) else put(a), batch)


# --- a position within an epoch -----------------------------------------------------------------


Span = tuple[int, int]


class Placed(NamedTuple):
    """A batch, and where its iterator stands after it.

    Attributes:
      x: The inputs.
      y: The targets.
      place: The iterator's state as JSON, or `None` if it cannot be asked or was not.
      spans: Of the inputs and of the targets the least and the largest, if these are whole numbers.
    """

    x: jax.Array
    y: jax.Array
    place: str | None
    spans: tuple[Span | None, Span | None]


def placed(
    source: Any, epoch: int, mesh: Mesh | None, *, skip: int, place: str | None, keep: bool
) -> Generator[Placed, None, None]:
    """Gives the batches of an epoch on the device, from some place on.

    Args:
      source: A function of the epoch's number that gives an iterable, or an iterable.
      epoch: The epoch's number.
      mesh: Where the rows of NumPy arrays are spread; `None` for JAX's default device.
      skip: How many batches are done.
      place: The iterator's state after these.
      keep: Whether the states are asked for.

    Returns:
      A generator of `Placed`, to be closed.

    Raises:
      ValueError: A batch is not a pair, or a state is not plain JSON.
    """
    batches = iter(source if isinstance(source, Iterable) else source(epoch))
    if skip and place is not None:
        batches.set_state(_state(place))  # pyright: ignore[reportAttributeAccessIssue]
    elif skip:
        warnings.warn(
            f"batches 1 to {skip} of epoch {epoch} are made again, to be skipped: "
            "their iterator has no get_state and set_state",
            stacklevel=3,
        )
        batches = islice(batches, skip, None)
    asked = keep and hasattr(batches, "get_state") and hasattr(batches, "set_state")

    def pairs() -> Iterator[Placed]:
        for batch in batches:
            # Written down at once: a state may be an object that changes with the iterator.
            told = _told(batches.get_state()) if asked else None  # pyright: ignore[reportAttributeAccessIssue]
            x, y = _copied(_pair(batch))
            # In this thread and before the transfer: to look at it later would bring it back.
            yield Placed(x, y, told, (_span(x), _span(y)))

    def transfer(item: Placed) -> Placed:
        return item._replace(x=_on_device(item.x, mesh), y=_on_device(item.y, mesh))

    return _ahead(pairs(), 2, transfer)


def described(source: Any) -> dict[str, Any]:
    """Gives what tells a source of batches from others, plain JSON."""
    if isinstance(source, Batches):
        return {
            "inputs": typed(source.x),
            "targets": typed(source.y),
            "batch_size": source.batch_size,
            "seed": source.seed,
        }
    named = source if hasattr(source, "__qualname__") else type(source)
    return {"batches": f"{named.__module__}.{named.__qualname__}"}


def _pair(batch: Any) -> tuple[Any, Any]:
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise ValueError(
            f"Each batch must be a pair of inputs and targets. Got {type(batch).__name__}"
            f"{f' of {len(batch)}' if isinstance(batch, (tuple, list)) else ''}. "
            'Map them, such as by ((b["x"], b["y"]) for b in batches).'
        )
    return batch[0], batch[1]


def _span(array: Any) -> Span | None:
    here = not isinstance(array, jax.Array) or array.is_fully_addressable
    if not here or np.size(array) == 0 or not jnp.issubdtype(jnp.result_type(array), jnp.integer):
        return None
    host = np.asarray(array)
    return int(host.min()), int(host.max())


def _told(state: Any) -> str:
    try:
        return json.dumps({"bytes": state.hex()} if isinstance(state, bytes) else {"json": state})
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The state of an iterator of batches must be plain JSON, or bytes. Got {state!r}. "
            "Give it without get_state: then what is done is skipped after a kill."
        ) from error


def _state(place: str) -> Any:
    state = json.loads(place)
    return bytes.fromhex(state["bytes"]) if "bytes" in state else state["json"]
