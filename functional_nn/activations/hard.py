"""Hard activations: straight pieces in place of the hyperbolic tangent, the sigmoid and silu."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from functional_nn.precision import rounded_once
from functional_nn.rules import Rule


@rounded_once
def hard_tanh(x: ArrayLike) -> jax.Array:
    r"""The hard hyperbolic tangent.

    $$f(x) = \max(-1, \min(x, 1)), \qquad f'(x) = 1 \text{ for } |x| < 1, \quad
      0 \text{ for } |x| > 1.$$

    At -1 and 1 there is no derivative, and this rule takes 0. NaN goes through.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      The activation in [-1, 1], same shape and dtype. The backward pass keeps this output.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      Exact.

    Example:
      >>> y, a = hard_tanh_fwd(jnp.float32([-0.5, 2.0]))
      >>> y.tolist(), hard_tanh_bwd(a, jnp.ones(2, jnp.float32))[0].tolist()
      ([-0.5, 1.0], [1.0, 0.0])

    Reference:
      R. Collobert, "Large Scale Machine Learning", 2004; I. Goodfellow, Y. Bengio, A. Courville,
      "Deep Learning", section 6.3.3.
    """
    # Selects, so that jax.grad takes 0 at the ends as the rule does.
    return jnp.where(jnp.greater_equal(x, 1), 1, jnp.where(jnp.less_equal(x, -1), -1, x))


def hard_tanh_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `hard_tanh` and keeps its output `a`."""
    a = hard_tanh(x)
    return a, a


@rounded_once
def hard_tanh_bwd(a: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy f'(x)` from the output `a`."""
    return (jnp.where(jnp.abs(a) < 1, dy, jnp.where(jnp.isnan(a), a, 0)),)


@rounded_once
def hard_sigmoid(x: ArrayLike) -> jax.Array:
    r"""The hard sigmoid.

    $$f(x) = \tfrac16 \min(\max(x + 3, 0), 6), \qquad
      f'(x) = \tfrac16 \text{ for } |x| < 3, \quad 0 \text{ for } |x| > 3.$$

    At -3 and 3 there is no derivative, and this rule takes 0. NaN goes through.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      The activation in [0, 1], same shape and dtype. The backward pass keeps `x`: the output rounds
      to 1 for some `x` below 3.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      float32: 1.5 ulp, the derivative 0.5 ulp. bfloat16 and float16: 0.502 ulp, both.

    Example:
      >>> y, x = hard_sigmoid_fwd(jnp.float32([0.0, 4.0]))
      >>> y.tolist(), [round(d, 6) for d in hard_sigmoid_bwd(x, jnp.ones_like(x))[0].tolist()]
      ([0.5, 1.0], [0.166667, 0.0])

    Reference:
      A. Howard et al., "Searching for MobileNetV3", ICCV 2019, section 5.2.
    """
    x = jnp.asarray(x)
    return jnp.where(x <= -3, 0, jnp.where(x >= 3, 1, (x + 3) / 6))


def hard_sigmoid_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `hard_sigmoid` and keeps `x`."""
    return hard_sigmoid(x), jnp.asarray(x)


@rounded_once
def hard_sigmoid_bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy f'(x)`."""
    return (jnp.where(jnp.abs(x) < 3, dy / 6, jnp.where(jnp.isnan(x), x, 0)),)


@rounded_once
def hard_silu(x: ArrayLike) -> jax.Array:
    r"""The hard sigmoid linear unit, also called hard swish.

    $$f(x) = \tfrac16\,x \min(\max(x + 3, 0), 6), \qquad
      f'(x) = \tfrac16\,(2x + 3) \text{ for } |x| < 3, \quad
      0 \text{ for } x < -3, \quad 1 \text{ for } x > 3.$$

    At -3 and 3 there is no derivative: this rule takes 0 at -3, and 1 at 3. NaN goes through.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      The activation, same shape and dtype. The backward pass keeps `x`.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      float32: 2.5 ulp, the derivative 2 ulp. bfloat16 and float16: 0.502 ulp, both.

    Example:
      >>> y, x = hard_silu_fwd(jnp.float32([0.0, 4.0]))
      >>> y.tolist(), hard_silu_bwd(x, jnp.ones_like(x))[0].tolist()
      ([0.0, 4.0], [0.5, 1.0])

    Reference:
      A. Howard et al., "Searching for MobileNetV3", ICCV 2019, section 5.2.
    """
    x = jnp.asarray(x)
    return jnp.where(x <= -3, -0.0, jnp.where(x >= 3, x, x * ((x + 3) / 6)))


def hard_silu_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `hard_silu` and keeps `x`."""
    return hard_silu(x), jnp.asarray(x)


@rounded_once
def hard_silu_bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy f'(x)`."""
    slope = jnp.where(x <= -3, 0, jnp.where(x >= 3, 1, (2 * x + 3) / 6))
    return (dy * slope,)


HARD_TANH = Rule("hard_tanh", hard_tanh, hard_tanh_fwd, hard_tanh_bwd)
HARD_SIGMOID = Rule(
    "hard_sigmoid", hard_sigmoid, hard_sigmoid_fwd, hard_sigmoid_bwd, again=hard_sigmoid
)
HARD_SILU = Rule("hard_silu", hard_silu, hard_silu_fwd, hard_silu_bwd, again=hard_silu)
