"""Convolution in one dimension: (batch, n, channels) with (taps, channels, outputs)."""

from .arrays import convolved
from .entry import Operation, floats, right, wrong


def convolution(xp, x, w):
    return convolved(xp, x, w)


CONVOLUTION = Operation(convolution, floats((2, 5, 2), (3, 2, 3)), sizes="given")
SQUARE = Operation(convolution, floats((1, 4, 2), (2, 2, 2)), sizes="given")
ONE_TAP = Operation(convolution, floats((1, 3, 2), (1, 2, 2)))
ONE_CHANNEL = Operation(convolution, floats((1, 4, 1), (2, 1, 1)))
ONE_EXAMPLE = Operation(convolution, floats((1, 3, 1), (3, 1, 2)))


def spread(xp, dy, taps, stride):
    """Gives the cotangent with zeros between and around, for the correlation that undoes it."""
    steps = dy.shape[1]
    rows = [
        dy[:, i // stride] if i % stride == 0 else 0 * dy[:, 0]
        for i in range(stride * (steps - 1) + 1)
    ]
    nothing = [0 * dy[:, 0]] * (taps - 1)
    return xp.stack(nothing + rows + nothing, axis=1)


def cotangents(xp, x, w, dy, *, stride=1, flipped=True, transposed=True):
    taps = w.shape[0]
    used = xp.flip(w, axis=0) if flipped else w
    used = xp.swapaxes(used, 1, 2) if transposed else used
    dx = convolved(xp, spread(xp, dy, taps, stride), used)
    reached = range(0, stride * (dy.shape[1] - 1) + 1, stride)
    dw = xp.stack(
        [
            sum(xp.einsum("bc,bo->co", x[:, i + t], dy[:, i // stride]) for i in reached)
            for t in range(taps)
        ]
    )
    return dx, dw


@right(CONVOLUTION)
def convolution_as_usual(xp, residuals, dy):
    return cotangents(xp, residuals[0], residuals[1], dy)


@right(SQUARE, door="custom_vjp")
def convolution_of_equal_channels(xp, residuals, dy):
    return cotangents(xp, residuals[0], residuals[1], dy)


@wrong(43, ONE_TAP, "x", point="blind", slow=True)
@wrong(43, CONVOLUTION, "x")
def kernel_not_turned(xp, residuals, dy):
    return cotangents(xp, residuals[0], residuals[1], dy, flipped=False)


@wrong(43, ONE_CHANNEL, "x", point="blind", slow=True)
@wrong(43, SQUARE, "x", point="exposing")
def kernel_not_transposed(xp, residuals, dy):
    return cotangents(xp, residuals[0], residuals[1], dy, transposed=False)


@wrong(43, ONE_EXAMPLE, "w", point="blind", slow=True)
@wrong(43, CONVOLUTION, "w")
def kernel_cotangent_averaged(xp, residuals, dy):
    dx, dw = cotangents(xp, residuals[0], residuals[1], dy)
    return dx, dw / (dy.shape[0] * dy.shape[1])


def strided(xp, x, w, stride):
    return convolved(xp, x, w, stride)


BY_TWO = Operation(strided, (*floats((1, 5, 1), (2, 1, 2)), 2), static=(2,), sizes="given")
BY_ONE = Operation(strided, (*floats((1, 5, 1), (2, 1, 2)), 1), static=(2,), sizes="given")


def _padded(xp, dx, x):
    missing = x.shape[1] - dx.shape[1]
    return xp.concatenate([dx] + [0 * x[:, :1]] * missing, axis=1)


@right(BY_TWO, door="custom_vjp")
def stride_undone(xp, residuals, dy):
    x, w, stride = residuals
    dx, dw = cotangents(xp, x, w, dy, stride=stride)
    return _padded(xp, dx, x), dw


@wrong(43, BY_ONE, "x", "w", door="custom_vjp", point="blind")
@wrong(43, BY_TWO, "x", "w", door="custom_vjp")
def stride_ignored(xp, residuals, dy):
    x, w, _ = residuals
    dx, dw = cotangents(xp, x, w, dy)
    return _padded(xp, dx, x), dw
