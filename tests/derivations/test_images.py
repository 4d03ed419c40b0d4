"""Convolution and pooling are proved at small sizes, and exact at those of real images."""

import jax
import jax.numpy as jnp
import pytest

import functional_nn as fnn
from derivations import Verdict, check
from functional_nn.layers.convolution import (
    _input_cotangent,
    _weights_cotangent,
    convolution_rule,
)
from functional_nn.layers.windows import Window

SMALL = {
    "conv1d": (fnn.conv1d(3, 2), (2, 4, 2)),
    "conv1d, stride and padding": (fnn.conv1d(2, 3, stride=2, padding=1), (1, 5, 2)),
    "conv1d, dilation and groups": (
        fnn.conv1d(4, 2, dilation=2, groups=2, padding="VALID"), (2, 5, 2),
    ),
    "conv2d": (fnn.conv2d(2, 2), (1, 3, 2, 1)),
    "conv2d, stride": (fnn.conv2d(2, (2, 3), stride=(1, 2)), (2, 3, 4, 2)),
    "max_pool": (fnn.max_pool((2,)), (2, 4, 2)),
    "max_pool, overlapping": (fnn.max_pool((3,), 1), (1, 4, 1)),
    "max_pool of images": (fnn.max_pool(2), (2, 4, 3, 2)),
    "avg_pool": (fnn.avg_pool((2,)), (2, 5, 2)),
    "avg_pool, overlapping": (fnn.avg_pool((2, 3), (1, 2)), (2, 3, 6, 2)),
    "avg_pool of images": (fnn.avg_pool(2), (1, 4, 2, 1)),
    "global_max_pool": (fnn.global_max_pool, (2, 3, 2)),
    "global_avg_pool": (fnn.global_avg_pool, (2, 3, 2, 2)),
    "flatten": (fnn.flatten, (2, 3, 2)),
}  # fmt: skip
REAL = {
    "conv2d": (fnn.conv2d(16, 3), (8, 28, 28, 8)),
    "max_pool": (fnn.max_pool(2), (8, 28, 28, 8)),
    "avg_pool": (fnn.avg_pool(2), (8, 28, 28, 8)),
}
QUICK = {"conv1d, dilation and groups", "avg_pool", "global_avg_pool", "flatten"}


def checked(layer, shape, budget):
    x = jax.ShapeDtypeStruct(shape, jnp.float32)
    return check(layer, jax.eval_shape(layer.init, jax.random.key(0), x), x, budget=budget)


def some(names):
    return [pytest.param(n, marks=[] if n in QUICK else pytest.mark.nightly) for n in names]


@pytest.mark.slow
@pytest.mark.parametrize("name", some(SMALL))
def test_proved_at_small_sizes(name):
    report = checked(*SMALL[name], budget=30.0)
    assert report.verdict is Verdict.PROVED, str(report)


@pytest.mark.nightly
@pytest.mark.parametrize("name", REAL)
def test_exact_at_the_size_of_images(name):
    report = checked(*REAL[name], budget=60.0)
    assert report.verdict is Verdict.EXACT, str(report)


WINDOW = Window((2,), ((1, 1),), (1,), 1)
X, W, B = (jax.ShapeDtypeStruct(s, jnp.float32) for s in ((2, 5, 2), (3, 2, 2), (2,)))


def not_turned(residuals, dy):
    x, w = residuals
    return _input_cotangent(x.shape, jnp.flip(w, axis=0), dy, WINDOW)


def channels_not_exchanged(residuals, dy):
    x, w = residuals
    return _input_cotangent(x.shape, jnp.swapaxes(w, 1, 2), dy, WINDOW)


def padding_from_the_other_end(residuals, dy):
    x, w = residuals
    dx = _input_cotangent(x.shape, w, dy, WINDOW)
    return jnp.roll(dx, 1, axis=1)


def stride_forgotten(residuals, dy):
    x, w = residuals
    spread = jnp.repeat(dy, 2, axis=1)[:, :-1]  # copies where the zeros belong
    return _input_cotangent(x.shape, w, spread, WINDOW._replace(stride=(1,)))


def mean_over_the_examples(residuals, dy):
    x, w = residuals
    return _weights_cotangent(x, w.shape, dy, WINDOW) / x.shape[0]


def weights_turned(residuals, dy):
    x, w = residuals
    return jnp.flip(_weights_cotangent(x, w.shape, dy, WINDOW), axis=0)


PLANTED = {
    "x": (not_turned, channels_not_exchanged, padding_from_the_other_end, stride_forgotten),
    "w": (mean_over_the_examples, weights_turned),
}


@pytest.mark.parametrize(
    ("argument", "mistake"),
    [
        pytest.param(a, m, marks=[] if m is not_turned else pytest.mark.nightly, id=m.__name__)
        for a, mistakes in PLANTED.items()
        for m in mistakes
    ],
)
def test_planted_mistakes_are_refuted(argument, mistake):
    rule = convolution_rule(WINDOW)

    def bwd(residuals, dy):
        dx, dw, db = rule.bwd(residuals, dy)
        wrong = mistake(residuals, dy)
        return (wrong, dw, db) if argument == "x" else (dx, wrong, db)

    report = check(rule._replace(bwd=bwd), X, W, B)
    refuted = {o.name for o in report.obligations if o.verdict is Verdict.REFUTED}
    assert f"cotangent[{argument}]" in refuted, str(report)
    assert refuted <= {f"cotangent[{argument}]", "second order", "kinks"}
