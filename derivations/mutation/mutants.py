"""The mutants of a backward pass: its jaxpr, with one mistake in it, evaluated."""

import contextlib
import os
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
from jax.extend import core

from derivations.mutation.changes import bind, changes

# Where an equation stands: its number, then for an inner jaxpr the parameter, its place, and so on.
Path = tuple[Any, ...]
_CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "checkpoint": "jaxpr",
    "remat2": "jaxpr",
}
_CONTROL = {"scan": ("jaxpr",), "while": ("body_jaxpr",), "cond": ("branches",)}


class Line(NamedTuple):
    """A line of source code."""

    file: str
    number: int


class Mutant(NamedTuple):
    """A backward pass with one mistake.

    Attributes:
      key: What it is called in every process and at every shape.
      line: The line of the user's code that the mistake stands for.
      words: What was done.
      run: `run(*arrays) -> outputs`.
    """

    key: str
    line: Line
    words: str
    run: Callable[..., list[Any]]


def mutants(
    closed: Any, home: Line, residuals: dict[int, str], arguments: Sequence[str]
) -> list[Mutant]:
    """Gives the mutants of a traced backward pass.

    Args:
      closed: The jaxpr of arrays to cotangents.
      home: Where the backward pass is defined.
      residuals: Which of the arrays are residuals, and what they are called.
      arguments: For each cotangent, what the argument is called.
    """
    return [
        *_of_equations(closed, home),
        *_of_residuals(closed, home, residuals),
        *_of_cotangents(closed, home, arguments),
    ]


def wide(closed: Any) -> contextlib.AbstractContextManager[Any]:
    """Turns 64 bits on for a jaxpr that has them, wherever it is evaluated."""
    if any(aval.dtype == np.float64 for aval in closed.in_avals):
        return jax.enable_x64(True)
    return contextlib.nullcontext()


def fits(closed: Any, mutant: Mutant) -> bool:
    """Tells whether a mutant runs, and gives the shapes and dtypes of the original."""
    try:
        with wide(closed):
            avals = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in closed.in_avals]
            outputs = jax.eval_shape(mutant.run, *avals)
    except (TypeError, ValueError):
        return False  # a mistake that JAX itself would not let pass
    return all(
        (o.shape, o.dtype) == (a.shape, a.dtype)
        for o, a in zip(outputs, closed.out_avals, strict=True)
    )


def evaluate(closed: Any, *arrays: Any) -> list[Any]:
    """Evaluates a jaxpr as it is."""
    return _evaluate(closed.jaxpr, closed.consts, arrays, (), bind)


def _of_equations(closed: Any, home: Line) -> Iterator[Mutant]:
    seen: Counter[Any] = Counter()
    for path, eqn, line in _equations(closed.jaxpr, (), home):
        name = eqn.primitive.name
        seen[line, name] += 1
        place = f"{line.file}:{line.number} {name} {seen[line, name]}"
        for change in changes(eqn):
            yield Mutant(
                f"{place}: {change.name or change.words}",
                line,
                change.words,
                lambda *arrays, path=path, run=change.run: _evaluate(
                    closed.jaxpr, closed.consts, arrays, path, lambda eqn, inputs: run(inputs)
                ),
            )


def _of_residuals(closed: Any, home: Line, residuals: dict[int, str]) -> Iterator[Mutant]:
    avals = closed.in_avals
    used = {v for eqn in closed.jaxpr.eqns for v in eqn.invars if not isinstance(v, core.Literal)}
    used |= {v for v in closed.jaxpr.outvars if not isinstance(v, core.Literal)}
    for place, name in residuals.items():
        for other, others_name in residuals.items():
            same = (avals[place].shape, avals[place].dtype) == (
                avals[other].shape,
                avals[other].dtype,
            )
            if place == other or not same or closed.jaxpr.invars[place] not in used:
                continue
            words = f"{others_name} taken for {name}"
            yield Mutant(
                f"{home.file}:{home.number} residuals: {words}",
                home,
                words,
                lambda *arrays, place=place, other=other: evaluate(
                    closed, *arrays[:place], arrays[other], *arrays[place + 1 :]
                ),
            )


