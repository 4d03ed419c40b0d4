"""What the gradient of each example is like, for the price of the gradient of the batch.

Back-propagation computes the sensitivities δ of every example, and only the last product sums over
the batch: `dw = Σ_n x_n δ_nᵀ`. So norms, clipped sums and second moments of the examples' own
gradients can be had from x and δ, without the gradients themselves. `jax.vmap(jax.grad(...))` forms
all of them: N times the memory of the parameters.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from functional_nn import checks
from functional_nn.backprop import Objective, require
from functional_nn.layers.dense import dense_squares
from functional_nn.layers.layer import Layer, back


def per_example_gradient_norms(objective: Objective) -> Callable[..., jax.Array]:
    r"""Gives the norm of each example's own gradient, over all parameters together.

    For a network of dense layers on vectors, with `δ^l_n = ∂ℓ_n/∂z^l`,

    $$\lVert \nabla_\theta \ell_n \rVert^2
      = \sum_l \lVert \delta^l_n \rVert^2 \, (1 + \lVert a^{l-1}_n \rVert^2).$$

    On sequences a dense layer takes the Gram form or the direct one, whichever is cheaper
    (`functional_nn.layers.dense.sequence_squares`). Where an example has several losses, such as
    one a position, `ℓ_n` is their mean.

    Args:
      objective: From `functional_nn.objective` or `functional_nn.readout_objective`. Every layer
        needs `squares`: those of a `functional_nn.transformer` have it, and so has what `serial`,
        `repeat`, `residual`, `parallel` and `tied` make of layers that have it.

    Returns:
      A function `(params, x, y) -> norms`, shape (N,), in the dtype of the network's output.

    Raises:
      TypeError: `objective` was not made by `functional_nn.objective`.
      ValueError: A layer has no `squares`; from the function, an `x` without an axis of examples.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.mlp([2, 3, 4])
      >>> x, y = jnp.ones((5, 2), jnp.float32), jnp.zeros(5, jnp.int32)
      >>> J = fnn.objective(net, fnn.softmax_cross_entropy)
      >>> norms = fnn.per_example_gradient_norms(J)(net.init(jax.random.key(0), x), x, y)
      >>> norms.shape
      (5,)

    Reference:
      I. Goodfellow, "Efficient Per-Example Gradient Computations", 2015, section 4.
    """
    _require(objective)

    def hand_written(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        net, _, residuals, cotangent = _forward(objective, params, x, y)
        return _norms(checks.per_example(net)(residuals, cotangent)[0])

    return hand_written


def clipped_value_and_grad(
    objective: Objective, max_norm: float, *, noise_multiplier: float = 0.0
) -> Callable[..., tuple[jax.Array, Any]]:
    r"""Gives the mean loss, and the mean of the examples' gradients after clipping each.

    $$\bar g = \frac1N \Big( \sum_n \min\Big(1, \frac{C}{\lVert g_n \rVert}\Big) g_n
      + \sigma C \xi \Big), \qquad g_n = \nabla_\theta \ell_n, \quad \xi \sim \mathcal N(0, I).$$

    The gradients `g_n` are never formed: `δ_n` is scaled by its example's factor before the last
    product of each layer. With noise this is the step of differentially private SGD. How private it
    is follows from σ, the sampling rate and the number of steps, by an accountant that is not part
    of this library.

    Args:
      objective: As for `functional_nn.per_example_gradient_norms`.
      max_norm: The bound `C` on each example's norm, positive.
      noise_multiplier: `σ`; 0 for clipping alone.

    Returns:
      A function `(params, x, y, key=None) -> (loss, grads)`; `key` draws the noise. Without noise
      it can stand for `functional_nn.value_and_grad(objective)` everywhere.

    Raises:
      TypeError: `objective` was not made by `functional_nn.objective`.
      ValueError: `max_norm` is not positive, or `noise_multiplier` negative; a layer has no
        `squares`; from the function, noise without a key.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.mlp([2, 3, 4])
      >>> x, y = jnp.ones((5, 2), jnp.float32), jnp.zeros(5, jnp.int32)
      >>> J = fnn.objective(net, fnn.softmax_cross_entropy)
      >>> params = net.init(jax.random.key(0), x)
      >>> loss, grads = fnn.clipped_value_and_grad(J, 0.1)(params, x, y)
      >>> size = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(grads)))
      >>> round(size.item(), 3)  # five equal examples, each cut down to 0.1
      0.1

    Reference:
      M. Abadi, A. Chu, I. Goodfellow et al., "Deep Learning with Differential Privacy", CCS 2016,
      algorithm 1; for the scaling of δ, J. Lee, D. Kifer, "Scaling up Differentially Private Deep
      Learning with Fast Per-Example Gradient Clipping", PoPETs 2021, section 4.
    """
    _require(objective)
    checks.positive("max_norm", max_norm)
    checks.not_negative("noise_multiplier", noise_multiplier)

    def hand_written(
        params: Any, x: jax.Array, y: jax.Array, key: jax.Array | None = None
    ) -> tuple[jax.Array, Any]:
        checks.noise_key(noise_multiplier, key)
        net, loss, residuals, cotangent = _forward(objective, params, x, y)
        found, _ = _waiting(net)(residuals, cotangent)
        squares = [layer.squares for layer in jax.tree.leaves(found, is_leaf=_is_waiting)]
        norms = _norms(sum(squares, jnp.zeros(len(x), cotangent.dtype)))
        weights = max_norm / jnp.maximum(norms, max_norm) / len(norms)  # min(1, C/‖g_n‖) / N

        def clipped(layer: _Waiting) -> Any:
            factors = weights.reshape(-1, *[1] * (layer.cotangent.ndim - 1))
            return layer.bwd(layer.residuals, layer.cotangent * factors)[0]

        grads = jax.tree.map(clipped, found, is_leaf=_is_waiting)
        if key is not None:
            deviation = noise_multiplier * max_norm / len(norms)
            grads = jax.tree.map(lambda g, n: g + deviation * n, grads, _normal(key, grads))
        return loss, grads

    return hand_written


class KroneckerFactors(NamedTuple):
    """The second moments of what goes into a dense layer and of what comes back to it.

    Attributes:
      inputs: `E[āāᵀ]`, shape (in + 1, in + 1), where `ā` is the input with a 1 for the bias behind.
      outputs: `E[δδᵀ]`, shape (out, out), with `δ = ∂ℓ_n/∂z` (without the 1/N of the mean).
    """

    inputs: jax.Array
    outputs: jax.Array


def kfac_factors(objective: Objective) -> Callable[..., tuple[KroneckerFactors, ...]]:
    r"""Gives the Kronecker factors of every dense layer.

    The gradient of one example, weights above bias, is `ā δᵀ`, so the second moment of all its
    entries is `āāᵀ ⊗ δδᵀ`. K-FAC takes the mean of the product for the product of the means:

    $$\mathrm{E}\big[\operatorname{vec}(\nabla W)\operatorname{vec}(\nabla W)^\top\big] \approx
      \mathrm{E}[\bar a \bar a^\top] \otimes \mathrm{E}[\delta \delta^\top].$$

    With targets drawn from the network's own output this approximates the Fisher information; with
    the data's targets, the empirical Fisher. On sequences `E[āāᵀ]` is the mean over examples and
    positions, and `E[δδᵀ]` the mean over examples of the sum over positions (K-FAC-expand).

    Args:
      objective: From `functional_nn.objective`; its parameters are all those of dense layers that
        stand in a `serial` or a `repeat`.

    Returns:
      A function `(params, x, y) -> tuple[KroneckerFactors, ...]`, one for each dense layer in the
      order of the forward pass. Those of a layer in a `repeat` of n blocks have a leading axis of
      length n.

    Raises:
      TypeError: `objective` was not made by `functional_nn.objective`.
      ValueError: A layer has no `squares`; from the function, a layer with parameters that is not
        dense.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.mlp([2, 3, 4])
      >>> x, y = jnp.ones((5, 2), jnp.float32), jnp.zeros(5, jnp.int32)
      >>> J = fnn.objective(net, fnn.softmax_cross_entropy)
      >>> factors = fnn.kfac_factors(J)(net.init(jax.random.key(0), x), x, y)
      >>> [(f.inputs.shape, f.outputs.shape) for f in factors]
      [((3, 3), (3, 3)), ((4, 4), (4, 4))]

    Reference:
      J. Martens, R. Grosse, "Optimizing Neural Networks with Kronecker-factored Approximate
      Curvature", ICML 2015, section 3; for sequences R. Eschenhagen, A. Immer, R. Turner, F.
      Schneider, P. Hennig, "Kronecker-Factored Approximate Curvature for Modern Neural Network
      Architectures", NeurIPS 2023, section 3.
    """
    _require(objective)

    def hand_written(params: Any, x: jax.Array, y: jax.Array) -> tuple[KroneckerFactors, ...]:
        net, _, residuals, cotangent = _forward(objective, params, x, y)
        found, _ = back(net, visit)(residuals, cotangent)
        return tuple(jax.tree.leaves(found, is_leaf=lambda f: isinstance(f, KroneckerFactors)))

    def visit(layer: Layer) -> Callable[..., tuple[Any, jax.Array]]:
        def bwd(residuals: Any, dy: jax.Array) -> tuple[Any, jax.Array]:
            dparams, dx = layer.bwd(residuals, dy)
            if layer.squares is dense_squares:
                return _factors(residuals[0], dy), dx
            checks.without_parameters(layer, dparams)
            return (), dx

        return bwd

    return hand_written


def sensitivity_norms(objective: Objective) -> Callable[..., tuple[jax.Array, ...]]:
    r"""Gives the norm of every layer's sensitivity, `‖∂ℓ_n/∂output‖`, for each example.

    Where these shrink or grow from layer to layer, gradients vanish or explode.

    Args:
      objective: From `functional_nn.objective`.

    Returns:
      A function `(params, x, y) -> tuple of norms`, each of shape (N,), in the order and without
      the factor 1/N of `functional_nn.sensitivities`; of shape (n, N) in a `repeat` of n blocks.

    Raises:
      TypeError: `objective` was not made by `functional_nn.objective`.
      ValueError: From the function, an `x` without an axis of examples.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.mlp([2, 3, 4])
      >>> x, y = jnp.ones((5, 2), jnp.float32), jnp.zeros(5, jnp.int32)
      >>> J = fnn.objective(net, fnn.softmax_cross_entropy)
      >>> [n.shape for n in fnn.sensitivity_norms(J)(net.init(jax.random.key(0), x), x, y)]
      [(5,), (5,), (5,)]

    Reference:
      Y. Bengio, P. Simard, P. Frasconi, "Learning Long-Term Dependencies with Gradient Descent is
      Difficult", 1994, section IV.
    """
    require(objective)

    def hand_written(params: Any, x: jax.Array, y: jax.Array) -> tuple[jax.Array, ...]:
        net, _, residuals, cotangent = _forward(objective, params, x, y)
        found, _ = back(net, visit)(residuals, cotangent)
        return tuple(jax.tree.leaves(found))

    def visit(layer: Layer) -> Callable[..., tuple[jax.Array, jax.Array]]:
        def bwd(residuals: Any, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
            return jnp.sqrt(jnp.sum(dy * dy, axis=range(1, dy.ndim))), layer.bwd(residuals, dy)[1]

        return bwd

    return hand_written


def _forward(
    objective: Objective, params: Any, x: jax.Array, y: jax.Array
) -> tuple[Layer, jax.Array, Any, jax.Array]:
    """Gives the network, the mean loss, what the way back needs, and the cotangent it starts from.

    An example's loss is the mean of its own: no factor 1/N.
    """
    checks.batch(x, y)
    checks.rows(x)
    net = _network(objective, y)
    outputs, residuals = net.fwd(params, x)
    if objective.to_losses is not None:
        cotangent = jnp.full_like(outputs, len(outputs) / outputs.size)
        return net, jnp.mean(outputs), residuals, cotangent
    losses, kept = objective.loss.fwd(outputs, y)
    cotangent, _ = objective.loss.bwd(kept, jnp.full_like(losses, len(losses) / losses.size))
    return net, jnp.mean(losses), residuals, cotangent


def _network(objective: Objective, y: Any) -> Layer:
    return objective.net if objective.to_losses is None else objective.to_losses(y)


def _norms(squares: jax.Array) -> jax.Array:
    return jnp.sqrt(jnp.maximum(squares, 0))  # rounding can make a Gram form of zero negative


class _Waiting(NamedTuple):
    """A layer's gradient that waits for the weights of the examples."""

    squares: jax.Array
    bwd: Callable[..., Any]
    residuals: Any
    cotangent: jax.Array


