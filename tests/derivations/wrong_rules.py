"""Planted mistakes: backward passes that people get wrong, each named after its mistake.

`WRONG` is the table. A mistake says which obligations it has to break: those and no others.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from . import operations as o
from .operations import Operation


class Wrong(NamedTuple):
    """A backward pass `bwd(xp, residuals, dy)` that is wrong in a way that has a name."""

    name: str
    operation: Operation
    breaks: frozenset[str]
    bwd: Callable[..., Any]
    fwd: Callable[..., Any] | None


WRONG: list[Wrong] = []


def wrong(operation: Operation, *breaks: str, fwd: Callable[..., Any] | None = None):
    """Registers a mistake; `breaks` are arguments, or obligations that are no cotangent."""
    obligations = frozenset(
        b if b in ("value", "linear", "kinks") else f"cotangent[{b}]" for b in breaks
    )

    def register(bwd: Callable[..., Any]) -> Callable[..., Any]:
        WRONG.append(Wrong(bwd.__name__, operation, obligations, bwd, fwd))
        return bwd

    return register


# --- dense layers -------------------------------------------------------------------------------


@wrong(o.DENSE, "b")
def bias_averaged_over_the_batch(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ w.T, x.T @ dy, xp.mean(dy, axis=0)


@wrong(o.DENSE, "b")
def bias_not_summed_over_the_batch(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ w.T, x.T @ dy, dy


@wrong(o.SQUARE_BATCH_DENSE, "b")
def bias_summed_over_the_wrong_axis(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ w.T, x.T @ dy, xp.sum(dy, axis=1)


@wrong(o.SQUARE_DENSE, "x")
def weights_not_transposed(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ w, x.T @ dy, xp.sum(dy, axis=0)


@wrong(o.SQUARE_DENSE, "x")
def weights_taken_as_symmetric(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ (w + w.T) / 2, x.T @ dy, xp.sum(dy, axis=0)


@wrong(o.SQUARE_DENSE, "w")
def weight_cotangent_transposed(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ w.T, dy.T @ x, xp.sum(dy, axis=0)


@wrong(o.DENSE, "w")
def weight_cotangent_averaged_over_the_batch(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ w.T, x.T @ dy / x.shape[0], xp.sum(dy, axis=0)


@wrong(o.DENSE, "w")
def weight_cotangent_from_the_sum_of_the_rows(xp, residuals, dy):
    x, w, _ = residuals
    rows = xp.sum(x, axis=0)[:, None] * xp.sum(dy, axis=0)[None, :]  # right for a batch of one
    return dy @ w.T, rows, xp.sum(dy, axis=0)


@wrong(o.DENSE, "w")
def weight_cotangent_is_none(xp, residuals, dy):
    _, w, _ = residuals
    return dy @ w.T, None, xp.sum(dy, axis=0)


@wrong(o.DENSE, "x", "b", "linear")
def upstream_cotangent_ignored_in_two_of_three(xp, residuals, dy):
    x, w, _ = residuals
    return xp.ones_like(dy) @ w.T, x.T @ dy, xp.sum(xp.ones_like(dy), axis=0)


def _without_bias(xp, x, w, b):
    return x @ w, (x, w)


@wrong(o.DENSE, "value", fwd=_without_bias)
def bias_forgotten_in_the_forward_pass(xp, residuals, dy):
    x, w = residuals
    return dy @ w.T, x.T @ dy, xp.sum(dy, axis=0)


@wrong(o.SCALED_COLUMNS, "g")
def broadcast_undone_along_the_wrong_axis(xp, residuals, dy):
    x, g = residuals
    return dy * g[None, :], xp.sum(dy * x, axis=1)


@wrong(o.SKIP, "x")
def skip_connection_lost(xp, residuals, dy):
    (x,) = residuals
    return (dy * (1 - xp.tanh(x) ** 2),)


@wrong(o.SKIP, "x")
def skip_connection_passed_through_the_layer(xp, residuals, dy):
    (x,) = residuals
    return ((dy + dy) * (1 - xp.tanh(x) ** 2),)


@wrong(o.DROPOUT, "x")
def dropout_mask_missing(xp, residuals, dy):
    return dy / o.KEPT, None


@wrong(o.DROPOUT, "x")
def dropout_scale_missing(xp, residuals, dy):
    _, kept = residuals
    return xp.where(kept, dy, 0.0), None


@wrong(o.SCORES, "q")
def attention_scale_missing(xp, residuals, dy):
    q, k = residuals
    return dy @ k, dy.T @ q / xp.sqrt(xp.sum(xp.ones_like(k[:, :]), axis=1, keepdims=True))


@wrong(o.CAUSAL_SCORES, "q", "k")
def causal_mask_off_by_one(xp, residuals, dy):
    q, k = residuals
    places = xp.arange(q.shape[0])
    seen = xp.where(places[:, None] > places[None, :], dy, 0.0)
    return seen @ k, seen.T @ q


@wrong(o.GRAM, "x")
def value_used_twice_counted_once(xp, residuals, dy):
    (x,) = residuals
    return (dy @ x,)


@wrong(o.GRAM, "x")
def symmetric_cotangent_assumed(xp, residuals, dy):
    (x,) = residuals
    return (2 * dy @ x,)


@wrong(o.ROTATION, "a", "b")
def rotated_forward_again(xp, residuals, dy):
    a, b, angle = residuals
    turning = dy * (-a * xp.sin(angle) - b * xp.cos(angle))
    return -dy * xp.sin(angle), dy * xp.cos(angle), turning


# --- normalisation ------------------------------------------------------------------------------


def _layer_norm_with(x_term):
    def bwd(xp, residuals, dy):
        x, g = residuals
        n, inverse = o.standardized(xp, x)
        return x_term(xp, n, inverse, dy * g[None, :]), xp.sum(dy * n, axis=0)

    return bwd


def row_mean(xp, a):
    return xp.mean(a, axis=-1, keepdims=True)


@wrong(o.LAYER_NORM, "x")
def layer_norm_mean_of_the_cotangent_missing(xp, residuals, dy):
    return _layer_norm_with(lambda xp, n, inverse, d: inverse * (d - n * row_mean(xp, d * n)))(
        xp, residuals, dy
    )


@wrong(o.LAYER_NORM, "x")
def layer_norm_product_term_missing(xp, residuals, dy):
    return _layer_norm_with(lambda xp, n, inverse, d: inverse * (d - row_mean(xp, d)))(
        xp, residuals, dy
    )


@wrong(o.LAYER_NORM, "x")
def layer_norm_statistics_taken_as_constants(xp, residuals, dy):
    return _layer_norm_with(lambda xp, n, inverse, d: inverse * d)(xp, residuals, dy)


@wrong(o.LAYER_NORM, "x")
def layer_norm_mean_subtracted_twice(xp, residuals, dy):
    return _layer_norm_with(
        lambda xp, n, inverse, d: inverse * (d - 2 * row_mean(xp, d) - n * row_mean(xp, d * n))
    )(xp, residuals, dy)


@wrong(o.LAYER_NORM, "x")
def layer_norm_scale_missing(xp, residuals, dy):
    x, _ = residuals
    n, inverse = o.standardized(xp, x)
    dx = inverse * (dy - row_mean(xp, dy) - n * row_mean(xp, dy * n))
    return dx, xp.sum(dy * n, axis=0)


@wrong(o.LAYER_NORM, "g")
def layer_norm_scale_cotangent_from_the_input(xp, residuals, dy):
    x, g = residuals
    n, inverse = o.standardized(xp, x)
    d = dy * g[None, :]
    dx = inverse * (d - row_mean(xp, d) - n * row_mean(xp, d * n))
    return dx, xp.sum(dy * x, axis=0)


@wrong(o.LAYER_NORM, "x")
def layer_norm_epsilon_outside_the_root(xp, residuals, dy):
    x, g = residuals
    n, _ = o.standardized(xp, x)
    centred = x - row_mean(xp, x)
    inverse = 1 / (xp.sqrt(row_mean(xp, centred * centred)) + o.EPSILON)
    d = dy * g[None, :]
    dx = inverse * (d - row_mean(xp, d) - n * row_mean(xp, d * n))
    return dx, xp.sum(dy * n, axis=0)


@wrong(o.VARIANCE, "x")
def variance_divided_by_one_less(xp, residuals, dy):
    (x,) = residuals
    return (2 * (x - row_mean(xp, x)) * dy[:, None] / (x.shape[1] - 1),)


@wrong(o.RMS_NORM, "x")
def rms_taken_as_a_constant(xp, residuals, dy):
    x, g = residuals
    r = o.inverse_rms(xp, x)
    return dy * g[None, :] * r, xp.sum(dy * x * r, axis=0)


@wrong(o.RMS_NORM, "x")
def rms_squared_instead_of_cubed(xp, residuals, dy):
    x, g = residuals
    r = o.inverse_rms(xp, x)
    d = dy * g[None, :]
    return d * r - x * r**2 * row_mean(xp, d * x), xp.sum(dy * x * r, axis=0)


@wrong(o.RMS_NORM, "x")
def rms_weight_not_inside_the_mean(xp, residuals, dy):
    x, g = residuals
    r = o.inverse_rms(xp, x)
    dx = dy * g[None, :] * r - x * r**3 * row_mean(xp, dy * x)
    return dx, xp.sum(dy * x * r, axis=0)


@wrong(o.NORM, "x")
def norm_divides_by_its_square(xp, residuals, dy):
    (x,) = residuals
    return (dy[:, None] * x / xp.sum(x * x, axis=-1, keepdims=True),)


def _norm_with_epsilon(xp, x):
    return xp.sqrt(xp.sum(x * x, axis=-1) + o.EPSILON), (x,)


@wrong(o.NORM, "value", "x", fwd=_norm_with_epsilon)
def norm_with_epsilon_against_nan(xp, residuals, dy):
    (x,) = residuals
    return (dy[:, None] * x / xp.sqrt(xp.sum(x * x, axis=-1, keepdims=True) + o.EPSILON),)


# --- losses -------------------------------------------------------------------------------------


@wrong(o.SQUARED_ERROR, "f", "y")
def squared_error_factor_two_missing(xp, residuals, dy):
    f, y = residuals
    return (f - y) * dy[:, None], (y - f) * dy[:, None]


@wrong(o.HALF_SQUARED_ERROR, "f", "y")
def half_squared_error_half_forgotten(xp, residuals, dy):
    f, y = residuals
    return 2 * (f - y) * dy[:, None], 2 * (y - f) * dy[:, None]


@wrong(o.HALF_SQUARED_ERROR, "f", "y")
def target_minus_output(xp, residuals, dy):
    f, y = residuals
    return (y - f) * dy[:, None], (f - y) * dy[:, None]


@wrong(o.HALF_SQUARED_ERROR, "y")
def second_operand_not_negated(xp, residuals, dy):
    f, y = residuals
    return (f - y) * dy[:, None], (f - y) * dy[:, None]


@wrong(o.HALF_SQUARED_ERROR, "f", "y", "linear")
def upstream_cotangent_ignored(xp, residuals, dy):
    f, y = residuals
    return f - y, y - f


@wrong(o.MEAN_SQUARED_ERROR, "f", "y")
def mean_divided_by_the_batch_only(xp, residuals, dy):
    f, y = residuals
    d = 2 * (f - y) * dy / f.shape[0]
    return d, -d


@wrong(o.MEAN_SQUARED_ERROR, "f", "y")
def mean_not_divided(xp, residuals, dy):
    f, y = residuals
    return 2 * (f - y) * dy, 2 * (y - f) * dy


@wrong(o.MEAN_SQUARED_ERROR, "f", "y")
def mean_right_for_square_batches_only(xp, residuals, dy):
    f, y = residuals
    d = 2 * (f - y) * dy / f.shape[0] / f.shape[0]
    return d, -d


@wrong(o.ABSOLUTE_ERROR, "f", "y")
def absolute_error_not_its_sign(xp, residuals, dy):
    f, y = residuals
    return (f - y) * dy[:, None], (y - f) * dy[:, None]


@wrong(o.HUBER, "d")
def huber_delta_missing_on_the_linear_branch(xp, residuals, dy):
    (d,) = residuals
    return (xp.where(xp.abs(d) <= o.DELTA, d, xp.sign(d)) * dy,)


@wrong(o.HUBER, "d")
def huber_sign_missing_on_the_linear_branch(xp, residuals, dy):
    (d,) = residuals
    return (xp.where(xp.abs(d) <= o.DELTA, d, o.DELTA) * dy,)


@wrong(o.CROSS_ENTROPY, "z")
def cross_entropy_of_targets_that_sum_to_one(xp, residuals, dy):
    z, y = residuals
    return (o.softmax(xp, z) - y) * dy[:, None], -o.log_softmax(xp, z) * dy[:, None]


@wrong(o.CROSS_ENTROPY, "y")
def cross_entropy_of_constant_targets(xp, residuals, dy):
    z, y = residuals
    whole = xp.sum(y, axis=-1, keepdims=True)
    return (o.softmax(xp, z) * whole - y) * dy[:, None], None


@wrong(o.SMOOTHED_CROSS_ENTROPY, "z")
def smoothing_spread_over_the_other_classes(xp, residuals, dy):
    z, y = residuals
    soft = (1 - o.SMOOTHING) * y + o.SMOOTHING / (o.count(xp, z) - 1)
    dz = o.softmax(xp, z) * xp.sum(soft, axis=-1, keepdims=True) - soft
    return dz * dy[:, None], -(1 - o.SMOOTHING) * o.log_softmax(xp, z) * dy[:, None]


@wrong(o.MEAN_LABEL_LOSS, "z")
def label_loss_not_divided_by_the_batch(xp, residuals, dy):
    z, classes = residuals
    return (o.softmax(xp, z) - o.one_hot(xp, classes, z)) * dy, None


@wrong(o.MASKED_MEAN, "losses")
def masked_mean_counts_what_is_masked(xp, residuals, dy):
    losses, counted = residuals
    return xp.where(counted, dy, 0.0) / losses.shape[0], None


@wrong(o.SIGMOID_CROSS_ENTROPY, "z")
def sigmoid_derivative_kept_with_cross_entropy(xp, residuals, dy):
    z, y = residuals
    s = o.sigmoid(xp, z)
    return (s - y) * s * (1 - s) * dy[:, None], -z * dy[:, None]


@wrong(o.SIGMOID_SQUARED_ERROR, "z")
def sigmoid_derivative_dropped_with_squared_error(xp, residuals, dy):
    z, y = residuals
    s = o.sigmoid(xp, z)
    return (s - y) * dy[:, None], (y - s) * dy[:, None]


@wrong(o.DECAYED, "w")
def weight_decay_missing(xp, residuals, dy):
    w, _ = residuals
    return xp.cos(w) * dy, xp.sum(w * w) * dy


# --- activations --------------------------------------------------------------------------------


def keep_output(primal):
    def fwd(xp, x):
        y = primal(xp, x)
        return y, y

    return fwd


@wrong(o.SIGMOID, "x", fwd=keep_output(o.sigmoid))
def sigmoid_of_the_activated_value(xp, s, dy):
    return (dy * o.sigmoid(xp, s) * (1 - o.sigmoid(xp, s)),)


@wrong(o.SIGMOID, "x")
def sigmoid_formula_on_the_input(xp, residuals, dy):
    (x,) = residuals
    return (dy * x * (1 - x),)


@wrong(o.SIGMOID, "x", fwd=keep_output(o.sigmoid))
def sigmoid_factor_lost(xp, s, dy):
    return (dy * (1 - s),)


@wrong(o.TANH, "x", fwd=keep_output(o.tanh))
def tanh_not_squared(xp, t, dy):
    return (dy * (1 - t),)


@wrong(o.TANH, "x")
def tanh_formula_on_the_input(xp, residuals, dy):
    (x,) = residuals
    return (dy * (1 - x**2),)


@wrong(o.SOFTPLUS, "x")
def softplus_of_the_negated_input(xp, residuals, dy):
    (x,) = residuals
    return (dy * o.sigmoid(xp, -x),)


@wrong(o.SOFTPLUS_LINEAR_ABOVE_20, "x")
def softplus_rare_branch_wrong(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 20, dy * x, dy * o.sigmoid(xp, xp.minimum(x, 20.0))),)


@wrong(o.LOG_SIGMOID_LINEAR_BELOW_MINUS_20, "x")
def log_sigmoid_rare_branch_wrong(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x < -20, 0.0, dy * o.sigmoid(xp, -xp.maximum(x, -20.0))),)


@wrong(o.SILU, "x")
def silu_product_rule_forgotten(xp, residuals, dy):
    (x,) = residuals
    return (dy * o.sigmoid(xp, x),)


@wrong(o.SILU, "x")
def silu_parentheses_missing(xp, residuals, dy):
    (x,) = residuals
    s = o.sigmoid(xp, x)
    return (dy * (s * 1 + x * 1 - s),)


@wrong(o.GELU_TANH, "x")
def gelu_factor_three_forgotten(xp, residuals, dy):
    (x,) = residuals
    t = xp.tanh(0.8 * (x + 0.0625 * x * x * x))
    return (dy * ((1 + t) / 2 + x / 2 * (1 - t * t) * 0.8 * (1 + 0.0625 * x * x)),)


@wrong(o.ELU, "x")
def elu_alpha_missing(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 0, dy, dy * xp.exp(xp.minimum(x, 0.0))),)


@wrong(o.LEAKY_RELU, "x")
def leaky_slope_lost(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 0, dy, 0.0),)


@wrong(o.LEAKY_RELU, "x")
def leaky_slope_on_the_wrong_side(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 0, o.SLOPE * dy, dy),)


@wrong(o.RELU, "x")
def relu_passes_everything(xp, residuals, dy):
    return (dy,)


@wrong(o.SCALAR_RELU, "kinks")
def relu_two_at_zero(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 0, dy, xp.where(x == 0, 2 * dy, 0.0)),)


@wrong(o.ABSOLUTE, "kinks")
def absolute_two_at_zero(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x == 0, 2.0, xp.sign(x)) * dy,)


@wrong(o.SQUARE, "kinks")
def smooth_point_singled_out(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x == 3, 0.0, 2 * x) * dy,)


@wrong(o.RELU6, "x")
def relu6_upper_end_forgotten(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 0, dy, 0.0),)


@wrong(o.HARD_TANH, "x")
def clamp_passes_everything(xp, residuals, dy):
    return (dy,)


@wrong(o.LARGER, "y")
def maximum_passes_to_both(xp, residuals, dy):
    x, y = residuals
    return xp.where(x > y, dy, 0.0), dy


@wrong(o.LARGEST, "kinks")
def every_tie_gets_the_whole_cotangent(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x == xp.max(x, axis=-1, keepdims=True), dy[:, None], 0.0),)


@wrong(o.LARGEST, "x")
def largest_value_scales_the_cotangent(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x == xp.max(x, axis=-1, keepdims=True), x, 0.0) * dy[:, None],)


@wrong(o.SOFTMAX, "x", fwd=keep_output(o.softmax))
def softmax_taken_element_by_element(xp, s, dy):
    return (dy * s * (1 - s),)


@wrong(o.SOFTMAX, "x", fwd=keep_output(o.softmax))
def softmax_sum_of_the_cotangent_alone(xp, s, dy):
    return (s * (dy - xp.sum(dy, axis=-1, keepdims=True)),)


@wrong(o.SOFTMAX, "x", fwd=keep_output(o.softmax))
def softmax_mean_for_sum(xp, s, dy):
    return (s * (dy - xp.mean(dy * s, axis=-1, keepdims=True)),)


@wrong(o.SOFTMAX, "x", fwd=keep_output(o.softmax))
def softmax_outer_factor_missing(xp, s, dy):
    return (dy - xp.sum(dy * s, axis=-1, keepdims=True),)


@wrong(o.SOFTMAX, "x", fwd=keep_output(o.softmax))
def softmax_sum_over_the_whole_batch(xp, s, dy):
    return (s * (dy - xp.sum(dy * s)),)  # right for a batch of one


@wrong(o.SQUARE_SOFTMAX, "x", fwd=keep_output(o.softmax))
def softmax_sum_over_the_wrong_axis(xp, s, dy):
    return (s * (dy - xp.sum(dy * s, axis=0, keepdims=True)),)


@wrong(o.LOG_SOFTMAX, "x", "linear")
def log_softmax_sum_of_the_cotangent_missing(xp, residuals, dy):
    (x,) = residuals
    return (dy - o.softmax(xp, x),)


@wrong(o.LOG_SOFTMAX, "x")
def log_softmax_treated_like_softmax(xp, residuals, dy):
    (x,) = residuals
    s = o.softmax(xp, x)
    return (dy - s * xp.sum(dy * s, axis=-1, keepdims=True),)


@wrong(o.LOGSUMEXP, "x")
def logsumexp_one_of_two_shifts_stopped(xp, residuals, dy):
    (x,) = residuals
    top = xp.where(x >= xp.max(x, axis=-1, keepdims=True), 1.0, 0.0)
    return ((o.softmax(xp, x) + top) * dy[:, None],)


@wrong(o.TEMPERED_SOFTMAX, "x")
def temperature_missing(xp, residuals, dy):
    x, temperature = residuals
    s = o.tempered_softmax(xp, x, temperature)
    dz = s * (dy - xp.sum(dy * s, axis=-1, keepdims=True))
    return dz, -xp.sum(dz * x) / temperature**2


# --- arithmetic ---------------------------------------------------------------------------------


@wrong(o.SQUARE, "x")
def second_path_of_a_square_lost(xp, residuals, dy):
    (x,) = residuals
    return (x * dy,)


@wrong(o.SQUARE, "x")
def cotangent_propagated_once_more(xp, residuals, dy):
    (x,) = residuals
    return (2 * x * dy + x * dy,)


@wrong(o.CUBE, "x")
def power_not_lowered(xp, residuals, dy):
    (x,) = residuals
    return (3 * x**3 * dy,)


@wrong(o.TIMES_EXP, "x")
def product_rule_forgotten(xp, residuals, dy):
    (x,) = residuals
    return (xp.exp(x) * dy,)


@wrong(o.RATIO, "y")
def quotient_sign_missing(xp, residuals, dy):
    x, y = residuals
    return dy / y, dy * x / y**2


@wrong(o.DIFFERENCE, "y")
def subtraction_differentiated_as_addition(xp, residuals, dy):
    return dy, dy


@wrong(o.SCALED, "x")
def scale_missing(xp, residuals, dy):
    x, _ = residuals
    return dy, xp.sum(x * dy)


@wrong(o.MOMENTS, "x")
def second_output_ignored(xp, residuals, dy):
    (x,) = residuals
    return (dy[0][:, None] * xp.ones_like(x),)


@wrong(o.SQUARE, "x", "linear")
def cotangent_clipped(xp, residuals, dy):
    (x,) = residuals
    return (2 * x * xp.clip(dy, -1.0, 1.0),)


@wrong(o.SQUARE, "x", "linear")
def negative_cotangents_gated(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(dy > 0, 2 * x * dy, 0.0),)


@wrong(o.SQUARE, "x", "linear")
def cotangent_squared(xp, residuals, dy):
    (x,) = residuals
    return (2 * x * dy * xp.abs(dy),)


def _doubled(xp, x):
    return 2 * x * x, (x,)


@wrong(o.SQUARE, "value", fwd=_doubled)
def forward_value_doubled(xp, residuals, dy):
    (x,) = residuals
    return (2 * x * dy,)


@wrong(o.SQUARE, "value", "x", fwd=_doubled)
def forward_and_backward_agree_on_another_function(xp, residuals, dy):
    (x,) = residuals
    return (4 * x * dy,)
