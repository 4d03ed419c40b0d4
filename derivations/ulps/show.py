"""A report on accuracy, for a person at a terminal and for a program."""

import json
import math
from typing import TYPE_CHECKING, Any

from derivations.ulps.tally import Count, Errors, Largest

if TYPE_CHECKING:
    from derivations.ulps.accuracy import Accuracy

_WRONG = {
    "wrong_zeros": "0 where the truth is not",
    "wrong_signs": "the wrong sign",
    "not_finite": "NaN or infinity where the truth is finite",
    "wrong_overflows": "finite where the truth is beyond the largest number",
}
_APART = {"subnormal_inputs": "subnormal inputs", "subnormal_results": "subnormal true results"}
_REST = {
    "kinks": "kinks, where the one-sided derivatives differ",
    "undefined": "inputs without a value",
    "open": "inputs at which the reference is undecided",
}


def figure(error: float) -> str:
    """Gives an error in ulps, to three or four digits."""
    if math.isinf(error):
        return "∞"
    return f"{error:.3f}" if error < 100 else f"{error:.3g}"


def text(report: "Accuracy") -> str:
    """Gives the report in plain words."""
    made = ", ".join(f"{k} {v}" for k, v in report.versions.items() if k != "backend")
    lines = [
        f"{report.name} in {report.dtype}: errors in ulps of the result",
        f"  {report.inputs}; {made}, on {report.versions['backend']}",
    ]
    for name, errors in (("value", report.value), ("derivative", report.derivative)):
        lines += ["", f"{name}: {_largest(errors.all)}", *_regions(errors), *_remarks(errors)]
    lines += ["", f"{'special values':<16}{'value':>14}{'derivative':>14}"]
    for at, (value, derivative) in report.special.items():
        lines.append(f"  {at:<14}{value:>14.6g}{derivative:>14.6g}")
    if report.assumptions:
        lines += ["", "the reference takes for granted:", *(f"  {a}" for a in report.assumptions)]
    return "\n".join(lines)


def brief(report: "Accuracy") -> list[str]:
    """Gives the largest errors in two lines, under one that says what was measured."""
    return [
        f"accuracy, {report.inputs}, in ulps:",
        f"  value: {_largest(report.value.all)}",
        f"  derivative: {_largest(report.derivative.all)}",
    ]


def _largest(errors: Largest) -> str:
    if errors.at is None:
        return "no inputs"
    return (
        f"at most {figure(errors.maximum)} (at {errors.at:.9g}), {figure(errors.mean)} on average, "
        f"{errors.inputs:,} inputs"
    )


def _regions(errors: Errors) -> list[str]:
    lines = [f"  {'from':>10}{'to below':>12}{'inputs':>14}{'largest':>10}{'mean':>9}   at"]
    for low, high, found in errors.regions:
        lines.append(
            f"  {low:>10.4g}{high:>12.4g}{found.inputs:>14,}{figure(found.maximum):>10}"
            f"{figure(found.mean):>9}   {found.at:.9g}"
        )
    return lines


def _remarks(errors: Errors) -> list[str]:
    lines = []
    for key, words in {**_WRONG, **_REST}.items():
        count: Count = getattr(errors, key)
        if count.times:
            lines.append(f"  {count.times:,} × {words}, first at {count.at:.9g}")
    if errors.steps.times:
        lines.append(
            f"  {errors.steps.times:,} steps against the truth's direction, by up to "
            f"{figure(errors.largest_step)} ulps, first at {errors.steps.at:.9g}"
        )
    for key, words in _APART.items():
        found: Largest = getattr(errors, key)
        if found.inputs:
            lines.append(f"  apart: {words}: {_largest(found)}")
    if errors.left_out:
        lines.append(f"  left out: {errors.left_out:,} inputs that only balls could decide")
    return lines


def to_json(report: "Accuracy") -> str:
    """Gives the report as JSON. Numbers that JSON has no word for are strings."""
    return json.dumps(_plain(report), indent=2, ensure_ascii=False)


def _plain(thing: Any) -> Any:
    if hasattr(thing, "_asdict"):
        return {key: _plain(value) for key, value in thing._asdict().items()}
    if isinstance(thing, dict):
        return {key: _plain(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [_plain(value) for value in thing]
    if isinstance(thing, float) and not math.isfinite(thing):
        return str(thing)
    return thing
