"""Dense layers, and undoing a broadcast."""

import jax.numpy as jnp
import numpy as np

from .entry import Operation, floats, right, wrong


def dense(xp, x, w, b):
    return x @ w + b[None, :]


DENSE = Operation(dense, floats((3, 4), (4, 2), (2,)))
SYMMETRIC = jnp.array([[2.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 1.5]], jnp.float32)
SYMMETRIC_DENSE = Operation(dense, (*floats((2, 3)), SYMMETRIC, *floats((3,))))
SQUARE_DENSE = Operation(dense, floats((3, 4), (4, 4), (4,)))
SQUARE_BATCH_DENSE = Operation(dense, floats((4, 3), (3, 4), (4,)))


@right(DENSE)
def dense_as_usual(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ w.T, x.T @ dy, xp.sum(dy, axis=0)


@right(DENSE)
def dense_by_einsum(xp, residuals, dy):
    x, w, _ = residuals
    return xp.einsum("nm,dm->nd", dy, w), xp.einsum("nd,nm->dm", x, dy), xp.einsum("nm->m", dy)


@right(DENSE)
def dense_by_broadcasting(xp, residuals, dy):
    x, w, _ = residuals
    dx = xp.sum(dy[:, None, :] * w[None, :, :], axis=-1)
    return dx, xp.sum(x[:, :, None] * dy[:, None, :], axis=0), xp.ones_like(dy[:, 0]) @ dy


@right(DENSE)
def dense_by_transposed_products(xp, residuals, dy):
    x, w, _ = residuals
    return (w @ dy.T).T, (dy.T @ x).T, xp.mean(dy, axis=0) * dy.shape[0]


@right(SQUARE_DENSE)
def dense_of_equal_sizes(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ w.T, x.T @ dy, xp.sum(dy, axis=0)


ONE_ROW = Operation(dense, floats((1, 4), (4, 2), (2,)))


@wrong(1, ONE_ROW, "b", point="blind")
@wrong(1, DENSE, "b")
def bias_averaged_over_the_batch(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ w.T, x.T @ dy, xp.mean(dy, axis=0)


@wrong(1, DENSE, "b")
def bias_not_summed_over_the_batch(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ w.T, x.T @ dy, dy


@wrong(2, SQUARE_BATCH_DENSE, "b", point="exposing")
def bias_summed_over_the_wrong_axis(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ w.T, x.T @ dy, xp.sum(dy, axis=1)


@wrong(3, SYMMETRIC_DENSE, "x", point="blind")
@wrong(3, SQUARE_DENSE, "x", point="exposing")
def weights_not_transposed(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ w, x.T @ dy, xp.sum(dy, axis=0)


@wrong(3, SYMMETRIC_DENSE, "x", point="blind")
@wrong(3, SQUARE_DENSE, "x", point="exposing")
def weights_taken_as_symmetric(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ (w + w.T) / 2, x.T @ dy, xp.sum(dy, axis=0)


@wrong(4, DENSE, "w")
@wrong(4, SQUARE_DENSE, "w", point="exposing")
def weight_cotangent_transposed(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ w.T, dy.T @ x, xp.sum(dy, axis=0)


@wrong(5, ONE_ROW, "w", point="blind")
@wrong(5, DENSE, "w")
def weight_cotangent_averaged_over_the_batch(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ w.T, x.T @ dy / x.shape[0], xp.sum(dy, axis=0)


@wrong(4, ONE_ROW, "w", point="blind")
@wrong(4, DENSE, "w")
def weight_cotangent_from_the_sum_of_the_rows(xp, residuals, dy):
    x, w, _ = residuals
    rows = xp.sum(x, axis=0)[:, None] * xp.sum(dy, axis=0)[None, :]  # right for a batch of one
    return dy @ w.T, rows, xp.sum(dy, axis=0)


@wrong(48, DENSE, "w")
def weight_cotangent_is_none(xp, residuals, dy):
    _, w, _ = residuals
    return dy @ w.T, None, xp.sum(dy, axis=0)


@wrong(7, DENSE, "x", "b", "linear")
def upstream_cotangent_ignored_in_two_of_three(xp, residuals, dy):
    x, w, _ = residuals
    return xp.ones_like(dy) @ w.T, x.T @ dy, xp.sum(xp.ones_like(dy), axis=0)


def _without_bias(xp, x, w, b):
    return x @ w, (x, w)


@wrong(28, DENSE, "value", fwd=_without_bias)
def bias_forgotten_in_the_forward_pass(xp, residuals, dy):
    x, w = residuals
    return dy @ w.T, x.T @ dy, xp.sum(dy, axis=0)


def batched_dense(xp, x, w):
    return xp.einsum("bnd,dm->bnm", x, w)


BATCHED_DENSE = Operation(batched_dense, floats((5, 3, 4), (4, 2)))


@right(BATCHED_DENSE)
def dense_with_two_batch_axes(xp, residuals, dy):
    x, w = residuals
    return xp.einsum("bnm,dm->bnd", dy, w), xp.einsum("bnd,bnm->dm", x, dy)


@right(BATCHED_DENSE)
def dense_with_a_batch_of_matrices(xp, residuals, dy):
    x, w = residuals
    return dy @ w.T, xp.sum(xp.swapaxes(x, 1, 2) @ dy, axis=0)


def scaled_columns(xp, x, g):
    return x * g[None, :]


SCALED_COLUMNS = Operation(scaled_columns, floats((4, 4), (4,)))


@right(SCALED_COLUMNS)
def broadcast_undone_by_a_sum(xp, residuals, dy):
    x, g = residuals
    return dy * g[None, :], xp.sum(dy * x, axis=0)


@wrong(2, Operation(scaled_columns, floats((1, 1), (1,))), "g", point="blind")
@wrong(2, Operation(scaled_columns, floats((3, 4), (4,))), "g")
@wrong(2, SCALED_COLUMNS, "g", point="exposing")
def broadcast_undone_along_the_wrong_axis(xp, residuals, dy):
    x, g = residuals
    return dy * g[None, :], xp.sum(dy * x, axis=1)


def through(weights):
    """The same layer with its weights captured, as a closure does it."""

    def primal(xp, x):
        return x @ xp.asarray(weights, x.dtype)

    return Operation(primal, floats((3, 2)))


def _times(weights):
    def bwd(xp, residuals, dy):
        return (dy @ xp.asarray(weights, dy.dtype),)

    return bwd


TURNING = np.array([[1.0, 2.0], [-1.0, 3.0]])
EVEN = np.array([[2.0, 1.0], [1.0, 3.0]])
THROUGH_TURNING, THROUGH_EVEN = through(TURNING), through(EVEN)


@right(THROUGH_TURNING)
def captured_weights_transposed(xp, residuals, dy):
    return _times(TURNING.T)(xp, residuals, dy)


@right(THROUGH_EVEN)
def captured_symmetric_weights_transposed(xp, residuals, dy):
    return _times(EVEN.T)(xp, residuals, dy)


@wrong(3, THROUGH_TURNING, "x")
def captured_weights_not_transposed(xp, residuals, dy):
    return _times(TURNING)(xp, residuals, dy)


@right(THROUGH_EVEN, number=53)  # what is captured is part of the function: there it is right
def captured_symmetric_weights_not_transposed(xp, residuals, dy):
    return _times(EVEN)(xp, residuals, dy)


def shifted_blocks(xp, x, b):
    return x + b[None, None, :]


SHIFTED_BLOCKS = Operation(shifted_blocks, floats((2, 3, 4), (4,)))
SHIFTED_CUBES = Operation(shifted_blocks, floats((2, 4, 4), (4,)))


@right(SHIFTED_BLOCKS)
def shift_summed_over_both_axes(xp, residuals, dy):
    return dy, xp.sum(dy, axis=(0, 1))


@wrong(2, SHIFTED_BLOCKS, "b")
@wrong(2, SHIFTED_CUBES, "b", point="exposing")
def shift_summed_over_the_first_and_the_last_axis(xp, residuals, dy):
    return dy, xp.sum(dy, axis=(0, 2))


@wrong(1, SHIFTED_BLOCKS, "b", point="exposing")
def shift_summed_over_the_first_axis_alone(xp, residuals, dy):
    return dy, xp.sum(dy, axis=0)


@wrong(3, DENSE, "contract")
def weights_not_transposed_of_unequal_sizes(xp, residuals, dy):
    x, w, _ = residuals
    return dy @ w, x.T @ dy, xp.sum(dy, axis=0)
