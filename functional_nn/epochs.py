"""One epoch of a training: arrays on the device in one loop, or batches as they come."""

from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from functional_nn import checks
from functional_nn.data import Placed, Span, placed
from functional_nn.flat import on_host, typed
from functional_nn.guards import first_nonfinite, save_batch
from functional_nn.scaling import met
from functional_nn.training import Training, TrainState

BEHIND = 2  # batches that the device is given before the loss of the first is looked at


@dataclass
class Tally:
    """What was measured over batches.

    Attributes:
      batches: How many there were.
      examples: How many examples these held.
      taken: Of how many the loss was finite; the sums are theirs.
      loss: The sum of their losses.
      metrics: The sums of their metrics.
      seconds: The time that they took in a run before this one.
    """

    batches: int = 0
    examples: int = 0
    taken: int = 0
    loss: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, losses: np.ndarray, metrics: dict[str, np.ndarray] | None, size: int) -> None:
        """Counts some batches, all of one size."""
        taken = np.isfinite(losses)
        self.batches += losses.size
        self.examples += losses.size * size
        self.taken += int(taken.sum())
        self.loss += float(np.sum(losses[taken], dtype=float))
        for name, values in (metrics or {}).items():
            self.metrics[name] = self.metrics.get(name, 0.0) + float(
                np.sum(values[taken], dtype=float)
            )

    def means(self) -> tuple[float, dict[str, float] | None]:
        """Gives the mean loss and the means of the metrics, if there are any."""
        count = max(self.taken, 1)
        means = {name: total / count for name, total in self.metrics.items()}
        return self.loss / count, means or None


def in_memory(
    train: Training,
    x: jax.Array,
    y: jax.Array,
    batch_size: int,
    shuffle: np.random.Generator,
    folder: str | Path | None,
    seen: Callable[[], None],
) -> Callable[[TrainState, int], tuple[TrainState, Tally]]:
    """Gives the function `(state, number) -> (state, tally)` that trains for an epoch of arrays."""

    def epoch(state: TrainState, number: int) -> tuple[TrainState, Tally]:
        seen()
        # Shuffled on the host: a sort inside the compiled epoch costs more than it saves.
        permutation = shuffle.permutation(len(x)).astype(np.int32)
        state, measured = train.epoch(state, x, y, permutation, batch_size=batch_size)
        # The one transfer to the host, after the epoch.
        losses, metrics = jax.device_get(measured if train.metrics else (measured, None))
        taken = np.isfinite(losses)
        if not taken.any() or (train.on_nonfinite == "stop" and not taken.all()):
            bad = int(np.argmin(taken))
            rows = permutation[bad * batch_size : (bad + 1) * batch_size]
            at = f"in epoch {number}, at its batch {bad + 1} of {len(losses)}"
            stop(train, state, x[rows], y[rows], f"{losses[bad]} {at}", folder)
        tally = Tally()
        tally.add(losses, metrics, batch_size)
        return state, tally

    return epoch


