"""The same rule at other values and other sizes: what the example hides is seen there."""

import functools
import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax

from derivations.doors import subject_of, with_defaults
from derivations.subject import Subject, from_passes, is_rule
from derivations.trace import double_precision

MOST_AXES = 5  # of one size, of which every choice is tried
Axis = tuple[int, int]  # an argument, and the place of an axis in its shape


def redrawn(thing: Any, args: Sequence[Any]) -> Iterator[Subject]:
    """Gives the rule with other values of its static numbers, and of defaults not handed over.

    What is below one stays there, and what is zero becomes positive: it may be a rate.
    """
    if is_rule(thing):
        yield from _with_other_defaults(thing, args)
    if not isinstance(thing, (jax.custom_vjp, jax.custom_jvp)):
        return
    given = with_defaults(thing.fun, args)
    floats = [i for i in thing.nondiff_argnums if type(given[i]) is float]
    whole = [i for i in thing.nondiff_argnums if type(given[i]) is int]
    for places in ([floats] if floats else []) + [[i] for i in whole]:
        changed = [_other(v) if i in places else v for i, v in enumerate(given)]
        yield subject_of(thing, changed)


def _with_other_defaults(rule: Any, args: Sequence[Any]) -> Iterator[Subject]:
    """Gives a `Rule` with other defaults, where both its primal and its fwd have parameters so.

    Where its bwd has one of that name too, it is handed over; else the residuals have to carry it.
    """
    defaults = [_further_floats(function, len(args)) for function in (rule.primal, rule.fwd)]
    shared = {k: _other(v) for k, v in defaults[0].items() if k in defaults[1]}
    if shared:
        primal, fwd = (functools.partial(f, **shared) for f in (rule.primal, rule.fwd))
        own = _further_floats(rule.bwd, 2)
        bwd = functools.partial(rule.bwd, **{k: v for k, v in shared.items() if k in own})
        subject = from_passes(rule.name, "rule", primal, fwd, bwd, args, named=rule.primal)
        fixed = tuple(f"{name} is fixed to {value!r}" for name, value in shared.items())
        yield subject._replace(assumptions=fixed)


def _further_floats(function: Callable[..., Any], count: int) -> dict[str, float]:
    """Gives the parameters after the first ones that are floats by default."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return {}  # a callable that does not tell its parameters
    return {p.name: p.default for p in parameters[count:] if type(p.default) is float}


def _other(value: Any) -> Any:
    if isinstance(value, int):
        return value + 1
    return value * (1.5 if abs(value) >= 1 else 0.75) or 0.25


def lengthened(subject: Subject) -> Iterator[tuple[frozenset[Axis], Subject]]:
    """Gives the rule with axes of length one made longer, many of them first, and which they are.

    Only such choices at which both passes run: elsewhere the code was not meant for it.
    """
    ones = _axes(subject).get(1, [])
    if subject.fixed or not ones:
        return
    few = len(ones) <= MOST_AXES
    for count in range(len(ones), 0, -1) if few else (len(ones), 1):
        for chosen in itertools.combinations(ones, count):
            longer = _resized(subject, chosen)
            if longer is not None:
                yield frozenset(chosen), longer


def untied(subject: Subject) -> Subject | None:
    """Gives the rule with sizes that are equal in the example made different, where it runs so."""
    if subject.fixed:
        return None
    found = subject
    for size, axes in _axes(subject).items():
        if size == 1 or len(axes) > MOST_AXES:
            continue
        # The fewest axes that can change together, again and again; the last ones keep their size.
        left = axes
        while (parted := _parted(found, left)) is not None:
            found, left = parted
    return None if found is subject else found


def _parted(subject: Subject, axes: list[Axis]) -> tuple[Subject, list[Axis]] | None:
    for count in range(1, len(axes)):
        for chosen in itertools.combinations(axes, count):
            other = _resized(subject, chosen)
            if other is not None:
                return other, [axis for axis in axes if axis not in chosen]
    return None


def _axes(subject: Subject) -> dict[int, list[Axis]]:
    """Gives the axes of each size."""
    found: dict[int, list[Axis]] = {}
    for i, shape in enumerate(subject.shapes):
        for axis, size in enumerate(shape.shape):
            if isinstance(size, int):
                found.setdefault(size, []).append((i, axis))
    return found


def _resized(subject: Subject, chosen: Sequence[Axis]) -> Subject | None:
    """Gives the rule with another size of some axes, one that no axis has if that is possible."""
    taken = {d for s in subject.shapes for d in s.shape}
    fresh = next(d for d in itertools.count(2) if d not in taken)
    for size in dict.fromkeys((fresh, 2)):
        shapes = list(subject.shapes)
        for i, axis in chosen:
            dims = list(shapes[i].shape)
            dims[axis] = size
            shapes[i] = jax.ShapeDtypeStruct(tuple(dims), shapes[i].dtype)
        other = subject._replace(shapes=tuple(shapes))
        if other.shapes != subject.shapes and _runs(other):
            return other
    return None


def _runs(subject: Subject) -> bool:
    """Tells whether both passes run, and give cotangents of the right shapes."""

    def both(*arrays: Any) -> tuple[Any, Any]:
        outputs = subject.primal(*arrays)
        return outputs, subject.pull(arrays, outputs)

    try:
        with double_precision():
            jax.eval_shape(subject.primal, *subject.shapes)  # fails sooner than both
            _, pulled = jax.eval_shape(both, *subject.shapes)
    except Exception:  # whatever the code raises where it is not meant for these sizes
        return False
    return all(
        pulled[i] is None or pulled[i].shape == subject.shapes[i].shape for i in subject.wanted
    )
