"""Samples: a rule and the truth in numbers, at several random points and sizes."""

import contextlib
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import jax
import numpy as np

from derivations import clock
from derivations.lift import Unsupported
from derivations.naming.programs import Program, TooMuch, Values, program_of, run
from derivations.subject import Subject
from derivations.trace import (
    by_jax,
    concrete,
    double_precision,
    small_sizes,
    symbolic,
)
from derivations.verdict import Witness

CLOSE = 1e-9
MOST_ENTRIES = 150


class Setting(NamedTuple):
    """A subject traced at one set of sizes."""

    sizes: dict[str, int]
    avals: tuple[jax.ShapeDtypeStruct, ...]
    outputs: tuple[jax.ShapeDtypeStruct, ...]
    primal: Program
    value: Program
    rule: Program
    given: tuple[int, ...]  # which wanted arguments the rule gives a cotangent of
    truth: Program
    wanted: tuple[int, ...]


class Sample(NamedTuple):
    """One point: what goes in, and every value on the way."""

    setting: Setting
    arrays: list[np.ndarray]
    cotangents: list[np.ndarray]
    primal: Values
    rule: Values
    found: dict[int, np.ndarray]  # by argument; a missing one is a cotangent that is not given
    truth: dict[int, np.ndarray]

    @property
    def inputs(self) -> list[np.ndarray]:
        """The arrays and the cotangents after them."""
        return [*self.arrays, *self.cotangents]

    @property
    def outputs(self) -> list[np.ndarray]:
        """The primal's outputs."""
        return [self.primal[o] for o in self.setting.primal.outputs]


def traced(
    subject: Subject, avals: Sequence[jax.ShapeDtypeStruct], sizes: dict[str, int]
) -> Setting:
    """Traces a subject at concrete shapes: what its code raises goes through."""
    count = len(avals)
    wanted = tuple(i for i, a in enumerate(avals) if a.dtype == np.float64)
    given: list[int] = []

    def rule(*everything: Any) -> list[Any]:
        pulled = subject.pull(everything[:count], everything[count:])
        there = [
            i
            for i in wanted
            if pulled[i] is not None and getattr(pulled[i], "dtype", None) != jax.dtypes.float0
        ]
        given[:] = there
        return [pulled[i] for i in there]

    with double_precision():
        primal = jax.make_jaxpr(subject.primal)(*avals)  # calls are inlined: rules are stripped
        outputs = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in primal.out_avals]
        pulled = jax.make_jaxpr(rule)(*avals, *outputs)
        truth = jax.make_jaxpr(by_jax(subject, wanted))(*avals, *outputs)
        value = jax.make_jaxpr(subject.value)(*avals)
    programs = [program_of(p) for p in (primal, value, pulled, truth)]
    return Setting(
        sizes, tuple(avals), tuple(outputs), programs[0], programs[1], programs[2], tuple(given),
        programs[3], wanted,
    )  # fmt: skip


def at(
    setting: Setting,
    arrays: Sequence[np.ndarray],
    cotangents: Sequence[np.ndarray],
    deadline: float,
) -> Sample:
    """Evaluates everything at one point."""
    inputs = [*arrays, *cotangents]
    rule, truth = run(setting.rule, inputs, deadline), run(setting.truth, inputs, deadline)
    return Sample(
        setting, list(arrays), list(cotangents), run(setting.primal, arrays, deadline), rule,
        {i: rule[o] for i, o in zip(setting.given, setting.rule.outputs, strict=True)},
        {i: truth[o] for i, o in zip(setting.wanted, setting.truth.outputs, strict=True)},
    )  # fmt: skip


def samples(subject: Subject, witness: Witness | None, deadline: float) -> list[Sample]:
    """Gives points at several sizes, those around the witness first."""
    found: list[Sample] = []
    with double_precision(), np.errstate(all="ignore"):
        for setting, example in settings(subject, witness, deadline):
            draw = np.random.default_rng(len(found))
            for arrays in points(setting, example, draw):
                if clock.now() > deadline:
                    return found
                count = len(setting.avals)
                sample = at(setting, arrays[:count], arrays[count:], deadline)
                if all(np.isfinite(t).all() for t in sample.truth.values()):
                    found.append(sample)
    return found


