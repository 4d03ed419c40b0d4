"""Every planted mistake is refuted, by a counterexample that NumPy alone confirms."""

import inspect
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from derivations import Obligation, Verdict, Witness, check

from .operations import rule
from .wrong_rules import WRONG, Wrong

STEP = 1e-4  # of the differences: shorter than the way from any witness to the next boundary
CLOSE = 1e-5  # relative: what differences over such a step may be off


@pytest.mark.parametrize("mistake", WRONG, ids=lambda mistake: mistake.name)
def test_refuted(mistake: Wrong):
    planted = rule(mistake.name, jnp, mistake.operation, mistake.bwd, mistake.fwd)
    report = check(planted, *mistake.operation.arguments)
    refuted = {o.name: o for o in report.obligations if o.verdict is Verdict.REFUTED}
    assert report.verdict is Verdict.REFUTED
    # A wrong derivative is wrong on the boundaries too: kinks may be refuted besides.
    assert mistake.breaks <= set(refuted) <= mistake.breaks | {"kinks"}
    for name in mistake.breaks:
        _confirm(mistake, refuted[name])


def test_the_table_has_every_mistake_once():
    assert len({mistake.name for mistake in WRONG}) == len(WRONG) >= 40


def _confirm(mistake: Wrong, obligation: Obligation) -> None:
    """Evaluates the rule and the primal at the witness in NumPy: they disagree as it says."""
    rule_in_numpy = rule(mistake.name, np, mistake.operation, mistake.bwd, mistake.fwd)
    names = list(inspect.signature(rule_in_numpy.primal).parameters)
    witness = obligation.witness
    if witness is None:
        assert "shape" in obligation.reason
        _confirm_shape(mistake, rule_in_numpy, names, obligation.name)
        return
    args = [
        _array(witness.inputs[n], a)
        for n, a in zip(names, mistake.operation.arguments, strict=True)
    ]
    with np.errstate(all="ignore"):
        if obligation.name == "value":
            found, expected = rule_in_numpy.fwd(*args)[0], rule_in_numpy.primal(*args)
            _, at = _place(witness.output)
            _differ(witness, found[at], expected[at])
        elif obligation.name == "linear":
            _confirm_not_linear(rule_in_numpy, names, args, witness)
        else:
            _confirm_derivative(rule_in_numpy, names, args, witness, obligation.name == "kinks")


def _confirm_derivative(
    rule: Any, names: list[str], args: list[Any], witness: Witness, at_a_kink: bool
) -> None:
    name, at = _place(witness.output)
    place = names.index(name)
    cotangents = _cotangents(witness, "cotangent")
    found = _entry(_pulled(rule, args, cotangents)[place], at)

    def contracted(shift: float, where: Any = at) -> float:
        moved = [a.copy() for a in args]
        moved[place][where] += shift
        outputs = rule.primal(*moved)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return sum(float(np.sum(c * out)) for c, out in zip(cotangents, outputs, strict=True))

    if at_a_kink:
        # Outside the one-sided derivatives along its own axis, or along the diagonal.
        along = float(np.sum(_pulled(rule, args, cotangents)[place]))
        assert _outside(found, contracted) or _outside(along, lambda t: contracted(t, ...))
    else:
        rough = _slope(contracted, -2 * STEP, 2 * STEP)
        fine = _slope(contracted, -STEP, STEP)
        _differ(witness, found, (4 * fine - rough) / 3)


def _outside(value: float, f: Callable[[float], float]) -> bool:
    below, above = sorted(_slope(f, side, 0) for side in (-STEP, STEP))
    gap = CLOSE * max(1, abs(below), abs(above))
    return value < below - 10 * gap or value > above + 10 * gap


def _slope(f: Callable[[float], float], a: float, b: float) -> float:
    return (f(b) - f(a)) / (b - a)


def _confirm_not_linear(rule: Any, names: list[str], args: list[Any], witness: Witness) -> None:
    name, at = _place(witness.output)
    first, second = _cotangents(witness, "cotangent"), _cotangents(witness, "second cotangent")
    factor = float(Fraction(witness.inputs["factor"]))
    mixed = [a + factor * b for a, b in zip(first, second, strict=True)]
    whole, one, other = (
        _entry(_pulled(rule, args, c)[names.index(name)], at) for c in (mixed, first, second)
    )
    assert abs(whole - one - factor * other) > CLOSE * max(abs(whole), abs(one))


def _confirm_shape(mistake: Wrong, rule: Any, names: list[str], obligation: str) -> None:
    args = [np.ones(a.shape) for a in mistake.operation.arguments]
    place = [f"cotangent[{n}]" for n in names].index(obligation)
    pulled = _pulled(rule, args, [np.ones(rule.primal(*args).shape)])
    assert pulled[place].shape != args[place].shape


def _differ(witness: Witness, found: float, expected: float) -> None:
    size = max(abs(found), abs(expected))
    assert abs(found - expected) > 4 * CLOSE * size
    for stated, value in ((witness.found, found), (witness.expected, expected)):
        assert _number(stated) == pytest.approx(value, abs=CLOSE * size)


def _pulled(rule: Any, args: list[Any], cotangents: list[np.ndarray]) -> tuple[Any, ...]:
    _, residuals = rule.fwd(*args)
    return rule.bwd(residuals, cotangents[0] if len(cotangents) == 1 else tuple(cotangents))


def _entry(array: Any, at: tuple[int, ...]) -> float:
    return 0.0 if array is None else float(np.asarray(array)[at])


def _place(output: str) -> tuple[str, tuple[int, ...]]:
    """Reads `dw[1, 0]` as w and (1, 0)."""
    match = re.fullmatch(r"(?:d(\w+)|output)(?:\[([\d, ]*)\])?", output)
    assert match is not None, output
    return match[1], tuple(int(i) for i in (match[2] or "").split(",") if i)


def _cotangents(witness: Witness, name: str) -> list[np.ndarray]:
    found = [v for k, v in witness.inputs.items() if re.fullmatch(rf"{name}(\[\d+\])?", k)]
    return [_array(values, 0.0) for values in found]


def _array(values: Any, like: Any) -> np.ndarray:
    dtype = np.dtype(getattr(like, "dtype", np.float64))
    numbers = np.vectorize(lambda text: float(Fraction(text)), otypes=[np.float64])(values)
    return numbers if dtype.kind == "f" else numbers.astype(dtype)


def _number(text: str) -> float:
    """Reads an exact rational, or the midpoint of a ball."""
    first = re.search(r"-?\d[\d.]*(?:e[+-]?\d+)?(?:/\d+)?", text)
    assert first is not None, text
    return float(Fraction(first[0]))
