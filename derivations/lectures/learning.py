"""The first neurons at work: perceptron, delta rule, and a layer whose weights are templates."""

import itertools
from fractions import Fraction
from typing import Any, NamedTuple

import flint
import jax
import jax.numpy as jnp
import numpy as np

from derivations.check import check
from derivations.evaluate import Point, evaluate
from derivations.formula import definition_of
from derivations.lectures.claim import Finding, Measured, Status
from derivations.lectures.parts import of_report
from derivations.lectures.runs import softmax_weights
from derivations.series import beside, slope
from derivations.textbook import ENTRIES
from functional_nn import neurons


class Perceptron(NamedTuple):
    """w ← w + `step` y x on every mistake, on points in whole numbers with a known margin."""

    step: int = 1


def _separable() -> tuple[np.ndarray, np.ndarray, Fraction]:
    """Gives points in whole numbers, their labels, and (R/γ)² for a separator that is known."""
    draw = np.random.default_rng(0)
    separator = np.array([3, -2, 1])
    points = np.concatenate([draw.integers(-9, 10, (200, 2)), np.ones((200, 1), int)], axis=1)
    points = points[abs(points @ separator) >= 6]
    labels = np.sign(points @ separator)
    # (R/γ)² with γ = min |w*ᵀx| / ‖w*‖ for the separator w*: a whole number over another.
    radius = int((points**2).sum(axis=1).max())
    least = int(abs(points @ separator).min()) ** 2
    bound = Fraction(radius * int(separator @ separator), least)
    return points, labels, bound


def perceptron(run: Perceptron) -> Finding:
    """Counts the mistakes of a run in exact numbers, and compares them with (R/γ)²."""
    points, labels, bound = _separable()
    w, mistakes, clean = np.zeros(3, int), 0, False
    while not clean and mistakes <= bound:
        clean = True
        for x, y in zip(points, labels, strict=True):
            if np.sign(w @ x) != y:
                w, mistakes, clean = w + run.step * y * x, mistakes + 1, False
    told = Measured(
        "mistakes until every point is right", f"{mistakes}{'' if clean else ' and more'}",
        f"(R/γ)² = {float(bound):.1f}", clean and mistakes <= bound,
    )  # fmt: skip
    return Finding(
        Status.MEASURED, f"{len(points)} points in whole numbers, seed 0", measured=(told,)
    )


class Examples(NamedTuple):
    """Points with a known margin; `flipped`: how many of their labels are turned over."""

    flipped: int = 0


def library_perceptron(data: Examples) -> Finding:
    """Runs the library's perceptron on them, and compares its mistakes with (R/γ)²."""
    points, labels, bound = _separable()
    labels[: data.flipped] *= -1
    x, y = jnp.asarray(points, jnp.float32), jnp.asarray(labels, jnp.float32)
    found = neurons.perceptron(x, y, epochs=200)
    mistakes, separated = int(found.mistakes), bool(found.separated)
    told = Measured(
        "mistakes until every point is right", f"{mistakes}{'' if separated else ' and more'}",
        f"(R/γ)² = {float(bound):.1f}", separated and mistakes <= bound,
    )  # fmt: skip
    return Finding(Status.MEASURED, "functional_nn.neurons.perceptron", measured=(told,))


class Delta(NamedTuple):
    """w ← w + η (y − wᵀx) x over the examples, for labels or for numbers."""

    eta: float
    labels: bool


def _noisy(*, labels: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives points that no hyperplane separates, their targets, and least squares' solution."""
    draw = np.random.default_rng(0)
    x = np.concatenate([draw.normal(size=(60, 2)), np.ones((60, 1))], axis=1)
    y = x @ [1.0, -2.0, 0.5] + draw.normal(size=60)
    y = np.sign(y) if labels else y
    best = np.linalg.lstsq(x, y, rcond=None)[0]
    return x, y, best


def delta_rule(run: Delta) -> Finding:
    """Runs the delta rule on what no hyperplane separates, and compares with least squares."""
    x, y, best = _noisy(labels=run.labels)
    w = np.zeros(3)
    with np.errstate(all="ignore"):
        for _ in range(2000):
            for row, target in zip(x, y, strict=True):
                w = w + run.eta * (target - w @ row) * row
    misses = int((np.sign(x @ best) != np.sign(y)).sum())
    away = float(abs(w - best).max())
    told = Measured(
        "distance from the least-squares solution", f"{away:.1e}", "10 η", away < 10 * abs(run.eta)
    )
    lines = (f"least squares puts {misses} of 60 points on the wrong side: not separable",)
    return Finding(
        Status.MEASURED, "60 noisy points, seed 0, against numpy.linalg.lstsq",
        lines=lines if run.labels else (), measured=(told,),
    )  # fmt: skip


def library_adaline(run: Delta) -> Finding:
    """Runs the library's ADALINE on the same examples."""
    x, y, best = _noisy(labels=run.labels)
    found = neurons.adaline(
        jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32),
        learning_rate=run.eta, epochs=2000,
    )  # fmt: skip
    away = float(abs(np.asarray(found.w) - best).max())
    told = Measured(
        "distance from the least-squares solution", f"{away:.1e}", "20 η", away < 20 * run.eta
    )
    return Finding(Status.MEASURED, "functional_nn.neurons.adaline", measured=(told,))


