"""A training of several epochs: progress, history, checkpoints."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from functional_nn import checks
from functional_nn.data import Batches, described
from functional_nn.distributed import everyone
from functional_nn.epochs import Tally, in_memory, of_batches
from functional_nn.flat import typed
from functional_nn.layouts import mesh_of, on_mesh
from functional_nn.progress import Epoch, displayed
from functional_nn.records import compiling, json_lines, laps, profiling, rates
from functional_nn.resume import keeping
from functional_nn.training import Training, TrainState


class Fit(NamedTuple):
    """What `fit` gives back.

    Attributes:
      state: The state after the last epoch; `state.params` are the trained parameters.
      history: One record for each epoch.
    """

    state: TrainState
    history: list[Epoch]


def fit(
    train: Training,
    params: Any,
    x: Any,
    y: ArrayLike | None = None,
    *,
    epochs: int,
    batch_size: int | None = None,
    seed: int = 0,
    evaluate: Callable[[Any], Any] | None = None,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 1,
    checkpoint_batches: int | None = None,
    log: str | Path | Callable[[Mapping[str, Any]], None] | None = None,
    profile: str | Path | None = None,
) -> Fit:
    """Trains for a number of epochs, each in a new random order.

    The data is either arrays `x` and `y`, which lie on the device as a whole, an epoch of them one
    compiled loop; or, in place of both, batches that come one after the other, made and transferred
    while the device computes (`functional_nn.prefetch`). Memory-mapped arrays are taken as
    `functional_nn.Batches` of them.

    With `checkpoint`, the same call goes on where it stopped, whatever stopped it: on the same
    machine, devices and versions it ends with the parameters of a run that was never interrupted,
    bit for bit. SIGTERM then ends the process after the epoch, or after the batch if these come one
    by one, with a complete checkpoint and the exit status `functional_nn.STOPPED`, 75: start it
    again. Within an epoch of batches, their iterator is set to where it stood if it has `get_state`
    and `set_state`, as those of grain have; else what is done is made again and skipped, with a
    warning. Either way the batches must be the same again: those of a function of the epoch's
    number are.

    Where the parameters lie on a mesh (`functional_nn.fully_sharded`), the state is put there too,
    and batches of NumPy arrays by `functional_nn.shard_batch`. Several processes
    (`functional_nn.distributed`) call it alike, each with the whole of arrays `x` and `y`, or with
    its own rows of every batch; the first of them shows the progress and writes the log. They save
    together, and SIGTERM to any of them ends all at the same epoch or batch. Another number of
    processes, and another mesh, may go on from there.

    Args:
      train: From `functional_nn.training`.
      params: The parameters to start from; they are copied.
      x: The inputs, shape (N, ...), floating, or whole numbers for a network that takes them. Or
        batches, pairs of inputs and targets of any length: an iterable that starts anew in each
        epoch, such as a loader of grain, PyTorch or TensorFlow; or a function of the epoch's
        number, from 1, that gives an iterable, such as `functional_nn.Batches`.
      y: The targets, N rows or N integer labels. None beside batches.
      epochs: How many times to go through the data.
      batch_size: The number of examples in each step, at most N. None beside batches.
      seed: Seeds the order of the examples: the same seed gives the same batches.
      evaluate: `evaluate(params)`, called after each epoch; gives a number, or a dictionary of
        numbers by name, that goes into the history and the display.
      progress: Whether to show a progress bar.
      checkpoint: A folder for `functional_nn.Checkpoints` of this training alone; it needs the
        extra `checkpoints`. With more `epochs` than it has seen, the training goes on.
      checkpoint_every: After how many epochs one is saved; after the last there is always one.
      checkpoint_batches: After how many batches of an epoch one is saved besides; of batches alone.
      log: A file to which a record is appended after each epoch, and of batches after each, one
        JSON object a line (`functional_nn.json_lines`); or a function that is given it, such as
        that of `functional_nn.tensorboard`. Beside what is measured it holds `epoch`, `step`, the
        number of batches in all, and the seconds that compiling took and that a step takes
        otherwise, with the examples a second. A training that goes on tells again what came after
        its checkpoint: the last record of a step is the one that counts.
      profile: A folder for what `jax.profiler` finds of the second epoch, the first being the one
        that compiles; of one epoch, of that; of batches, of the second to the eleventh.

    Returns:
      `Fit(state, history)`.

    Raises:
      ValueError: The data is empty, is not finite or does not fit together or the parameters; a
        label, `epochs` or `batch_size` is out of range; batches are no pairs, none come, or they
        cannot start anew; `checkpoint` holds another training, or nothing that is whole. Of batches
        the first that does not fit is refused, when it comes.
      OSError: A checkpoint, a record or a profile cannot be written.
      TypeError: `x` is not floating, or not of the parameters' dtype.
      FloatingPointError: A loss or a gradient is not finite; the message names the layer in which
        the first such value arose, the epoch, the batch and the step. With `checkpoint`, the batch
        and the parameters are saved there, to replay it. With `on_nonfinite="skip"` only when that
        holds of all batches of an epoch.

    Example:
      >>> import functional_nn as fnn, optax
      >>> net = fnn.mlp([2, 8, 2], activation=fnn.tanh)
      >>> x = np.float32([[0, 0], [0, 1], [1, 0], [1, 1]])
      >>> y = np.int32([0, 1, 1, 0])
      >>> train = fnn.training(fnn.objective(net, fnn.softmax_cross_entropy), optax.adam(0.05))
      >>> params = net.init(jax.random.key(0), x)
      >>> result = fnn.fit(train, params, x, y, epochs=200, batch_size=4, progress=False)
      >>> net.apply(result.state.params, x).argmax(axis=-1).tolist()
      [0, 1, 1, 0]
    """
    checks.epochs(epochs)
    mesh = mesh_of(params)
    if y is not None and (isinstance(x, np.memmap) or isinstance(y, np.memmap)):
        x, y = Batches(x, y, checks.given_size(batch_size), seed=seed, mesh=mesh), None
        batch_size = None
    if y is None:
        checks.batches(x, epochs, batch_size)
        run = described(x)
    else:
        batch_size = checks.given_size(batch_size)
        checks.no_batches("checkpoint_batches", checkpoint_batches)
        x, y = jnp.asarray(x), jnp.asarray(y)
        checks.batch(x, y)
        checks.finite("x", x)
        checks.finite("y", y)
        checks.batch_size(batch_size, len(x))
        # Only shapes are computed here, but y is concrete: labels out of range are refused too.
        jax.eval_shape(lambda params: train.objective(params, x, y), params)
        run = {"inputs": typed(x), "targets": typed(y), "batch_size": batch_size, "seed": seed}
    checks.count("checkpoint_every", checkpoint_every)
    if checkpoint_batches is not None:
        checks.count("checkpoint_batches", checkpoint_batches)
    tell = _telling(log)
    first = train.init(params)
    first = first if mesh is None else on_mesh(mesh, first)
    with (
        keeping(checkpoint, first, run) as kept,
        displayed(epochs, progress and jax.process_index() == 0) as show,
        compiling() as compiled,
        profiling(
            profile, first=int(y is None or epochs > 1), count=10 if y is None else 1
        ) as seen,
    ):
        state, position = kept.state, kept.position
        history = [Epoch(*record) for record in position.get("history", ())]
        done = position.get("done", 0)
        shuffle = np.random.default_rng(seed)

        def due(batches: int) -> bool:
            regular = checkpoint_batches is not None and batches % checkpoint_batches == 0
            # Asked at every batch, so that several processes are told at the same one.
            return kept.stopped(done + batches + len(history)) or regular

        def save(state: TrainState, tally: Tally, place: str | None) -> None:
            seconds = tally.seconds + time.perf_counter() - start
            within = {
                "tally": asdict(tally) | {"seconds": seconds},
                "places": everyone(place or ""),
            }
            where = {"history": history, "done": done, "within": within}
            kept.save(done + tally.batches + len(history), state, where, tally.means()[0])

        lap = laps(compiled)

        def each(number: int, tally: Tally, loss: float, metrics: Any, examples: int) -> None:
            told = {"record": "step", "epoch": number, "step": done + tally.batches}
            tell(told | {"loss": loss, "metrics": metrics, **rates(1, examples, *lap())})

        within = position.get("within")
        before = Tally(**within["tally"]) if within else Tally()
        if y is None or batch_size is None:
            watch = None if log is None else each
            epoch = of_batches(train, x, mesh, checkpoint, within, due, save, watch, seen)
        else:
            if position:
                shuffle.bit_generator.state = position["shuffle"]
            epoch = in_memory(train, x, y, batch_size, shuffle, checkpoint, seen)
        for record in history:
            show(record)
        for number in range(len(history) + 1, epochs + 1):
            start = time.perf_counter()
            whole = laps(compiled)
            lap()
            state, tally = epoch(state, number)
            new = tally.batches - before.batches, tally.examples - before.examples
            speed, before = rates(*new, *whole()), Tally()
            done += tally.batches
            loss, means = tally.means()
            evaluation = None if evaluate is None else _plain(evaluate(state.params))
            seconds = tally.seconds + time.perf_counter() - start
            skipped = tally.batches - tally.taken
            if state.loss_scale is not None:  # what overflowed took no step, and has a loss
                skipped = done - sum(record.skipped for record in history) - int(state.step)
            history.append(Epoch(number, loss, evaluation, seconds, means, skipped))
            show(history[-1])
            tell({"record": "epoch", "step": done, **history[-1]._asdict(), **speed})
            at = number if y is not None else done + number
            if kept.stopped(at) or number % checkpoint_every == 0 or number == epochs:
                where = {"history": history, "done": done, "shuffle": shuffle.bit_generator.state}
                kept.save(at, state, where, loss)
    return Fit(state, history)


def _telling(
    log: str | Path | Callable[[Mapping[str, Any]], None] | None,
) -> Callable[[Mapping[str, Any]], None]:
    if log is None or jax.process_index() > 0:
        return lambda record: None
    return json_lines(log) if isinstance(log, (str, Path)) else log


def _plain(evaluation: Any) -> float | dict[str, float]:
    if isinstance(evaluation, dict):
        return {name: float(value) for name, value in evaluation.items()}
    return float(evaluation)
