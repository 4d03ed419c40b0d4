"""Convolution, by its definition: strides, padding, dilation of either side, groups."""

import itertools
from typing import Any

from derivations import graph as g
from derivations.graph import At, Node
from derivations.lift import Array, Lifting, Unsupported, number_of, numbered
from derivations.primitives.registry import kind_at, reads, shape_of


@reads("conv_general_dilated")
def _convolution(lifting: Lifting, eqn: Any, x: Array, w: Array) -> Array:
    params = eqn.params
    numbers = params["dimension_numbers"]
    groups, batch_groups = params["feature_group_count"], params["batch_group_count"]
    batch_x, feature_x, *space_x = numbers.lhs_spec
    out_w, in_w, *space_w = numbers.rhs_spec
    batch_y, feature_y, *space_y = numbers.out_spec
    if kind_at(eqn) != "float":
        raise Unsupported("a convolution of whole numbers")

    def row(batch: At, feature: At) -> At:
        if batch_groups == 1:
            return batch
        per_group = number_of(w.shape[out_w]) // batch_groups
        rows = number_of(x.shape[batch_x]) // batch_groups
        return _number(feature) // per_group * rows + _number(batch)

    def channel(feature: At, i: At) -> At:
        if groups == 1:
            return i
        per_group = number_of(w.shape[out_w]) // groups
        return _number(feature) // per_group * number_of(w.shape[in_w]) + _number(i)

    def at(position: tuple[At, ...]) -> Node:
        batch, feature = position[batch_y], position[feature_y]
        terms = []
        taps = [range(number_of(w.shape[axis])) for axis in space_w]
        for tap in itertools.product(*taps):
            place = [
                _source(_number(position[space_y[i]]), k, number_of(x.shape[space_x[i]]), params, i)
                for i, k in enumerate(tap)
            ]
            if any(p is None for p in place):
                continue  # in the padding

            def product(i: At, tap: tuple[int, ...] = tap, place: list[Any] = place) -> Node:
                at_x = dict(zip(space_x, place, strict=True))
                at_x |= {batch_x: row(batch, feature), feature_x: channel(feature, i)}
                at_w = dict(zip(space_w, tap, strict=True)) | {out_w: feature, in_w: i}
                return g.mul(
                    x.at(*(at_x[axis] for axis in range(len(x.shape)))),
                    w.at(*(at_w[axis] for axis in range(len(w.shape)))),
                )

            if groups == 1:
                terms.append(lifting.sum("c", w.shape[in_w], product))
            else:
                terms += map(product, range(number_of(w.shape[in_w])))
        return g.add(*terms, g.ZERO)

    moved = [*space_y]
    if groups > 1 or batch_groups > 1:
        moved += [feature_y, batch_y]
    return Array(shape_of(eqn), "float", lambda position: numbered(position, moved, at))


def _source(p: int, k: int, size: int, params: Any, i: int) -> int | None:
    """Gives where output `p` reads the input through tap `k`; `None` for padding and holes."""
    low, _ = params["padding"][i]
    moved = p * params["window_strides"][i] + k * params["rhs_dilation"][i] - low
    q, hole = divmod(moved, params["lhs_dilation"][i])
    return q if not hole and 0 <= q < size else None


def _number(position: At) -> int:
    assert isinstance(position, int)  # what `numbered` has made sure of
    return position
