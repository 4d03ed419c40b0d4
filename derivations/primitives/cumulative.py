"""Running sums, products, extremes and log-sum-exps along an axis."""

from collections.abc import Callable
from typing import Any

from derivations import graph as g
from derivations.graph import At, Index, Node
from derivations.lift import Array, Lifting, number_of, numbered
from derivations.masks import choice, outside_masks
from derivations.primitives import whole
from derivations.primitives.arithmetic import larger, smaller
from derivations.primitives.functions import log
from derivations.primitives.registry import dtype_of, reads, shape_of


@reads("cumsum", "cumlogsumexp")
def _cumsum(lifting: Lifting, eqn: Any, a: Array) -> Array:
    axis, reverse = eqn.params["axis"], eqn.params["reverse"]
    through_exp = eqn.primitive.name == "cumlogsumexp"

    def at(position: tuple[At, ...]) -> Node:
        def term(i: At) -> Node:
            value = a.at(*position[:axis], i, *position[axis + 1 :])
            return outside_masks(g.exp, [value]) if through_exp else value

        here = position[axis]
        if isinstance(here, Index):
            # Σ_i [i <= here] a_i: for every size.
            def body(i: At) -> Node:
                sides = (here, i) if reverse else (i, here)
                before = whole.compare("le", *map(g.index, sides))
                return choice(before, term(i), g.ZERO)

            result = lifting.sum("i", a.shape[axis], body)
        else:
            result = g.add(*map(term, _until(here, number_of(a.shape[axis]), reverse)))
        if a.kind == "int":
            return whole.within(lifting, result, dtype_of(eqn))
        return log(result) if through_exp else result

    return Array(shape_of(eqn), a.kind, at)


def _until(here: int, size: int, reverse: bool) -> range:
    return range(size - 1, here - 1, -1) if reverse else range(here + 1)


@reads("cumprod", "cummax", "cummin")
def _cumulative(lifting: Lifting, eqn: Any, a: Array) -> Array:
    axis, reverse = eqn.params["axis"], eqn.params["reverse"]
    function = _function(lifting, eqn, a)

    def at(position: tuple[At, ...]) -> Node:
        here = position[axis]
        assert isinstance(here, int)  # what `numbered` has made sure of
        first, *others = (
            a.at(*position[:axis], i, *position[axis + 1 :])
            for i in _until(here, number_of(a.shape[axis]), reverse)
        )
        for value in others:
            first = outside_masks(function, [first, value])
        return first

    return Array(shape_of(eqn), a.kind, lambda position: numbered(position, [axis], at))


def _function(lifting: Lifting, eqn: Any, a: Array) -> Callable[[Node, Node], Node]:
    match eqn.primitive.name:
        case "cummax":
            return larger(a.kind)
        case "cummin":
            return smaller(a.kind)
        case _ if a.kind == "float":
            return g.mul
        case _:
            return lambda x, y: whole.within(lifting, g.mul(x, y), dtype_of(eqn))
