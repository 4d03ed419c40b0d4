"""The first neurons: McCulloch and Pitts's unit, the perceptron, ADALINE, and a layer of them.

A neuron is its weights `w`, and its bias is the weight of an input that is always 1 (`with_bias`).
The two learning algorithms walk down the gradient of a criterion for one example at a time; the
criteria are rules, so that `derivations.check` can be held against their gradients.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from functional_nn import checks
from functional_nn.rules import Rule


def with_bias(x: ArrayLike) -> jax.Array:
    """Puts the constant input `x_0 = 1` before the features, so that the bias is a weight.

    Args:
      x: Rows of features, shape (..., d), floating.

    Returns:
      Shape (..., 1 + d), same dtype.

    Raises:
      TypeError: `x` is not floating.

    Example:
      >>> with_bias(jnp.float32([[2.0, 3.0]])).tolist()
      [[1.0, 2.0, 3.0]]
    """
    checks.floating("x", x)
    x = jnp.asarray(x)
    return jnp.concatenate([jnp.ones_like(x[..., :1]), x], axis=-1)


def mcculloch_pitts(x: ArrayLike, w: ArrayLike, threshold: float = 0.0) -> jax.Array:
    r"""The binary threshold unit: fires where the weighted sum reaches the threshold.

    $$z = [\,w^\top x \ge \theta\,].$$

    The border `wᵀx = θ` belongs to the side that fires. The derivative is 0 off the border and does
    not exist on it, so that no gradient learns through this unit.

    Args:
      x: Rows of features, shape (..., d), floating.
      w: The weights of one unit, shape (d,), or of K units side by side, shape (d, K).
      threshold: θ.

    Returns:
      1 or 0 in the dtype of `x`; shape (...) for one unit, (..., K) for a layer.

    Raises:
      ValueError: The last axis of `x` is not as long as the first of `w`.
      TypeError: `x` is not floating, or `w` of another dtype.

    Example:
      >>> x = jnp.float32([[0, 0], [0, 1], [1, 0], [1, 1]])
      >>> mcculloch_pitts(x, jnp.ones(2, jnp.float32), threshold=2.0).tolist()  # and
      [0.0, 0.0, 0.0, 1.0]

    Reference:
      W. S. McCulloch, W. Pitts, "A Logical Calculus of the Ideas Immanent in Nervous Activity",
      1943.
    """
    checks.weights(x, w)
    return (jnp.matmul(x, w) >= threshold).astype(jnp.result_type(x))


def argmax_layer(x: ArrayLike, w: ArrayLike) -> jax.Array:
    """The class whose unit has the largest weighted sum; of equal ones the first.

    Args:
      x: Rows of features, shape (..., d), floating.
      w: The weights of K units, shape (d, K).

    Returns:
      Labels from 0 to K - 1, integers of shape (...).

    Raises:
      ValueError: The last axis of `x` is not as long as the first of `w`, or `w` is one unit.
      TypeError: `x` is not floating, or `w` of another dtype.

    Example:
      >>> argmax_layer(jnp.float32([[1, 2], [3, 1]]), jnp.eye(2, dtype=jnp.float32)).tolist()
      [1, 0]
    """
    checks.weights(x, w, layer=True)
    return jnp.argmax(jnp.matmul(x, w), axis=-1)


def perceptron_criterion(w: ArrayLike, x: ArrayLike, y: ArrayLike) -> jax.Array:
    r"""What the perceptron lowers: the margin by which one example is misclassified.

    $$J(w) = \max(0, -y\,w^\top x), \qquad
    \nabla J = -y\,x \text{ where } y\,w^\top x \le 0, \quad 0 \text{ elsewhere}.$$

    At `wᵀx = 0` the one-sided gradients are `-y x` and 0; this takes `-y x`, because sign(0) = 0 is
    the label of no class, and a perceptron at rest (w = 0) has to learn from its first example.

    Args:
      w: The weights, shape (d,).
      x: One example, shape (d,).
      y: Its class, +1 or -1, a scalar.

    Returns:
      A scalar.

    Example:
      >>> one = jnp.float32(1)
      >>> perceptron_criterion(jnp.float32([1, -3]), jnp.float32([1, 1]), one).item()
      2.0

    Reference:
      C. M. Bishop, "Pattern Recognition and Machine Learning", section 4.1.7, equation 4.54.
    """
    score = y * jnp.dot(w, x)
    return jnp.where(score > 0, 0, -score)


def perceptron_criterion_fwd(
    w: ArrayLike, x: ArrayLike, y: ArrayLike
) -> tuple[jax.Array, tuple[ArrayLike, ...]]:
    """Evaluates `perceptron_criterion`; keeps its arguments."""
    return perceptron_criterion(w, x, y), (w, x, y)


def perceptron_criterion_bwd(kept: tuple[Any, ...], dj: jax.Array) -> tuple[jax.Array, ...]:
    """Gives `dw = -y x dJ`, `dx = -y w dJ` and `dy = -wᵀx dJ` for a mistake, and zeros if none."""
    w, x, y = kept
    sum_ = jnp.dot(w, x)
    dj = jnp.where(y * sum_ > 0, 0, dj)
    return -dj * y * x, -dj * y * w, -dj * sum_


def adaline_criterion(w: ArrayLike, x: ArrayLike, y: ArrayLike) -> jax.Array:
    r"""What ADALINE lowers: the squared error of the weighted sum, before any threshold.

    $$J(w) = (y - w^\top x)^2, \qquad \nabla J = -2\,(y - w^\top x)\,x.$$

    Args:
      w: The weights, shape (d,).
      x: One example, shape (d,).
      y: Its target, any real number, a scalar.

    Returns:
      A scalar.

    Example:
      >>> w, x = jnp.float32([1, 2]), jnp.float32([1, 1])
      >>> j, kept = adaline_criterion_fwd(w, x, jnp.float32(5))
      >>> j.item(), adaline_criterion_bwd(kept, jnp.float32(1))[0].tolist()
      (4.0, [-4.0, -4.0])

    Reference:
      B. Widrow, M. E. Hoff, "Adaptive Switching Circuits", 1960.
    """
    return jnp.square(y - jnp.dot(w, x))


def adaline_criterion_fwd(
    w: ArrayLike, x: ArrayLike, y: ArrayLike
) -> tuple[jax.Array, tuple[ArrayLike, ...]]:
    """Evaluates `adaline_criterion`; keeps the error `e = y - wᵀx`, `w` and `x`."""
    e = y - jnp.dot(w, x)
    return jnp.square(e), (e, w, x)


def adaline_criterion_bwd(kept: tuple[Any, ...], dj: jax.Array) -> tuple[jax.Array, ...]:
    """Gives `dw = -2 e x dJ`, `dx = -2 e w dJ` and `dy = 2 e dJ`."""
    e, w, x = kept
    de = 2 * e * dj
    return -de * x, -de * w, de


PERCEPTRON_CRITERION = Rule(
    "perceptron_criterion",
    perceptron_criterion,
    perceptron_criterion_fwd,
    perceptron_criterion_bwd,
)
ADALINE_CRITERION = Rule(
    "adaline_criterion", adaline_criterion, adaline_criterion_fwd, adaline_criterion_bwd
)


class Perceptron(NamedTuple):
    """What the perceptron's learning algorithm gives.

    Attributes:
      w: The weights, shape (d,).
      mistakes: The number of updates, an int32 scalar.
      separated: Whether `y wᵀx > 0` for every example, a boolean scalar.
    """

    w: jax.Array
    mistakes: jax.Array
    separated: jax.Array


def perceptron(x: ArrayLike, y: ArrayLike, *, epochs: int) -> Perceptron:
    r"""Learns a separating hyperplane by going through the examples until none is wrong.

    $$\text{if } \operatorname{sign}(w^\top x) \ne y: \quad w \leftarrow w + y\,x,$$

    from `w = 0`, with sign(0) = 0: an example on the border is a mistake. This is gradient descent
    on `perceptron_criterion` with the step 1. Where some `u` with ‖u‖ = 1 has `y uᵀx ≥ γ > 0` for
    all examples, and ‖x‖ ≤ R, it makes at most (R/γ)² mistakes; where none separates, it never
    settles.

    Args:
      x: The examples, shape (N, d), floating. For a bias, `with_bias(x)`.
      y: Their classes, +1 or -1, shape (N,), of the dtype of `x`.
      epochs: How often to go through the examples at most.

    Returns:
      `Perceptron(w, mistakes, separated)`.

    Raises:
      ValueError: The shapes do not fit, there is no example, `y` holds something else than +1 and
        -1, `x` is not finite, or `epochs` is below 1.
      TypeError: `x` is not floating, or `y` of another dtype.

    Example:
      >>> x = with_bias(jnp.float32([[0, 0], [0, 1], [1, 0], [1, 1]]))
      >>> found = perceptron(x, jnp.float32([-1, -1, -1, 1]), epochs=20)  # and
      >>> found.separated.item(), mcculloch_pitts(x, found.w).tolist()
      (True, [0.0, 0.0, 0.0, 1.0])

    Reference:
      F. Rosenblatt, "Principles of Neurodynamics", 1962; A. B. J. Novikoff, "On Convergence Proofs
      on Perceptrons", 1962, for the bound.
    """
    checks.examples(x, y)
    checks.signs("y", y)
    checks.epochs(epochs)
    return _perceptron(jnp.asarray(x), jnp.asarray(y), epochs=epochs)


@partial(jax.jit, static_argnames="epochs")
def _perceptron(x: jax.Array, y: jax.Array, *, epochs: int) -> Perceptron:
    def example(state, pair):
        w, mistakes = state
        _, kept = perceptron_criterion_fwd(w, *pair)
        gradient, _, _ = perceptron_criterion_bwd(kept, jnp.ones((), x.dtype))
        wrong = pair[1] * jnp.dot(w, pair[0]) <= 0
        return (w - gradient, mistakes + wrong.astype(jnp.int32)), None

    def separates(w):
        return jnp.all(y * (x @ w) > 0)

    def goes_on(state):
        epoch, (w, _) = state
        return (epoch < epochs) & ~separates(w)

    def once(state):
        epoch, learned = state
        return epoch + 1, jax.lax.scan(example, learned, (x, y))[0]

    start = (jnp.zeros(x.shape[1:], x.dtype), jnp.int32(0))
    _, (w, mistakes) = jax.lax.while_loop(goes_on, once, (jnp.int32(0), start))
    return Perceptron(w, mistakes, separates(w))


class Adaline(NamedTuple):
    """What the delta rule gives.

    Attributes:
      w: The weights, shape (d,).
      losses: The mean squared error over the examples after each epoch, shape (epochs,).
    """

    w: jax.Array
    losses: jax.Array


def adaline(x: ArrayLike, y: ArrayLike, *, learning_rate: float, epochs: int) -> Adaline:
    r"""Learns by the delta rule (Widrow-Hoff, least mean squares), one example after the other.

    $$w \leftarrow w - \eta\,\nabla J = w + 2\,\eta\,(y - w^\top x)\,x,$$

    from `w = 0`. For a small enough rate η it settles within a distance O(η) of the least squares
    solution, whether or not a hyperplane separates the examples. Targets may be any numbers: with
    +1 and -1 the sign of `wᵀx` is the class, with others this is linear regression.

    Args:
      x: The examples, shape (N, d), floating. For a bias, `with_bias(x)`.
      y: Their targets, shape (N,), of the dtype of `x`.
      learning_rate: η, a positive number.
      epochs: How often to go through the examples.

    Returns:
      `Adaline(w, losses)`; a rate that is too large shows as losses that grow or are not finite.

    Raises:
      ValueError: The shapes do not fit, there is no example, `x` or `y` is not finite, `epochs` is
        below 1, or the learning rate not positive.
      TypeError: `x` is not floating, or `y` of another dtype.

    Example:
      >>> x = with_bias(jnp.float32([[0], [1], [2]]))
      >>> line = adaline(x, jnp.float32([1, 3, 5]), learning_rate=0.1, epochs=200)
      >>> [round(v, 3) for v in line.w.tolist()]
      [1.0, 2.0]

    Reference:
      B. Widrow, M. E. Hoff, "Adaptive Switching Circuits", 1960; T. M. Mitchell, "Machine
      Learning", section 4.4.3.
    """
    checks.examples(x, y)
    checks.finite("y", y)
    checks.epochs(epochs)
    checks.positive("learning_rate", learning_rate)
    return _adaline(jnp.asarray(x), jnp.asarray(y), learning_rate, epochs=epochs)


@partial(jax.jit, static_argnames="epochs")
def _adaline(x: jax.Array, y: jax.Array, learning_rate: float, *, epochs: int) -> Adaline:
    def example(w, pair):
        _, kept = adaline_criterion_fwd(w, *pair)
        gradient, _, _ = adaline_criterion_bwd(kept, jnp.ones((), x.dtype))
        return w - learning_rate * gradient, None

    def once(w, _):
        w, _ = jax.lax.scan(example, w, (x, y))
        return w, jnp.mean(jnp.square(y - x @ w))

    w, losses = jax.lax.scan(once, jnp.zeros(x.shape[1:], x.dtype), None, length=epochs)
    return Adaline(w, losses)


def single_layer(
    learn: Callable[[jax.Array, jax.Array], Perceptron | Adaline],
    x: ArrayLike,
    labels: ArrayLike,
    *,
    classes: int,
) -> jax.Array:
    """Learns one unit for each class, each to tell its class (+1) from all others (-1).

    Read the classes with `argmax_layer`, or with `mcculloch_pitts`, which may fire several units
    for an example, or none.

    Args:
      learn: `learn(x, y)`, `perceptron` or `adaline` with its options.
      x: The examples, shape (N, d), floating.
      labels: Their classes, integers from 0 to K - 1, shape (N,).
      classes: K.

    Returns:
      The weights of the K units, shape (d, K).

    Raises:
      ValueError: A label is out of range, or what `learn` refuses.
      TypeError: `x` is not floating.

    Example:
      >>> x = with_bias(jnp.float32([[0], [1], [5], [6]]))
      >>> delta_rule = partial(adaline, learning_rate=0.01, epochs=500)
      >>> w = single_layer(delta_rule, x, jnp.int32([0, 0, 1, 1]), classes=2)
      >>> argmax_layer(x, w).tolist()
      [0, 0, 1, 1]

    Reference:
      C. M. Bishop, "Pattern Recognition and Machine Learning", section 4.1.2.
    """
    checks.width("classes", classes)
    checks.floating("x", x)
    checks.class_targets(
        jax.ShapeDtypeStruct((*jnp.shape(labels), classes), jnp.result_type(x)), labels
    )
    targets = 2 * jax.nn.one_hot(labels, classes, dtype=jnp.result_type(x)) - 1
    return jax.vmap(lambda y: learn(jnp.asarray(x), y).w, in_axes=1, out_axes=1)(targets)
