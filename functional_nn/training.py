"""Training with any optax transformation, by either gradient: a step, an epoch, a fit."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike

from functional_nn import checks
from functional_nn.backprop import Objective, averaged, value_and_grad
from functional_nn.flat import typed
from functional_nn.guards import first_nonfinite, save_batch
from functional_nn.resume import keeping


class TrainState(NamedTuple):
    """What a training step turns into its successor, as one pytree.

    Attributes:
      params: The network's parameters.
      opt_state: The optimiser's state.
      step: The number of steps taken, an int32 scalar.
    """

    params: Any
    opt_state: Any
    step: jax.Array


class Training(NamedTuple):
    """The functions that train one objective with one optimiser.

    Attributes:
      init: `init(params) -> state`. Copies `params`: a step reuses the memory of the state that it
        is given, and the user's arrays must survive that.
      step: `step(state, x, y) -> (state, loss)`, compiled; the old state is donated. `loss` is that
        of the batch before the update.
      epoch: `epoch(state, xs, ys, permutation, batch_size) -> (state, losses)`, compiled, one
        `jax.lax.scan` over the batches that `permutation` (N int32 indices, from the host) cuts
        out; the old state is donated. It holds the data once more, in that order. The last
        `N % batch_size` indices are left out, so that all batches have one size; with a new
        permutation for each epoch, no example is left out for good.
      objective: What is trained.
      metrics: What is measured of each batch besides its loss, or `None`.
      on_nonfinite: `"stop"` or `"skip"`.
    """

    init: Callable[[Any], TrainState]
    step: jax.stages.Wrapped
    epoch: jax.stages.Wrapped
    objective: Objective
    metrics: Callable[[jax.Array, jax.Array], dict[str, jax.Array]] | None = None
    on_nonfinite: str = "stop"


def training(
    objective: Objective,
    optimizer: optax.GradientTransformation,
    *,
    gradients: str | Callable[..., tuple[jax.Array, Any]] = "backprop",
    microbatches: int = 1,
    key: jax.Array | None = None,
    metrics: Callable[[jax.Array, jax.Array], dict[str, jax.Array]] | None = None,
    on_nonfinite: str = "stop",
) -> Training:
    """Makes the training functions of an objective.

    Args:
      objective: From `functional_nn.objective`.
      optimizer: Any optax transformation, such as `optax.sgd(0.1)`. Those that ask for the value,
        the gradient or the function itself (a line search) are given them.
      gradients: `"backprop"` for the hand-written backward pass, `"autodiff"` for `jax.grad`. This
        word is the only difference between the two trainings. Or any function
        `(params, x, y) -> (loss, grads)`, such as that of `functional_nn.clipped_value_and_grad`.
      microbatches: Into how many equal parts each batch is cut; see
        `functional_nn.value_and_grad`.
      key: For a network that draws random numbers, such as with dropout: each step draws from
        `jax.random.fold_in(key, step)`, so that a training that is resumed goes on as it would.
      metrics: `metrics(outputs, y)`, numbers by name that are measured of each batch before its
        update, such as an accuracy. As with `has_aux` in JAX, `step` then gives `(loss, metrics)`
        in place of `loss`, and `epoch` an array of each: they leave the device after the epoch.
        The compiler shares the forward pass with the gradient's, unless that is a loop (`repeat`,
        microbatches).
      on_nonfinite: What becomes of a batch whose loss or gradient is not finite. The loss that is
        given is then NaN or infinite, and `epoch` does not take its step: the state, step count
        included, stays as it was. `"stop"`: nor does it take the steps after it, so that
        `functional_nn.fit` can say where it arose; `step` by itself takes the step, for to wait for
        the last gradient it would hold all of them. `"skip"`: the next batch goes on from there,
        `fit` counts, and `step` leaves the batch out as well.

    Returns:
      `Training(init, step, epoch, objective, metrics)`.

    Raises:
      ValueError: `gradients` or `on_nonfinite` is another word, or `microbatches` not a positive
        whole number; a key without a network that draws, or such a network without a key; from
        `step` and `epoch`, before anything is compiled, data, a batch size, a permutation or
        microbatches that do not fit. They look at shapes only: NaN and labels out of range are
        refused by `functional_nn.fit`.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.mlp([2, 3, 2])
      >>> x, y = jnp.eye(2, dtype=jnp.float32), jnp.int32([0, 1])
      >>> train = training(fnn.objective(net, fnn.softmax_cross_entropy), optax.sgd(0.1))
      >>> state = train.init(net.init(jax.random.key(0), x))
      >>> state, loss = train.step(state, x, y)
      >>> state, losses = train.epoch(state, x, y, np.int32([1, 0]), batch_size=1)
      >>> state.step.item(), losses.shape
      (3, (2,))

    Reference:
      C. M. Bishop, "Pattern Recognition and Machine Learning", section 5.2.4; I. Goodfellow,
      Y. Bengio, A. Courville, "Deep Learning", section 8.3.1.
    """
    if not callable(gradients):
        checks.choice("gradients", gradients, ("backprop", "autodiff"))
        differentiate = jax.value_and_grad if gradients == "autodiff" else value_and_grad
        gradients = differentiate(objective)
    checks.training_key(objective.net, key)
    checks.choice("on_nonfinite", on_nonfinite, ("stop", "skip"))
    loss_and_grads = averaged(gradients, microbatches)
    transformation = optax.with_extra_args_support(optimizer)

    def init(params: Any) -> TrainState:
        with jax.numpy_dtype_promotion("standard"):
            opt_state = transformation.init(params)
        return jax.tree.map(jnp.array, TrainState(params, opt_state, jnp.zeros((), jnp.int32)))

    def update(state: TrainState, x: jax.Array, y: jax.Array) -> tuple[TrainState, Any]:
        own = () if key is None else (jax.random.fold_in(key, state.step),)
        loss, grads = loss_and_grads(state.params, x, y, *own)
        # Optax is written for JAX's standard promotion: with a caller's "strict", Adam would raise.
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = transformation.update(
                grads,
                state.opt_state,
                state.params,
                value=loss,
                grad=grads,
                value_fn=lambda params: objective(params, x, y, *own),
            )
            params = optax.apply_updates(state.params, updates)
        after = TrainState(params, opt_state, state.step + 1)
        finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(a)) for a in jax.tree.leaves(grads)]))
        loss = jnp.where(finite, loss, jnp.nan)
        if metrics is None:
            return after, loss
        return after, (loss, metrics(objective.net.apply(state.params, x), y))

    def scan(
        state: TrainState, xs: jax.Array, ys: jax.Array, permutation: jax.Array, batch_size: int
    ) -> tuple[TrainState, Any]:
        checks.batch(xs, ys)
        checks.batch_size(batch_size, len(xs))
        checks.permutation(permutation, len(xs))
        batches = len(xs) // batch_size
        order = permutation[: batches * batch_size]
        # All rows at once: for a small network, collecting each batch's own would cost more than
        # the step does.
        data = [a[order].reshape(batches, batch_size, *a.shape[1:]) for a in (xs, ys)]

        def step(carry: tuple[TrainState, jax.Array], batch: Any) -> tuple[Any, Any]:
            before, going = carry
            after, measured = update(before, *batch)
            taken = jnp.isfinite(loss_of(measured))
            if on_nonfinite == "stop":
                taken = going = going & taken
            return (_either(taken, after, before), going), measured

        (state, _), measured = jax.lax.scan(step, (state, jnp.bool_(True)), data)
        return state, measured

    def guarded(state: TrainState, x: jax.Array, y: jax.Array) -> tuple[TrainState, Any]:
        after, measured = update(state, x, y)
        return _either(jnp.isfinite(loss_of(measured)), after, state), measured

    def loss_of(measured: Any) -> jax.Array:
        return measured if metrics is None else measured[0]

    # A guarded step holds all gradients until the last is known to be finite: not where a caller
    # who sees the loss can stop by himself.
    step = jax.jit(guarded if on_nonfinite == "skip" else update, donate_argnums=0)
    epoch = jax.jit(scan, donate_argnums=0, static_argnames="batch_size")
    return Training(init, step, epoch, objective, metrics, on_nonfinite)


def _either(first: jax.Array, a: Any, b: Any) -> Any:
    return jax.tree.map(lambda a, b: jnp.where(first, a, b), a, b)


class Epoch(NamedTuple):
    """The record of one epoch.

    Attributes:
      epoch: Its number, from 1.
      loss: The mean of the losses of its batches, each taken before its update.
      evaluation: What `evaluate` gave after it, as plain numbers, or `None`.
      seconds: How long it took, evaluation included.
      metrics: The mean of each of the training's metrics over its batches.
      skipped: How many batches were left out because something was not finite; the means are those
        of the others.
    """

    epoch: int
    loss: float
    evaluation: float | dict[str, float] | None
    seconds: float
    metrics: dict[str, float] | None = None
    skipped: int = 0


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
    x: ArrayLike,
    y: ArrayLike,
    *,
    epochs: int,
    batch_size: int,
    seed: int = 0,
    evaluate: Callable[[Any], Any] | None = None,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 1,
) -> Fit:
    """Trains for a number of epochs, each in a new random order.

    With `checkpoint`, the same call goes on where it stopped, whatever stopped it: on the same
    machine, devices and versions it ends with the parameters of a run that was never interrupted,
    bit for bit. SIGTERM then ends the process after the epoch, with a complete checkpoint and the
    exit status `functional_nn.STOPPED`, 75: start it again.

    Args:
      train: From `functional_nn.training`.
      params: The parameters to start from; they are copied.
      x: The inputs, shape (N, ...), floating.
      y: The targets, N rows or N integer labels.
      epochs: How many times to go through the data.
      batch_size: The number of examples in each step, at most N.
      seed: Seeds the order of the examples: the same seed gives the same batches.
      evaluate: `evaluate(params)`, called after each epoch; gives a number, or a dictionary of
        numbers by name, that goes into the history and the display.
      progress: Whether to show a progress bar.
      checkpoint: A folder for `functional_nn.Checkpoints` of this training alone; it needs the
        extra `checkpoints`. With more `epochs` than it has seen, the training goes on.
      checkpoint_every: After how many epochs one is saved; after the last there is always one.

    Returns:
      `Fit(state, history)`.

    Raises:
      ValueError: The data is empty, is not finite or does not fit together or the parameters; a
        label, `epochs` or `batch_size` is out of range; `checkpoint` holds another training, or
        nothing that is whole.
      OSError: A checkpoint cannot be written.
      TypeError: `x` is not floating, or not of the parameters' dtype.
      FloatingPointError: A loss or a gradient is not finite; the message names the layer in which
        the first such value arose, the epoch, the batch and the step. With `checkpoint`, the batch
        and the parameters are saved there, to replay it. With `on_nonfinite="skip"` only when that
        holds of all batches of an epoch.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.mlp([2, 8, 2], activation=fnn.tanh)
      >>> x = np.float32([[0, 0], [0, 1], [1, 0], [1, 1]])
      >>> y = np.int32([0, 1, 1, 0])
      >>> train = fnn.training(fnn.objective(net, fnn.softmax_cross_entropy), optax.adam(0.05))
      >>> params = net.init(jax.random.key(0), x)
      >>> result = fnn.fit(train, params, x, y, epochs=200, batch_size=4, progress=False)
      >>> net.apply(result.state.params, x).argmax(axis=-1).tolist()
      [0, 1, 1, 0]
    """
    x, y = jnp.asarray(x), jnp.asarray(y)
    checks.batch(x, y)
    checks.finite("x", x)
    checks.finite("y", y)
    checks.batch_size(batch_size, len(x))
    checks.epochs(epochs)
    # Only shapes are computed here, but y is concrete: labels out of range are refused too.
    jax.eval_shape(lambda params: train.objective(params, x, y), params)

    shuffle = np.random.default_rng(seed)
    run = {"inputs": typed(x), "targets": typed(y), "batch_size": batch_size, "seed": seed}
    with (
        keeping(checkpoint, train.init(params), run, every=checkpoint_every, last=epochs) as kept,
        _display(epochs, progress) as show,
    ):
        state = kept.state
        history = [Epoch(*record) for record in kept.position.get("history", ())]
        if kept.position:
            shuffle.bit_generator.state = kept.position["shuffle"]
        for record in history:
            show(record)
        for number in range(len(history) + 1, epochs + 1):
            start = time.perf_counter()
            # Shuffled on the host: a sort inside the compiled epoch costs more than it saves.
            permutation = shuffle.permutation(len(x)).astype(np.int32)
            state, measured = train.epoch(state, x, y, permutation, batch_size=batch_size)
            # The one transfer to the host, after the epoch.
            losses, metrics = (measured, None) if train.metrics is None else measured
            losses, metrics = jax.device_get((losses, metrics))
            taken = np.isfinite(losses)
            if not taken.any() or (train.on_nonfinite == "stop" and not taken.all()):
                bad = int(np.argmin(taken))
                rows = permutation[bad * batch_size : (bad + 1) * batch_size]
                at = f"in epoch {number}, at its batch {bad + 1} of {len(losses)}"
                _stop(train, state, x[rows], y[rows], f"{losses[bad]} {at}", checkpoint)
            loss = float(np.mean(losses[taken], dtype=float))
            means = metrics and {
                name: float(np.mean(m[taken], dtype=float)) for name, m in metrics.items()
            }
            skipped = int((~taken).sum())
            evaluation = None if evaluate is None else _plain(evaluate(state.params))
            seconds = time.perf_counter() - start
            history.append(Epoch(number, loss, evaluation, seconds, means, skipped))
            show(history[-1])
            position = {"shuffle": shuffle.bit_generator.state, "history": history}
            kept.save(number, state, position, loss)
    return Fit(state, history)


def _stop(
    train: Training,
    state: TrainState,
    x: jax.Array,
    y: jax.Array,
    what: str,
    folder: str | Path | None,
) -> NoReturn:
    """Raises, with the layer where it arose; the state is that before the batch."""
    found = first_nonfinite(train.objective, state.params, x, y)
    kept = ""
    if folder is not None:
        path = Path(folder) / f"nonfinite-{int(state.step)}.npz"
        save_batch(path, state.params, x, y)
        kept = f" The batch and the parameters are in {path}."
    raise FloatingPointError(
        f"Every loss and gradient must be finite. Got {what}, "
        f"step {int(state.step) + 1}; the first such value is {found or 'not found'}."
        f"{kept} Lower the learning rate, or clip the gradients; "
        'on_nonfinite="skip" leaves such batches out.'
    )


def _plain(evaluation: Any) -> float | dict[str, float]:
    if isinstance(evaluation, dict):
        return {name: float(value) for name, value in evaluation.items()}
    return float(evaluation)


@contextmanager
def _display(epochs: int, shown: bool) -> Iterator[Callable[[Epoch], None]]:
    """Gives a function that shows a record in a progress bar, or one that does nothing."""
    if not shown:
        yield lambda record: None
        return
    # Only here, so that importing the package stays quick.
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("epoch"),
        MofNCompleteColumn(),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns) as bar:
        task = bar.add_task("training", total=epochs, text="")
        yield lambda record: bar.update(task, advance=1, text=_describe(record))


def _describe(record: Epoch) -> str:
    parts = [f"loss {record.loss:.4g}"]
    parts += [f"{name} {value:.4g}" for name, value in (record.metrics or {}).items()]
    if isinstance(record.evaluation, dict):
        parts += [f"{name} {value:.4g}" for name, value in record.evaluation.items()]
    elif record.evaluation is not None:
        parts.append(f"{record.evaluation:.4g}")
    return "  ".join(parts)
