"""How a window moves over positions: for convolution and pooling, along any number of axes.

Arrays are (examples, positions..., channels) throughout.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from functional_nn.precision import floating

Padding = str | int | Sequence[tuple[int, int]]


class Window(NamedTuple):
    """A window of weights, one number an axis.

    Attributes:
      stride: How far apart the outputs lie, in positions of the input.
      padding: `"SAME"`, `"VALID"`, or the zeros before and after each axis.
      dilation: How far apart the taps lie, in positions of the input.
      groups: Into how many groups the channels fall.
    """

    stride: tuple[int, ...]
    padding: str | tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int

    def reach(self, taps: Sequence[int]) -> tuple[int, ...]:
        """Gives how many positions lie between the first tap and the last."""
        return tuple(d * (k - 1) for k, d in zip(taps, self.dilation, strict=True))

    def pads(self, positions: Sequence[int], taps: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """Gives the zeros before and after each axis of an input."""
        if not isinstance(self.padding, str):
            return self.padding
        covered = [r + 1 for r in self.reach(taps)]
        return tuple(lax.padtype_to_pads(positions, covered, self.stride, self.padding))


class Pool(NamedTuple):
    """Windows without weights, one number an axis. What is left over at the end is not seen."""

    size: tuple[int, ...]
    stride: tuple[int, ...]

    def places(self) -> Iterator[tuple[int, ...]]:
        """Gives the places inside a window, in row-major order."""
        return itertools.product(*map(range, self.size))

    def read(self, x: jax.Array, place: tuple[int, ...]) -> jax.Array:
        """Gives what stands at one place of every window."""
        ends = [
            q + (n - k) // s * s + 1
            for q, n, k, s in zip(place, x.shape[1:-1], self.size, self.stride, strict=True)
        ]
        return lax.slice(x, (0, *place, 0), (x.shape[0], *ends, x.shape[-1]), (1, *self.stride, 1))

    def spread(self, y: jax.Array, place: tuple[int, ...], positions: Sequence[int]) -> jax.Array:
        """Puts a number a window at one place of it, and zeros elsewhere: `read` transposed."""
        pads = [
            (q, n - q - (m - 1) * s - 1, s - 1)
            for q, m, s, n in zip(place, y.shape[1:-1], self.stride, positions, strict=True)
        ]
        return lax.pad(y, jnp.zeros((), y.dtype), [(0, 0, 0), *pads, (0, 0, 0)])


def per_axis(name: str, value: Any, axes: int) -> tuple[int, ...]:
    """Gives one positive whole number an axis; refuses anything else."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * axes
    right = len(values) == axes and all(
        isinstance(v, (int, np.integer)) and not isinstance(v, bool) and v >= 1 for v in values
    )
    if not right:
        raise ValueError(
            f"{name} must be a positive whole number, or {axes} of them, one for each axis of "
            f"positions. Got {value!r}."
        )
    return tuple(map(int, values))


def paddings(value: Any, axes: int) -> str | tuple[tuple[int, int], ...]:
    """Gives the padding of each axis; refuses what is no padding."""
    if value in ("SAME", "VALID"):
        return value
    pairs = [(value, value)] * axes if isinstance(value, (int, np.integer)) else value
    try:
        result = tuple((int(low), int(high)) for low, high in pairs)
    except (TypeError, ValueError):
        result = ()
    if len(result) != axes or any(p < 0 for pair in result for p in pair):
        raise ValueError(
            'padding must be "SAME", "VALID", a number of zeros, or a pair (before, after) for '
            f"each of the {axes} axes of positions. Got {value!r}."
        )
    return result


def positions_and_channels(x: Any, axes: int) -> None:
    """Refuses an input that is not (examples, positions..., channels)."""
    floating("x", x)
    if jnp.ndim(x) != axes + 2:
        names = ("length",) if axes == 1 else ("rows", "columns")
        raise ValueError(
            f"x must have shape (n, {', '.join(names)}, channels). Got {jnp.shape(x)}. "
            "Put the examples first and the channels last; x[..., None] adds one channel."
        )


def whole_groups(groups: int, **channels: int) -> None:
    """Refuses channels that cannot be parted into groups of equal size."""
    for name, number in channels.items():
        if number % groups:
            near = [g for g in range(1, number + 1) if number % g == 0]
            raise ValueError(
                f"groups must divide the number of {name}. Got {groups} for {number}. "
                f"Use {min(near, key=lambda g: abs(g - groups))}."
            )


def some_position_left(
    x: Any, covered: Sequence[int], pads: Sequence[tuple[int, int]] | None = None
) -> None:
    """Refuses an input that is smaller than a window."""
    positions = jnp.shape(x)[1:-1]
    pads = [(0, 0)] * len(positions) if pads is None else pads
    if any(n + sum(p) < c for n, p, c in zip(positions, pads, covered, strict=True)):
        raise ValueError(
            f"A window of {' x '.join(map(str, covered))} positions must fit into the padded input."
            f" Got x of shape {jnp.shape(x)}. Take a smaller window, or pad more."
        )
