"""Operations to plant right and wrong backward passes on, written once for NumPy and for JAX.

Each function takes the array module first, so that the code that `check` reads through `jax.numpy`
is also evaluated by NumPy, in float64 and without JAX, where a counterexample is confirmed.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from functional_nn import Rule

EPSILON = 1 / 64  # of the norms: large enough to be seen at ordinary points
SLOPE = 1 / 8  # of the leaky relu
ALPHA = 2.0  # of elu
DELTA = 2.0  # of the Huber loss
SMOOTHING = 1 / 4  # of the labels
KEPT = 3 / 4  # of the entries in dropout


class Operation(NamedTuple):
    """A function `primal(xp, *args)` of arrays, with example arguments."""

    primal: Callable[..., Any]
    arguments: tuple[Any, ...]


def rule(
    name: str,
    xp: Any,
    operation: Operation,
    bwd: Callable[..., Any],
    fwd: Callable[..., Any] | None = None,
) -> Rule:
    """Gives a rule from `bwd(xp, residuals, dy)`; unless `fwd(xp, *args)` says so, it keeps all."""
    primal = partial(operation.primal, xp)

    def keep_all(*args: Any) -> tuple[Any, Any]:
        return primal(*args), args

    return Rule(name, primal, keep_all if fwd is None else partial(fwd, xp), partial(bwd, xp))


def floats(*shapes: tuple[int, ...]) -> tuple[jax.ShapeDtypeStruct, ...]:
    return tuple(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes)


def labels(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.int32)


def mask(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.bool_)


# --- layers -------------------------------------------------------------------------------------


def dense(xp, x, w, b):
    return x @ w + b[None, :]


DENSE = Operation(dense, floats((3, 4), (4, 2), (2,)))
SQUARE_DENSE = Operation(dense, floats((3, 4), (4, 4), (4,)))
SQUARE_BATCH_DENSE = Operation(dense, floats((4, 3), (3, 4), (4,)))


def batched_dense(xp, x, w):
    return xp.einsum("bnd,dm->bnm", x, w)


BATCHED_DENSE = Operation(batched_dense, floats((5, 3, 4), (4, 2)))


def scaled_columns(xp, x, g):
    return x * g[None, :]


SCALED_COLUMNS = Operation(scaled_columns, floats((4, 4), (4,)))


def skip(xp, x):
    return x + xp.tanh(x)


SKIP = Operation(skip, floats((3, 4)))


def dropout(xp, x, kept):
    return xp.where(kept, x / KEPT, 0.0)


DROPOUT = Operation(dropout, (*floats((3, 4)), mask(3, 4)))


def scores(xp, q, k):
    return q @ k.T / xp.sqrt(xp.sum(xp.ones_like(q), axis=1, keepdims=True))


SCORES = Operation(scores, floats((3, 5), (4, 5)))


def causal_scores(xp, q, k):
    return xp.where(causal(xp, q), q @ k.T, 0.0)


def causal(xp, q):
    places = xp.arange(q.shape[0])
    return places[:, None] >= places[None, :]


CAUSAL_SCORES = Operation(causal_scores, floats((4, 3), (4, 3)))


def gram(xp, x):
    return x @ x.T


GRAM = Operation(gram, floats((3, 4)))


def rotation(xp, a, b, angle):
    return a * xp.cos(angle) - b * xp.sin(angle)


ROTATION = Operation(rotation, floats((3,), (3,), (3,)))


# --- normalisation ------------------------------------------------------------------------------


def standardized(xp, x):
    """Gives the rows with mean 0 and variance nearly 1, and the reciprocal deviations."""
    centred = x - xp.mean(x, axis=-1, keepdims=True)
    variance = xp.mean(centred * centred, axis=-1, keepdims=True)
    inverse = 1 / xp.sqrt(variance + EPSILON)
    return centred * inverse, inverse


def layer_norm(xp, x, g):
    return standardized(xp, x)[0] * g[None, :]


LAYER_NORM = Operation(layer_norm, floats((3, 4), (4,)))


def inverse_rms(xp, x):
    return 1 / xp.sqrt(xp.mean(x * x, axis=-1, keepdims=True) + EPSILON)


def rms_norm(xp, x, g):
    return x * inverse_rms(xp, x) * g[None, :]


RMS_NORM = Operation(rms_norm, floats((3, 4), (4,)))


def variance(xp, x):
    centred = x - xp.mean(x, axis=-1, keepdims=True)
    return xp.mean(centred * centred, axis=-1)


VARIANCE = Operation(variance, floats((3, 4)))


def norm(xp, x):
    return xp.sqrt(xp.sum(x * x, axis=-1))


NORM = Operation(norm, floats((3, 4)))


# --- losses -------------------------------------------------------------------------------------


def squared_error(xp, f, y):
    return xp.sum((f - y) * (f - y), axis=-1)


SQUARED_ERROR = Operation(squared_error, floats((3, 4), (3, 4)))


def half_squared_error(xp, f, y):
    return squared_error(xp, f, y) / 2


HALF_SQUARED_ERROR = Operation(half_squared_error, floats((3, 4), (3, 4)))


def mean_squared_error(xp, f, y):
    return xp.mean((f - y) * (f - y))


MEAN_SQUARED_ERROR = Operation(mean_squared_error, floats((3, 4), (3, 4)))


def absolute_error(xp, f, y):
    return xp.sum(xp.abs(f - y), axis=-1)


ABSOLUTE_ERROR = Operation(absolute_error, floats((3, 4), (3, 4)))


def huber(xp, d):
    size = xp.abs(d)
    return xp.where(size <= DELTA, d * d / 2, DELTA * (size - DELTA / 2))


HUBER = Operation(huber, floats((3,)))


def cross_entropy(xp, z, y):
    return -xp.sum(y * log_softmax(xp, z), axis=-1)


CROSS_ENTROPY = Operation(cross_entropy, floats((3, 4), (3, 4)))


def smoothed_cross_entropy(xp, z, y):
    return cross_entropy(xp, z, (1 - SMOOTHING) * y + SMOOTHING / count(xp, z))


def count(xp, z):
    """Gives the number of columns, as a number of the dtype of `z`."""
    return xp.sum(xp.ones_like(z), axis=-1, keepdims=True)


SMOOTHED_CROSS_ENTROPY = Operation(smoothed_cross_entropy, floats((3, 4), (3, 4)))


def one_hot(xp, classes, z):
    hits = classes[:, None] == xp.arange(z.shape[-1], dtype=classes.dtype)[None, :]
    return xp.where(hits, 1.0, 0.0)


def mean_label_loss(xp, z, classes):
    return -xp.mean(xp.sum(one_hot(xp, classes, z) * log_softmax(xp, z), axis=-1))


MEAN_LABEL_LOSS = Operation(mean_label_loss, (*floats((3, 4)), labels(3)))


def masked_mean(xp, losses, counted):
    return xp.sum(xp.where(counted, losses, 0.0)) / xp.sum(xp.where(counted, 1.0, 0.0))


MASKED_MEAN = Operation(masked_mean, (*floats((4,)), mask(4)))


def sigmoid_cross_entropy(xp, z, y):
    return xp.sum(xp.log1p(xp.exp(z)) - y * z, axis=-1)


SIGMOID_CROSS_ENTROPY = Operation(sigmoid_cross_entropy, floats((3, 4), (3, 4)))


def sigmoid_squared_error(xp, z, y):
    return half_squared_error(xp, sigmoid(xp, z), y)


SIGMOID_SQUARED_ERROR = Operation(sigmoid_squared_error, floats((3, 4), (3, 4)))


def decayed(xp, w, decay):
    return xp.sum(xp.sin(w)) + decay * xp.sum(w * w)


DECAYED = Operation(decayed, (*floats((3, 4)), 0.0))


# --- activations --------------------------------------------------------------------------------


def sigmoid(xp, x):
    return 1 / (1 + xp.exp(-x))


SIGMOID = Operation(sigmoid, floats((3,)))


def tanh(xp, x):
    return xp.tanh(x)


TANH = Operation(tanh, floats((3,)))


def softplus(xp, x):
    return xp.log1p(xp.exp(x))


SOFTPLUS = Operation(softplus, floats((3,)))


def softplus_linear_above_20(xp, x):
    return xp.where(x > 20, x, xp.log1p(xp.exp(xp.minimum(x, 20.0))))


SOFTPLUS_LINEAR_ABOVE_20 = Operation(softplus_linear_above_20, floats(()))


def log_sigmoid_linear_below_minus_20(xp, x):
    return xp.where(x < -20, x, -xp.log1p(xp.exp(-xp.maximum(x, -20.0))))


LOG_SIGMOID_LINEAR_BELOW_MINUS_20 = Operation(log_sigmoid_linear_below_minus_20, floats(()))


def silu(xp, x):
    return x * sigmoid(xp, x)


SILU = Operation(silu, floats((3,)))


def gelu_tanh(xp, x):
    return x / 2 * (1 + xp.tanh(0.8 * (x + 0.0625 * x * x * x)))


GELU_TANH = Operation(gelu_tanh, floats((3,)))


def elu(xp, x):
    return xp.where(x > 0, x, ALPHA * (xp.exp(xp.minimum(x, 0.0)) - 1))


ELU = Operation(elu, floats((3,)))


def leaky_relu(xp, x):
    return xp.where(x > 0, x, SLOPE * x)


LEAKY_RELU = Operation(leaky_relu, floats((3,)))


def relu(xp, x):
    return xp.maximum(x, 0.0)


RELU = Operation(relu, floats((3,)))
SCALAR_RELU = Operation(relu, floats(()))


def relu6(xp, x):
    return xp.minimum(xp.maximum(x, 0.0), 6.0)


RELU6 = Operation(relu6, floats((3,)))


def hard_tanh(xp, x):
    return xp.clip(x, -1.0, 1.0)


HARD_TANH = Operation(hard_tanh, floats((3,)))


def absolute(xp, x):
    return xp.abs(x)


ABSOLUTE = Operation(absolute, floats(()))


def larger(xp, x, y):
    return xp.maximum(x, y)


LARGER = Operation(larger, floats((3,), (3,)))


def largest(xp, x):
    return xp.max(x, axis=-1)


LARGEST = Operation(largest, floats((3, 4)))


def softmax(xp, x):
    e = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return e / xp.sum(e, axis=-1, keepdims=True)


SOFTMAX = Operation(softmax, floats((3, 4)))
SQUARE_SOFTMAX = Operation(softmax, floats((4, 4)))


def log_softmax(xp, x):
    return x - logsumexp(xp, x)[..., None]


LOG_SOFTMAX = Operation(log_softmax, floats((3, 4)))


def logsumexp(xp, x):
    shift = xp.max(x, axis=-1)
    return shift + xp.log(xp.sum(xp.exp(x - shift[..., None]), axis=-1))


LOGSUMEXP = Operation(logsumexp, floats((3, 4)))


def tempered_softmax(xp, x, temperature):
    return softmax(xp, x / temperature)


TEMPERED_SOFTMAX = Operation(tempered_softmax, (*floats((3, 4)), 1.0))


# --- arithmetic ---------------------------------------------------------------------------------


def square(xp, x):
    return x * x


SQUARE = Operation(square, floats((3,)))


def cube(xp, x):
    return x**3


CUBE = Operation(cube, floats((3,)))


def times_exp(xp, x):
    return x * xp.exp(x)


TIMES_EXP = Operation(times_exp, floats((3,)))


def ratio(xp, x, y):
    return x / y


RATIO = Operation(ratio, floats((3,), (3,)))


def difference(xp, x, y):
    return x - y


DIFFERENCE = Operation(difference, floats((3,), (3,)))


def scaled(xp, x, scale):
    return scale * x


SCALED = Operation(scaled, (*floats((3,)), 1.0))


def moments(xp, x):
    return xp.sum(x, axis=-1), xp.sum(x * x, axis=-1)


MOMENTS = Operation(moments, floats((3, 4)))
