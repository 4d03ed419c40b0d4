"""Sequences: cumulative sums and products, and rotary positions."""

from .entry import Operation, floats, right, wrong


def summed(xp, x):
    return xp.cumsum(x)


SUMMED = Operation(summed, floats((4,)))
SUMMED_ONCE = Operation(summed, floats((1,)))


def reversed_sum(xp, x):
    return xp.flip(xp.cumsum(xp.flip(x)))


@right(SUMMED)
def cumulative_sum_reversed(xp, residuals, dy):
    return (reversed_sum(xp, dy),)


@right(SUMMED)
def cumulative_sum_from_the_whole(xp, residuals, dy):
    return (xp.sum(dy) - xp.cumsum(dy) + dy,)


@wrong(42, SUMMED_ONCE, "x", point="blind")
@wrong(42, SUMMED, "x")
def cumulative_sum_not_reversed(xp, residuals, dy):
    return (xp.cumsum(dy),)


@wrong(42, SUMMED, "x")
def cumulative_sum_without_its_own_place(xp, residuals, dy):
    return (xp.sum(dy) - xp.cumsum(dy),)


def multiplied(xp, x):
    return xp.cumprod(x)


MULTIPLIED = Operation(multiplied, floats((3,)), sizes="given")


@right(MULTIPLIED)
def cumulative_product_without_division(xp, residuals, dy):
    (x,) = residuals
    below = xp.tril(xp.ones((3, 3)))  # ∂y_i/∂x_j is the product of the others up to i
    others = xp.where(xp.eye(3)[None, :, :] > 0, 1.0, x[None, None, :])
    used = xp.where(below[:, None, :] > 0, others, 1.0)
    return (xp.sum(dy[:, None] * below * xp.prod(used, axis=-1), axis=0),)


@wrong(42, MULTIPLIED, "kinks", point="exposing", open="no boundary at a division by zero")
def cumulative_product_divided_by_zero(xp, residuals, dy):
    (x,) = residuals
    return (reversed_sum(xp, dy * xp.cumprod(x)) / x,)


@wrong(42, MULTIPLIED, "x")
def cumulative_product_not_reversed(xp, residuals, dy):
    (x,) = residuals
    return (xp.cumsum(dy * xp.cumprod(x)) / x,)


def rotary(xp, a, b):
    places = xp.cumsum(xp.ones_like(a), axis=0) - 1
    return a * xp.cos(places) - b * xp.sin(places), a * xp.sin(places) + b * xp.cos(places)


ROTARY = Operation(rotary, floats((3, 2), (3, 2)), sizes="given")
ROTARY_AT_THE_START = Operation(rotary, floats((1, 2), (1, 2)))


@right(ROTARY)
def rotary_positions_turned_back(xp, residuals, dy):
    a, _ = residuals
    places = xp.cumsum(xp.ones_like(a), axis=0) - 1
    first, second = dy
    da = first * xp.cos(places) + second * xp.sin(places)
    return da, second * xp.cos(places) - first * xp.sin(places)


@wrong(41, ROTARY_AT_THE_START, "a", "b", point="blind")
@wrong(41, ROTARY, "a", "b")
def rotary_positions_turned_again(xp, residuals, dy):
    return rotary(xp, *dy)


def recurrent(xp, w, x):
    h = xp.tanh(x[0])
    for t in range(1, 3):
        h = xp.tanh(w * h + x[t])
    return h


RECURRENT = Operation(recurrent, floats((), (3,)), sizes="given")


def _recurrent_with(last_use_only):
    def bwd(xp, residuals, dy):
        w, x = residuals
        states = [xp.tanh(x[0])]
        for t in range(1, 3):
            states.append(xp.tanh(w * states[-1] + x[t]))
        dw, dx = 0.0 * w, []
        for t in (2, 1, 0):
            dz = dy * (1 - states[t] * states[t])
            dx.insert(0, dz)
            if t:
                dw = dz * states[t - 1] if last_use_only else dw + dz * states[t - 1]
            dy = dz * w
        return dw, xp.stack(dx)

    return bwd


@right(RECURRENT)
def weight_of_every_step_added(xp, residuals, dy):
    return _recurrent_with(last_use_only=False)(xp, residuals, dy)


@wrong(8, RECURRENT, "w")
def weight_of_every_step_overwritten(xp, residuals, dy):
    return _recurrent_with(last_use_only=True)(xp, residuals, dy)
