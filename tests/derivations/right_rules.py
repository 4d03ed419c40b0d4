"""Right backward passes: usual ones, other spellings of them, and changes that change nothing.

`RIGHT` is the table. A rule that cannot be proved yet says what the report gives as the reason.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from . import operations as o
from .operations import Operation
from .wrong_rules import keep_output, row_mean


class Right(NamedTuple):
    """A backward pass `bwd(xp, residuals, dy)` that is right; `undecided` is empty if proved."""

    name: str
    operation: Operation
    undecided: str
    bwd: Callable[..., Any]
    fwd: Callable[..., Any] | None


RIGHT: list[Right] = []


def right(operation: Operation, fwd: Callable[..., Any] | None = None, undecided: str = ""):
    """Registers a right rule."""

    def register(bwd: Callable[..., Any]) -> Callable[..., Any]:
        RIGHT.append(Right(bwd.__name__, operation, undecided, bwd, fwd))
        return bwd

    return register


# --- dense layers -------------------------------------------------------------------------------


@right(o.DENSE)
def dense_as_usual(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ w.T, x.T @ dy, xp.sum(dy, axis=0)


@right(o.DENSE)
def dense_by_einsum(xp, residuals, dy):
    x, w, _ = residuals
    return xp.einsum("nm,dm->nd", dy, w), xp.einsum("nd,nm->dm", x, dy), xp.einsum("nm->m", dy)


@right(o.DENSE)
def dense_by_broadcasting(xp, residuals, dy):
    x, w, _ = residuals
    dx = xp.sum(dy[:, None, :] * w[None, :, :], axis=-1)
    return dx, xp.sum(x[:, :, None] * dy[:, None, :], axis=0), xp.ones_like(dy[:, 0]) @ dy


@right(o.DENSE)
def dense_by_transposed_products(xp, residuals, dy):
    x, w, _ = residuals
    return (w @ dy.T).T, (dy.T @ x).T, xp.mean(dy, axis=0) * dy.shape[0]


@right(o.SQUARE_DENSE)
def dense_of_equal_sizes(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ w.T, x.T @ dy, xp.sum(dy, axis=0)


@right(o.BATCHED_DENSE)
def dense_with_two_batch_axes(xp, residuals, dy):
    x, w = residuals
    return xp.einsum("bnm,dm->bnd", dy, w), xp.einsum("bnd,bnm->dm", x, dy)


@right(o.BATCHED_DENSE)
def dense_with_a_batch_of_matrices(xp, residuals, dy):
    x, w = residuals
    return dy @ w.T, xp.sum(xp.swapaxes(x, 1, 2) @ dy, axis=0)


@right(o.SCALED_COLUMNS)
def broadcast_undone_by_a_sum(xp, residuals, dy):
    x, g = residuals
    return dy * g[None, :], xp.sum(dy * x, axis=0)


@right(o.SKIP)
def skip_connection_added(xp, residuals, dy):
    (x,) = residuals
    return (dy + dy * (1 - xp.tanh(x) ** 2),)


@right(o.DROPOUT)
def dropout_with_its_mask(xp, residuals, dy):
    _, kept = residuals
    return xp.where(kept, dy / o.KEPT, 0.0), None


@right(o.DROPOUT)
def dropout_with_a_product(xp, residuals, dy):
    _, kept = residuals
    return dy * xp.where(kept, 1.0, 0.0) / o.KEPT, None


@right(o.SCORES)
def attention_scores(xp, residuals, dy):
    q, k = residuals
    scaled = dy / xp.sqrt(o.count(xp, q))
    return scaled @ k, scaled.T @ q


@right(o.CAUSAL_SCORES)
def causal_scores(xp, residuals, dy):
    q, k = residuals
    seen = xp.where(o.causal(xp, q), dy, 0.0)
    return seen @ k, seen.T @ q


@right(o.GRAM)
def both_paths_of_a_product(xp, residuals, dy):
    (x,) = residuals
    return (dy @ x + dy.T @ x,)


@right(o.GRAM)
def both_paths_in_one_sum(xp, residuals, dy):
    (x,) = residuals
    return ((dy + dy.T) @ x,)


@right(o.ROTATION)
def rotated_back(xp, residuals, dy):
    a, b, angle = residuals
    c, s = xp.cos(angle), xp.sin(angle)
    return dy * c, -dy * s, -dy * (a * s + b * c)


# --- normalisation ------------------------------------------------------------------------------


@right(o.LAYER_NORM)
def layer_norm_three_terms(xp, residuals, dy):
    x, g = residuals
    n, inverse = o.standardized(xp, x)
    d = dy * g[None, :]
    return inverse * (d - row_mean(xp, d) - n * row_mean(xp, d * n)), xp.sum(dy * n, axis=0)


@right(o.LAYER_NORM)
def layer_norm_with_a_sum_that_is_zero(xp, residuals, dy):
    x, g = residuals
    n, inverse = o.standardized(xp, x)
    d = dy * g[None, :] + xp.sum(n, axis=-1, keepdims=True)  # Σ (x - mean) = 0
    return inverse * (d - row_mean(xp, d) - n * row_mean(xp, d * n)), xp.sum(dy * n, axis=0)


@right(o.VARIANCE)
def variance_as_usual(xp, residuals, dy):
    (x,) = residuals
    return (2 * (x - row_mean(xp, x)) * dy[:, None] / x.shape[1],)


@right(o.VARIANCE)
def variance_by_both_means(xp, residuals, dy):
    (x,) = residuals
    centred = x - row_mean(xp, x)
    d = 2 * centred * dy[:, None] / x.shape[1]
    return (d - row_mean(xp, d),)  # the path through the mean, which is exactly 0


@right(o.RMS_NORM)
def rms_norm_as_usual(xp, residuals, dy):
    x, g = residuals
    r = o.inverse_rms(xp, x)
    d = dy * g[None, :]
    return d * r - x * r**3 * row_mean(xp, d * x), xp.sum(dy * x * r, axis=0)


@right(o.NORM)
def norm_as_usual(xp, residuals, dy):
    (x,) = residuals
    return (dy[:, None] * x / o.norm(xp, x)[:, None],)


def _keep_norm(xp, x):
    y = o.norm(xp, x)
    return y, (x, y)


@right(o.NORM, fwd=_keep_norm)
def norm_from_its_output(xp, residuals, dy):
    x, y = residuals
    return (x * (dy / y)[:, None],)


# --- losses -------------------------------------------------------------------------------------


@right(o.HALF_SQUARED_ERROR)
def half_squared_error(xp, residuals, dy):
    f, y = residuals
    return (f - y) * dy[:, None], (y - f) * dy[:, None]


def _keep_difference(xp, f, y):
    return o.half_squared_error(xp, f, y), f - y


@right(o.HALF_SQUARED_ERROR, fwd=_keep_difference)
def half_squared_error_from_the_difference(xp, d, dy):
    return d * dy[:, None], -d * dy[:, None]


@right(o.MEAN_SQUARED_ERROR)
def mean_squared_error(xp, residuals, dy):
    f, y = residuals
    d = 2 * (f - y) * dy / f.shape[0] / f.shape[1]
    return d, -d


@right(o.MEAN_SQUARED_ERROR)
def mean_squared_error_by_a_python_fraction(xp, residuals, dy):
    f, y = residuals
    d = (f - y) * (dy * (2 / (f.shape[0] * f.shape[1])))
    return d, -d


@right(o.ABSOLUTE_ERROR)
def absolute_error_by_sign(xp, residuals, dy):
    f, y = residuals
    d = xp.sign(f - y) * dy[:, None]
    return d, -d


@right(o.HUBER)
def huber_by_branches(xp, residuals, dy):
    (d,) = residuals
    return (xp.where(xp.abs(d) <= o.DELTA, d, o.DELTA * xp.sign(d)) * dy,)


@right(o.HUBER)
def huber_by_clipping(xp, residuals, dy):
    (d,) = residuals
    return (xp.clip(d, -o.DELTA, o.DELTA) * dy,)


@right(o.CROSS_ENTROPY)
def cross_entropy_of_any_targets(xp, residuals, dy):
    z, y = residuals
    whole = xp.sum(y, axis=-1, keepdims=True)
    return (o.softmax(xp, z) * whole - y) * dy[:, None], -o.log_softmax(xp, z) * dy[:, None]


@right(o.SMOOTHED_CROSS_ENTROPY)
def smoothed_cross_entropy(xp, residuals, dy):
    z, y = residuals
    soft = (1 - o.SMOOTHING) * y + o.SMOOTHING / o.count(xp, z)
    dz = o.softmax(xp, z) * xp.sum(soft, axis=-1, keepdims=True) - soft
    return dz * dy[:, None], -(1 - o.SMOOTHING) * o.log_softmax(xp, z) * dy[:, None]


@right(o.MEAN_LABEL_LOSS)
def label_loss_divided_by_the_batch(xp, residuals, dy):
    z, classes = residuals
    whole = xp.sum(o.one_hot(xp, classes, z), axis=-1, keepdims=True)  # 0 for a label outside
    p = o.softmax(xp, z) * whole
    return (p - o.one_hot(xp, classes, z)) * dy / z.shape[0], None


@right(o.MASKED_MEAN)
def masked_mean(xp, residuals, dy):
    _, counted = residuals
    return xp.where(counted, dy, 0.0) / xp.sum(xp.where(counted, 1.0, 0.0)), None


@right(o.SIGMOID_CROSS_ENTROPY)
def sigmoid_cross_entropy(xp, residuals, dy):
    z, y = residuals
    return (o.sigmoid(xp, z) - y) * dy[:, None], -z * dy[:, None]


@right(o.SIGMOID_SQUARED_ERROR)
def sigmoid_then_squared_error(xp, residuals, dy):
    z, y = residuals
    s = o.sigmoid(xp, z)
    return (s - y) * s * (1 - s) * dy[:, None], (y - s) * dy[:, None]


@right(o.DECAYED)
def weight_decay(xp, residuals, dy):
    w, decay = residuals
    return (xp.cos(w) + 2 * decay * w) * dy, xp.sum(w * w) * dy


# --- activations --------------------------------------------------------------------------------


@right(o.SIGMOID, keep_output(o.sigmoid))
def sigmoid_from_its_output(xp, s, dy):
    return (dy * s * (1 - s),)


@right(o.SIGMOID)
def sigmoid_of_both_signs(xp, residuals, dy):
    (x,) = residuals
    return (dy * o.sigmoid(xp, x) * o.sigmoid(xp, -x),)


@right(o.SIGMOID)
def sigmoid_by_one_exponential(xp, residuals, dy):
    (x,) = residuals
    e = xp.exp(x)
    return (dy * e / (1 + e) ** 2,)


@right(o.SIGMOID)
def sigmoid_by_tanh(xp, residuals, dy):
    (x,) = residuals
    return (dy * (1 - xp.tanh(x / 2) ** 2) / 4,)


@right(o.TANH, keep_output(o.tanh))
def tanh_from_its_output(xp, t, dy):
    return (dy * (1 - t**2),)


@right(o.TANH, keep_output(o.tanh))
def tanh_by_two_factors(xp, t, dy):
    return (dy * (1 - t) * (1 + t),)


@right(o.TANH)
def tanh_by_one_exponential(xp, residuals, dy):
    (x,) = residuals
    e = xp.exp(2 * x)
    return (dy * 4 * e / (1 + e) ** 2,)


@right(o.SOFTPLUS)
def softplus_by_sigmoid(xp, residuals, dy):
    (x,) = residuals
    return (dy * o.sigmoid(xp, x),)


def _stable_softplus(xp, x):
    return xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x))), (x,)


@right(o.SOFTPLUS, _stable_softplus)
def softplus_by_maximum_and_log1p(xp, residuals, dy):
    (x,) = residuals
    e = xp.exp(-xp.abs(x))
    return (dy * xp.where(x >= 0, 1.0, e) / (1 + e),)


@right(o.SOFTPLUS, keep_output(o.softplus))
def softplus_from_its_output(xp, y, dy):
    return (dy * (1 - xp.exp(-y)),)


@right(o.SOFTPLUS_LINEAR_ABOVE_20)
def softplus_with_a_linear_tail(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 20, dy, dy * o.sigmoid(xp, xp.minimum(x, 20.0))),)


@right(o.SILU)
def silu_by_the_product_rule(xp, residuals, dy):
    (x,) = residuals
    s = o.sigmoid(xp, x)
    return (dy * (s + x * s * (1 - s)),)


@right(o.SILU)
def silu_from_its_output(xp, residuals, dy):
    (x,) = residuals
    s = o.sigmoid(xp, x)
    return (dy * (x * s + s * (1 - x * s)),)


@right(o.GELU_TANH)
def gelu_tanh(xp, residuals, dy):
    (x,) = residuals
    t = xp.tanh(0.8 * (x + 0.0625 * x * x * x))
    return (dy * ((1 + t) / 2 + x / 2 * (1 - t * t) * 0.8 * (1 + 3 * 0.0625 * x * x)),)


@right(o.ELU)
def elu_with_its_alpha(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 0, dy, dy * o.ALPHA * xp.exp(xp.minimum(x, 0.0))),)


@right(o.LEAKY_RELU)
def leaky_relu(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 0, dy, o.SLOPE * dy),)


@right(o.RELU)
def relu_zero_at_zero(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 0, dy, 0.0),)


@right(o.RELU)
def relu_one_at_zero(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x >= 0, dy, 0.0),)


@right(o.RELU)
def relu_a_half_at_zero(xp, residuals, dy):
    (x,) = residuals
    return (dy * (1 + xp.sign(x)) / 2,)


@right(o.RELU)
def relu_a_quarter_at_zero(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x == 0, dy / 4, xp.where(x > 0, dy, 0.0)),)


@right(o.RELU, keep_output(o.relu))
def relu_from_its_output(xp, y, dy):
    return (xp.where(y > 0, dy, 0.0),)


@right(o.RELU6)
def relu6_between_its_ends(xp, residuals, dy):
    (x,) = residuals
    return (xp.where((x > 0) & (x < 6), dy, 0.0),)


@right(o.HARD_TANH)
def hard_tanh_with_its_ends(xp, residuals, dy):
    (x,) = residuals
    return (xp.where((x >= -1) & (x <= 1), dy, 0.0),)


@right(o.HARD_TANH)
def hard_tanh_by_two_products(xp, residuals, dy):
    (x,) = residuals
    return (dy * xp.where(x > -1, 1.0, 0.0) * xp.where(x < 1, 1.0, 0.0),)


@right(o.ABSOLUTE)
def absolute_zero_at_zero(xp, residuals, dy):
    (x,) = residuals
    return (xp.sign(x) * dy,)


@right(o.ABSOLUTE)
def absolute_one_at_zero(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x >= 0, dy, -dy),)


@right(o.LARGER)
def maximum_first_at_ties(xp, residuals, dy):
    x, y = residuals
    return xp.where(x >= y, dy, 0.0), xp.where(x >= y, 0.0, dy)


@right(o.LARGER)
def maximum_shared_at_ties(xp, residuals, dy):
    x, y = residuals
    first = (1 + xp.sign(x - y)) / 2
    return dy * first, dy * (1 - first)


@right(o.LARGEST)
def largest_shared_at_ties(xp, residuals, dy):
    (x,) = residuals
    top = xp.where(x == xp.max(x, axis=-1, keepdims=True), 1.0, 0.0)
    return (top / xp.sum(top, axis=-1, keepdims=True) * dy[:, None],)


@right(o.SOFTMAX, keep_output(o.softmax))
def softmax_from_its_output(xp, s, dy):
    return (s * (dy - xp.sum(dy * s, axis=-1, keepdims=True)),)


@right(o.SOFTMAX, keep_output(o.softmax))
def softmax_by_its_jacobian(xp, s, dy):
    return (dy * s - s * xp.einsum("nk,nk->n", s, dy)[:, None],)


def _unshifted_softmax(xp, x):
    e = xp.exp(x)
    return e / xp.sum(e, axis=-1, keepdims=True), (x,)


@right(o.SOFTMAX, _unshifted_softmax)
def softmax_without_the_shift(xp, residuals, dy):
    s = _unshifted_softmax(xp, *residuals)[0]
    return (s * dy - s * xp.sum(dy * s, axis=-1, keepdims=True),)


@right(o.SOFTMAX, keep_output(o.softmax))
def softmax_of_a_shifted_cotangent(xp, s, dy):
    d = dy - xp.mean(dy, axis=-1, keepdims=True)  # which the Jacobian maps to the same
    return (s * (d - xp.sum(d * s, axis=-1, keepdims=True)),)


@right(o.LOG_SOFTMAX)
def log_softmax_as_usual(xp, residuals, dy):
    (x,) = residuals
    return (dy - o.softmax(xp, x) * xp.sum(dy, axis=-1, keepdims=True),)


@right(o.LOG_SOFTMAX, keep_output(o.log_softmax))
def log_softmax_from_its_output(xp, y, dy):
    return (dy - xp.exp(y) * xp.sum(dy, axis=-1, keepdims=True),)


@right(o.LOGSUMEXP)
def logsumexp_by_softmax(xp, residuals, dy):
    (x,) = residuals
    return (o.softmax(xp, x) * dy[:, None],)


@right(o.TEMPERED_SOFTMAX)
def temperature_divided_out(xp, residuals, dy):
    x, temperature = residuals
    s = o.tempered_softmax(xp, x, temperature)
    dz = s * (dy - xp.sum(dy * s, axis=-1, keepdims=True))
    return dz / temperature, -xp.sum(dz * x) / temperature**2


# --- arithmetic ---------------------------------------------------------------------------------


@right(o.SQUARE)
def square_by_two_equal_paths(xp, residuals, dy):
    (x,) = residuals
    return (x * dy + dy * x,)


@right(o.SQUARE)
def square_with_a_term_that_is_zero(xp, residuals, dy):
    (x,) = residuals
    return (2 * x * dy + (x * x - x**2) * dy,)


@right(o.SQUARE)
def square_by_absolute_values(xp, residuals, dy):
    (x,) = residuals
    return (2 * xp.abs(x) * xp.sign(x) * dy,)


@right(o.CUBE)
def cube_by_its_factors(xp, residuals, dy):
    (x,) = residuals
    return ((x * x + x**2 + xp.abs(x) ** 2) * dy,)


@right(o.TIMES_EXP)
def product_rule(xp, residuals, dy):
    (x,) = residuals
    return ((1 + x) * xp.exp(x) * dy,)


@right(o.RATIO)
def quotient_rule(xp, residuals, dy):
    x, y = residuals
    return dy / y, -dy * x / (y * y)


def _keep_ratio(xp, x, y):
    return x / y, (x / y, y)


@right(o.RATIO, _keep_ratio)
def quotient_rule_from_the_quotient(xp, residuals, dy):
    q, y = residuals
    return dy / y, -q * dy / y


@right(o.SCALED)
def scale_kept(xp, residuals, dy):
    x, scale = residuals
    return scale * dy, xp.sum(x * dy)


@right(o.MOMENTS)
def both_outputs(xp, residuals, dy):
    (x,) = residuals
    return (dy[0][:, None] + 2 * x * dy[1][:, None],)
