"""Which way the comparisons of the code fell: what no drawn point takes was not compared."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from derivations.lift import source_line
from derivations.modular.trial import Trial
from derivations.modular.value import Value

COMPARISONS = ("lt", "le", "gt", "ge")  # two real numbers are equal on boundaries alone
LARGER = ("max", "min")
SIGNS = ("abs", "sign")
ROUNDINGS = ("floor", "ceil", "round", "rem")
# How these order their numbers has too many ways for all of them to be seen.
ORDERS = ("sort", "top_k", "argmax", "argmin", "reduce_max", "reduce_min", "cummax", "cummin",
          "reduce_window_max", "reduce_window_min", "select_and_scatter_add")  # fmt: skip


class Side(NamedTuple):
    """A comparison in the code, and one of the ways that it fell.

    Attributes:
      equation: The equation that makes it, as an object.
      part: Which comparison of the equation.
      way: How it fell.
      words: The primitive, with its source line.
    """

    equation: int
    part: int
    way: bool | None
    words: str


# A sum of exponentials is positive, and a comparison of it with zero can only fall one way.
NOT_NEGATIVE, POSITIVE = 1, 2
ALWAYS = {"exp": POSITIVE, "exp2": POSITIVE, "logistic": POSITIVE, "abs": NOT_NEGATIVE,
          "square": NOT_NEGATIVE}  # fmt: skip
KEEPING = frozenset({
    "add", "add_any", "mul", "div", "max", "min", "reduce_sum", "reduce_max", "reduce_min",
    "reduce_prod", "cumsum", "broadcast_in_dim", "reshape", "squeeze", "transpose", "slice",
    "expand_dims", "concatenate", "rev", "sqrt", "rsqrt", "integer_pow", "select_n", "copy",
    "convert_element_type", "stop_gradient", "optimization_barrier", "dot_general",
})  # fmt: skip


def sign_of(trial: Trial, value: Value) -> int:
    """Gives what is certain of a value's sign at every point: 0 for nothing."""
    known = trial.signs.get(id(value))
    if known is not None:
        return known[1]
    if value.real and trial.is_constant(value):
        return POSITIVE if (value.shadow > 0).all() else int((value.shadow >= 0).all())
    return 0


def note_signs(trial: Trial, eqn: Any, operands: Sequence[Value], outs: Sequence[Value]) -> None:
    """Notes what the signs of the operands say of the result's."""
    name = eqn.primitive.name
    level = ALWAYS.get(name, 0)
    if name == "integer_pow" and eqn.params["y"] % 2 == 0:
        level = NOT_NEGATIVE
    if name in KEEPING:
        signs = [sign_of(trial, o) for o in operands if o.real]
        least = min(signs, default=0)
        some = max(signs, default=0) if name in ("add", "add_any") and least else least
        level = max(level, some)
    if level:
        for out in outs:
            trial.signs[id(out)] = (out, level)  # the value keeps its identity while it is kept


def _settled(trial: Trial, name: str, operands: Sequence[Value]) -> bool:
    """Tells whether a comparison can only fall one way, for certain."""
    if name in SIGNS:
        return sign_of(trial, operands[0]) > 0
    if name not in (*COMPARISONS, *LARGER):
        return False
    return any(
        sign_of(trial, a) == POSITIVE and trial.is_constant(b) and bool((b.shadow <= 0).all())
        for a, b in (operands, operands[::-1])
    )


def record(trial: Trial, eqn: Any, operands: Sequence[Value], outs: Sequence[Value]) -> None:
    """Notes the ways that the comparisons of an equation fell, if they depend on the inputs."""
    name = eqn.primitive.name
    real = [o for o in operands if o.real]
    if not real or all(map(trial.is_constant, real)) or len(set(map(id, operands))) < len(operands):
        return
    if _settled(trial, name, operands):
        return
    shadows = [o.shadow for o in operands]
    found: list[np.ndarray] = []
    if name in COMPARISONS:
        found = [outs[0].shadow[_finite(*shadows)]]
    elif name in LARGER:
        found = [(shadows[0] > shadows[1])[_finite(*shadows)]]
    elif name in SIGNS:
        found = [shadows[0] > 0]
    elif name == "clamp":
        low, x, high = shadows
        found = [x > low, x < high]
    elif name in ROUNDINGS:
        trial.sides.add(Side(id(eqn), 0, None, _words(eqn)))
    elif name in ORDERS:
        trial.orders.add(_words(eqn))
    for part, ways in enumerate(found):
        trial.sides |= {Side(id(eqn), part, bool(way), _words(eqn)) for way in np.unique(ways)}


def _finite(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Tells where neither is a mask, which is smaller than every number."""
    return np.isfinite(a) & np.isfinite(b)


def _words(eqn: Any) -> str:
    return f"{eqn.primitive.name}{source_line(eqn)}"


def one_way(trials: Iterable[Trial]) -> str:
    """Gives a comparison that fell one way at every drawn point, or nothing."""
    sides = set[Side]().union(*(trial.sides for trial in trials))
    ways: dict[tuple[int, int], set[bool | None]] = {}
    for side in sides:
        ways.setdefault((side.equation, side.part), set()).add(side.way)
    for side in sorted(sides, key=lambda s: s.words):
        if None in ways[side.equation, side.part]:
            return f"the rounding in {side.words} takes other values elsewhere"
        if len(ways[side.equation, side.part]) == 1:
            return f"the comparison in {side.words} fell one way at every drawn point"
    return ""
