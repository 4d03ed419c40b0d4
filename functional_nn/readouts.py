"""The loss of a network that ends in a readout, without its logits."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import checks
from functional_nn.backprop import Objective, objective
from functional_nn.branches import tied
from functional_nn.combinators import serial
from functional_nn.layers.layer import Layer
from functional_nn.losses.linear import linear_cross_entropy_rule
from functional_nn.rules import Rule


def readout_objective(net: Layer, loss: Rule | None = None) -> Objective:
    r"""Joins a network that ends in a `readout` with a loss that takes over the readout's product.

    With the rows `x` that go into the readout and its table `w`,

    $$J(\theta) = \frac{1}{N} \sum_{n=1}^N \ell(x_n, w, y_n),$$

    over all positions of all examples. For the linear cross-entropy that is
    `objective(net, softmax_cross_entropy)`, but the logits, a number for each position and class,
    are never held. The network inside hands out `(x, w)` in place of `x wᵀ`, and its backward pass
    takes the cotangents of both.

    Args:
      net: A `serial` whose last layer is a `readout`, or a `tied` of one, such as
        `functional_nn.transformer` makes.
      loss: A rule of (N, K) rows, a (V, K) table and N labels; by default
        `linear_cross_entropy_rule()`. An ignored position counts among the `N` with a loss of 0.

    Returns:
      An objective of the parameters of `net`, of inputs, and of labels with the shape of the
      inputs' positions: (B, T) for tokens (B, T).

    Raises:
      TypeError: `net` is not a `Layer`, or `loss` is not a `Rule`.
      ValueError: `net` does not end in a `readout`; from the objective, labels of another shape.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.transformer(256, width=16, heads=2, blocks=3, context=8)
      >>> lean, plain = readout_objective(net), fnn.objective(net, fnn.softmax_cross_entropy)
      >>> batch = jnp.int32([[72, 101, 108, 108]]), jnp.int32([[101, 108, 108, 111]])
      >>> params = jax.eval_shape(net.init, jax.random.key(0), batch[0])  # or net.init(...)
      >>> loss, grads = jax.eval_shape(fnn.value_and_grad(lean), params, *batch)
      >>> (loss, grads) == jax.eval_shape(fnn.value_and_grad(plain), params, *batch)
      True

    Reference:
      E. Wijmans, B. Huval, A. Hertzberg, V. Koltun, P. Krähenbühl, "Cut Your Losses in
      Large-Vocabulary Language Models", ICLR 2025, section 4.
    """
    checks.layer("net must be a layer", net)
    loss = linear_cross_entropy_rule() if loss is None else loss
    checks.loss(loss)
    by_rows = _by_rows(loss)

    def to_losses(labels: Any) -> Layer:
        return _ending(net, lambda last: _read_and_judged(last, by_rows, labels))

    return objective(_ending(net, _unread), by_rows)._replace(to_losses=to_losses)


def _ending(net: Layer, other: Callable[[Layer], Layer]) -> Layer:
    """Gives the network with another layer in place of its readout."""
    if net.name == "tied":
        return tied(_ending(net.parts[0], other), **dict(net.settings))
    if net.name == "serial" and net.parts:
        *layers, last = net.parts
        return serial(*layers, _ending(last, other))
    checks.ends_in_readout(net)
    return other(net)


def _unread(last: Layer) -> Layer:
    """Gives the readout that hands out its input and its table."""
    return last._replace(apply=_apply, fwd=_fwd, bwd=_bwd, squares=None, example=None)


def _apply(params: dict[str, jax.Array], x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return x, params["table"]


def _fwd(params: dict[str, jax.Array], x: jax.Array) -> tuple[Any, None]:
    return _apply(params, x), None


def _bwd(_: None, dy: tuple[jax.Array, jax.Array]) -> tuple[dict[str, jax.Array], jax.Array]:
    dx, dw = dy
    return {"table": dw}, dx


def _read_and_judged(last: Layer, by_rows: Rule, labels: Any) -> Layer:
    """Gives the readout and its loss as one layer, from (B, ..., K) to the losses (B, ...).

    Its passes for single examples go through them one after the other, so that there is one
    gradient of the table at a time.
    """

    def apply(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
        return by_rows.primal((x, params["table"]), labels)

    def fwd(params: dict[str, jax.Array], x: jax.Array) -> tuple[jax.Array, Any]:
        losses, kept = by_rows.fwd((x, params["table"]), labels)
        return losses, (x, params["table"], kept)

    def bwd(residuals: Any, dlosses: jax.Array) -> tuple[dict[str, jax.Array], jax.Array]:
        *_, kept = residuals
        (dx, dtable), _ = by_rows.bwd(kept, dlosses)
        return {"table": dtable}, dx

    def alone(residuals: Any, dlosses: jax.Array, n: Any) -> tuple[jax.Array, jax.Array]:
        # What a rule keeps of which row is its own affair: of one example it is made again.
        x, table, _ = residuals
        _, kept = by_rows.fwd((x[n], table), jnp.asarray(labels)[n])
        return by_rows.bwd(kept, dlosses[n])[0]

    def squares(residuals: Any, dlosses: jax.Array) -> tuple[jax.Array, jax.Array]:
        def of_example(n: jax.Array) -> tuple[jax.Array, jax.Array]:
            dx, dtable = alone(residuals, dlosses, n)
            return jnp.sum(dtable * dtable), dx

        return jax.lax.map(of_example, jnp.arange(len(dlosses), dtype=jnp.int32))

    def example(residuals: Any, dlosses: jax.Array, n: Any) -> dict[str, jax.Array]:
        return {"table": alone(residuals, dlosses, n)[1]}

    return Layer(last.init, apply, fwd, bwd, by_rows.name, squares=squares, example=example)


def _by_rows(loss: Rule) -> Rule:
    """Gives the rule of `((x, w), labels)`, for positions along any number of axes."""

    def flat(outputs: tuple[jax.Array, jax.Array], labels: jax.Array) -> tuple[jax.Array, ...]:
        x, w = outputs
        checks.label_for_each(x, labels)
        return x.reshape(-1, x.shape[-1]), w, jnp.asarray(labels).reshape(-1)

    def primal(outputs: tuple[jax.Array, jax.Array], labels: jax.Array) -> jax.Array:
        return loss.primal(*flat(outputs, labels)).reshape(labels.shape)

    def fwd(outputs: tuple[jax.Array, jax.Array], labels: jax.Array) -> tuple[jax.Array, Any]:
        losses, residuals = loss.fwd(*flat(outputs, labels))
        return losses.reshape(labels.shape), residuals

    def bwd(residuals: Any, dlosses: jax.Array) -> tuple[Any, None]:
        dx, dw, _ = loss.bwd(residuals, dlosses.reshape(-1))
        return (dx.reshape(*dlosses.shape, dx.shape[-1]), dw), None

    return Rule(loss.name, primal, fwd, bwd)
