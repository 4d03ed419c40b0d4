"""The interpreter of jaxprs: every equation that is used, by the table of readings."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from derivations.lift import Unsupported
from derivations.modular.registry import READINGS
from derivations.modular.sides import note_signs, record
from derivations.modular.trial import Trial
from derivations.modular.value import Value
from derivations.primitives.registry import REFUSED


def closed(trial: Trial, jaxpr: Any, args: Sequence[Value]) -> list[Value]:
    """Executes a closed jaxpr."""
    return opened(trial, jaxpr.jaxpr, [trial.constant(c) for c in jaxpr.consts], args)


def opened(trial: Trial, jaxpr: Any, consts: Sequence[Value], args: Sequence[Value]) -> list[Value]:
    """Executes an open jaxpr, given its constants and arguments.

    Raises:
      Unsupported: There is no reading for a primitive; the text names it and the source line.
    """
    values: dict[Any, Value] = {}

    def read(atom: Any) -> Value:
        return trial.constant(atom.val) if hasattr(atom, "val") else values[atom]

    values.update(zip(jaxpr.constvars, consts, strict=True))
    values.update(zip(jaxpr.invars, args, strict=True))
    for eqn in _used(jaxpr):
        trial.check_time()
        try:
            outs = _read(trial, eqn, tuple(map(read, eqn.invars)))
        except Unsupported as error:
            raise error.within(eqn) from None
        values.update(zip(eqn.outvars, outs, strict=True))
    return [read(v) for v in jaxpr.outvars]


def _read(trial: Trial, eqn: Any, operands: tuple[Value, ...]) -> list[Value]:
    """Gives the results of one equation; those of an equal one, if there was one before."""
    name = eqn.primitive.name
    reading = READINGS.get(name)
    if reading is None:
        raise Unsupported(f"the primitive {name}{REFUSED.get(name, '')}")
    key = (name, tuple(map(id, operands)), tuple(eqn.params.items()))
    try:
        known = trial.results.get(key)
    except TypeError:  # a parameter without a hash
        key = known = None
    if known is not None:
        return known[1]
    with np.errstate(all="ignore"):
        outs = reading(trial, eqn, *operands)
    outs = outs if isinstance(outs, list) else [outs]
    record(trial, eqn, operands, outs)
    note_signs(trial, eqn, operands, outs)
    if key is not None:
        trial.results[key] = operands, outs  # the operands keep their identity while this is kept
    return outs


def _used(jaxpr: Any) -> list[Any]:
    """Gives the equations whose results are used (gradient jaxprs keep dead calls)."""
    needed = {v for v in jaxpr.outvars if not hasattr(v, "val")}
    used = []
    for eqn in reversed(jaxpr.eqns):
        if any(v in needed for v in eqn.outvars):
            used.append(eqn)
            needed.update(v for v in eqn.invars if not hasattr(v, "val"))
    return used[::-1]
