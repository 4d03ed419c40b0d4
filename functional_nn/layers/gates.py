"""Activation layers that are more than one function of one number: gates, and a learned slope."""

from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import activations, checks
from functional_nn.layers.layer import Layer
from functional_nn.rules import Rule


def gated(rule: Rule) -> Layer:
    """Makes a layer without parameters that halves the last axis: values first, then gates.

    Args:
      rule: An operation of `(values, gate)`, such as `functional_nn.RULES["swiglu"]`.

    Returns:
      The layer, with the rule's name: from (..., 2 K) to (..., K).

    Raises:
      ValueError: From the layer, where the last axis has an odd length.

    Example:
      >>> layer = gated(activations.GLU)
      >>> layer.apply((), jnp.float32([[1.0, 2.0, 0.0, 0.0]])).tolist()
      [[0.5, 1.0]]
    """

    def init(key: jax.Array, x: Any) -> tuple[()]:
        del key
        checks.halves(rule.name, x)
        return ()

    def apply(params: tuple[()], x: jax.Array) -> jax.Array:
        del params
        return rule.primal(*_halves(x))

    def fwd(params: tuple[()], x: jax.Array) -> tuple[jax.Array, Any]:
        del params
        return rule.fwd(*_halves(x))

    def bwd(residuals: Any, dy: jax.Array) -> tuple[tuple[()], jax.Array]:
        return (), jnp.concatenate(rule.bwd(residuals, dy), axis=-1)

    def squares(residuals: Any, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jnp.zeros(dy.shape[:1], dy.dtype), bwd(residuals, dy)[1]

    def _halves(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        checks.halves(rule.name, x)
        values, gate = jnp.split(x, 2, axis=-1)
        return values, gate

    return Layer(init, apply, fwd, bwd, rule.name, squares=squares)


glu = gated(activations.GLU)
swiglu = gated(activations.SWIGLU)


def prelu(slope: float = 0.25) -> Layer:
    """Makes a layer of parametric rectified linear units, with a slope for each feature.

    The parameters are `{"slope": (K,)}` in the dtype of the input that `init` sees.

    Args:
      slope: The slope for negative inputs that the layer starts with.

    Returns:
      The layer; its backward pass is `functional_nn.activations.prelu_bwd`.

    Example:
      >>> layer = prelu()
      >>> x = jnp.float32([[-2.0, 3.0]])
      >>> params = layer.init(jax.random.key(0), x)
      >>> layer.apply(params, x).tolist()
      [[-0.5, 3.0]]

    Reference:
      K. He, X. Zhang, S. Ren, J. Sun, "Delving Deep into Rectifiers", ICCV 2015, section 2.1.
    """

    def init(key: jax.Array, x: Any) -> dict[str, jax.Array]:
        del key
        checks.floating("x", x)
        return {"slope": jnp.full(x.shape[-1:], slope, jnp.result_type(x))}

    def apply(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
        return activations.prelu(x, params["slope"])

    def fwd(params: dict[str, jax.Array], x: jax.Array) -> tuple[jax.Array, Any]:
        return activations.prelu_fwd(x, params["slope"])

    def bwd(residuals: Any, dy: jax.Array) -> tuple[dict[str, jax.Array], jax.Array]:
        dx, dslope = activations.prelu_bwd(residuals, dy)
        return {"slope": dslope}, dx

    return Layer(init, apply, fwd, bwd, "prelu")
