"""Mistakes that show at single points only: at a kink, a tie, or a norm's zero."""

import numpy as np

from derivations.naming.case import Case, Found
from derivations.naming.samples import Sample

BRANCHING = frozenset(
    ["max", "min", "abs", "sign", "clamp", "select_n", "reduce_max", "reduce_min", "argmax",
     "argmin", "sort", "floor", "ceil", "round", "cummax", "cummin", "reduce_window_max"]
)  # fmt: skip
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
    if not prims & BRANCHING:
        text = f"{name} singles out a point where the primal is smooth."
        return Found("rare_branch", text)
    if prims & TYING and _every_tie(found, truth):
        return Found("all_ties", f"Where entries tie, {name} gives each the whole cotangent.")
    text = f"At a kink, {name} takes a value that lies outside the one-sided derivatives."
    return Found("kink_convention", text)


def _odd(array: np.ndarray) -> str:
    return "NaN" if np.isnan(array).any() else "infinite"


def _every_tie(found: np.ndarray, truth: np.ndarray) -> bool:
    """Tells whether each of k tied entries gets k times what JAX, which shares, gives it."""
    if found.shape != truth.shape or not (truth != 0).any():
        return False
    if (found[truth == 0] != 0).any():
        return False
    times = found[truth != 0] / truth[truth != 0]
    whole = np.round(times)
    return bool(np.allclose(times, whole) and whole.min() >= 1 and whole.max() >= 2)
