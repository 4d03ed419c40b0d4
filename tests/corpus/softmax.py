"""Softmax, its logarithm, and the logarithm of a sum of exponentials."""

from .entry import Operation, floats, keep_output, right, wrong


def count(xp, z):
    """Gives the number of columns, as a number of the dtype of `z`."""
    return xp.sum(xp.ones_like(z), axis=-1, keepdims=True)


def softmax(xp, x):
    e = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return e / xp.sum(e, axis=-1, keepdims=True)


SOFTMAX = Operation(softmax, floats((3, 4)))
SQUARE_SOFTMAX = Operation(softmax, floats((4, 4)))


@right(SOFTMAX, fwd=keep_output(softmax))
def softmax_from_its_output(xp, s, dy):
    return (s * (dy - xp.sum(dy * s, axis=-1, keepdims=True)),)


@right(SOFTMAX, fwd=keep_output(softmax))
def softmax_by_its_jacobian(xp, s, dy):
    return (dy * s - s * xp.einsum("nk,nk->n", s, dy)[:, None],)


def _unshifted_softmax(xp, x):
    e = xp.exp(x)
    return e / xp.sum(e, axis=-1, keepdims=True), (x,)


@right(SOFTMAX, fwd=_unshifted_softmax, number=53)
def softmax_without_the_shift(xp, residuals, dy):
    s = _unshifted_softmax(xp, *residuals)[0]
    return (s * dy - s * xp.sum(dy * s, axis=-1, keepdims=True),)


@right(SOFTMAX, fwd=keep_output(softmax), number=53)
def softmax_of_a_shifted_cotangent(xp, s, dy):
    d = dy - xp.mean(dy, axis=-1, keepdims=True)  # which the Jacobian maps to the same
    return (s * (d - xp.sum(d * s, axis=-1, keepdims=True)),)


ONE_CLASS = Operation(softmax, floats((3, 1)))
ONE_ROW = Operation(softmax, floats((1, 4)))


@wrong(10, ONE_CLASS, "x", fwd=keep_output(softmax), point="blind")
@wrong(10, SOFTMAX, "x", fwd=keep_output(softmax))
def softmax_taken_element_by_element(xp, s, dy):
    return (dy * s * (1 - s),)


@wrong(11, SOFTMAX, "x", fwd=keep_output(softmax))
def softmax_sum_of_the_cotangent_alone(xp, s, dy):
    return (s * (dy - xp.sum(dy, axis=-1, keepdims=True)),)


@wrong(11, SOFTMAX, "x", fwd=keep_output(softmax))
@wrong(11, ONE_CLASS, "x", fwd=keep_output(softmax), point="blind")
def softmax_mean_for_sum(xp, s, dy):
    return (s * (dy - xp.mean(dy * s, axis=-1, keepdims=True)),)


@wrong(11, SOFTMAX, "x", fwd=keep_output(softmax))
def softmax_outer_factor_missing(xp, s, dy):
    return (dy - xp.sum(dy * s, axis=-1, keepdims=True),)


@wrong(11, SOFTMAX, "x", fwd=keep_output(softmax))
@wrong(11, ONE_ROW, "x", fwd=keep_output(softmax), point="blind")
def softmax_sum_over_the_whole_batch(xp, s, dy):
    return (s * (dy - xp.sum(dy * s)),)  # right for a batch of one


@wrong(11, SQUARE_SOFTMAX, "x", fwd=keep_output(softmax), point="exposing")
def softmax_sum_over_the_wrong_axis(xp, s, dy):
    return (s * (dy - xp.sum(dy * s, axis=0, keepdims=True)),)


def log_softmax(xp, x):
    return x - logsumexp(xp, x)[..., None]


LOG_SOFTMAX = Operation(log_softmax, floats((3, 4)))


@right(LOG_SOFTMAX)
def log_softmax_as_usual(xp, residuals, dy):
    (x,) = residuals
    return (dy - softmax(xp, x) * xp.sum(dy, axis=-1, keepdims=True),)


@right(LOG_SOFTMAX, fwd=keep_output(log_softmax))
def log_softmax_from_its_output(xp, y, dy):
    return (dy - xp.exp(y) * xp.sum(dy, axis=-1, keepdims=True),)


