"""Mistakes that show at single points only: at a kink, a tie, or a norm's zero."""

import numpy as np

from derivations.naming.case import Case, Found
from derivations.naming.samples import Sample
from derivations.naming.words import Reader

BRANCHING = frozenset(
    ["max", "min", "abs", "sign", "clamp", "select_n", "reduce_max", "reduce_min", "argmax",
     "argmin", "sort", "floor", "ceil", "round", "cummax", "cummin", "reduce_window_max"]
)  # fmt: skip
COMPARING = frozenset(["gt", "ge", "lt", "le", "eq", "ne"])
TYING = frozenset(["reduce_max", "reduce_min", "argmax", "sort", "cummax", "reduce_window_max"])


def at_a_boundary(case: Case, there: Sample) -> Found | None:
    """Names what a rule does at one point, where it is right around it."""
    prims = {s.name for s in there.setting.primal.steps}
    found, truth, name = case.found(there), case.truth(there), case.name
    if not np.isfinite(found).all():
        if prims & {"cumprod"}:
            text = f"{name} divides by an entry that is zero: it is {_odd(found)} there."
            return Found("cumulative_not_reversed", text)
        if prims & {"sqrt", "rsqrt", "pow", "div", "log", "cbrt"}:
            return Found(
                "norm_at_zero", f"{name} is {_odd(found)} at a zero of what it divides by."
            )
        return None
    if prims & BRANCHING == {"select_n"} and not prims & COMPARING:
        masked = any(a.dtype == np.bool_ for a in there.setting.avals)
        text = f"{name} takes another value where an entry happens to be zero, and the primal does"
        text += " not: a mask is not to be read off the numbers."
        return Found("dropout_mask" if masked else "rare_branch", text)
    if not prims & BRANCHING:
        text = f"{name} singles out a point where the primal is smooth."
        return Found("rare_branch", text)
    if _every_tie(case, there, found, truth, bool(prims & TYING)):
        return Found("all_ties", f"Where entries tie, {name} gives each the whole cotangent.")
    text = f"At a kink, {name} takes a value that lies outside the one-sided derivatives."
    return Found("kink_convention", text)


def _odd(array: np.ndarray) -> str:
    return "NaN" if np.isnan(array).any() else "infinite"


def _every_tie(
    case: Case, there: Sample, found: np.ndarray, truth: np.ndarray, several: bool
) -> bool:
    """Tells whether each of k tied entries gets k times what JAX, which shares, gives it."""
    if found.shape != truth.shape or not (truth != 0).any():
        return False
    if not several and not _compares_entries(case, there):
        return False
    if (found[truth == 0] != 0).any():
        return False
    times = found[truth != 0] / truth[truth != 0]
    whole = np.round(times)
    return bool(np.allclose(times, whole) and whole.min() >= 1 and whole.max() >= 2)


def _compares_entries(case: Case, there: Sample) -> bool:
    """Tells whether two values that both depend on arguments are compared."""
    reader = Reader(there.setting.primal, there.primal, case.subject.names)
    return any(
        step.name in ("max", "min") and all(reader.number(i) is None for i in step.inputs)
        for step in there.setting.primal.steps
    )
