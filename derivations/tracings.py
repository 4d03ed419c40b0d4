"""A subject at one set of sizes after another: symbols first, then numbers."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

from derivations import clock
from derivations.lift import Unsupported
from derivations.refute import sizes_to_try
from derivations.subject import Subject
from derivations.timeout import OutOfTime, time_limit
from derivations.trace import Shapes, concrete, symbolic
from derivations.traced import Traced, traced, validate

# A reading may take this part of the time left, and in any case so many seconds.
PART, SHORTEST = 0.25, 1.0
LAST = 0.1  # seconds by which it may exceed the budget
TOO_DEEP = "the expressions are nested too deeply"
MOST_ENTRIES = 400  # of an array whose positions are written out one by one


class Tracings:
    """A subject traced at one set of sizes after another, at each of them once.

    Attributes:
      subject: What is traced.
      shapes: Symbolic ones, if there are such.
      reasons: Why tracings failed.
      entry_by_entry: The ways to read the code at numbers, in the order in which they are tried.
    """

    def __init__(self, subject: Subject, sizes: str, deadline: float):
        self.subject = subject
        self._deadline = deadline
        self.reasons: list[str] = []
        self.entry_by_entry: tuple[bool, ...] = (False, True)
        self._memory: dict[Any, Traced | None] = {}
        self._every = sizes == "all"
        try:
            shapes = symbolic(subject.shapes, subject.names)
            self.shapes: Shapes | None = shapes._replace(positive=frozenset(subject.symbols))
        except Unsupported as error:
            self.shapes = None
            self.reasons.append(str(error))

    @property
    def nothing(self) -> bool:
        """Whether no tracing has worked."""
        return bool(self.reasons) and not any(self._memory.values())

    def general(self) -> Traced | None:
        """Gives the tracing that speaks for all sizes, if the code can be lifted so."""
        if self.shapes is None or not (self._every or False in self.entry_by_entry):
            return None
        return self._at(self.shapes if self._every else self._given(self.shapes))

    @property
    def given_shapes(self) -> Shapes | None:
        """The example's own sizes."""
        return None if self.shapes is None else self._given(self.shapes)

    def given(self) -> str:
        """Gives the text of the example's own sizes."""
        return "" if self.given_shapes is None else self.given_shapes.scope

    def _given(self, shapes: Shapes) -> Shapes:
        return concrete(shapes, shapes.sizes)

    def singles(self) -> Iterator[Traced]:
        """Gives tracings at which a general proof is held: given sizes, and each of them one."""
        shapes = self.shapes
        if shapes is None or not self._every or not shapes.sizes:
            return
        for numbers in (shapes.sizes, *({**shapes.sizes, name: 1} for name in shapes.sizes)):
            this = self._at(concrete(shapes, numbers), automatic=False, held=False)
            if this is not None:
                yield this

    def smaller(self) -> Iterator[Iterator[Traced]]:
        """Gives, for each set of numbers, tracings that decide more: first the example's own.

        Of the same numbers one tracing is read by index calculus and one entry by entry.
        """
        shapes = self.shapes
        if shapes is None:
            return
        others = sizes_to_try(shapes.sizes) if self._every else ()
        for numbers in dict.fromkeys(tuple(n.items()) for n in (shapes.sizes, *others)):
            ways: dict[bool, Shapes] = {}
            if shapes.sizes and self._every:
                ways[False] = concrete(shapes, dict(numbers))
            written_out = concrete(shapes, dict(numbers), explicit=True)
            if _entries(written_out) <= MOST_ENTRIES:
                ways[True] = written_out
            order = [way for way in self.entry_by_entry if way in ways] or ways
            yield (t for t in (self._at(ways[way]) for way in order) if t is not None)

    def first(self) -> Iterator[Traced]:
        """Gives the tracing at the smallest numbers tried that works, if there is one."""
        yield from itertools.islice((t for ways in self.smaller() for t in ways), 1)

    def _at(self, shapes: Shapes, *, automatic: bool = True, held: bool = True) -> Traced | None:
        key = (shapes.scope, shapes.explicit, automatic, held)
        if key not in self._memory:
            self._memory[key] = None  # also if it is interrupted
            left = self._deadline - clock.now()
            if left <= 0:
                self.reasons.append("the budget ran out")
                return None
            try:
                with time_limit(min(PART * left + SHORTEST, left + LAST)):
                    this = traced(self.subject, shapes, automatic=automatic)
                    if held:
                        validate(this)
                self._memory[key] = this
            except Unsupported as error:
                where = f"at {shapes.scope}: " if shapes.explicit else ""
                self.reasons.append(f"{where}{error}")
            except OutOfTime:
                self.reasons.append(f"at {shapes.scope}: reading the code took too long")
            except RecursionError:
                self.reasons.append(f"at {shapes.scope}: {TOO_DEEP}")
        return self._memory[key]


def _entries(shapes: Shapes) -> int:
    return max((math.prod(a.shape) for a in shapes.avals), default=1)
