"""What a derivation is: a subject, the steps from it, and what its letters stand for."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Depends(NamedTuple):
    """A quantity of which nothing is known but what it depends on.

    Attributes:
      on: What it depends on, each with the indices that run over all of its entries.
    """

    on: tuple[tuple[Any, tuple[Any, ...]], ...]


class Definition(NamedTuple):
    """What a letter stands for, at any of its indices.

    Attributes:
      lhs: A letter with its index letters, such as `s[n, k]`, `sigma(x)` or `Derivative(z, y)`. A
        `Dummy` in it stands for any number.
      rhs: The same in other letters, or what it depends on.
    """

    lhs: Any
    rhs: Any


class Step(NamedTuple):
    """One step of a derivation.

    Attributes:
      expression: What it arrives at; it equals what the step before arrived at.
      reason: Why: a key of `REASONS`.
    """

    expression: Any
    reason: str


class Derivation(NamedTuple):
    """A chain of equal expressions, from what is asked for to its formula.

    Attributes:
      name: How it is referred to, such as `"softmax_jacobian"`.
      title: Its name in prose.
      subject: What is derived: the first step equals it.
      steps: The chain.
      definitions: What the letters stand for; the steps are proved with these put in.
      ranges: The size that each free index runs over.
      conditions: Under which conditions it holds, in words.
      hypothesis: The condition that a step for the reason `hypothesis` uses, as an equation.
      continuous: Functions that are taken to be continuous, where a limit is.
      lemmas: Other derivations that it rests on.
    """

    name: str
    title: str
    subject: Any
    steps: tuple[Step, ...]
    definitions: tuple[Definition, ...] = ()
    ranges: Mapping[Any, Any] = {}
    conditions: tuple[str, ...] = ()
    hypothesis: Any = None
    continuous: frozenset[str] = frozenset()
    lemmas: tuple[str, ...] = ()

    @property
    def result(self) -> Any:
        """The last expression."""
        return self.steps[-1].expression
