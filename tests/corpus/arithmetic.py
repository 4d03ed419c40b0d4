"""Sums, products and powers: every path counted once, with its sign and its factor."""

from .entry import Operation, floats, right, wrong


def skip(xp, x):
    return x + xp.tanh(x)


SKIP = Operation(skip, floats((3, 4)))


@right(SKIP)
def skip_connection_added(xp, residuals, dy):
    (x,) = residuals
    return (dy + dy * (1 - xp.tanh(x) ** 2),)


@wrong(24, SKIP, "x")
def skip_connection_lost(xp, residuals, dy):
    (x,) = residuals
    return (dy * (1 - xp.tanh(x) ** 2),)


@wrong(23, SKIP, "x")
def skip_connection_passed_through_the_layer(xp, residuals, dy):
    (x,) = residuals
    return ((dy + dy) * (1 - xp.tanh(x) ** 2),)


def gram(xp, x):
    return x @ x.T


GRAM = Operation(gram, floats((3, 4)))


@right(GRAM)
def both_paths_of_a_product(xp, residuals, dy):
    (x,) = residuals
    return (dy @ x + dy.T @ x,)


@right(GRAM)
def both_paths_in_one_sum(xp, residuals, dy):
    (x,) = residuals
    return ((dy + dy.T) @ x,)


@wrong(8, GRAM, "x")
def value_used_twice_counted_once(xp, residuals, dy):
    (x,) = residuals
    return (dy @ x,)


@wrong(8, GRAM, "x")
def symmetric_cotangent_assumed(xp, residuals, dy):
    (x,) = residuals
    return (2 * dy @ x,)


def decayed(xp, w, decay):
    return xp.sum(xp.sin(w)) + decay * xp.sum(w * w)


DECAYED = Operation(decayed, (*floats((3, 4)), 0.0))


@right(DECAYED)
def weight_decay_kept(xp, residuals, dy):
    w, decay = residuals
    return (xp.cos(w) + 2 * decay * w) * dy, xp.sum(w * w) * dy


@wrong(52, DECAYED, "w")
def weight_decay_missing(xp, residuals, dy):
    w, _ = residuals
    return xp.cos(w) * dy, xp.sum(w * w) * dy


def square(xp, x):
    return x * x


SQUARE = Operation(square, floats((3,)))


@right(SQUARE)
def square_by_two_equal_paths(xp, residuals, dy):
    (x,) = residuals
    return (x * dy + dy * x,)


@right(SQUARE, number=53)
def square_with_a_term_that_is_zero(xp, residuals, dy):
    (x,) = residuals
    return (2 * x * dy + (x * x - x**2) * dy,)


@right(SQUARE)
def square_by_absolute_values(xp, residuals, dy):
    (x,) = residuals
    return (2 * xp.abs(x) * xp.sign(x) * dy,)


@wrong(33, SQUARE, "kinks", point="exposing")
def smooth_point_singled_out(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x == 3, 0.0, 2 * x) * dy,)


@wrong(8, SQUARE, "x")
def second_path_of_a_square_lost(xp, residuals, dy):
    (x,) = residuals
    return (x * dy,)


@wrong(9, SQUARE, "x")
def cotangent_propagated_once_more(xp, residuals, dy):
    (x,) = residuals
    return (2 * x * dy + x * dy,)


@wrong(49, SQUARE, "x", "linear")
def cotangent_clipped(xp, residuals, dy):
    (x,) = residuals
    return (2 * x * xp.clip(dy, -1.0, 1.0),)


@wrong(49, SQUARE, "x", "linear")
def negative_cotangents_gated(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(dy > 0, 2 * x * dy, 0.0),)


@wrong(49, SQUARE, "x", "linear")
def cotangent_squared(xp, residuals, dy):
    (x,) = residuals
    return (2 * x * dy * xp.abs(dy),)


def _doubled(xp, x):
    return 2 * x * x, (x,)


@wrong(28, SQUARE, "value", fwd=_doubled)
def forward_value_doubled(xp, residuals, dy):
    (x,) = residuals
    return (2 * x * dy,)


@wrong(28, SQUARE, "value", "x", fwd=_doubled)
def forward_and_backward_agree_on_another_function(xp, residuals, dy):
    (x,) = residuals
    return (4 * x * dy,)


def cube(xp, x):
    return x**3


CUBE = Operation(cube, floats((3,)))


@right(CUBE)
def cube_by_its_factors(xp, residuals, dy):
    (x,) = residuals
    return ((x * x + x**2 + xp.abs(x) ** 2) * dy,)


@wrong(27, CUBE, "x")
def power_not_lowered(xp, residuals, dy):
    (x,) = residuals
    return (3 * x**3 * dy,)


def times_exp(xp, x):
    return x * xp.exp(x)


TIMES_EXP = Operation(times_exp, floats((3,)))


@right(TIMES_EXP)
def product_rule(xp, residuals, dy):
    (x,) = residuals
    return ((1 + x) * xp.exp(x) * dy,)


@wrong(29, TIMES_EXP, "x")
def product_rule_forgotten(xp, residuals, dy):
    (x,) = residuals
    return (xp.exp(x) * dy,)


def ratio(xp, x, y):
    return x / y


RATIO = Operation(ratio, floats((3,), (3,)))


@right(RATIO)
def quotient_rule(xp, residuals, dy):
    x, y = residuals
    return dy / y, -dy * x / (y * y)


def _keep_ratio(xp, x, y):
    return x / y, (x / y, y)


@right(RATIO, fwd=_keep_ratio)
def quotient_rule_from_the_quotient(xp, residuals, dy):
    q, y = residuals
    return dy / y, -q * dy / y


@wrong(6, RATIO, "y")
def quotient_sign_missing(xp, residuals, dy):
    x, y = residuals
    return dy / y, dy * x / y**2


def difference(xp, x, y):
    return x - y


DIFFERENCE = Operation(difference, floats((3,), (3,)))


@right(DIFFERENCE)
def subtraction_negates_the_second(xp, residuals, dy):
    return dy, -dy


@wrong(6, DIFFERENCE, "y")
def subtraction_differentiated_as_addition(xp, residuals, dy):
    return dy, dy


def scaled(xp, x, scale):
    return scale * x


SCALED = Operation(scaled, (*floats((3,)), 1.0))


@right(SCALED)
def scale_kept(xp, residuals, dy):
    x, scale = residuals
    return scale * dy, xp.sum(x * dy)


@wrong(52, SCALED, "x")
def scale_missing(xp, residuals, dy):
    x, _ = residuals
    return dy, xp.sum(x * dy)


def moments(xp, x):
    return xp.sum(x, axis=-1), xp.sum(x * x, axis=-1)


MOMENTS = Operation(moments, floats((3, 4)))


@right(MOMENTS)
def both_outputs(xp, residuals, dy):
    (x,) = residuals
    return (dy[0][:, None] + 2 * x * dy[1][:, None],)


@wrong(48, MOMENTS, "x")
def second_output_ignored(xp, residuals, dy):
    (x,) = residuals
    return (dy[0][:, None] * xp.ones_like(x),)
