"""The largest number in each window: max pooling."""

import itertools
from typing import Any

import numpy as np

from derivations.modular.ordering import largest_of
from derivations.modular.registry import placed, reads, shape_of, whole_numbers
from derivations.modular.trial import Trial
from derivations.modular.value import Value


@reads("reduce_window_max", "reduce_window_min")
def _reduce_window_extreme(trial: Trial, eqn: Any, a: Value) -> Any:
    if not a.real:
        return whole_numbers(eqn, [a])
    sign = 1 if eqn.primitive.name == "reduce_window_max" else -1
    rows = _windows(a.shadow.shape, shape_of(eqn), eqn.params)
    return placed(trial, a, largest_of(trial, a, rows, sign).reshape(shape_of(eqn)))


def _windows(shape: tuple[int, ...], out: tuple[int, ...], params: Any) -> np.ndarray:
    """Gives the flat positions in each window, -1 for what is padding."""
    columns = []
    for offset in itertools.product(*map(range, params["window_dimensions"])):
        inside, places = np.ones(out, bool), []
        for axis, at in enumerate(offset):
            start = np.arange(out[axis]) * params["window_strides"][axis]
            place = start + at * params["window_dilation"][axis] - params["padding"][axis][0]
            within, between = np.divmod(place, params["base_dilation"][axis])
            spread = [-1 if i == axis else 1 for i in range(len(out))]
            good = (within >= 0) & (within < shape[axis]) & (between == 0)
            inside &= good.reshape(spread)
            places.append(np.where(good, within, 0).reshape(spread))
        flat = np.ravel_multi_index(np.broadcast_arrays(*places), shape)
        columns.append(np.where(inside, flat, -1).reshape(-1))
    return np.stack(columns, 1)