def settings(
    subject: Subject, witness: Witness | None, deadline: float
) -> Iterator[tuple[Setting, list[np.ndarray] | None]]:
    """Traces at the witness's sizes, which come with its arrays, and at small ones."""
    general = symbolic(subject.shapes, subject.names)
    if witness is not None:
        arrays = read(subject, witness)
        shapes = [
            jax.ShapeDtypeStruct(a.shape, aval.dtype)
            for a, aval in zip(arrays, general.avals, strict=False)
        ]
        sizes = _sizes(general, shapes)
        if len(set(sizes.values())) < len(sizes):
            # Axes of one length are not told apart: the witness is repeated along some of them.
            sizes = small_sizes(general)
            shapes = concrete(general, sizes).avals
        with contextlib.suppress(Unsupported):
            setting = traced(subject, shapes, sizes)
            avals = [*setting.avals, *setting.outputs]
            yield setting, [_repeated(a, v.shape) for a, v in zip(arrays, avals, strict=True)]
    wanted = [
        small_sizes(general),
        _other_sizes(list(general.sizes)),
        general.sizes,
    ]
    done = 0
    for sizes in wanted[: 3 if general.sizes else 1]:
        if done == 2 or clock.now() > deadline:
            return
        avals = concrete(general, sizes).avals
        if max((math.prod(a.shape) for a in avals), default=1) > MOST_ENTRIES:
            continue
        try:
            yield traced(subject, avals, sizes), None
        except TooMuch:
            raise
        except Exception:  # the user's code may refuse other sizes than its own
            continue
        done += 1


def _repeated(array: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Gives an array of another shape, with the same entries over and over."""
    for axis, size in enumerate(shape):
        array = np.take(array, np.arange(size) % max(1, array.shape[axis]), axis=axis)
    return array


def _other_sizes(names: list[str]) -> dict[str, int]:
    """Gives sizes in falling order, none of them what it is in rising order: odd + even differ."""
    first = max(5, len(names) + 1 | 1)
    return {name: first - i for i, name in enumerate(names)}


def _sizes(general: Any, shapes: Sequence[jax.ShapeDtypeStruct]) -> dict[str, int]:
    sizes = {}
    for aval, shape in zip(general.avals, shapes, strict=True):
        for dim, size in zip(aval.shape, shape.shape, strict=True):
            if not isinstance(dim, int):
                sizes[str(dim)] = size
    return sizes


def read(subject: Subject, witness: Witness) -> list[np.ndarray]:
    """Gives a witness's arrays, and its first cotangents after them."""
    taken = set(subject.names)
    arrays = [witness.inputs[name] for name in subject.names]
    arrays += [v for k, v in witness.inputs.items() if k.startswith("cotangent") and k not in taken]
    return [np.vectorize(lambda text: float(Fraction(text)), otypes=[float])(a) for a in arrays]


def points(
    setting: Setting, example: list[np.ndarray] | None, draw: np.random.Generator
) -> Iterator[list[np.ndarray]]:
    """Gives arrays and cotangents: around an example, or of several scales."""
    avals = [*setting.avals, *setting.outputs]
    if example is not None:
        example = [np.asarray(a, aval.dtype) for a, aval in zip(example, avals, strict=True)]
        # A shrunk witness has zeros that hide what is wrong; one on a boundary must stay there.
        plain = all(array.all() for array in example[len(setting.avals) :])
        for scale in (0.0 if plain else 0.5, 0.05, 0.1, 0.2):
            yield [_around(a, scale, draw) for a in example]
        return
    for low, high, signed in ((0.3, 1.7, True), (0.2, 1.5, False), (0.5, 5.0, True)):
        yield [_drawn(aval, low, high, signed, draw, setting.sizes) for aval in avals]


def _around(array: np.ndarray, scale: float, draw: np.random.Generator) -> np.ndarray:
    if array.dtype != np.float64:
        return array
    return array * (1 + scale / 100 * draw.uniform(-1, 1, array.shape)) + scale * draw.uniform(
        -1, 1, array.shape
    )


def _drawn(
    aval: jax.ShapeDtypeStruct,
    low: float,
    high: float,
    signed: bool,
    draw: np.random.Generator,
    sizes: dict[str, int],
) -> np.ndarray:
    if aval.dtype == np.float64:
        values = draw.uniform(low, high, aval.shape)
        # A number by itself is a temperature or a slope as often as not.
        return values * (draw.choice([-1, 1], aval.shape) if signed and aval.shape else 1)
    if aval.dtype == np.bool_:
        return draw.integers(0, 2, aval.shape).astype(bool)
    whole = draw.integers(0, max(1, min(sizes.values(), default=2)), aval.shape)
    if whole.size > 1:
        whole.flat[1] = whole.flat[0]  # repeated on purpose
    return whole.astype(aval.dtype)


def same(a: Any, b: Any, scale: Any = 0.0) -> bool:
    """Tells whether two arrays agree, up to rounding of what they are made of."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    size = max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0), float(np.max(scale)))
    gap = np.abs(a - b).max(initial=0.0)
    return bool(gap <= CLOSE * max(size, 1e-12))
