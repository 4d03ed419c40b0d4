"""Decisions by a threshold and by the largest output, settled exactly."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from derivations.lectures.claim import Altered, Finding, Measured, Part, Status
from derivations.separation import refutes, separate
from functional_nn.regions import fires, truth_table

POINTS = ((0, 0), (0, 1), (1, 0), (1, 1))


class Table(NamedTuple):
    """A truth table: the outputs at 00, 01, 10 and 11."""

    outputs: str


XOR = Table("0110")


def by_one_layer(table: Table) -> Finding:
    """Settles whether no w, b has w·x + b ≥ 0 exactly where the table says yes."""
    labels = [1 if output == "1" else -1 for output in table.outputs]
    found = separate(POINTS, labels)
    if found.certificate is None:
        reason = f"w = {_written(found.weights)}, b = {found.bias} gives the table"
        return Finding(Status.REFUTED, "a solution, in exact numbers", reason=reason)
    assert refutes(found.certificate, POINTS, labels)
    return Finding(
        Status.PROVED, "Farkas's lemma, its certificate checked in exact numbers",
        "every w and b",
        (
            "asked is y (w·x + b) ≥ 1 with y = 1 where yes and y = −1 where no, for some scale",
            f"multiplied by {_written(found.certificate)} at 00, 01, 10, 11 these four add up to "
            "0 ≥ 1",
        ),
    )  # fmt: skip


def _written(numbers: Sequence[Fraction] | None) -> str:
    return f"({', '.join(map(str, numbers or ()))})"


def by_two_layers(table: Table) -> Finding:
    """Settles whether the library's network with one hidden layer for XOR gives a table."""
    layers = truth_table([0, 1, 1, 0])
    given = "".join(str(int(fires(layers, point))) for point in POINTS)
    right = given == table.outputs
    return Finding(
        Status.PROVED if right else Status.REFUTED, "all four inputs, in exact numbers",
        lines=(f"units (bias, then weights): {layers}", f"the network gives {given}"),
        reason="" if right else f"asked is {table.outputs}",
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