def _of_cotangents(closed: Any, home: Line, arguments: Sequence[str]) -> Iterator[Mutant]:
    for place, (aval, name) in enumerate(zip(closed.out_avals, arguments, strict=True)):
        if not jnp.issubdtype(aval.dtype, jnp.floating):
            continue
        words = f"the cotangent of {name} set to zero"

        def run(*arrays: Any, place: int = place) -> list[Any]:
            outputs = evaluate(closed, *arrays)
            return [jnp.zeros_like(o) if i == place else o for i, o in enumerate(outputs)]

        yield Mutant(f"{home.file}:{home.number} cotangents: {words}", home, words, run)


# --- evaluation ---------------------------------------------------------------------------------


def _evaluate(
    jaxpr: Any, consts: Sequence[Any], arrays: Sequence[Any], path: Path, change: Any
) -> list[Any]:
    """Evaluates a jaxpr; at the equation of the path, if there is one, it is `change` that acts."""
    values: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    values.update(zip(jaxpr.invars, arrays, strict=True))

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, core.Literal) else values[atom]

    for number, eqn in enumerate(jaxpr.eqns):
        inputs = [read(atom) for atom in eqn.invars]
        if not path or number != path[0]:
            outputs = bind(eqn, inputs)
        elif len(path) == 1:
            outputs = change(eqn, inputs)
        else:
            outputs = _inside(eqn, inputs, path[1], path[2:], change)
        values.update(zip(eqn.outvars, outputs, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _inside(
    eqn: Any, inputs: Sequence[Any], inner: tuple[str, int | None], path: Path, change: Any
) -> list[Any]:
    name, place = inner
    whole = eqn.params[name]
    jaxpr, consts = _opened(whole if place is None else whole[place])
    if eqn.primitive.name in _CALLS:
        return _evaluate(jaxpr, consts, inputs, path, change)

    def run(*arrays: Any) -> list[Any]:
        return _evaluate(jaxpr, consts, arrays, path, change)

    avals = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in jaxpr.invars]
    changed = jax.make_jaxpr(run)(*avals)
    if place is not None:
        changed = (*whole[:place], changed, *whole[place + 1 :])
    return bind(eqn, inputs, **{name: changed})


def _opened(jaxpr: Any) -> tuple[Any, Sequence[Any]]:
    return (jaxpr.jaxpr, jaxpr.consts) if hasattr(jaxpr, "consts") else (jaxpr, ())


# --- where equations stand ----------------------------------------------------------------------


def _equations(jaxpr: Any, path: Path, outer: Line) -> Iterator[tuple[Path, Any, Line]]:
    """Gives the equations that matter, those of inner jaxprs too, with their lines."""
    for number, eqn in _alive(jaxpr):
        line = _line(eqn) or outer
        here = (*path, number)
        yield here, eqn, line
        name = eqn.primitive.name
        if name in _CALLS:
            inner, _ = _opened(eqn.params[_CALLS[name]])
            for below, inside, own in _equations(inner, (*here, (_CALLS[name], None)), line):
                # What jit has traced once it keeps, with the lines of the first call.
                yield below, inside, own if _line(eqn) is None else line
        for parameter in _CONTROL.get(name, ()):
            bodies = eqn.params[parameter]
            several = isinstance(bodies, (tuple, list))
            for place, body in enumerate(bodies if several else [bodies]):
                inner, _ = _opened(body)
                yield from _equations(inner, (*here, (parameter, place if several else None)), line)


def _alive(jaxpr: Any) -> list[tuple[int, Any]]:
    used = {v for v in jaxpr.outvars if not isinstance(v, core.Literal)}
    alive = []
    for number, eqn in reversed(list(enumerate(jaxpr.eqns))):
        if any(v in used for v in eqn.outvars):
            alive.append((number, eqn))
            used.update(v for v in eqn.invars if not isinstance(v, core.Literal))
    return alive[::-1]


def _folder(path: str | None) -> str:
    return os.path.join(os.path.dirname(path or ""), "")


_JAX = (_folder(jax.__file__), _folder(jaxlib.__file__))
_PYTHON = os.path.join(sysconfig.get_path("stdlib"), "")
_OURS = _folder(__file__)


def _line(eqn: Any) -> Line | None:
    """Gives the line that an equation comes from: the innermost outside JAX and Python."""
    traceback = getattr(eqn.source_info, "traceback", None)
    for frame in traceback.frames if traceback is not None else ():
        path = frame.file_name
        if path.startswith(_OURS):
            return None  # beyond it stands whoever called the backward pass
        library = path.startswith(_PYTHON) and "site-packages" not in path
        if not (library or path.startswith(_JAX)) and os.path.isabs(path):
            return Line(path, frame.line_num)
    return None
