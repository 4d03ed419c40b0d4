"""Errors of losses, against two references that have to agree."""

import flint
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn
from derivations import Verdict, check
from derivations.catalog import CATALOG
from derivations.ulps.losses import _lifted, cross_entropy, loss_accuracy

RULE = fnn.RULES["softmax_cross_entropy"]


def rows(count: int, classes: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    logits = (scale * draw.standard_normal((count, classes))).astype(np.float32)
    return logits, draw.integers(0, classes, count).astype(np.int32)


@pytest.mark.slow
def test_both_references_agree():
    """The lifted primal and the formula; and the rule is the textbook's, for all sizes."""
    logits, labels = rows(4, 4, 20.0)
    lifted = _lifted(RULE, jnp.asarray(logits), jnp.asarray(labels))
    before = flint.ctx.prec
    flint.ctx.prec = 256
    try:
        for z, y in zip(logits.astype(np.float64), labels.astype(np.float64), strict=True):
            (value, slopes), (other, others) = lifted(z, y), cross_entropy(z, y)
            for a, b in [(value, other), *zip(slopes, others, strict=True)]:
                assert abs(a - b) <= abs(b) * flint.arb(2) ** -100
    finally:
        flint.ctx.prec = before
    operation = CATALOG["softmax_cross_entropy"]
    report = check(operation.rule, *operation.arguments, textbook=operation.textbook)
    assert report.verdict is Verdict.PROVED


@pytest.mark.parametrize("classes", [4, 100])
def test_moderate_logits_lose_little_and_a_planted_error_is_seen(classes: int):
    logits, labels = rows(10, classes, 0.1)
    kept = loss_accuracy(RULE, logits, labels)
    assert kept.value.inputs == 10
    assert kept.gradient.inputs == 10 * classes
    assert kept.value.maximum < 10
    assert kept.gradient.maximum < 50
    worse = RULE._replace(bwd=lambda residuals, d: RULE.bwd(residuals, d * 1.0001))
    assert loss_accuracy(worse, logits, labels).gradient.maximum > 400


def test_a_confident_loss_that_rounds_to_zero_is_seen():
    def naive(z: jax.Array, y: jax.Array) -> jax.Array:
        return jax.nn.logsumexp(z, axis=-1) - jnp.take_along_axis(z, y[:, None], axis=-1)[:, 0]

    rule = jax.custom_vjp(naive)

    def bwd(residuals, d):
        z, y = residuals
        return (jax.nn.softmax(z) - jax.nn.one_hot(y, z.shape[1], dtype=z.dtype)) * d[:, None], None

    rule.defvjp(lambda z, y: (naive(z, y), (z, y)), bwd)
    logits = np.zeros((1, 100), np.float32)
    logits[0, 3] = 40
    found = loss_accuracy(rule, logits, np.array([3], np.int32))
    assert found.value.maximum > 1e6
    assert found.gradient.maximum > 1e6


def test_many_classes_need_labels():
    logits = np.zeros((2, 20), np.float32)
    with pytest.raises(ValueError, match="labels"):
        loss_accuracy(RULE, logits, np.full((2, 20), 0.05, np.float32))
