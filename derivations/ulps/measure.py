"""Running a function over the floats of a dtype, beside its reference."""

import contextlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from derivations.ulps import floats
from derivations.ulps.floats import Format, format_of
from derivations.ulps.reference import MOST_EXACT, references
from derivations.ulps.scalar import Scalar
from derivations.ulps.tally import Errors, Tally, direction, seen_direction
from derivations.ulps.taylor import BAND

Inputs = Literal["sample", "band", "all"]
_PART = 1 << 17  # inputs at a time: what fits a cache
_PART_DOUBLE = MOST_EXACT  # of doubles, so that none is left out
SPECIAL = ("0", "-0", "inf", "-inf", "nan", "subnormal", "-subnormal", "max", "-max")


@contextlib.contextmanager
def enabled(form: Format) -> Iterator[None]:
    """Lets JAX compute in a format."""
    if form.name != "float64":
        yield
        return
    with jax.enable_x64(True):
        yield


def places(form: Format, inputs: Inputs) -> Iterator[np.ndarray]:
    """Gives the places of the inputs, in ascending order, a part at a time."""
    if inputs == "sample":
        chosen = floats.every(form) if form.digits < 24 else floats.sampled(form)
        part = _PART if form.digits <= 24 else _PART_DOUBLE
        for i in range(0, len(chosen), part):
            yield chosen[i : i + part]
        return
    low, high = BAND if inputs == "band" else (0, floats.place(form.largest, form) + 1)
    for start, stop in ((1 - high, 1 - low), (low, high)):
        for i in range(start, stop, _PART):
            yield np.arange(i, min(i + _PART, stop))


def measured(function: Scalar, form: Format, inputs: Inputs) -> tuple[Errors, Errors]:
    """Measures a function and its derivative."""
    run = _compiled(function)
    tallies: list[Tally] = []
    for chosen in places(form, inputs):
        given = floats.at(chosen, form)
        with enabled(form):
            answers = [np.asarray(a)[: len(given)] for a in run(_padded(given, form))]
        results = [format_of(a.dtype) for a in answers]
        tallies = tallies or [Tally(form, result) for result in results]
        x = given.astype(np.float64)
        truth, derived = references(function, x, results[0], band=inputs == "band")
        neighbours = np.append(np.diff(chosen) == 1, False)
        rises = direction(derived), seen_direction(derived, results[1])
        for tally, answer, true, way in zip(tallies, answers, (truth, derived), rises, strict=True):
            tally.add(x, answer.astype(np.float64), true, way, neighbours)
    first, second = tallies
    return first.errors(), second.errors()


@lru_cache(maxsize=8)
def _compiled(function: Scalar) -> Callable[[Any], tuple[jax.Array, jax.Array]]:
    """Gives value and derivative, each compiled alone: together XLA would share their parts."""
    value, slope = jax.jit(function.value), jax.jit(function.slope)
    return lambda x: (value(x), slope(x))


def _padded(given: np.ndarray, form: Format) -> Any:
    """Fills up to one length, so that it compiles once."""
    size = _PART if form.digits == 24 else MOST_EXACT
    return jnp.asarray(np.pad(given, (0, size - len(given)), constant_values=1))


def special(function: Scalar, form: Format) -> dict[str, tuple[float, float]]:
    """Gives value and derivative at zeros, infinities, NaN, subnormal and the largest numbers."""
    words = {"subnormal": form.tiny / 4, "max": form.largest}
    names = [s.removeprefix("-") for s in SPECIAL]
    numbers = [words[name] if name in words else float(name) for name in names]
    signed = [-n if s.startswith("-") else n for n, s in zip(numbers, SPECIAL, strict=True)]
    with enabled(form):
        x = _padded(np.array(signed, jnp.dtype(form.name)), form)
        answers = [np.asarray(a)[: len(SPECIAL)] for a in _compiled(function)(x)]
    pairs = zip(*(a.astype(np.float64).tolist() for a in answers), strict=True)
    return dict(zip(SPECIAL, pairs, strict=True))
