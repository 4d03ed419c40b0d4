"""A counterexample made simpler: the smallest sizes and the plainest numbers that still refute.

Greedy, in one pass: each step is kept only if the two values still surely differ, off every
boundary. A point at which two entries are both the largest is a boundary as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import flint
import numpy as np

from derivations import clock
from derivations.evaluate import Point, Tie, ball, evaluate, rational, sorted_indices
from derivations.graph import Node
from derivations.refute import Suspect, Tensor, counterexample
from derivations.series import Ambiguous

SECONDS = 0.2
MOST_EVALUATIONS = 300
SMALLEST = 2  # below, Python code may take another branch: an axis of one stays if it was there
WHOLE = (0, 1, -1, 2, -2, 3)
PARTS = (2, 4, 8)  # denominators


def shrunk(suspect: Suspect, point: Point, tensors: Sequence[Tensor], deadline: float) -> Point:
    """Gives a point that refutes as well, with smaller sizes and simpler numbers.

    Args:
      suspect: The two expressions.
      point: Where they differ.
      tensors: The inputs.
      deadline: When to stop, by `clock.now`; it stops sooner if that is far.
    """
    return _Shrinker(suspect, point, tensors, min(deadline, clock.now() + SECONDS)).run()


class _Shrinker:
    """The simplest point so far, and what is left to try it with."""

    def __init__(self, suspect: Suspect, point: Point, tensors: Sequence[Tensor], deadline: float):
        self.suspect, self.point, self.tensors = suspect, point, tensors
        self.deadline, self.left = deadline, MOST_EVALUATIONS
        self.maxima = _maxima((suspect.found, suspect.expected))

    def run(self) -> Point:
        self._smaller()
        for tensor in reversed(self.tensors):  # the cotangents first
            self._plain(tensor)
        return self.point

    @property
    def over(self) -> bool:
        return self.left <= 0 or clock.now() > self.deadline

    def _take(self, point: Point) -> bool:
        """Moves to a point if it refutes too."""
        self.left -= 1
        if counterexample(self.suspect, point) is None or not _unique(self.maxima, point):
            return False
        self.point = point
        return True

    def _smaller(self) -> None:
        sizes = self.point.sizes
        if any(n > SMALLEST for n in sizes.values()) and not self.over:
            self._take(self._kept({name: range(min(n, SMALLEST)) for name, n in sizes.items()}))
        for name in sizes:
            while self.point.sizes[name] > SMALLEST and self._drop(name):
                pass

    def _drop(self, name: str) -> bool:
        """Leaves out one index along all axes of a size."""
        every = range(self.point.sizes[name])
        for left_out in reversed(every):
            if self.over:
                return False
            if self._take(self._kept({name: [i for i in every if i != left_out]})):
                return True
        return False

    def _kept(self, indices: Mapping[str, Sequence[int]]) -> Point:
        """Gives the point with some of the entries along each axis; labels stay in range."""
        sizes = {n: len(indices.get(n, range(size))) for n, size in self.point.sizes.items()}
        least = min(sizes.values())
        tensors = {}
        for tensor in self.tensors:
            array = self.point.tensors[tensor.name]
            for axis, dim in enumerate(tensor.shape):
                if isinstance(dim, str) and dim in indices:
                    array = np.take(array, list(indices[dim]), axis=axis)
            if tensor.kind == "int":
                small = [rational(int(v.p) % least) for v in array.flat]
                array = np.array(small, dtype=object).reshape(array.shape)
            tensors[tensor.name] = array
        return self.point._replace(sizes=sizes, tensors=tensors)

    def _plain(self, tensor: Tensor) -> None:
        array = self.point.tensors[tensor.name]
        if tensor.near is not None:
            # A hyper-parameter as it was given, if the mistake shows there.
            for at in np.ndindex(*array.shape):
                self._try(tensor, at, rational(tensor.near))
            return
        for value in (0, 1) if tensor.kind == "float" else (0,):
            if not self.over and self._take(self._filled(tensor, value)):
                break
        for at in np.ndindex(*array.shape):
            value: Any = self.point.tensors[tensor.name][at]
            for simpler in _simpler(value, tensor.kind):
                if self.over:
                    return
                if self._try(tensor, at, simpler):
                    break
            if tensor.kind == "float":
                self._nearer(tensor, at)

    def _nearer(self, tensor: Tensor, at: tuple[int, ...]) -> None:
        """Halves a number as long as that refutes, and then takes one off at a time."""
        for step in (_halved, _one_less):
            value = self.point.tensors[tensor.name][at]
            while abs(value) > 2 and self._try(tensor, at, step(value)):
                value = self.point.tensors[tensor.name][at]

    def _filled(self, tensor: Tensor, value: int) -> Point:
        array = np.empty_like(self.point.tensors[tensor.name])
        array[...] = rational(value)
        return self.point._replace(tensors={**self.point.tensors, tensor.name: array})

    def _try(self, tensor: Tensor, at: tuple[int, ...], value: flint.fmpq) -> bool:
        array = self.point.tensors[tensor.name].copy()
        if self.over or array[at] == value:
            return False
        array[at] = value
        return self._take(self.point._replace(tensors={**self.point.tensors, tensor.name: array}))


def _halved(value: flint.fmpq) -> flint.fmpq:
    return flint.fmpq(int(Fraction(int(value.p), 2 * int(value.q))))


def _one_less(value: flint.fmpq) -> flint.fmpq:
    return value - (1 if value > 0 else -1)


def _simpler(value: flint.fmpq, kind: str) -> Iterator[flint.fmpq]:
    """Gives what is simpler than a number, the simplest first."""
    if kind != "float":
        yield from map(flint.fmpq, range(int(value.p)))
        return
    whole = round(Fraction(int(value.p), int(value.q)))
    tried = [flint.fmpq(v) for v in (*WHOLE, whole)]
    for n in PARTS:
        nearest = round(Fraction(n * int(value.p), int(value.q)))
        tried += [flint.fmpq(p, n) for p in (1, -1, nearest)]
    yield from (v for v in dict.fromkeys(tried) if _cost(v) < _cost(value))


def _cost(value: flint.fmpq) -> tuple[int, int, bool]:
    """Gives how simple a number is: zero, then whole numbers, then fractions."""
    return int(value.q), abs(int(value.p)), value < 0


def _maxima(nodes: Sequence[Node]) -> list[Node]:
    """Gives every maximum over an axis in expressions."""
    found, seen, stack = [], set(), list(nodes)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(node.args)
            if node.op == "rmax":
                found.append(node)
    return found


def _unique(maxima: Sequence[Node], point: Point) -> bool:
    """Tells whether each maximum is that of one entry alone."""
    for node in maxima:
        (body,) = node.args
        others = sorted_indices(node.free)
        try:
            values = evaluate(body, point, (*others, node.data))
        except (Tie, Ambiguous):
            return False
        for row in values.reshape(-1, values.shape[-1]):
            largest = max(row, key=lambda v: float(ball(v).mid()))
            if sum(not ball(v) < ball(largest) for v in row) > 1:
                return False
    return True
