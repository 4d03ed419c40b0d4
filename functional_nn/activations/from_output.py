"""The sigmoid and tanh with derivatives from their outputs: leaner, with fewer digits far out.

These are the rules of the textbooks. A saturated output rounds to its limit, and `1 - a` is then
zero or has few digits: the defaults in `sigmoids.py` take the derivative from the input instead.
What the output buys is one array for the derivative and for the next layer, which nothing has to
make again, and no exponential.
"""

import jax
from jax.typing import ArrayLike

from functional_nn.activations.sigmoids import sigmoid, tanh
from functional_nn.precision import rounded_once
from functional_nn.rules import Rule


def sigmoid_from_output_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `sigmoid` and keeps its output `a`."""
    a = sigmoid(x)
    return a, a


@rounded_once
def sigmoid_from_output_bwd(a: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    r"""Gives `dx = dy σ'(x)` from the output `a = σ(x)`.

    $$\sigma'(x) = a\,(1 - a).$$

    Accuracy:
      float32: the error is 6e-7 of the derivative for `x < 2`, 3e-4 at 8, all of it at 16; from 17
      on this is 0. For negative `x` it is 2e-7.

    Reference:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", section 3.10.
    """
    return (dy * (a * (1 - a)),)


def tanh_from_output_fwd(x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Evaluates `tanh` and keeps its output `a`."""
    a = tanh(x)
    return a, a


@rounded_once
def tanh_from_output_bwd(a: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    r"""Gives `dx = dy tanh'(x)` from the output `a = tanh x`.

    $$\tanh' x = 1 - a^2 = (1 - a)\,(1 + a).$$

    Accuracy:
      float32: the error is 5e-6 of the derivative for `|x| < 2`, 3e-3 at 5, all of it at 8; from 10
      on this is 0.

    Reference:
      C. M. Bishop, "Pattern Recognition and Machine Learning", section 5.3.2.
    """
    return (dy * ((1 - a) * (1 + a)),)


SIGMOID_FROM_OUTPUT = Rule(
    "sigmoid_from_output", sigmoid, sigmoid_from_output_fwd, sigmoid_from_output_bwd
)
TANH_FROM_OUTPUT = Rule("tanh_from_output", tanh, tanh_from_output_fwd, tanh_from_output_bwd)
