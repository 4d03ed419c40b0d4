"""The table of readings, and what most of them are made with."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from derivations import graph as g
from derivations.graph import At, Dim, Node
from derivations.lift import Array, Kind, Lifting, dim_of, kind_of
from derivations.masks import outside_masks

Reading = Callable[..., Any]  # (lifting, eqn, *operands) -> Array, or a list of them
PRIMITIVES: dict[str, Reading] = {}

_RANDOM = ", which draws random numbers"
_OUTSIDE = ", whose code JAX does not show"
REFUSED: dict[str, str] = {  # why these have no reading, for the message
    "random_bits": _RANDOM,
    "random_fold_in": _RANDOM,
    "random_gamma": _RANDOM,
    "random_seed": _RANDOM,
    "random_split": _RANDOM,
    "random_unwrap": _RANDOM,
    "random_wrap": _RANDOM,
    "threefry2x32": _RANDOM,
    "rng_bit_generator": _RANDOM,
    "ffi_call": _OUTSIDE,
    "io_callback": _OUTSIDE,
    "pallas_call": _OUTSIDE,
    "pure_callback": _OUTSIDE,
    "bitcast_convert_type": ", which takes the bits of a float apart",
    "nextafter": ", which takes the bits of a float apart",
}


def reads(*names: str) -> Callable[[Reading], Reading]:
    """Registers the reading of primitives."""

    def register(reading: Reading) -> Reading:
        PRIMITIVES.update(dict.fromkeys(names, reading))
        return reading

    return register


def shape_of(eqn: Any, output: int = 0) -> tuple[Dim, ...]:
    """Gives the shape of an output."""
    return tuple(dim_of(d) for d in eqn.outvars[output].aval.shape)


def kind_at(eqn: Any, output: int = 0) -> Kind:
    """Gives the kind of number of an output."""
    return kind_of(eqn.outvars[output].aval.dtype)


def dtype_of(eqn: Any) -> np.dtype:
    """Gives the dtype of the first output."""
    return np.dtype(eqn.outvars[0].aval.dtype)


def entrywise(function: Callable[..., Node]) -> Reading:
    """Gives the reading of a function that is applied entry by entry."""

    def reading(_: Lifting, eqn: Any, *operands: Array) -> Array:
        def at(position: tuple[At, ...]) -> Node:
            # A scalar operand (a literal) stands at every position.
            return function(*(a.at(*position) if a.shape else a.at() for a in operands))

        return Array(shape_of(eqn), kind_at(eqn), at)

    return reading


def elementwise(function: Callable[..., Node]) -> Reading:
    """Gives the same, for a function that is no choice: it goes inside masks."""
    return entrywise(lambda *args: outside_masks(function, args))


def as_numbers(a: Array) -> Array:
    """Gives truth values as one and zero."""
    if a.kind != "bool":
        return a
    return Array(a.shape, "int", lambda at: g.select(a.at(*at), g.ONE, g.ZERO))


def summed(lifting: Lifting, dims: Sequence[Dim], body: Callable[..., Node]) -> Node:
    """Gives the sum of `body(p, q, ...)` over several axes."""
    if not dims:
        return body()
    first, *others = dims
    return lifting.sum("r", first, lambda p: summed(lifting, others, lambda *q: body(p, *q)))
