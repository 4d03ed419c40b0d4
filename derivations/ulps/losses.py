"""The errors of a loss, and of every entry of its gradient, at given rows of logits."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flint
import jax
import jax.numpy as jnp
import numpy as np

from derivations.differentiate import derivative
from derivations.doors import subject_of
from derivations.evaluate import PRECISION, Point, ball, evaluate, rational
from derivations.graph import Index, Node
from derivations.lift import Array, Assumptions
from derivations.subject import Subject
from derivations.trace import lifted, stripped, symbolic
from derivations.ulps.floats import Format, format_of, ulp
from derivations.ulps.tally import Largest

MOST_LIFTED = 16  # classes: the lifted gradient has a term for each pair of them
Row = Callable[[np.ndarray, Any], tuple[flint.arb, list[flint.arb]]]


class LossErrors(NamedTuple):
    """Errors in ulps of the result, where the true result is zero or a normal number.

    Attributes:
      value: Of the loss. `at` is the row.
      gradient: Of all entries of the gradient by the logits. `at` is the row.
      subnormal: How many true results are subnormal, and so are not counted.
    """

    value: Largest
    gradient: Largest
    subnormal: int


def loss_accuracy(rule: Any, logits: Any, targets: Any, *, truth: Row | None = None) -> LossErrors:
    """Measures a loss of rows of logits, and its gradient, in ulps.

    Up to 16 classes the truth is the primal of the rule, lifted and differentiated, in balls; of
    more classes it is the cross-entropy of integer labels, which is what such a rule has to be.

    Args:
      rule: A `Rule` or a `jax.custom_vjp` function of (logits, targets), one number a row.
      logits: Shape (n, K), floating.
      targets: What the rule takes beside them: labels of shape (n,), or rows.
      truth: The loss of a row and its gradient in balls, such as `cross_entropy`, in place of the
        lifted primal.

    Raises:
      TypeError: The logits are not floating, or there is no hand-written derivative.
      ValueError: More than 16 classes, the targets are not labels, and there is no `truth`.
    """
    logits, targets = jnp.asarray(logits), jnp.asarray(targets)
    form = format_of(logits.dtype)
    count, classes = logits.shape
    lifts = classes <= MOST_LIFTED
    if truth is None and not lifts and targets.ndim != 1:
        raise ValueError(f"With more than {MOST_LIFTED} classes, targets are labels of shape (n,).")
    subject = subject_of(rule, [logits, targets])
    values = np.asarray(jax.jit(lambda *a: subject.value(*a)[0])(logits, targets))
    ones = jnp.ones(count, logits.dtype)
    slopes = np.asarray(jax.jit(lambda z, y: subject.pull([z, y], [ones])[0])(logits, targets))
    row = truth or (_lifted(rule, logits, targets) if lifts else cross_entropy)
    exact = np.asarray(logits).astype(np.float64), np.asarray(targets).astype(np.float64)
    value, gradient, subnormal = Largest(), Largest(), 0
    before = flint.ctx.prec
    try:
        flint.ctx.prec = PRECISION
        for i in range(count):
            true, entries = row(exact[0][i], exact[1][i])
            value, apart = _counted(value, true, values[i], form, i)
            subnormal += apart
            for entry, found in zip(entries, slopes[i], strict=True):
                gradient, apart = _counted(gradient, entry, found, form, i)
                subnormal += apart
    finally:
        flint.ctx.prec = before
    return LossErrors(value, gradient, subnormal)


def cross_entropy(logits: np.ndarray, label: Any) -> tuple[flint.arb, list[flint.arb]]:
    """Gives log Σ_j e^(z_j - z_t), and its derivatives, in balls: of a label or a one-hot row."""
    target = int(np.argmax(label)) if np.ndim(label) else int(label)
    numbers = list(map(flint.arb, logits.tolist()))
    sizes = [(z - numbers[target]).exp() for z in numbers]
    total = sum(sizes, flint.arb(0))
    slopes = [size / total for size in sizes]
    rest = sum((s for j, s in enumerate(sizes) if j != target), flint.arb(0))
    slopes[target] = -rest / total
    return rest.log1p(), slopes


def confident(classes: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Gives logits of several scales and labels that they are for, or against, by up to 60.

    Args:
      classes: K.
      count: How many rows. The same ones each time.
    """
    draw = np.random.default_rng(0)
    logits = draw.standard_normal((count, classes)) * draw.choice([0.1, 1, 5], (count, 1))
    labels = draw.integers(0, classes, count)
    planted = np.arange(count) % 4 != 0
    margins = np.where(draw.random(count) < 0.75, 60, -60) * draw.random(count)
    others = np.where(np.arange(classes) == labels[:, None], -np.inf, logits).max(axis=1)
    logits[planted, labels[planted]] = (others + margins)[planted]
    return logits.astype(np.float32), labels.astype(np.int32)


def _lifted(rule: Any, logits: Any, targets: Any) -> Any:
    """Gives the same of any loss, from the code of its primal."""
    classes = 5  # an example, unlike the number of rows: the reading is of every size
    shape = (2, classes) if targets.ndim == 2 else (2,)
    example = [
        jax.ShapeDtypeStruct((2, classes), logits.dtype),
        jax.ShapeDtypeStruct(shape, targets.dtype),
    ]
    subject: Subject = subject_of(rule, example)
    shapes = symbolic(subject.shapes, subject.names)
    primal = stripped(subject.primal, custom_jvp=True)
    result: Array | None = lifted(primal, shapes, subject.names, Assumptions())[0]
    assert result is not None
    loss = result.at(0)
    column = Index("j", str(shapes.avals[0].shape[1]))
    slope: Node = derivative(loss, subject.names[0], (0, column))

    def row(z: np.ndarray, y: Any) -> tuple[flint.arb, list[flint.arb]]:
        tensors = dict(zip(subject.names, (_rationals(z[None]), _rationals(y[None])), strict=True))
        rows, width = (str(d) for d in shapes.avals[0].shape)
        point = Point({rows: 1, width: len(z)}, tensors, ties=True)
        true = evaluate(loss, point).item()
        entries = evaluate(slope, point, [column])
        return ball(true), [ball(entry) for entry in entries]

    return row


def _rationals(numbers: np.ndarray) -> np.ndarray:
    return np.asarray(np.frompyfunc(rational, 1, 1)(numbers), dtype=object)


def _counted(
    before: Largest, true: flint.arb, found: Any, form: Format, row: int
) -> tuple[Largest, int]:
    reference = float(true)
    if 0 < abs(reference) < form.tiny:
        return before, 1
    unit = float(ulp(np.array(reference), form))
    if not np.isfinite(float(found)):
        error = float("inf")
    else:
        error = float(abs(flint.arb(float(found)) - true) / flint.arb(unit))
    inputs = before.inputs + 1
    finite = error if np.isfinite(error) else 0.0
    mean = before.mean + (finite - before.mean) / inputs
    if before.at is None or error > before.maximum:
        return Largest(inputs, error, row, mean), 0
    return Largest(inputs, before.maximum, before.at, mean), 0
