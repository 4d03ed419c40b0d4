"""Convolution along one and two axes, against what JAX derives, for every way of moving."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn
from functional_nn.layers.convolution import (
    convolution,
    convolution_bwd,
    convolution_fwd,
    convolution_squares,
)
from functional_nn.layers.windows import Window

TOLERANCE = {"float32": 2e-4, "float64": 1e-12}
MOVES = list(itertools.product((1, 2, 3), ("SAME", "VALID", ((2, 0),), ((0, 3),)), (1, 2), (1, 2)))


def numbers(dtype, *shape):
    return jnp.asarray(np.random.default_rng(0).standard_normal(shape), dtype)


def compare(window: Window, dtype: Any, positions: Any, taps: Any):
    x = numbers(dtype, 2, *positions, 4)
    w = numbers(dtype, *taps, 4 // window.groups, 6)
    b = numbers(dtype, 6)

    @jax.jit
    def both(x, w, b):
        y, pull = jax.vjp(lambda x, w, b: convolution(x, w, b, window), x, w, b)
        dy = jnp.cos(y)
        same, residuals = convolution_fwd(x, w, b, window)
        squares, same_dx = convolution_squares(window, residuals, dy)

        def own(x, dy):
            one = jax.vjp(lambda w, b: convolution(x[None], w, b, window), w, b)[1]
            return sum(jnp.sum(d * d) for d in one(dy[None]))

        found = same, *convolution_bwd(window, residuals, dy), squares, same_dx
        dx, dw, db = pull(dy)
        return found, (y, dx, dw, db, jax.vmap(own)(x, dy), dx)

    for found, expected in zip(*both(x, w, b), strict=True):
        size = float(jnp.abs(expected).max())
        np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype.name] * size)


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"),
    [MOVES[k] if k % 11 == 3 else pytest.param(*MOVES[k], marks=pytest.mark.nightly) for k in
     range(len(MOVES))],
)  # fmt: skip
def test_bwd_is_vjp_for_every_way_of_moving(stride, padding, dilation, groups, dtype):
    for length, taps in ((7, 3), (8, 2), (5, 1)):
        compare(Window((stride,), padding, (dilation,), groups), dtype, (length,), (taps,))


@pytest.mark.parametrize(
    "window",
    [
        Window((1, 2), "SAME", (2, 1), 2),
        pytest.param(Window((2, 2), "VALID", (1, 1), 1), marks=pytest.mark.nightly),
        pytest.param(Window((3, 1), ((0, 1), (2, 0)), (1, 2), 2), marks=pytest.mark.nightly),
    ],
)
def test_images(window, dtype):
    compare(window, dtype, (6, 5), (3, 2))


def test_it_is_the_sum_that_the_definition_says(dtype):
    x, w, b = numbers(dtype, 2, 7, 4), numbers(dtype, 3, 2, 6), numbers(dtype, 6)
    stride, dilation, low = 2, 2, 1
    y = convolution(x, w, b, Window((stride,), ((low, 2),), (dilation,), 2))
    expected = np.zeros(y.shape)
    for n, p, o, q, c in np.ndindex(*y.shape, 3, 2):
        i = p * stride + q * dilation - low
        if 0 <= i < 7:
            expected[n, p, o] += float(x[n, i, o // 3 * 2 + c]) * float(w[q, c, o])
    np.testing.assert_allclose(y, expected + np.asarray(b), atol=1e-5)


def test_the_layers(dtype):
    for layer, x, shape in (
        (fnn.conv1d(6, 3, stride=2), numbers(dtype, 2, 7, 4), (2, 4, 6)),
        (fnn.conv2d(6, (3, 2), padding=1, groups=2), numbers(dtype, 2, 5, 4, 4), (2, 5, 5, 6)),
    ):
        params = layer.init(jax.random.key(0), x)
        y, residuals = layer.fwd(params, x)
        assert y.shape == shape
        expected, pull = jax.vjp(layer.apply, params, x)
        np.testing.assert_array_equal(y, expected)
        for found, right in zip(
            jax.tree.leaves(layer.bwd(residuals, y)), jax.tree.leaves(pull(y)), strict=True
        ):
            np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-4)


def test_a_convnet_by_hand_and_by_jax(dtype):
    x, labels = numbers(dtype, 4, 8, 8, 1), jnp.arange(4) % 3
    net = fnn.convnet([2, 3], 3)
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    params = net.init(jax.random.key(0), x)
    loss, by_hand = jax.jit(fnn.value_and_grad(objective))(params, x, labels)
    same, automatic = jax.jit(jax.value_and_grad(objective))(params, x, labels)
    np.testing.assert_allclose(loss, same, rtol=1e-5)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), by_hand, automatic
    )


def test_bad_arguments(dtype):
    x = numbers(dtype, 2, 5, 5, 3)
    layer = fnn.conv2d(4, 3)
    params = layer.init(jax.random.key(0), x)
    with pytest.raises(ValueError, match=r"shape \(n, rows, columns, channels\). Got \(2, 5, 5\)"):
        layer.init(jax.random.key(0), x[..., 0])
    with pytest.raises(ValueError, match="see all channels of their group"):
        layer.apply(params, x[..., :2])
    with pytest.raises(TypeError, match="x, w and b must have the same dtype"):
        layer.apply(params, x.astype(jnp.bfloat16))
    with pytest.raises(ValueError, match="A window of 3 x 3 positions must fit"):
        fnn.conv2d(4, 3, padding="VALID").apply(params, x[:, :2])
    with pytest.raises(ValueError, match="groups must divide the number of features. Got 3 for 4"):
        fnn.conv2d(4, 3, groups=3)
    with pytest.raises(ValueError, match="groups must divide the number of channels. Got 2 for 3"):
        fnn.conv2d(4, 3, groups=2).init(jax.random.key(0), x)
    with pytest.raises(ValueError, match=r"stride must be .* 2 of them.* Got \(1, 0\)"):
        fnn.conv2d(4, 3, stride=(1, 0))
    wrong: list[Any] = ["FULL", -1, [(0, 1)], 0.5]
    for padding in wrong:
        with pytest.raises(ValueError, match="padding must be"):
            fnn.conv2d(4, 3, padding=padding)
    with pytest.raises(ValueError, match=r"w of shape \(taps..., channels / groups, features\)"):
        layer.apply({"w": params["w"][0], "b": params["b"]}, x)
    with pytest.raises(ValueError, match="channels must name at least one block"):
        fnn.convnet([], 10)
