"""The same rule at other values and longer axes: what the example hides is seen there."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import jax

from derivations.doors import subject_of, with_defaults
from derivations.subject import Subject
from derivations.trace import double_precision

MOST_LENGTHENED = 3  # arguments of which every choice is tried


def redrawn(thing: Any, args: Sequence[Any]) -> Iterator[Subject]:
    """Gives the rule with other values of its static numbers.

    What is below one stays there, and what is zero becomes positive: it may be a rate.
    """
    if not isinstance(thing, (jax.custom_vjp, jax.custom_jvp)):
        return
    given = with_defaults(thing.fun, args)
    floats = [i for i in thing.nondiff_argnums if type(given[i]) is float]
    whole = [i for i in thing.nondiff_argnums if type(given[i]) is int]
    for places in ([floats] if floats else []) + [[i] for i in whole]:
        changed = [_other(v) if i in places else v for i, v in enumerate(given)]
        yield subject_of(thing, changed)


def _other(value: float | int) -> float | int:
    if isinstance(value, int):
        return value + 1
    return value * (1.5 if abs(value) >= 1 else 0.75) or 0.25


def lengthened(subject: Subject) -> Iterator[list[Subject]]:
    """Gives the rule with axes of length one made longer, first axes and last ones apart.

    The options of each are choices among the arguments, few of them first.
    """
    if subject.fixed:
        return
    for axis in (0, -1):
        ones = [i for i, s in enumerate(subject.shapes) if s.shape and s.shape[axis] == 1]
        few = len(ones) <= MOST_LENGTHENED
        counts = range(1, len(ones) + 1) if few else [1, len(ones)]
        choices = itertools.chain.from_iterable(itertools.combinations(ones, n) for n in counts)
        options = [_longer(subject, chosen, axis) for chosen in choices]
        yield [option for option in options if _runs(option)]


def _longer(subject: Subject, chosen: tuple[int, ...], axis: int) -> Subject:
    taken = {d for s in subject.shapes for d in s.shape}
    size = next(d for d in itertools.count(2) if d not in taken)
    shapes = list(subject.shapes)
    for i in chosen:
        dims = list(shapes[i].shape)
        dims[axis] = size
        shapes[i] = jax.ShapeDtypeStruct(tuple(dims), shapes[i].dtype)
    return subject._replace(shapes=tuple(shapes))


def _runs(subject: Subject) -> bool:
    try:
        with double_precision():
            jax.eval_shape(subject.primal, *subject.shapes)
    except Exception:  # the code is not meant for a longer axis
        return False
    return True
