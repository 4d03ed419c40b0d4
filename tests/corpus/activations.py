"""Smooth activations."""

from .entry import Operation, floats, keep_output, right, wrong


def sigmoid(xp, x):
    return 1 / (1 + xp.exp(-x))


SIGMOID = Operation(sigmoid, floats((3,)))


@right(SIGMOID, fwd=keep_output(sigmoid), number=32)
def sigmoid_from_its_output(xp, s, dy):
    return (dy * s * (1 - s),)


@right(SIGMOID)
def sigmoid_of_both_signs(xp, residuals, dy):
    (x,) = residuals
    return (dy * sigmoid(xp, x) * sigmoid(xp, -x),)


@right(SIGMOID)
def sigmoid_by_one_exponential(xp, residuals, dy):
    (x,) = residuals
    e = xp.exp(x)
    return (dy * e / (1 + e) ** 2,)


@right(SIGMOID)
def sigmoid_by_tanh(xp, residuals, dy):
    (x,) = residuals
    return (dy * (1 - xp.tanh(x / 2) ** 2) / 4,)


@wrong(30, SIGMOID, "x", fwd=keep_output(sigmoid))
def sigmoid_of_the_activated_value(xp, s, dy):
    return (dy * sigmoid(xp, s) * (1 - sigmoid(xp, s)),)


@wrong(30, SIGMOID, "x")
def sigmoid_formula_on_the_input(xp, residuals, dy):
    (x,) = residuals
    return (dy * x * (1 - x),)


@wrong(30, SIGMOID, "x", fwd=keep_output(sigmoid))
def sigmoid_factor_lost(xp, s, dy):
    return (dy * (1 - s),)


def tanh(xp, x):
    return xp.tanh(x)


TANH = Operation(tanh, floats((3,)))


@right(TANH, fwd=keep_output(tanh), number=32)
def tanh_from_its_output(xp, t, dy):
    return (dy * (1 - t**2),)


@right(TANH, fwd=keep_output(tanh))
def tanh_by_two_factors(xp, t, dy):
    return (dy * (1 - t) * (1 + t),)


@right(TANH)
def tanh_by_one_exponential(xp, residuals, dy):
    (x,) = residuals
    e = xp.exp(2 * x)
    return (dy * 4 * e / (1 + e) ** 2,)


@wrong(31, TANH, "x", fwd=keep_output(tanh))
def tanh_not_squared(xp, t, dy):
    return (dy * (1 - t),)


@wrong(31, TANH, "x")
def tanh_formula_on_the_input(xp, residuals, dy):
    (x,) = residuals
    return (dy * (1 - x**2),)


def softplus(xp, x):
    return xp.log1p(xp.exp(x))


SOFTPLUS = Operation(softplus, floats((3,)))


@right(SOFTPLUS)
def softplus_by_sigmoid(xp, residuals, dy):
    (x,) = residuals
    return (dy * sigmoid(xp, x),)


def _stable_softplus(xp, x):
    return xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x))), (x,)


@right(SOFTPLUS, fwd=_stable_softplus)
def softplus_by_maximum_and_log1p(xp, residuals, dy):
    (x,) = residuals
    e = xp.exp(-xp.abs(x))
    return (dy * xp.where(x >= 0, 1.0, e) / (1 + e),)


@right(SOFTPLUS, fwd=keep_output(softplus))
def softplus_from_its_output(xp, y, dy):
    return (dy * (1 - xp.exp(-y)),)


@wrong(6, SOFTPLUS, "x")
def softplus_of_the_negated_input(xp, residuals, dy):
    (x,) = residuals
    return (dy * sigmoid(xp, -x),)


def softplus_linear_above_20(xp, x):
    return xp.where(x > 20, x, xp.log1p(xp.exp(xp.minimum(x, 20.0))))


SOFTPLUS_LINEAR_ABOVE_20 = Operation(softplus_linear_above_20, floats(()))


@right(SOFTPLUS_LINEAR_ABOVE_20)
def softplus_with_a_linear_tail(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 20, dy, dy * sigmoid(xp, xp.minimum(x, 20.0))),)


@wrong(50, SOFTPLUS_LINEAR_ABOVE_20, "x", point="blind")
def softplus_rare_branch_wrong(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x > 20, dy * x, dy * sigmoid(xp, xp.minimum(x, 20.0))),)


def log_sigmoid_linear_below_minus_20(xp, x):
    return xp.where(x < -20, x, -xp.log1p(xp.exp(-xp.maximum(x, -20.0))))


LOG_SIGMOID_LINEAR_BELOW_MINUS_20 = Operation(log_sigmoid_linear_below_minus_20, floats(()))


@right(LOG_SIGMOID_LINEAR_BELOW_MINUS_20)
def log_sigmoid_with_a_linear_tail(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x < -20, dy, dy * sigmoid(xp, -xp.maximum(x, -20.0))),)


@wrong(50, LOG_SIGMOID_LINEAR_BELOW_MINUS_20, "x", point="blind")
def log_sigmoid_rare_branch_wrong(xp, residuals, dy):
    (x,) = residuals
    return (xp.where(x < -20, 0.0, dy * sigmoid(xp, -xp.maximum(x, -20.0))),)


def silu(xp, x):
    return x * sigmoid(xp, x)


SILU = Operation(silu, floats((3,)))


@right(SILU)
def silu_by_the_product_rule(xp, residuals, dy):
    (x,) = residuals
    s = sigmoid(xp, x)
    return (dy * (s + x * s * (1 - s)),)


@right(SILU)
def silu_from_its_output(xp, residuals, dy):
    (x,) = residuals
    s = sigmoid(xp, x)
    return (dy * (x * s + s * (1 - x * s)),)


@wrong(29, SILU, "x")
def silu_product_rule_forgotten(xp, residuals, dy):
    (x,) = residuals
    return (dy * sigmoid(xp, x),)


@wrong(29, SILU, "x")
def silu_parentheses_missing(xp, residuals, dy):
    (x,) = residuals
    s = sigmoid(xp, x)
    return (dy * (s * 1 + x * 1 - s),)


def gelu_tanh(xp, x):
    return x / 2 * (1 + xp.tanh(0.8 * (x + 0.0625 * x * x * x)))


GELU_TANH = Operation(gelu_tanh, floats((3,)))


@right(GELU_TANH)
def gelu_tanh_as_usual(xp, residuals, dy):
    (x,) = residuals
    t = xp.tanh(0.8 * (x + 0.0625 * x * x * x))
    return (dy * ((1 + t) / 2 + x / 2 * (1 - t * t) * 0.8 * (1 + 3 * 0.0625 * x * x)),)


@wrong(27, GELU_TANH, "x")
def gelu_factor_three_forgotten(xp, residuals, dy):
    (x,) = residuals
    t = xp.tanh(0.8 * (x + 0.0625 * x * x * x))
    return (dy * ((1 + t) / 2 + x / 2 * (1 - t * t) * 0.8 * (1 + 0.0625 * x * x)),)
