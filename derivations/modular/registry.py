"""The table of readings: what each primitive does to values."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from derivations.lift import kind_of
from derivations.modular.trial import Trial
from derivations.modular.value import Value

Reading = Callable[..., Any]  # (trial, eqn, *operands) -> Value, or a list of them
READINGS: dict[str, Reading] = {}


def reads(*names: str) -> Callable[[Reading], Reading]:
    """Registers the reading of primitives."""

    def register(reading: Reading) -> Reading:
        READINGS.update(dict.fromkeys(names, reading))
        return reading

    return register


def is_float(eqn: Any, output: int = 0) -> bool:
    """Tells whether an output is an array of real numbers."""
    return kind_of(eqn.outvars[output].aval.dtype) == "float"


def shape_of(eqn: Any, output: int = 0) -> tuple[int, ...]:
    """Gives the shape of an output."""
    return tuple(eqn.outvars[output].aval.shape)


def by_jax(eqn: Any, arrays: Sequence[np.ndarray], **changes: Any) -> list[np.ndarray]:
    """Runs a primitive as JAX does."""
    params = eqn.primitive.get_bind_params({**eqn.params, **changes})
    subfuns, params = params if isinstance(params, tuple) else ([], params)
    found = eqn.primitive.bind(*subfuns, *(jnp.asarray(a) for a in arrays), **params)
    return [np.asarray(x) for x in (found if eqn.primitive.multiple_results else [found])]


def whole_numbers(eqn: Any, operands: Sequence[Value]) -> list[Value]:
    """Runs a primitive on whole numbers and truth values: exactly, in their own dtypes."""
    return [Value(x) for x in by_jax(eqn, [a.shadow for a in operands])]


def placed(trial: Trial, value: Value, positions: np.ndarray) -> Value:
    """Gives the entries at flat positions; -1 stands for zero (or false)."""
    outside = positions < 0
    if not outside.any():
        return value.moved(lambda a: a.reshape(-1)[positions], trial.atom)

    def move(a: np.ndarray) -> np.ndarray:
        return np.where(outside, np.zeros((), a.dtype), a.reshape(-1)[positions])

    moved = value.moved(move, trial.atom)
    if not value.real:
        return moved

    def exponential() -> Any:
        e = trial.exponential(value)
        found = (np.where(outside, 1, r.reshape(-1)[positions]) for r in e.residues)
        return e._replace(residues=tuple(found))

    return Value(
        moved.shadow, moved.residues, moved.degree, exponential, None, moved.whole, moved.factor
    )
