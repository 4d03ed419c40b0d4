"""Layers without parameters, made from the rules of the activations."""

from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import activations
from functional_nn.layers.layer import Layer
from functional_nn.rules import Rule


def elementwise(rule: Rule) -> Layer:
    """Makes a layer without parameters from a rule of one argument.

    Its parameters are the empty tuple, and its backward pass is the rule's. The rule keeps the
    shape; it may also couple the entries of a row, as softmax does.

    Args:
      rule: An operation `y = f(x)`, such as `functional_nn.RULES["tanh"]`, or the user's own.

    Returns:
      The layer, with the rule's name.

    Example:
      >>> layer = elementwise(activations.SIGMOID)
      >>> y, residual = layer.fwd((), jnp.zeros((1, 2), jnp.float32))
      >>> layer.bwd(residual, jnp.ones_like(y))[1].tolist()
      [[0.25, 0.25]]
    """

    def init(key: jax.Array, x: Any) -> tuple[()]:
        del key, x
        return ()

    def apply(params: tuple[()], x: jax.Array) -> jax.Array:
        del params
        return rule.primal(x)

    def fwd(params: tuple[()], x: jax.Array) -> tuple[jax.Array, Any]:
        del params
        return rule.fwd(x)

    def bwd(residuals: Any, dy: jax.Array) -> tuple[tuple[()], jax.Array]:
        (dx,) = rule.bwd(residuals, dy)
        return (), dx

    def squares(residuals: Any, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jnp.zeros(dy.shape[:1], dy.dtype), bwd(residuals, dy)[1]

    return Layer(init, apply, fwd, bwd, rule.name, squares=squares, again=rule.again)


identity = elementwise(activations.IDENTITY)
relu = elementwise(activations.RELU)
relu6 = elementwise(activations.RELU6)
leaky_relu = elementwise(activations.LEAKY_RELU)
sigmoid = elementwise(activations.SIGMOID)
tanh = elementwise(activations.TANH)
sigmoid_from_output = elementwise(activations.SIGMOID_FROM_OUTPUT)
tanh_from_output = elementwise(activations.TANH_FROM_OUTPUT)
softplus = elementwise(activations.SOFTPLUS)
log_sigmoid = elementwise(activations.LOG_SIGMOID)
elu = elementwise(activations.ELU)
celu = elementwise(activations.CELU)
selu = elementwise(activations.SELU)
silu = elementwise(activations.SILU)
mish = elementwise(activations.MISH)
gelu = elementwise(activations.GELU)
gelu_tanh = elementwise(activations.GELU_TANH)
soft_sign = elementwise(activations.SOFT_SIGN)
squareplus = elementwise(activations.SQUAREPLUS)
hard_tanh = elementwise(activations.HARD_TANH)
hard_sigmoid = elementwise(activations.HARD_SIGMOID)
hard_silu = elementwise(activations.HARD_SILU)
softmax = elementwise(activations.SOFTMAX)
