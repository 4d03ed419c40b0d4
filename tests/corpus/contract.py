"""What else a rule has to keep: cotangents for all, residuals that are right, every rank and size.

And rules that are right the first time only: differentiated again, they give a wrong result.
"""

from .activations import sigmoid
from .arithmetic import skip, square
from .arrays import stopped
from .dense import DENSE
from .entry import Operation, floats, right, wrong
from .normalisation import inverse_rms, rms_norm, standardized
from .softmax import softmax

TWICE = "no obligation differentiates a rule again"


def product(xp, x, y):
    return xp.sin(x) * xp.exp(y)


PRODUCT = Operation(product, floats((3,), (3,)))


@right(PRODUCT, door="custom_vjp")
def product_of_functions(xp, residuals, dy):
    x, y = residuals
    return dy * xp.cos(x) * xp.exp(y), dy * xp.sin(x) * xp.exp(y)


@wrong(46, PRODUCT, "second order", door="custom_vjp", point="blind", open=TWICE)
@wrong(46, PRODUCT, "second order", open=TWICE)
def one_residual_stopped(xp, residuals, dy):
    x, y = residuals
    return dy * xp.cos(stopped(xp, x)) * xp.exp(y), dy * xp.sin(x) * xp.exp(y)


def sigmoid_again(xp, x):
    return sigmoid(xp, x)


SIGMOID_AGAIN = Operation(sigmoid_again, floats((3,)))


def _keep_stopped(xp, x):
    s = sigmoid(xp, x)
    return s, stopped(xp, s)


@right(SIGMOID_AGAIN)
def residual_not_stopped(xp, residuals, dy):
    s = sigmoid(xp, residuals[0])
    return (dy * s * (1 - s),)


@wrong(46, SIGMOID_AGAIN, "second order", fwd=_keep_stopped, point="exposing", open=TWICE)
def residual_stopped_in_the_forward_pass(xp, s, dy):
    return (dy * s * (1 - s),)


def _softmax(xp, x):
    return softmax(xp, x)


SOFTMAX_AGAIN = Operation(_softmax, floats((3, 4)))


@right(SOFTMAX_AGAIN)
def softmax_twice(xp, residuals, dy):
    s = softmax(xp, residuals[0])
    return (s * (dy - xp.sum(dy * s, axis=-1, keepdims=True)),)


@wrong(46, SOFTMAX_AGAIN, "second order", point="exposing", open=TWICE)
def cotangent_stopped(xp, residuals, dy):
    s = stopped(xp, softmax(xp, residuals[0]))
    return (s * (dy - xp.sum(dy * s, axis=-1, keepdims=True)),)


@wrong(48, DENSE, "x", point="blind")
def input_taken_as_data(xp, residuals, dy):
    x, _, _ = residuals
    return 0 * x, x.T @ dy, xp.sum(dy, axis=0)  # as in a first layer, and then in every other


def _overwritten(xp, x):
    y = skip(xp, x)
    return y, y  # written into the buffer that held x


SKIP_IN_PLACE = Operation(skip, floats((3, 4)))


@wrong(47, SKIP_IN_PLACE, "x", fwd=_overwritten)
def residual_overwritten_by_the_output(xp, residuals, dy):
    return (dy + dy * (1 - xp.tanh(residuals) ** 2),)


def _keep_variance(xp, x, g):
    return rms_norm(xp, x, g), (x, g, xp.mean(x * x, axis=-1, keepdims=True))


@wrong(47, Operation(rms_norm, floats((3, 4), (4,))), "x", "g", fwd=_keep_variance)
def mean_square_kept_for_its_root(xp, residuals, dy):
    x, g, r = residuals
    d = dy * g[None, :]
    mean = xp.mean(d * x, axis=-1, keepdims=True)
    return d * r - x * r**3 * mean, xp.sum(dy * x * r, axis=0)


def _keep_both(xp, x, g):
    return rms_norm(xp, x, g), (x * inverse_rms(xp, x), g, inverse_rms(xp, x))


@wrong(47, Operation(rms_norm, floats((3, 4), (4,))), "x", "g", fwd=_keep_both)
def normalised_input_kept_for_the_input(xp, residuals, dy):
    x, g, r = residuals
    d = dy * g[None, :]
    mean = xp.mean(d * x, axis=-1, keepdims=True)
    return d * r - x * r**3 * mean, xp.sum(dy * x * r, axis=0)


def normalised_blocks(xp, x, g):
    return standardized(xp, x)[0] * g[None, None, :]


BLOCKS = Operation(normalised_blocks, floats((2, 3, 4), (4,)))


def _blocks(xp, residuals, dy, axes):
    x, g = residuals
    n, inverse = standardized(xp, x)
    d = dy * g[None, None, :]
    means = [xp.mean(a, axis=-1, keepdims=True) for a in (d, d * n)]
    return inverse * (d - means[0] - n * means[1]), xp.sum(dy * n, axis=axes)


@right(BLOCKS)
def scale_summed_over_all_leading_axes(xp, residuals, dy):
    return _blocks(xp, residuals, dy, (0, 1))


@wrong(25, BLOCKS, "g", point="exposing")
def scale_summed_over_the_first_axis(xp, residuals, dy):
    return _blocks(xp, residuals, dy, 0)


@wrong(25, Operation(normalised_blocks, floats((2, 4, 4), (4,))), "g", point="exposing")
def scale_summed_over_the_first_and_the_last_axis(xp, residuals, dy):
    return _blocks(xp, residuals, dy, (0, 2))


BLOCK = 2  # examples at a time
SQUARES_OF_FIVE = Operation(square, floats((5,)), sizes="given")
SQUARES = Operation(square, floats((4,)))


@wrong(26, SQUARES, "x", point="blind")
@wrong(26, SQUARES_OF_FIVE, "x", point="exposing")
def last_block_dropped(xp, residuals, dy):
    (x,) = residuals
    whole = x.shape[0] // BLOCK * BLOCK
    done = [2 * x[i : i + BLOCK] * dy[i : i + BLOCK] for i in range(0, whole, BLOCK)]
    return (xp.concatenate([*done, 0 * x[whole:]]),)


FAR = 1000.0


@wrong(49, Operation(square, floats((3,))), "linear", point="blind")
def cotangent_clipped_far_out(xp, residuals, dy):
    (x,) = residuals
    return (2 * x * xp.clip(dy, -FAR, FAR),)