def of_batches(
    train: Training,
    source: Any,
    mesh: Mesh | None,
    folder: str | Path | None,
    begun: dict[str, Any] | None,
    due: Callable[[int], bool],
    save: Callable[[TrainState, Tally, str | None], None],
    each: Callable[[int, Tally, float, Any, int], None] | None,
    seen: Callable[[], None],
) -> Callable[[TrainState, int], tuple[TrainState, Tally]]:
    """Gives the function `(state, number) -> (state, tally)` that trains for an epoch of batches.

    Args:
      train: The training.
      source: As `functional_nn.data.placed` takes it.
      mesh: Where the batches go; `None` for JAX's default device.
      folder: Where a batch that is not finite is kept; where there is one, places are asked for.
      begun: The `tally` and the `places` (one a process) with which the first epoch goes on, if it
        was begun before.
      due: Whether to save after so many batches of an epoch.
      save: Called with the state, and with what was measured until then.
      each: Called with the loss and the metrics of each batch, as plain numbers, and with its size.
      seen: Called before each batch.
    """
    rest = begun or {}
    look = _looking(train)

    def epoch(state: TrainState, number: int) -> tuple[TrainState, Tally]:
        tally, place = Tally(**rest.pop("tally", {})), _own(rest.pop("places", []))
        carry = (state, jnp.bool_(True))
        pending: deque[tuple[Placed, Any]] = deque()
        bad: list[tuple[Placed, str]] = []

        def settle(most: int) -> None:
            while len(pending) > most:
                item, measured = pending.popleft()
                loss, metrics = jax.device_get(measured if train.metrics else (measured, None))
                tally.add(loss, metrics, len(item.x))
                if each is not None:
                    plain = metrics and {name: float(value) for name, value in metrics.items()}
                    each(number, tally, float(loss), plain, len(item.x))
                if not np.isfinite(loss) and not bad:
                    bad.append((item, f"{loss} in epoch {number}, at its batch {tally.batches}"))
                    halt(stopping)

        def halt(now: bool) -> None:
            for item, what in bad if now else ():
                stop(train, carry[0], item.x, item.y, what, folder)

        stopping = train.on_nonfinite == "stop"
        keep = folder is not None
        items = placed(source, number, mesh, skip=tally.batches, place=place, keep=keep)
        with closing(items):
            for item in items:
                look(carry[0].params, item)
                seen()
                carry, measured = train.advance(carry, (item.x, item.y))
                pending.append((item, measured))
                settle(BEHIND)
                if due(tally.batches + len(pending)):
                    settle(0)
                    save(carry[0], tally, item.place)
        settle(0)
        halt(tally.taken == 0)
        if tally.batches == 0:
            raise ValueError(
                f"batches must give at least one in each epoch. Got none in epoch {number}. "
                "Pass what starts anew, such as a function of the epoch's number."
            )
        return carry[0], tally

    return epoch


def _own(places: list[str]) -> str | None:
    """Gives this process's place, where as many saved theirs as there are now."""
    whole = len(places) == jax.process_count()
    return places[jax.process_index()] or None if whole else None


def _looking(train: Training) -> Callable[[Any, Placed], None]:
    """Gives a function of parameters and a batch that refuses it where it does not fit them.

    It is the look that `fit` takes at arrays, taken only where shapes, or the smallest or largest
    of whole numbers (labels, tokens), are new: compiled code does not notice what is out of range.
    """
    seen: dict[str, Span | None] = {}

    def new(name: str, array: jax.Array, span: Span | None) -> bool:
        key = f"{name} {typed(array)}"
        known = seen.get(key)
        if span is not None and known is not None:
            span = (min(span[0], known[0]), max(span[1], known[1]))
        if key in seen and span == known:
            return False
        seen[key] = span
        return True

    def look(params: Any, item: Placed) -> None:
        x, y, _, (inputs, targets) = item
        if new("x", x, inputs) | new("y", y, targets):
            checks.batch(x, y)
            if x.is_fully_addressable and y.is_fully_addressable:
                jax.eval_shape(lambda params: train.objective(params, x, y), params)

    return look


def stop(
    train: Training,
    state: TrainState,
    x: jax.Array,
    y: jax.Array,
    what: str,
    folder: str | Path | None,
) -> NoReturn:
    """Raises, with the layer where it arose; the state is that before the batch."""
    if jax.process_count() > 1:  # each looks at the whole, layer by layer
        state, x, y = jax.tree.map(lambda a: jnp.asarray(on_host(a)), (state, x, y))
    found = first_nonfinite(train.objective, *met(state, x, y))
    kept = ""
    if folder is not None:
        path = Path(folder) / f"nonfinite-{int(state.step)}.npz"
        if jax.process_index() == 0:
            save_batch(path, state.params, x, y)
        kept = f" The batch and the parameters are in {path}."
    raise FloatingPointError(
        f"Every loss and gradient must be finite. Got {what}, "
        f"step {int(state.step) + 1}; the first such value is {found or 'not found'}."
        f"{kept} Lower the learning rate, or clip the gradients; "
        'on_nonfinite="skip" leaves such batches out.'
    )