class Criterion(NamedTuple):
    """A neuron's criterion in the library; `factor`: what its gradient is multiplied by."""

    name: str
    factor: float = 1.0


def criterion(claim: Criterion) -> Finding:
    """Settles whether the gradient that the library's neuron learns by is its criterion's."""
    rule = {
        "perceptron": neurons.PERCEPTRON_CRITERION,
        "adaline": neurons.ADALINE_CRITERION,
    }[claim.name]
    if claim.factor != 1:
        own = rule

        def bwd(kept: Any, dj: Any) -> Any:
            return tuple(claim.factor * gradient for gradient in own.bwd(kept, dj))

        rule = own._replace(bwd=bwd)
    vector = jax.ShapeDtypeStruct((3,), jnp.float32)
    return of_report(check(rule, vector, vector, jax.ShapeDtypeStruct((), jnp.float32)))


class Templates(NamedTuple):
    """Ten glyphs of 8 × 8 pixels; `mixed`: each weight image is held against the next class's."""

    mixed: bool = False


def templates(data: Templates) -> Finding:
    """Trains a layer of ten neurons and looks which glyph each weight image resembles most."""
    draw = np.random.default_rng(0)
    glyphs = draw.integers(0, 2, (10, 64)).astype(float)
    labels = np.repeat(np.arange(10), 20)
    images = np.clip(glyphs[labels] + draw.normal(scale=0.3, size=(200, 64)), 0, 1)
    weights = softmax_weights(images, labels)
    alike = np.corrcoef(np.concatenate([weights.T, glyphs]))[:10, 10:]
    wanted = (np.arange(10) + data.mixed) % 10
    right = int((alike.argmax(axis=1) == wanted).sum())
    told = Measured(
        "weight images most like their own class's glyph", str(right), "10", right == 10
    )
    return Finding(
        Status.MEASURED, "a layer trained by the library on 200 noisy glyphs, seed 0",
        measured=(told,),
    )  # fmt: skip


class AtZero(NamedTuple):
    """A value that is claimed to be the derivative of an activation at 0."""

    activation: str
    value: Fraction


def at_zero(claim: AtZero) -> Finding:
    """Settles it by the two one-sided derivatives, in exact numbers."""
    node = definition_of(ENTRIES[claim.activation], {"x": ("x", ())}, ())
    slopes = []
    for direction in (-1, 1):
        start = np.array(beside(flint.fmpq(0), flint.fmpq(direction)), dtype=object)
        end = evaluate(node, Point({}, {"x": start}, ties=True))[()]
        slopes.append(direction * slope(end))
    left, right = slopes
    told = f"the derivative from the left is {left}, from the right {right}"
    value = flint.fmpq(claim.value.numerator, claim.value.denominator)
    same = left == value == right  # of balls: only where that is certain
    return Finding(
        Status.PROVED if same else Status.REFUTED, "one-sided derivatives, in exact numbers",
        "x = 0", (told,), reason="" if same else told,
    )  # fmt: skip


class Taylor(NamedTuple):
    """The factor by which the error is claimed to shrink when Δx is halved."""

    factor: int


def second_order(claim: Taylor) -> Finding:
    """Halves Δx for y = x_1 x_2² + x_3³ at (1, 2, 3), in exact numbers, and follows the error."""
    x, d = [Fraction(v) for v in (1, 2, 3)], [Fraction(v) for v in (2, -1, 1)]

    def y(p: list[Fraction]) -> Fraction:
        return p[0] * p[1] ** 2 + p[2] ** 3

    slope = [x[1] ** 2, 2 * x[0] * x[1], 3 * x[2] ** 2]
    errors = []
    for halvings in range(8, 14):
        step = [v / 2**halvings for v in d]
        moved = y([a + b for a, b in zip(x, step, strict=True)]) - y(x)
        errors.append(abs(moved - sum(a * b for a, b in zip(slope, step, strict=True))))
    ratios = [float(a / b) for a, b in itertools.pairwise(errors)]
    told = Measured(
        "factors by which the error shrinks", ", ".join(f"{r:.3f}" for r in ratios),
        f"{claim.factor}, to a hundredth", all(abs(r - claim.factor) < 0.04 for r in ratios),
    )  # fmt: skip
    return Finding(Status.MEASURED, "exact numbers", measured=(told,))
