"""Targets and labels that fit what a network gives."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from functional_nn.checks.arrays import same_dtype
from functional_nn.precision import floating


def linear_targets(x: Any, w: Any, labels: Any) -> None:
    """Refuses arguments that are not `(N, K)`, `(V, K)` and `(N,)`, and labels outside [-1, V)."""
    floating("x", x)
    shapes = jnp.shape(x), jnp.shape(w), jnp.shape(labels)
    ranks = [len(shape) for shape in shapes]
    if ranks != [2, 2, 1] or shapes[0] != (*shapes[2], shapes[1][1]):
        raise ValueError(
            "The loss needs x of shape (N, K), w of shape (V, K) and labels of shape (N,). "
            f"Got x of shape {shapes[0]}, w of shape {shapes[1]} and labels of shape {shapes[2]}. "
            "Reshape sequences to rows, and give w a row for each class."
        )
    same_dtype(x=x, w=w)
    if not jnp.issubdtype(jnp.result_type(labels), jnp.integer):
        raise TypeError(
            f"labels must be whole numbers. Got {jnp.result_type(labels)}. "
            "Give the number of the class."
        )
    if isinstance(labels, Tracer) or not shapes[2][0]:
        return
    values, classes = np.asarray(labels), shapes[1][0]
    if values.min() < -1 or values.max() >= classes:
        raise ValueError(
            f"Labels must lie in [0, {classes}), or be -1 for a row that is ignored. "
            f"Got labels from {values.min()} to {values.max()}. "
            "Number the classes from 0, or give w more rows."
        )


def label_for_each(x: Any, labels: Any) -> None:
    """Refuses labels that are not one for each row of `x`."""
    if jnp.shape(labels) != jnp.shape(x)[:-1]:
        raise ValueError(
            "There must be one label for each row that goes into the readout. "
            f"Got labels of shape {jnp.shape(labels)} for rows of shape {jnp.shape(x)}. "
            "For sequences (B, T), give labels (B, T)."
        )


def regression_targets(outputs: Any, targets: Any) -> None:
    """Refuses targets that are not a number for each output."""
    floating("targets", targets)
    if jnp.ndim(outputs) < 1 or jnp.shape(outputs) != jnp.shape(targets):
        raise ValueError(
            "outputs and targets must have the same shape (..., K). "
            f"Got outputs of shape {jnp.shape(outputs)} and targets of shape {jnp.shape(targets)}. "
            "For one output per example, give both a last axis of length 1."
        )
    same_dtype(outputs=outputs, targets=targets)


def class_targets(logits: Any, targets: Any) -> None:
    """Refuses targets that are neither integer labels `(...)` nor a row for each row of logits."""
    shape = jnp.shape(logits)
    integer = jnp.issubdtype(jnp.result_type(targets), jnp.integer)
    if integer and len(shape) >= 1 and jnp.shape(targets) == shape[:-1]:
        _labels(targets, shape[-1])
        return
    if not integer:
        floating("targets", targets)
    if len(shape) < 1 or jnp.shape(targets) != shape:
        raise ValueError(
            "targets must be integer labels of shape (...) or rows of shape (..., K) for logits of "
            f"shape (..., K). Got logits of shape {shape} and targets of shape "
            f"{jnp.shape(targets)}, {jnp.result_type(targets)}. "
            "Give one label or one row of K numbers per example."
        )
    if not integer:
        same_dtype(logits=logits, targets=targets)


def _labels(labels: Any, classes: int) -> None:
    if isinstance(labels, Tracer) or jnp.size(labels) == 0:
        return
    values = np.asarray(labels)
    if values.min() < 0 or values.max() >= classes:
        raise ValueError(
            f"Integer labels must lie in [0, {classes}), one for each of the {classes} logits. "
            f"Got labels from {values.min()} to {values.max()}. "
            "Number the classes from 0, or widen the last layer."
        )


def signs(name: str, array: Any) -> None:
    """Refuses classes other than +1 and -1."""
    if isinstance(array, Tracer):
        return
    values = np.asarray(array)
    bad = np.flatnonzero(np.abs(values) != 1)
    if bad.size:
        raise ValueError(
            f"{name} must hold +1 and -1. Got {values[bad[0]]} at {name}[{bad[0]}]. "
            f"For labels 0 and 1, pass 2 * {name} - 1."
        )
