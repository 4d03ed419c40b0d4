"""What neurons tell apart: points around a circle, learned features, regions of the plane."""

import itertools
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from derivations.lectures.claim import Altered, Finding, Measured, Part, Status
from derivations.lectures.library import hidden_of_xor, logistic_accuracy


class Circle(NamedTuple):
    """Points inside a circle and around it, and their coordinates."""

    polar: bool


def _circle_accuracy(data: Circle) -> float:
    draw = np.random.default_rng(0)
    angle = draw.uniform(-np.pi, np.pi, 200)
    inside = np.arange(200) % 2 == 0
    radius = np.where(inside, draw.uniform(0, 1, 200), draw.uniform(1.5, 2.5, 200))
    cartesian = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    points = np.stack([radius, angle], axis=1) if data.polar else cartesian
    return logistic_accuracy(points, inside)


def circle(data: Circle) -> Finding:
    """Measures that a trained neuron does poorly."""
    right = _circle_accuracy(data)
    told = Measured("points on the right side", f"{right:.2f}", "below 0.75", right < 0.75)
    return Finding(Status.MEASURED, "a neuron trained by the library, seed 0", measured=(told,))


def polar(data: Circle) -> Finding:
    """Measures that a trained neuron separates the classes."""
    right = _circle_accuracy(data)
    told = Measured("points on the right side", f"{right:.2f}", "all of them", right == 1)
    return Finding(Status.MEASURED, "a neuron trained by the library, seed 0", measured=(told,))


class Hidden(NamedTuple):
    """Where the classes of XOR are looked at: in the trained hidden layer, or in the input."""

    trained: bool


def representation(data: Hidden) -> Finding:
    """Measures whether a line separates the classes, by the perceptron in exact numbers."""
    points, labels = hidden_of_xor(trained=data.trained)
    w = [Fraction(0)] * (len(points[0]) + 1)
    rows = [[Fraction(float(v)) for v in point] + [Fraction(1)] for point in points]
    wrong = len(rows)
    for _ in range(500):
        wrong = 0
        for row, label in zip(rows, labels, strict=True):
            if label * sum(a * b for a, b in zip(w, row, strict=True)) <= 0:
                w = [a + label * b for a, b in zip(w, row, strict=True)]
                wrong += 1
        if not wrong:
            break
    told = Measured("points on the wrong side of the line found", str(wrong), "0", wrong == 0)
    return Finding(Status.MEASURED, "the perceptron, in exact numbers", measured=(told,))


HalfPlane = tuple[int, int, int]  # a, b, c: a x + b y + c ≥ 0, the border included
_SQUARE: tuple[HalfPlane, ...] = ((1, 0, 2), (-1, 0, 2), (0, 1, 2), (0, -1, 2))
_INNER: tuple[HalfPlane, ...] = ((1, 0, 1), (-1, 0, 1), (0, 1, 1), (0, -1, 1))
_TRIANGLE: tuple[HalfPlane, ...] = ((1, 0, -1), (0, 1, 0), (-1, -1, 5))


def _both(count: int, start: int = 0) -> Any:
    return ("and", *range(start, start + count))


REGIONS: dict[str, tuple[tuple[HalfPlane, ...], Any]] = {
    "half-plane": (((1, 2, -1),), ("and", 0)),
    "square": (_SQUARE, _both(4)),
    "union": (_SQUARE + _TRIANGLE, ("or", _both(4), _both(3, 4))),
    "hole": (_SQUARE + _INNER, ("and", _both(4), ("not", _both(4, 4)))),
}


class Region(NamedTuple):
    """A region by name, and how far the threshold of the last unit is off."""

    name: str
    off: int = 0


def region(name: str) -> Part:
    """A network for a region, and what its altered threshold does."""
    data = Region(name)
    return Part(
        f"a network of threshold units fires exactly inside: {name}", data, fires_inside,
        (Altered("the last threshold one higher", data._replace(off=1)),),
    )  # fmt: skip


def fires_inside(data: Region) -> Finding:
    """Proves it for every point: both depend on nothing but which half-planes hold the point."""
    planes, formula = REGIONS[data.name]
    for signs in itertools.product((0, 1), repeat=len(planes)):
        fires, inside = _unit(formula, signs, data.off), _logic(formula, signs)
        if fires != inside:
            point = _point(planes, signs)
            if point is not None:
                told = f"at ({point[0]}, {point[1]}) it gives {fires}, and the region {inside}"
                return Finding(Status.REFUTED, "an exact rational point", reason=told)
    points = [Fraction(n, 2) for n in range(-8, 13)]
    wrong = 0
    for x, y in itertools.product(points, repeat=2):
        signs = tuple(int(a * x + b * y + c >= 0) for a, b, c in planes)
        wrong += _unit(formula, signs, data.off) != _logic(formula, signs)
    if wrong:
        return Finding(Status.REFUTED, "exact rational points", reason=f"{wrong} points")
    return Finding(
        Status.PROVED, f"all {2 ** len(planes)} ways to lie in {len(planes)} half-planes",
        "every real point, borders included",
        (f"and {len(points) ** 2} rational points, on borders too, exactly",),
    )  # fmt: skip


def _unit(formula: Any, signs: tuple[int, ...], off: int = 0) -> int:
    """Gives the output of the threshold unit for a formula: a weighted sum and a threshold."""
    if isinstance(formula, int):
        return signs[formula]
    kind, *parts = formula
    inputs = [_unit(part, signs) for part in parts]
    weight = -1 if kind == "not" else 1
    threshold = {"and": len(parts), "or": 1, "not": 0}[kind] + off
    return int(weight * sum(inputs) >= threshold)


def _logic(formula: Any, signs: tuple[int, ...]) -> int:
    if isinstance(formula, int):
        return signs[formula]
    kind, *parts = formula
    values = [bool(_logic(part, signs)) for part in parts]
    decide: dict[str, Callable[[list[bool]], bool]] = {
        "and": all, "or": any, "not": lambda v: not v[0],
    }  # fmt: skip
    return int(decide[kind](values))


def _point(planes: tuple[HalfPlane, ...], signs: tuple[int, ...]) -> Any:
    """Gives a rational point of a cell, if the grid has one."""
    for x, y in itertools.product([Fraction(n, 2) for n in range(-8, 13)], repeat=2):
        if tuple(int(a * x + b * y + c >= 0) for a, b, c in planes) == signs:
            return x, y
    return None
