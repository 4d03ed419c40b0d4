"""Decisions by a threshold and by the largest output, settled exactly."""

import itertools
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from derivations.lectures.claim import Altered, Finding, Measured, Part, Status

POINTS = ((0, 0), (0, 1), (1, 0), (1, 1))


class Table(NamedTuple):
    """A truth table: the outputs at 00, 01, 10 and 11."""

    outputs: str


XOR = Table("0110")


def by_one_layer(table: Table) -> Finding:
    """Proves that no w, b has w·x + b ≥ 0 exactly where the table says yes, by a certificate.

    The certificate (Farkas): multipliers u ≥ 0 of the conditions, one of a strict one positive,
    under which the conditions add up to 0 > 0 or 0 ≥ something positive: both absurd.
    """
    signs = [1 if output == "1" else -1 for output in table.outputs]
    rows = [(s * x, s * y, s) for s, (x, y) in zip(signs, POINTS, strict=True)]
    for u in itertools.product(range(3), repeat=4):
        combined = [
            sum(c * row[place] for c, row in zip(u, rows, strict=True)) for place in range(3)
        ]
        strict = sum(c for c, s in zip(u, signs, strict=True) if s < 0)
        if combined == [0, 0, 0] and strict > 0:
            return Finding(
                Status.PROVED, "a Farkas certificate, checked in whole numbers",
                "every w1, w2, b",
                (
                    "w1 x1 + w2 x2 + b ≥ 0 where yes, −(w1 x1 + w2 x2 + b) > 0 where no",
                    f"multiplied by {u} at 00, 01, 10, 11 they add up to 0 > 0",
                ),
            )  # fmt: skip
    for w1, w2, b in itertools.product((Fraction(n, 2) for n in range(-4, 5)), repeat=3):
        if [w1 * x + w2 * y + b >= 0 for x, y in POINTS] == [s > 0 for s in signs]:
            reason = f"w1 = {w1}, w2 = {w2}, b = {b} gives the table"
            return Finding(Status.REFUTED, "a solution, in exact numbers", reason=reason)
    return Finding(Status.UNDECIDED, "", reason="neither a certificate nor a solution was found")


def by_two_layers(table: Table) -> Finding:
    """Runs the two threshold layers of the statement on the four inputs, in whole numbers."""
    given = ""
    for x1, x2 in POINTS:
        h1, h2 = int(x1 + x2 >= 1), int(x1 + x2 >= 2)
        given += str(int(h1 - h2 >= 1))
    right = given == table.outputs
    return Finding(
        Status.PROVED if right else Status.REFUTED, "all four inputs, in whole numbers",
        lines=(f"the network gives {given}",), reason="" if right else f"asked is {table.outputs}",
    )  # fmt: skip


class Coding(NamedTuple):
    """An image's shape, the number of classes, and which output decides."""

    image: tuple[int, int]
    classes: int
    decides: str


def one_hot_decisions(image: tuple[int, int], classes: int) -> Part:
    """The coding of images and digits as vectors, and of vectors as decisions."""
    coding = Coding(image, classes, "largest")
    return Part(
        f"an image of {image[0]} × {image[1]} is a vector of {image[0] * image[1]}; the largest "
        f"of {classes} outputs, at any one-hot vector, is the class that it stands for",
        coding, _decoded,
        (Altered("the smallest decides", coding._replace(decides="smallest")),),
    )  # fmt: skip


def _decoded(coding: Coding) -> Finding:
    pick = np.argmax if coding.decides == "largest" else np.argmin
    ink = np.arange(coding.image[0] * coding.image[1]).reshape(coding.image)
    same = np.array_equal(ink.reshape(-1).reshape(coding.image), ink)
    decided = [int(pick(row)) for row in np.eye(coding.classes, dtype=int)]
    right = same and decided == list(range(coding.classes))
    return Finding(
        Status.PROVED if right else Status.REFUTED, "every class, in whole numbers",
        f"{coding.classes} classes, {ink.size} pixels", (f"decided: {decided}",),
        reason="" if right else f"the classes are decided as {decided}",
    )  # fmt: skip


class Clusters(NamedTuple):
    """How many neurons decide how many classes."""

    neurons: int
    classes: int


def threshold_layer(neurons: int, classes: int) -> Part:
    """A layer of neurons that tells separable classes apart, and one that is too small for it."""
    clusters = Clusters(neurons, classes)
    return Part(
        f"{neurons} neuron{'s'[: neurons > 1]} tell{'s'[: neurons == 1]} {classes} separated "
        "classes apart, by a threshold" + ("" if neurons == 1 else " and the largest output"),
        clusters, _told_apart,
        (Altered("one class more than it can tell", clusters._replace(classes=classes + 1)),),
    )  # fmt: skip


def _told_apart(clusters: Clusters) -> Finding:
    """Decides points around the corners of a regular polygon, each neuron looking along one."""
    draw = np.random.default_rng(0)
    angles = 2 * np.pi * np.arange(clusters.classes) / clusters.classes
    centres = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    labels = np.repeat(np.arange(clusters.classes), 20)
    points = centres[labels] + draw.uniform(-0.05, 0.05, (labels.size, 2))
    scores = points @ centres[: clusters.neurons].T
    decided = (scores[:, 0] < 0).astype(int) if clusters.neurons == 1 else scores.argmax(axis=1)
    wrong = int((decided != labels).sum())
    return Finding(
        Status.MEASURED, f"{labels.size} drawn points, seed 0",
        measured=(Measured("points decided wrongly", str(wrong), "0", wrong == 0),),
    )  # fmt: skip
