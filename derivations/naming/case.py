"""One wrong cotangent: what was found and what is true, to hold hypotheses against."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from derivations import clock
from derivations.naming.programs import TooMuch, run
from derivations.naming.samples import Sample, same
from derivations.subject import Subject

Guess = Callable[[Sample], Any]


class Found(NamedTuple):
    """A key of the catalogue, and what it looks like in this rule."""

    key: str
    text: str


class Case(NamedTuple):
    """A wrong cotangent.

    Attributes:
      subject: Whose rule it is.
      argument: Which argument's cotangent.
      samples: Points, the one with the largest difference first.
      deadline: When to give up.
      made: What hypotheses share, and is made once when the first of them needs it.
      label: What it is called, if not by its argument.
    """

    subject: Subject
    argument: int
    samples: tuple[Sample, ...]
    deadline: float
    made: dict[str, Any]
    label: str = ""

    @property
    def name(self) -> str:
        """The cotangent's name, such as `dx`."""
        return self.label or f"d{self.subject.names[self.argument]}"

    def found(self, sample: Sample) -> np.ndarray:
        """What the rule gives."""
        given = sample.found.get(self.argument)
        return np.zeros_like(self.truth(sample)) if given is None else given

    def truth(self, sample: Sample) -> np.ndarray:
        """What is right."""
        return sample.truth[self.argument]

    def explained(self, guess: Guess) -> bool:
        """Tells whether a guess gives what the rule gives, at every sample."""
        for sample in self.samples:
            self.in_time()
            value = guess(sample)
            if value is None or not same(value, self.found(sample)):
                return False
        return True

    def right(self, guess: Guess) -> bool:
        """Tells whether a guess gives what is right, at every sample."""
        for sample in self.samples:
            self.in_time()
            value = guess(sample)
            if value is None or not same(value, self.truth(sample)):
                return False
        return True

    def in_time(self) -> None:
        """Raises `TooMuch` once the time is over."""
        if clock.now() > self.deadline:
            raise TooMuch("its time is over")

    def at(
        self, sample: Sample, inputs: dict[int, np.ndarray], *, rule: bool = False
    ) -> np.ndarray | None:
        """Gives the truth (or what the rule gives) at other inputs, cotangents counted on."""
        setting = sample.setting
        program = setting.rule if rule else setting.truth
        everything = [inputs.get(i, a) for i, a in enumerate(sample.inputs)]
        order = setting.given if rule else setting.wanted
        if self.argument not in order:
            return None
        values = run(program, everything, self.deadline)
        return values[program.outputs[order.index(self.argument)]]

    @property
    def arity(self) -> int:
        """The number of arguments: cotangents are the inputs after them."""
        return len(self.subject.names)

    def floats(self) -> Iterator[int]:
        """The arguments that are floats."""
        avals = self.samples[0].setting.avals
        yield from (i for i, aval in enumerate(avals) if aval.dtype == np.float64)

    def like(self, shape: Sequence[int], array: np.ndarray) -> Iterator[np.ndarray]:
        """Gives the ways to spread an array over a shape: along the last axes, or the first."""
        yield from spread(array, shape)

    def prims(self) -> set[str]:
        """The primitives of the primal."""
        return {s.name for s in self.samples[0].setting.primal.steps}


def spread(array: np.ndarray, shape: Sequence[int]) -> Iterator[np.ndarray]:
    """Gives the ways to spread an array over a shape: along the last axes, or the first."""
    shape = tuple(shape)
    if array.shape == shape:
        yield array
        return
    if array.ndim > len(shape):
        return
    forms = dict.fromkeys([array.shape, array.shape + (1,) * (len(shape) - array.ndim)])
    for form in forms:
        try:
            yield np.broadcast_to(array.reshape(form), shape)
        except ValueError:
            continue