@wrong(12, LOG_SOFTMAX, "x", "linear")
def log_softmax_sum_of_the_cotangent_missing(xp, residuals, dy):
    (x,) = residuals
    return (dy - softmax(xp, x),)


@wrong(12, LOG_SOFTMAX, "x")
def log_softmax_treated_like_softmax(xp, residuals, dy):
    (x,) = residuals
    s = softmax(xp, x)
    return (dy - s * xp.sum(dy * s, axis=-1, keepdims=True),)


def logsumexp(xp, x):
    shift = xp.max(x, axis=-1)
    return shift + xp.log(xp.sum(xp.exp(x - shift[..., None]), axis=-1))


LOGSUMEXP = Operation(logsumexp, floats((3, 4)))


@right(LOGSUMEXP)
def logsumexp_by_softmax(xp, residuals, dy):
    (x,) = residuals
    return (softmax(xp, x) * dy[:, None],)


@wrong(51, LOGSUMEXP, "x", slow=True)
def logsumexp_one_of_two_shifts_stopped(xp, residuals, dy):
    (x,) = residuals
    top = xp.where(x >= xp.max(x, axis=-1, keepdims=True), 1.0, 0.0)
    return ((softmax(xp, x) + top) * dy[:, None],)


def tempered_softmax(xp, x, temperature):
    return softmax(xp, x / temperature)


TEMPERED_SOFTMAX = Operation(tempered_softmax, (*floats((3, 4)), 1.0))


@right(TEMPERED_SOFTMAX)
def temperature_divided_out(xp, residuals, dy):
    x, temperature = residuals
    s = tempered_softmax(xp, x, temperature)
    dz = s * (dy - xp.sum(dy * s, axis=-1, keepdims=True))
    return dz / temperature, -xp.sum(dz * x) / temperature**2


@wrong(52, TEMPERED_SOFTMAX, "x", slow=True)
def temperature_missing(xp, residuals, dy):
    x, temperature = residuals
    s = tempered_softmax(xp, x, temperature)
    dz = s * (dy - xp.sum(dy * s, axis=-1, keepdims=True))
    return dz, -xp.sum(dz * x) / temperature**2


@right(SOFTMAX, number=53, slow=True)
def softmax_with_the_path_of_the_shift(xp, residuals, dy):
    s = softmax(xp, *residuals)
    dx = s * (dy - xp.sum(dy * s, axis=-1, keepdims=True))
    (x,) = residuals
    top = xp.where(x >= xp.max(x, axis=-1, keepdims=True), 1.0, 0.0)
    return (dx - top * xp.sum(dx, axis=-1, keepdims=True),)  # Σ dx = 0


@wrong(51, SOFTMAX, "x", slow=True)
def softmax_one_of_two_shifts_stopped(xp, residuals, dy):
    (x,) = residuals
    s = softmax(xp, x)
    top = xp.where(x >= xp.max(x, axis=-1, keepdims=True), 1.0, 0.0)
    pulled = xp.sum(dy * s, axis=-1, keepdims=True)
    return (s * (dy - pulled) + top * pulled,)


@right(LOG_SOFTMAX, number=53)
def log_softmax_with_a_row_that_sums_to_zero(xp, residuals, dy):
    (x,) = residuals
    dx = dy - softmax(xp, x) * xp.sum(dy, axis=-1, keepdims=True)
    return (dx - xp.mean(dx, axis=-1, keepdims=True),)


@right(Operation(logsumexp, floats((1, 2)), sizes="given"), number=53, slow=True)
def logsumexp_with_the_path_of_the_shift(xp, residuals, dy):
    (x,) = residuals
    s = softmax(xp, x)
    top = xp.where(x >= xp.max(x, axis=-1, keepdims=True), 1.0, 0.0)
    return ((s + top * (1 - xp.sum(s, axis=-1, keepdims=True))) * dy[:, None],)


@wrong(12, Operation(log_softmax, floats((1, 4))), "x", "linear", point="exposing")
def log_softmax_of_one_row_without_the_sum(xp, residuals, dy):
    return (dy - softmax(xp, *residuals),)
