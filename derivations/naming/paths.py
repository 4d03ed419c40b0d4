"""Paths: the part of a gradient that goes through one use of one value.

With the local Jacobians, the gradient is the sum over all ways from an argument to the outputs.
What goes through a use is left out where code takes the value for a constant, and counts twice
where code counts it twice.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import jax
import numpy as np

from derivations.naming.arithmetic import FLAT, LINEAR, SLOPES
from derivations.naming.programs import Program, Step, Values, applied, by_jax

MOST_NUMBERS = 40_000


class Use(NamedTuple):
    """A value where a step takes it."""

    place: int
    slot: int


class Paths:
    """Everything that is known of the ways through one run of a primal."""

    def __init__(
        self, program: Program, values: Values, argument: int, cotangents: Sequence[np.ndarray]
    ):
        self.program = program
        self.values = values
        self.argument = program.inputs[argument]
        self.cotangents = [np.asarray(c).reshape(-1) for c in cotangents]

    @cached_property
    def jacobians(self) -> dict[Use, np.ndarray]:
        """The local Jacobian of each use that leads from the argument on."""
        reached, found = {self.argument}, {}
        for place, step in enumerate(self.program.steps):
            slots = [s for s, i in enumerate(step.inputs) if i in reached]
            if not slots or step.name in FLAT:
                continue
            inputs = [self.values[i] for i in step.inputs]
            outs = [self.values[o] for o in step.outputs]
            for slot in slots:
                if inputs[slot].dtype == np.float64:
                    found[Use(place, slot)] = jacobian(step, inputs, outs, slot)
            reached.update(step.outputs)
        return found

    @cached_property
    def forward(self) -> dict[int, np.ndarray]:
        """The Jacobian of each value by the argument."""
        tangents = {self.argument: np.eye(self.values[self.argument].size)}
        for use, local in self.jacobians.items():
            step = self.program.steps[use.place]
            source = tangents.get(step.inputs[use.slot])
            if source is None:
                continue
            moved = local @ source
            for output, rows in _rows(step, self.values):
                tangents[output] = tangents.get(output, 0) + moved[rows]
        return tangents

    @cached_property
    def backward(self) -> dict[int, np.ndarray]:
        """The cotangent of each value."""
        return self.pulled({})

    def pulled(self, weights: Mapping[Use, float]) -> dict[int, np.ndarray]:
        """Gives the cotangents if what goes through some uses counts so many times."""
        totals: dict[int, np.ndarray] = {}
        for output, cotangent in zip(self.program.outputs, self.cotangents, strict=True):
            totals[output] = totals.get(output, 0) + cotangent
        for use in reversed(self.jacobians):
            step = self.program.steps[use.place]
            if not any(o in totals for o in step.outputs):
                continue
            above = np.concatenate(
                [totals.get(o, np.zeros(self.values[o].size)) for o in step.outputs]
            )
            weight = weights.get(use, 1.0)
            source = step.inputs[use.slot]
            totals[source] = totals.get(source, 0) + weight * (above @ self.jacobians[use])
        return totals

    def gradient(self, weights: Mapping[Use, float] | None = None) -> np.ndarray:
        """Gives the gradient by the argument, its uses weighted."""
        shape = self.values[self.argument].shape
        totals = self.pulled(weights) if weights else self.backward
        return np.asarray(totals.get(self.argument, np.zeros(shape))).reshape(shape)

    def through(self, use: Use) -> np.ndarray:
        """Gives the part of the gradient that goes through a use."""
        step = self.program.steps[use.place]
        shape = self.values[self.argument].shape
        above = [self.backward.get(o, np.zeros(self.values[o].size)) for o in step.outputs]
        source = self.forward.get(step.inputs[use.slot])
        if source is None:
            return np.zeros(shape)
        return (np.concatenate(above) @ self.jacobians[use] @ source).reshape(shape)

    def through_value(self, value: int) -> np.ndarray:
        """Gives the part of the gradient that goes through a value, all its uses together."""
        shape = self.values[self.argument].shape
        above, source = self.backward.get(value), self.forward.get(value)
        if above is None or source is None:
            return np.zeros(shape)
        return (above @ source).reshape(shape)


def _rows(step: Step, values: Values) -> list[tuple[int, slice]]:
    rows, start = [], 0
    for output in step.outputs:
        size = values[output].size
        rows.append((output, slice(start, start + size)))
        start += size
    return rows


def jacobian(
    step: Step, inputs: Sequence[np.ndarray], outs: Sequence[np.ndarray], slot: int
) -> np.ndarray:
    """Gives the matrix of partial derivatives of a step's outputs by one operand.

    Raises:
      ValueError: It is too large for a hint.
    """
    source = inputs[slot]
    if source.size * sum(o.size for o in outs) > MOST_NUMBERS:
        raise ValueError("the Jacobian is large")
    if step.name in SLOPES:
        slope = np.asarray(SLOPES[step.name](step.params, outs[0], *inputs)[slot], dtype=float)
        slope = np.broadcast_to(slope, outs[0].shape)
        numbered = np.arange(source.size).reshape(source.shape)
        columns = np.broadcast_to(numbered, outs[0].shape).reshape(-1)
        matrix = np.zeros((outs[0].size, source.size))
        matrix[np.arange(outs[0].size), columns] = slope.reshape(-1)
        return matrix
    if step.name in ("reduce_max", "reduce_min"):
        axes = tuple(step.params["axes"])
        chosen = source == np.expand_dims(outs[0], axes)
        units = np.eye(source.size).reshape(-1, *source.shape) * chosen
        return units.sum(axis=tuple(a + 1 for a in axes)).reshape(source.size, -1).T
    if step.name in LINEAR:
        return _by_units(step, inputs, slot)
    return _by_jax(step, inputs, slot)


def _by_units(step: Step, inputs: Sequence[np.ndarray], slot: int) -> np.ndarray:
    def at(operand: np.ndarray) -> np.ndarray:
        changed = [operand if i == slot else x for i, x in enumerate(inputs)]
        return np.concatenate([o.reshape(-1) for o in applied(step, changed)])

    shape = inputs[slot].shape
    origin = at(np.zeros(shape))
    units = np.eye(inputs[slot].size).reshape(-1, *shape)
    return np.stack([at(unit) - origin for unit in units], axis=1)


def _by_jax(step: Step, inputs: Sequence[np.ndarray], slot: int) -> np.ndarray:
    def flat(operand: jax.Array) -> jax.Array:
        changed = [operand if i == slot else x for i, x in enumerate(inputs)]
        return jax.numpy.concatenate([jax.numpy.ravel(o) for o in by_jax(step, changed)])

    found = np.asarray(jax.jit(jax.jacrev(flat))(inputs[slot]))
    return found.reshape(found.shape[0], -1)
