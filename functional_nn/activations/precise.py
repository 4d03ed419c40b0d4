"""The sigmoid to 2 ulp, value and derivative: two to three times the time of `SIGMOID`."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from functional_nn.precision import rounded_once
from functional_nn.rules import Rule
from functional_nn.two_parts import logistic, logistic_slope


@rounded_once
def precise_sigmoid(x: ArrayLike) -> jax.Array:
    """The logistic sigmoid, with the exponential in two floats.

    It is `sigmoid` over the real numbers: definition, derivative and conventions are the same.

    Args:
      x: Any shape, any floating dtype.

    Returns:
      `σ(x)` in [0, 1], same shape and dtype. The backward pass keeps `x`.

    Raises:
      TypeError: `x` does not have a floating-point dtype.

    Accuracy:
      float32: 2 ulp, and so the derivative. bfloat16 and float16: 0.502 ulp, both.

    Example:
      >>> from functional_nn import elementwise
      >>> layer = elementwise(PRECISE_SIGMOID)
      >>> layer.apply((), jnp.float32(0.0)).item()
      0.5

    Reference:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", section 3.10; for numbers in two
      floats, T. J. Dekker, "A Floating-Point Technique for Extending the Available Precision",
      Numerische Mathematik 18, 1971.
    """
    return logistic(jnp.asarray(x))


def precise_sigmoid_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `precise_sigmoid` and keeps `x`."""
    return precise_sigmoid(x), jnp.asarray(x)


@rounded_once
def precise_sigmoid_bwd(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    """Gives `dx = dy σ'(x)`."""
    return (dy * logistic_slope(jnp.abs(x)),)


# Named after the operation that it is; not in `functional_nn.RULES`, where that has its usual code.
PRECISE_SIGMOID = Rule(
    "sigmoid", precise_sigmoid, precise_sigmoid_fwd, precise_sigmoid_bwd, again=precise_sigmoid
)
