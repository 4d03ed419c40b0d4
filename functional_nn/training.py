"""Training with any optax transformation, by either gradient: a step and an epoch."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from functional_nn import checks, scaling
from functional_nn.backprop import Objective, averaged, require, value_and_grad
from functional_nn.scaling import LossScale


class TrainState(NamedTuple):
    """What a training step turns into its successor, as one pytree.

    Attributes:
      params: The network's parameters.
      opt_state: The optimiser's state.
      step: The number of steps taken, an int32 scalar.
      loss_scale: The loss scale, if the training has one.
    """

    params: Any
    opt_state: Any
    step: jax.Array
    loss_scale: LossScale | None = None


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
      advance: `advance((state, going), (x, y)) -> ((state, going), loss)`, compiled, the body of
        that scan, for data that does not fit into the device's memory; the old pair is donated.
        `going` starts as `jnp.bool_(True)` and is false from the first batch on whose step is not
        taken. So the losses may be looked at some batches later, while the device goes on.
      objective: What is trained.
      metrics: What is measured of each batch besides its loss, or `None`.
      on_nonfinite: `"stop"` or `"skip"`.
    """

    init: Callable[[Any], TrainState]
    step: jax.stages.Wrapped
    epoch: jax.stages.Wrapped
    advance: jax.stages.Wrapped
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
    loss_scale: float | None = None,
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
        `functional_nn.fit` can say where it arose; `step` by itself takes the step and gives the
        loss as it is, for to look at every gradient it would read all of them again, and hold them.
        `"skip"`: the next batch goes on from there, `fit` counts, and `step` leaves the batch out
        as well.
      loss_scale: Trains in float16, with this scale at first, such as `2.0**15`: parameters, inputs
        and targets are rounded to float16 for the passes, whatever they are; give them in float32,
        in which the optimiser works. The derivative of the loss is multiplied by the scale, so that
        small gradients do not vanish, and divided at the end. A batch of which a gradient
        overflows is left out, parameters and step count as they were, and the scale is halved;
        after 2000 steps without, it is doubled, up to `2**15`. What `on_nonfinite` says is of a
        loss that is not finite, which no scale helps, and of gradients at the scale 1.

    Returns:
      `Training(init, step, epoch, advance, objective, metrics, on_nonfinite)`.

    Raises:
      ValueError: `gradients` or `on_nonfinite` is another word, `loss_scale` is below 1 or above
        `2**15`, or stands beside a function as `gradients`; `microbatches` is not a positive whole
        number; a key without a network that draws, or such a network without a key; from
        `step` and `epoch`, before anything is compiled, data, a batch size, a permutation or
        microbatches that do not fit. They look at shapes only: NaN and labels out of range are
        refused by `functional_nn.fit`.

    Example:
      >>> import functional_nn as fnn, numpy as np
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
    require(objective)
    if not callable(gradients):
        checks.choice("gradients", gradients, ("backprop", "autodiff"))
    checks.training_key(objective.net, key)
    checks.choice("on_nonfinite", on_nonfinite, ("stop", "skip"))
    if loss_scale is None:
        if not callable(gradients):
            differentiate = jax.value_and_grad if gradients == "autodiff" else value_and_grad
            gradients = differentiate(objective)
        plain = averaged(gradients, microbatches)

        def loss_and_grads(state: TrainState, x: Any, y: Any, *own: Any) -> tuple[jax.Array, Any]:
            return plain(state.params, x, y, *own)
    else:
        checks.loss_scale(loss_scale, gradients, scaling.LARGEST)
        steep = scaling.scaled(objective, str(gradients), microbatches)

        def loss_and_grads(state: TrainState, x: Any, y: Any, *own: Any) -> tuple[jax.Array, Any]:
            assert state.loss_scale is not None
            return steep(state.params, x, y, state.loss_scale.scale, *own)

    transformation = optax.with_extra_args_support(optimizer)

    def init(params: Any) -> TrainState:
        with jax.numpy_dtype_promotion("standard"):
            opt_state = transformation.init(params)
        scale = None if loss_scale is None else scaling.initial(loss_scale)
        state = TrainState(params, opt_state, jnp.zeros((), jnp.int32), scale)
        return jax.tree.map(jnp.array, state)

    def update(
        state: TrainState, x: jax.Array, y: jax.Array, *, guarded: bool
    ) -> tuple[TrainState, Any]:
        own = () if key is None else (jax.random.fold_in(key, state.step),)
        loss, grads = loss_and_grads(state, x, y, *own)
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
        after = TrainState(params, opt_state, state.step + 1, state.loss_scale)
        if loss_scale is not None:
            after, loss = scaling.unless_overflown(state, after, loss, _all_finite(grads))
        elif guarded:
            loss = jnp.where(_all_finite(grads), loss, jnp.nan)
        if metrics is None:
            return after, loss
        return after, (loss, metrics(objective.net.apply(*scaling.met(state, x)), y))

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
        (state, _), measured = jax.lax.scan(advance, (state, jnp.bool_(True)), data)
        return state, measured

    def advance(carry: tuple[TrainState, jax.Array], batch: Any) -> tuple[Any, Any]:
        before, going = carry
        after, measured = update(before, *batch, guarded=True)
        taken = jnp.isfinite(measured if metrics is None else measured[0])
        if on_nonfinite == "stop":
            taken = going = going & taken
        return (scaling.either(taken, after, before), going), measured

    def step(state: TrainState, x: jax.Array, y: jax.Array) -> tuple[TrainState, Any]:
        if on_nonfinite == "stop":
            return update(state, x, y, guarded=False)
        (state, _), measured = advance((state, jnp.bool_(True)), (x, y))
        return state, measured

    once = jax.jit(step, donate_argnums=0)
    epoch = jax.jit(scan, donate_argnums=0, static_argnames="batch_size")
    one = jax.jit(advance, donate_argnums=0)
    return Training(init, once, epoch, one, objective, metrics, on_nonfinite)


def _all_finite(grads: Any) -> jax.Array:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(a)) for a in jax.tree.leaves(grads)]))
