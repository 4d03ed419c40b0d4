"""What neurons tell apart: points around a circle, and the classes in a hidden layer."""

from fractions import Fraction
from typing import NamedTuple

import numpy as np

from derivations.lectures.claim import Finding, Measured, Status
from derivations.lectures.runs import hidden_of_xor, logistic_accuracy
from derivations.separation import separate


class Circle(NamedTuple):
    """Points inside a circle and around it, and their coordinates."""

    polar: bool


def circle_points(*, polar: bool) -> tuple[np.ndarray, np.ndarray]:
    """Gives 200 points inside a circle and around it, and which of them are inside."""
    draw = np.random.default_rng(0)
    angle = draw.uniform(-np.pi, np.pi, 200)
    inside = np.arange(200) % 2 == 0
    radius = np.where(inside, draw.uniform(0, 1, 200), draw.uniform(1.5, 2.5, 200))
    cartesian = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return np.stack([radius, angle], axis=1) if polar else cartesian, inside


def _circle_accuracy(data: Circle) -> float:
    return logistic_accuracy(*circle_points(polar=data.polar))


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
    """Settles whether a line separates the classes there, in exact numbers."""
    rows, labels = hidden_of_xor(trained=data.trained)
    points = [[Fraction(float(v)) for v in row] for row in rows]
    found = separate(points, labels)
    told = Measured(
        "a line with the classes on its two sides",
        "found" if found.weights is not None else "none, by a certificate",
        "found",
        found.weights is not None,
    )
    ground = "a network trained by the library, seed 0; its separation in exact numbers"
    return Finding(Status.MEASURED, ground, measured=(told,))
