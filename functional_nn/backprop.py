"""Back-propagation through an objective: gradients and sensitivities, written by hand."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from functional_nn import checks, keys
from functional_nn.combinators import serial
from functional_nn.layers.layer import Layer, back
from functional_nn.repetition import scanned
from functional_nn.rules import Rule


class Objective(NamedTuple):
    """A network and a loss: callable as `objective(params, x, y)`, the mean loss of a batch.

    A fourth argument, a random key, is for networks that draw, such as with dropout.

    Calling it runs plain JAX code, so `jax.grad(objective)` is automatic differentiation.

    Attributes:
      net: The network.
      loss: The loss, a rule of `(outputs, targets)` that gives one number per example.
      to_losses: `to_losses(targets) -> layer`, the network with its loss, as far as the losses:
        where the loss is given parameters among the outputs, work on single examples goes through
        it. `None` elsewhere.
    """

    net: Layer
    loss: Rule
    to_losses: Callable[[Any], Layer] | None = None

    def __call__(
        self, params: Any, x: jax.Array, y: jax.Array, key: jax.Array | None = None
    ) -> jax.Array:
        """Gives the mean loss over the batch; with a key, for the network as it is trained."""
        checks.batch(x, y)
        return jnp.mean(self.loss.primal(keys.applied(self.net, params, x, key), y))


def objective(net: Layer, loss: Rule) -> Objective:
    r"""Joins a network and a loss.

    $$J(\theta) = \frac1N \sum_{n=1}^N \ell(f(x_n; \theta), y_n).$$

    Args:
      net: The network `f`.
      loss: The loss `ℓ`, such as `functional_nn.softmax_cross_entropy`.

    Returns:
      A callable `objective(params, x, y) -> mean loss`, for `jax.value_and_grad` as well as for
      `functional_nn.value_and_grad`.

    Raises:
      TypeError: `net` is not a `Layer`, or `loss` is not a `Rule`.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.mlp([2, 3, 4])
      >>> x, y = jnp.ones((5, 2), jnp.float32), jnp.zeros(5, jnp.int32)
      >>> J = objective(net, fnn.softmax_cross_entropy)
      >>> J(net.init(jax.random.key(0), x), x, y).shape
      ()

    Reference:
      C. M. Bishop, "Pattern Recognition and Machine Learning", section 5.2.
    """
    checks.layer("net must be a layer", net)
    checks.loss(loss)
    return Objective(net, loss)


def value_and_grad(
    objective: Objective, *, microbatches: int = 1
) -> Callable[..., tuple[jax.Array, Any]]:
    """The hand-written twin of `jax.value_and_grad(objective)`.

    One forward pass keeps the residuals, one backward pass turns `dℓ_n = 1/N` into the cotangents
    of all parameters, from the loss back to the first layer. No automatic differentiation.

    Args:
      objective: From `functional_nn.objective`.
      microbatches: Into how many equal parts the batch is cut. They are gone through one after the
        other and their gradients averaged, so that the residuals of one part are held at a time:
        the same gradient in about `1 / microbatches` of the memory.

    Returns:
      A function `(params, x, y, key=None) -> (loss, grads)`; `grads` has the structure, shapes and
      dtypes of `params`. The key is for networks that draw random numbers. It works under `jit` and
      `vmap`, and can be differentiated again.

    Raises:
      TypeError: `objective` was not made by `functional_nn.objective`.
      ValueError: `microbatches` is not a positive whole number; from the function, one that does
        not divide the number of examples.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.mlp([2, 3, 4])
      >>> x, y = jnp.ones((5, 2), jnp.float32), jnp.zeros(5, jnp.int32)
      >>> params = net.init(jax.random.key(0), x)
      >>> J = fnn.objective(net, fnn.softmax_cross_entropy)
      >>> loss, grads = fnn.value_and_grad(J)(params, x, y)
      >>> same, autodiff = jax.value_and_grad(J)(params, x, y)
      >>> bool(jnp.allclose(grads[0]["w"], autodiff[0]["w"], atol=1e-6))
      True

    Reference:
      D. E. Rumelhart, G. E. Hinton, R. J. Williams, "Learning representations by back-propagating
      errors", Nature 323, 1986; I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning",
      section 6.5.4.
    """
    require(objective)

    def hand_written(
        params: Any, x: jax.Array, y: jax.Array, key: jax.Array | None = None
    ) -> tuple[jax.Array, Any]:
        checks.batch(x, y)
        outputs, residuals = keys.forward(objective.net, params, x, key)
        loss, doutputs = loss_and_cotangent(objective.loss, outputs, y)
        grads, _ = objective.net.bwd(residuals, doutputs)
        return loss, grads

    return averaged(hand_written, microbatches)


def averaged(
    loss_and_grads: Callable[..., tuple[jax.Array, Any]], microbatches: int
) -> Callable[..., tuple[jax.Array, Any]]:
    r"""Gives a function of mean losses that goes through the batch in equal parts.

    $$\frac1N \sum_{n=1}^N \ell_n = \frac1m \sum_{j=1}^m \frac{m}{N} \sum_{n \in B_j} \ell_n.$$

    Args:
      loss_and_grads: `(params, x, y, key) -> (loss, grads)`, both means over the batch.
      microbatches: The number of parts; 1 gives the function back.

    Reference:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", section 8.1.3.
    """
    checks.count("microbatches", microbatches)
    if microbatches == 1:
        return loss_and_grads

    def in_parts(
        params: Any, x: jax.Array, y: jax.Array, key: jax.Array | None = None
    ) -> tuple[jax.Array, Any]:
        checks.batch(x, y)
        checks.microbatches(microbatches, x)
        parts = jax.tree.map(lambda a: a.reshape(microbatches, -1, *a.shape[1:]), (x, y))
        if key is not None:
            parts = (*parts, jax.random.split(key, microbatches))

        def add(total: Any, part: Any) -> tuple[Any, None]:
            return jax.tree.map(jnp.add, total, loss_and_grads(params, *part)), None

        like = jax.eval_shape(loss_and_grads, params, *jax.tree.map(lambda a: a[0], parts))
        zero = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), like)
        total, _ = jax.lax.scan(add, zero, parts)
        return jax.tree.map(lambda a: a / microbatches, total)

    return in_parts


class Sensitivity(NamedTuple):
    """What back-propagation knows about one layer.

    Attributes:
      name: The layer's name, such as `"dense"`.
      output: The layer's output for the batch: `z` of a dense layer, `a` of an activation.
      cotangent: The derivative of the objective with respect to that output: `δ = ∂J/∂z` of a dense
        layer, `∂J/∂a` of an activation. It holds the factor 1/N of the mean.

    In a `repeat` of n blocks both have a leading axis of length n, as the layer's parameters do.
    """

    name: str
    output: jax.Array
    cotangent: jax.Array


# The name belongs to the structure, not to the data: jit and vmap can then return it.
jax.tree_util.register_pytree_node(
    Sensitivity,
    lambda s: ((s.output, s.cotangent), s.name),
    lambda name, arrays: Sensitivity(name, *arrays),
)


def sensitivities(objective: Objective) -> Callable[..., tuple[Sensitivity, ...]]:
    r"""Gives the output of every layer, and the derivative of the objective with respect to it.

    With `δ^l = ∂J/∂z^l` for the dense layers,

    $$\delta^{l-1}_i = f'(z^{l-1}_i) \sum_j \delta^l_j w^l_{ij}, \qquad
      \frac{\partial J}{\partial w^l_{ij}} = \sum_n a^{l-1}_{ni} \delta^l_{nj}.$$

    Automatic differentiation computes the same numbers on the way and does not hand them out.

    Args:
      objective: From `functional_nn.objective`.

    Returns:
      A function `(params, x, y, key=None) -> tuple[Sensitivity, ...]`, one for each layer in the
      order of the forward pass. `serial` and `repeat` are opened, also inside each other.

    Raises:
      TypeError: `objective` was not made by `functional_nn.objective`.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.mlp([2, 3, 4])
      >>> x, y = jnp.ones((5, 2), jnp.float32), jnp.zeros(5, jnp.int32)
      >>> J = fnn.objective(net, fnn.softmax_cross_entropy)
      >>> layers = fnn.sensitivities(J)(net.init(jax.random.key(0), x), x, y)
      >>> [(layer.name, layer.cotangent.shape) for layer in layers]
      [('dense', (5, 3)), ('sigmoid', (5, 3)), ('dense', (5, 4))]

    Reference:
      C. M. Bishop, "Pattern Recognition and Machine Learning", section 5.3.1.
    """
    require(objective)

    def hand_written(
        params: Any, x: jax.Array, y: jax.Array, key: jax.Array | None = None
    ) -> tuple[Sensitivity, ...]:
        checks.batch(x, y)
        outputs, residuals = keys.forward(net, params, x, key)
        _, cotangent = loss_and_cotangent(objective.loss, outputs, y)
        found, _ = back(net, visit)(residuals, cotangent)
        return tuple(jax.tree.leaves(found, is_leaf=lambda s: isinstance(s, Sensitivity)))

    def visit(layer: Layer) -> Callable[..., tuple[Sensitivity, jax.Array]]:
        def bwd(kept: Any, dy: jax.Array) -> tuple[Sensitivity, jax.Array]:
            output, residuals = kept
            return Sensitivity(layer.name, output, dy), layer.bwd(residuals, dy)[1]

        return bwd

    net = _keeping_outputs(objective.net)
    return hand_written


def _keeping_outputs(layer: Layer) -> Layer:
    """Gives a network whose leaves keep their outputs beside their residuals."""
    if layer.name == "serial":
        return serial(*map(_keeping_outputs, layer.parts))
    if layer.name == "repeat" and layer.parts:
        return scanned(_keeping_outputs(layer.parts[0]), len(layer.parts))

    def fwd(params: Any, x: jax.Array, *, key: jax.Array | None = None) -> tuple[jax.Array, Any]:
        y, residuals = keys.forward(layer, params, x, key)
        return y, (y, residuals)

    return layer._replace(fwd=fwd, again=None, through=None)


def require(objective: Any) -> None:
    """Refuses what was not made by `objective`."""
    if not isinstance(objective, Objective):
        raise TypeError(
            "Back-propagation needs the layers of an objective. "
            f"Got {objective!r}. Make one with functional_nn.objective(net, loss); for any other "
            "function use jax.value_and_grad."
        )


def loss_and_cotangent(loss: Rule, outputs: jax.Array, y: jax.Array) -> tuple[jax.Array, Any]:
    """Gives the mean loss and its derivative with respect to the outputs."""
    losses, residuals = loss.fwd(outputs, y)
    dlosses = jnp.full_like(losses, 1 / losses.size)  # J = Σ_n ℓ_n / N
    doutputs, _ = loss.bwd(residuals, dlosses)
    return jnp.mean(losses), doutputs
