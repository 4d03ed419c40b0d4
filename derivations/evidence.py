"""What an obligation leaves behind so that a certificate can be written of it.

Evidence is kept as it was met, as graphs and numbers; `certificate.py` writes it out.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from derivations.graph import At, Dim, Node


class Compared(NamedTuple):
    """Two expressions that were compared, at open indices `at`, and on how many open regions."""

    output: str
    at: tuple[At, ...]
    found: Node
    truth: Node
    regions: int = 0


class Compare(NamedTuple):
    """Expressions that were proved equal, or of which the last pair was refuted.

    Attributes:
      pairs: The expressions.
      tensors: The inputs, as `refute.Tensor`.
      arguments: How many of these are the subject's own; cotangents and others follow.
      sizes: The sizes by name, with the example's numbers.
      symbolic: Whether the sizes stand for all numbers.
      scope: Which sizes that is, in words.
    """

    pairs: tuple[Compared, ...]
    tensors: tuple[Any, ...]
    arguments: int
    sizes: Mapping[str, int]
    symbolic: bool
    scope: str


class Types(NamedTuple):
    """Shapes or dtypes that were compared: the name, what was found, and what is right."""

    what: str
    compared: tuple[tuple[str, tuple[Dim, ...], tuple[Dim, ...]], ...]


class Executed(NamedTuple):
    """A comparison by modular execution, as `modular.compare` gives it."""

    comparison: Any


class Follows(NamedTuple):
    """Other obligations of the same subject from which this one follows."""

    names: tuple[str, ...]


class Boundaries(NamedTuple):
    """What the kinks were looked for in, and what was found.

    Attributes:
      graphs: Every expression in which a comparison would be a boundary.
      rule: The rule's cotangents: the argument, the position, and the expression.
      scalar: The primal, contracted with the cotangents; `None` where there is no boundary.
      kinks: What was found on the boundaries, as `kinks.Kink`.
      met: How many boundaries there are, places where the code may divide by zero included.
      tensors: The inputs.
    """

    graphs: tuple[Node, ...]
    rule: tuple[tuple[str, tuple[At, ...], Node], ...]
    scalar: Node | None
    kinks: tuple[Any, ...]
    met: int
    tensors: tuple[Any, ...]