def _waiting(layer: Layer) -> Callable[..., tuple[Any, jax.Array]]:
    """Goes back through a layer; a `serial` is opened, and a loop is gone through again later."""
    if layer.name == "serial" and layer.through is not None:
        return layer.through(_waiting)

    def visit(residuals: Any, dy: jax.Array) -> tuple[_Waiting, jax.Array]:
        squares, dx = checks.per_example(layer)(residuals, dy)
        return _Waiting(squares, layer.bwd, residuals, dy), dx

    return visit


def _is_waiting(found: Any) -> bool:
    return isinstance(found, _Waiting)


def _factors(x: jax.Array, cotangent: jax.Array) -> KroneckerFactors:
    examples = len(x)
    x, cotangent = (a.reshape(-1, a.shape[-1]) for a in (x, cotangent))
    ones = jnp.concatenate([x, jnp.ones((len(x), 1), x.dtype)], axis=1)
    return KroneckerFactors(ones.T @ ones / len(x), cotangent.T @ cotangent / examples)


def _normal(key: jax.Array, like: Any) -> Any:
    arrays, tree = jax.tree.flatten(like)
    keys = jax.random.split(key, len(arrays))
    drawn = [jax.random.normal(k, a.shape, a.dtype) for k, a in zip(keys, arrays, strict=True)]
    return jax.tree.unflatten(tree, drawn)


def _require(objective: Objective) -> None:
    require(objective)
    for layer in _unopened(_network(objective, None)):  # no layer is another one for its targets
        checks.per_example(layer)


def _unopened(layer: Layer) -> list[Layer]:
    if layer.name not in ("serial", "repeat"):
        return [layer]
    return [leaf for part in dict.fromkeys(layer.parts) for leaf in _unopened(part)]
