"""A counterexample: searched for among common numbers, then among rare ones, and then shrunk."""

import itertools
from collections.abc import Iterable, Mapping, Sequence

from derivations import clock
from derivations.graph import Index, Node
from derivations.rare import rare_points
from derivations.refute import MOST_POINTS, Suspect, Tensor, counterexample, points
from derivations.shrink import shrunk
from derivations.verdict import Witness


def witness(
    found: Node,
    expected: Node,
    at: Sequence[Index | int],
    output: str,
    tensors: Sequence[Tensor],
    sizes: Iterable[Mapping[str, int]],
    deadline: float,
) -> Witness | None:
    """Searches for a point off every boundary where two expressions surely differ.

    Args:
      found: The rule's value, at the open indices `at`.
      expected: The true value.
      at: The position: index variables, and numbers along axes of length one.
      output: The name of the output, for the report.
      tensors: The inputs.
      sizes: Numbers for the sizes, one set after another.
      deadline: When to give up, by `clock.now`.
    """
    suspect = Suspect(found, expected, tuple(at), output)
    every = list(sizes)
    # Numbers from anywhere are often such that nothing, or too little, is asked for.
    count = MOST_POINTS if all(t.label for t in tensors) else 4 * MOST_POINTS
    common = (itertools.islice(points(tensors, numbers), count) for numbers in every)
    rare = (rare_points(suspect, tensors, numbers, deadline) for numbers in every[:1])
    for point in itertools.chain.from_iterable((*common, *rare)):
        if clock.now() > deadline:
            return None
        if counterexample(suspect, point) is not None:
            return counterexample(suspect, shrunk(suspect, point, tensors, deadline))
    return None
