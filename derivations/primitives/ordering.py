"""Sorting. Where the inputs decide the order, every order is a case of a choice."""

from collections.abc import Callable, Sequence
from typing import Any

from derivations import graph as g
from derivations.graph import At, Node
from derivations.lift import Array, Lifting, Unsupported, number_of, numbered
from derivations.masks import choice
from derivations.primitives.conditions import compared
from derivations.primitives.registry import reads, shape_of

MOST_SORTED = 4  # numbers whose order the inputs decide: all 24 orders of four are told apart

Line = list[tuple[Node, ...]]  # the entries along the axis, of each operand
Before = Callable[[tuple[Node, ...], tuple[Node, ...]], Node]  # whether one surely goes first


def _sorted(line: Line, before: Before) -> Line:
    """Sorts a line; what goes neither first nor last keeps its order."""
    decided = {(i, j): before(line[j], line[i]) for j in range(len(line)) for i in range(j)}
    if all(swap in (g.TRUE, g.FALSE) for swap in decided.values()):
        places = list(range(len(line)))
        for end in range(1, len(places)):
            # Insertion: from the right past all that it goes before.
            i = end
            while i and _goes_first(decided, places[i], places[i - 1]):
                places[i - 1], places[i] = places[i], places[i - 1]
                i -= 1
        return [line[p] for p in places]
    if len(line) > MOST_SORTED:
        raise Unsupported(f"the order of {len(line)} numbers that depend on the inputs")
    line = list(line)
    for end in range(len(line) - 1, 0, -1):
        for i in range(end):
            swap = before(line[i + 1], line[i])
            pair = list(zip(line[i], line[i + 1], strict=True))
            line[i] = tuple(choice(swap, b, a) for a, b in pair)
            line[i + 1] = tuple(choice(swap, a, b) for a, b in pair)
    return line


def _goes_first(decided: dict[tuple[int, int], Node], later: int, earlier: int) -> bool:
    # Insertion only asks about entries that stood in this order at first.
    return decided[earlier, later] is g.TRUE


def _lines(
    eqn: Any, operands: Sequence[Array], axis: int, sort: Callable[[Line], Line]
) -> list[Array]:
    memory: dict[tuple[At, ...], Line] = {}

    def output(i: int) -> Array:
        def at(position: tuple[At, ...]) -> Node:
            rest = (*position[:axis], 0, *position[axis + 1 :])
            if rest not in memory:
                size = number_of(operands[0].shape[axis])
                memory[rest] = sort(
                    [
                        tuple(a.at(*position[:axis], p, *position[axis + 1 :]) for a in operands)
                        for p in range(size)
                    ]
                )
            place = position[axis]
            assert isinstance(place, int)  # what `numbered` has made sure of
            return memory[rest][place][i]

        kind = operands[i].kind
        return Array(shape_of(eqn, i), kind, lambda position: numbered(position, [axis], at))

    return list(map(output, range(len(eqn.outvars))))


@reads("sort")
def _sort(lifting: Lifting, eqn: Any, *operands: Array) -> list[Array]:
    keys = eqn.params["num_keys"]
    tests = [(compared("lt", a.kind), compared("eq", a.kind)) for a in operands[:keys]]

    def before(a: tuple[Node, ...], b: tuple[Node, ...]) -> Node:
        result = g.FALSE
        for (less, same), x, y in reversed(list(zip(tests, a, b, strict=False))):
            result = g.or_(less(x, y), g.and_(same(x, y), result))
        return result

    if not eqn.params["is_stable"] and len(operands) > keys:
        lifting.assumptions.add("a sort keeps the order of what it sorts alike")
    return _lines(eqn, operands, eqn.params["dimension"], lambda line: _sorted(line, before))


@reads("top_k")
def _top_k(_: Lifting, eqn: Any, a: Array) -> list[Array]:
    less = compared("lt", a.kind)
    axis = int(eqn.params.get("axis", -1)) % len(a.shape)
    places = Array(a.shape, "int", lambda at: g.index(at[axis]))
    return _lines(eqn, [a, places], axis, lambda line: _sorted(line, lambda x, y: less(y[0], x[0])))
