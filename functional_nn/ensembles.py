"""Ensembles: many networks of one kind, trained as one."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from functional_nn import checks
from functional_nn.combinators import serial
from functional_nn.layers.dense import dense, dense_bwd, dense_fwd, dense_squares
from functional_nn.layers.layer import Layer
from functional_nn.rules import Rule


def ensemble(net: Layer, m: int) -> Layer:
    r"""Runs `m` networks of one kind on the same inputs, each with parameters of its own.

    Where the first layer is dense, the weights of all members stand side by side and are one
    matrix, so that one product serves all of them: small products are what a small network's time
    goes into. The other layers are mapped over the members.

    With `functional_nn.ensemble_loss` it trains as one network, each member as it would alone.

    Args:
      net: The network.
      m: The number of members.

    Returns:
      A layer whose outputs have shape (N, m, ...), a row of members for each example. Its
      parameters are those of `net` with an axis for the members: the second axis of the weights of
      a dense first layer, the first of everything else. `functional_nn.member` takes one out.

    Raises:
      TypeError: `net` is not a `Layer`.
      ValueError: `m` is not a positive whole number.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.ensemble(fnn.mlp([2, 8, 3]), 5)
      >>> x = jnp.ones((4, 2), jnp.float32)
      >>> params = net.init(jax.random.key(0), x)
      >>> params[0]["w"].shape, params[2]["w"].shape, net.apply(params, x).shape
      ((2, 5, 8), (5, 8, 3), (4, 5, 3))

    Reference:
      B. Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and Scalable Predictive Uncertainty
      Estimation using Deep Ensembles", NeurIPS 2017, section 2.4.
    """
    checks.layer("ensemble takes a layer", net)
    checks.count("m", m)
    first, rest = _packed(net)

    def init(key: jax.Array, x: Any) -> Any:
        params = jax.vmap(lambda own: net.init(own, x))(jax.random.split(key, m))
        if not first:
            return params
        own, *others = params if rest else (params,)
        own = own | {"w": jnp.moveaxis(own["w"], 0, 1)}
        return (own, *others) if rest else own

    def apply(params: Any, x: jax.Array) -> jax.Array:
        if not first:
            return jax.vmap(net.apply, (0, None), 1)(params, x)
        own, others = (params[0], params[1:]) if rest else (params, ())
        z = _apart(dense(x, *_side_by_side(own)), m)
        return jax.vmap(rest.apply, (0, 1), 1)(others, z) if rest else z

    def fwd(params: Any, x: jax.Array) -> tuple[jax.Array, Any]:
        if not first:
            return jax.vmap(net.fwd, (0, None), (1, 0))(params, x)
        own, others = (params[0], params[1:]) if rest else (params, ())
        z, kept = dense_fwd(x, *_side_by_side(own))
        z = _apart(z, m)
        if not rest:
            return z, (kept, None)
        y, residuals = jax.vmap(rest.fwd, (0, 1), (1, 0))(others, z)
        return y, (kept, residuals)

    def bwd(residuals: Any, dy: jax.Array) -> tuple[Any, jax.Array]:
        if not first:
            dparams, dx = jax.vmap(net.bwd, (0, 1), (0, 0))(residuals, dy)
            return dparams, jnp.sum(dx, axis=0)  # one x serves all members
        kept, others = residuals
        dothers, dz = jax.vmap(rest.bwd, (0, 1), (0, 1))(others, dy) if rest else ((), dy)
        dz = jnp.moveaxis(dz, 1, -2)
        dx, dw, db = dense_bwd(kept, dz.reshape(*dz.shape[:-2], -1))
        own = {"w": dw.reshape(len(dw), m, -1), "b": db.reshape(m, -1)}
        return (own, *dothers) if rest else own, dx

    return Layer(init, apply, fwd, bwd, "ensemble")


def _packed(net: Layer) -> tuple[Layer | None, Layer | None]:
    """Gives the dense layer that a network starts with, if it does, and what follows it."""
    if net.squares is dense_squares:
        return net, None
    if net.name == "serial" and net.parts and net.parts[0].squares is dense_squares:
        return net.parts[0], serial(*net.parts[1:])
    return None, None


def _side_by_side(params: dict[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
    return params["w"].reshape(len(params["w"]), -1), params["b"].reshape(-1)


def _apart(z: jax.Array, m: int) -> jax.Array:
    return jnp.moveaxis(z.reshape(*z.shape[:-1], m, -1), -2, 1)


def member(net: Layer, params: Any, i: int) -> Any:
    """Takes the parameters of one member out of those of an ensemble.

    Args:
      net: The network that the ensemble was made from.
      params: The ensemble's parameters.
      i: The member's number, from 0.

    Returns:
      Parameters for `net`.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.mlp([2, 8, 3])
      >>> many, x = fnn.ensemble(net, 5), jnp.ones((4, 2), jnp.float32)
      >>> params = many.init(jax.random.key(0), x)
      >>> one = net.apply(fnn.member(net, params, 2), x)
      >>> bool(jnp.allclose(one, many.apply(params, x)[:, 2], atol=1e-6))
      True
    """
    first, rest = _packed(net)
    if not first:
        return jax.tree.map(lambda p: p[i], params)
    own, *others = params if rest else (params,)
    own = {"w": own["w"][:, i], "b": own["b"][i]}
    return (own, *jax.tree.map(lambda p: p[i], others)) if rest else own


def ensemble_loss(loss: Rule) -> Rule:
    r"""Gives the loss of an ensemble: of each example, the sum of its members' losses.

    A sum, not a mean: the gradient of each member is then the one that it would have alone, and the
    same step size suits it.

    Args:
      loss: The loss of one member, a rule of `(outputs, targets)`.

    Returns:
      A rule of `(outputs, targets)`, with outputs of shape (N, m, ...) and the targets of one
      network.

    Raises:
      TypeError: `loss` is not a `Rule`.

    Example:
      >>> import functional_nn as fnn
      >>> loss = fnn.ensemble_loss(fnn.softmax_cross_entropy)
      >>> loss(jnp.zeros((4, 5, 3), jnp.float32), jnp.zeros(4, jnp.int32)).shape
      (4,)
    """
    checks.loss(loss)

    def primal(outputs: jax.Array, targets: jax.Array) -> jax.Array:
        return jnp.sum(jax.vmap(loss.primal, (1, None), 0)(outputs, targets), axis=0)

    def fwd(outputs: jax.Array, targets: jax.Array) -> tuple[jax.Array, Any]:
        losses, residuals = jax.vmap(loss.fwd, (1, None), 0)(outputs, targets)
        return jnp.sum(losses, axis=0), residuals

    def bwd(residuals: Any, dlosses: jax.Array) -> tuple[jax.Array, Any]:
        doutputs, dtargets = jax.vmap(loss.bwd, (0, None), (1, 0))(residuals, dlosses)
        return doutputs, jax.tree.map(lambda d: jnp.sum(d, axis=0), dtargets)

    return Rule(f"ensemble_{loss.name}", primal, fwd, bwd)


class Prediction(NamedTuple):
    """What an ensemble says.

    Attributes:
      mean: The mean over its members.
      spread: Their standard deviation: how far they disagree.
    """

    mean: jax.Array
    spread: jax.Array


def prediction(
    net: Layer, link: Callable[[jax.Array], jax.Array] | None = None
) -> Callable[[Any, jax.Array], Prediction]:
    """Gives the predictions of an ensemble with their spread.

    Args:
      net: From `functional_nn.ensemble`.
      link: What is averaged, of the outputs of each member: `functional_nn.activations.softmax` for
        the probabilities of classes; nothing for the outputs themselves.

    Returns:
      A function `(params, x) -> Prediction(mean, spread)`, both of shape (N, ...).

    Raises:
      ValueError: `net` is not an ensemble.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.ensemble(fnn.mlp([2, 8, 3]), 5)
      >>> x = jnp.ones((4, 2), jnp.float32)
      >>> predict = fnn.prediction(net, fnn.activations.softmax)
      >>> mean, spread = predict(net.init(jax.random.key(0), x), x)
      >>> mean.shape, bool(jnp.allclose(mean.sum(axis=-1), 1))
      ((4, 3), True)

    Reference:
      B. Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and Scalable Predictive Uncertainty
      Estimation using Deep Ensembles", NeurIPS 2017, section 2.4.
    """
    checks.ensemble(net)

    def predict(params: Any, x: jax.Array) -> Prediction:
        outputs = net.apply(params, x)
        values = outputs if link is None else link(outputs)
        return Prediction(jnp.mean(values, axis=1), jnp.std(values, axis=1))

    return predict
