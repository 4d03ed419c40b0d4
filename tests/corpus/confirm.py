"""Confirms a counterexample without JAX and without the checker: NumPy in float64, differences."""

import inspect
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import jax
import numpy as np

from derivations import Obligation, Witness
from functional_nn import Rule

from .entry import Entry, as_rule

STEP = 1e-4  # of the differences: shorter than the way from any witness to the next boundary
CLOSE = 1e-5  # relative: what differences over such a step may be off


def confirm(entry: Entry, obligation: Obligation) -> None:
    """Evaluates the rule and the primal at the witness: they disagree as it says."""
    rule = as_rule(entry, np)
    witness = obligation.witness
    if witness is None:
        assert "shape" in obligation.reason
        _confirm_shape(entry, rule, obligation.name)
        return
    here = _Here(entry, rule, witness)
    with np.errstate(all="ignore"):
        if obligation.name == "value":
            found, expected = rule.fwd(*here.args)[0], rule.primal(*here.args)
            _, at = _place(witness.output)
            _differ(witness, found[at], expected[at])
        elif obligation.name == "linear":
            _confirm_not_linear(here)
        else:
            _confirm_derivative(here, obligation.name == "kinks")


class _Here:
    """A rule at a witness: its arguments as arrays, and the names of their leaves."""

    def __init__(self, entry: Entry, rule: Rule, witness: Witness):
        self.entry, self.rule, self.witness = entry, rule, witness
        examples = entry.operation.arguments
        self.names = _names(rule, examples)
        leaves, self.tree = jax.tree.flatten(list(examples))
        self.leaves = [
            _array(witness.inputs[name], like) if name in witness.inputs else like
            for name, like in zip(self.names, leaves, strict=True)
        ]

    @property
    def args(self) -> list[Any]:
        return jax.tree.unflatten(self.tree, self.leaves)

    def moved(self, place: int, at: Any, shift: float) -> list[Any]:
        """Gives the arguments with one entry shifted."""
        leaves = [np.array(leaf) for leaf in self.leaves]
        leaves[place][at] += shift
        return jax.tree.unflatten(self.tree, leaves)

    def pulled(self, cotangents: list[np.ndarray]) -> list[Any]:
        """Gives the rule's cotangents, one for each leaf; `None` where there is none."""
        if self.entry.door == "custom_jvp":
            return [
                None if leaf.dtype.kind != "f" else self._pushed(place, cotangents)
                for place, leaf in enumerate(self.leaves)
            ]
        _, residuals = self.rule.fwd(*self.args)
        whole = cotangents[0] if len(cotangents) == 1 else tuple(cotangents)
        given = iter(self.rule.bwd(residuals, whole))
        found: list[Any] = []
        for place, argument in enumerate(self.args):
            cotangent = None if place in self.entry.operation.static else next(given)
            if cotangent is None:
                found += [None] * len(jax.tree.leaves(argument))
            else:
                found += jax.tree.leaves(cotangent, is_leaf=lambda leaf: leaf is None)
        return found

    def _pushed(self, place: int, cotangents: list[np.ndarray]) -> np.ndarray:
        """Gives a cotangent of a forward rule: the tangents along each entry, contracted."""
        result = np.zeros(self.leaves[place].shape)
        for at in np.ndindex(result.shape):
            tangents = [np.zeros(leaf.shape) for leaf in self.leaves]
            tangents[place][at] = 1.0
            static = self.entry.operation.static
            primals = [a for i, a in enumerate(self.args) if i not in static]
            given = jax.tree.unflatten(self.tree, tangents)
            along = [t for i, t in enumerate(given) if i not in static]
            result[at] = np.sum(cotangents[0] * self.rule.bwd(tuple(primals), tuple(along))[1])
        return result


def _confirm_derivative(here: _Here, at_a_kink: bool) -> None:
    name, at = _place(here.witness.output)
    place = here.names.index(name)
    cotangents = _cotangents(here.witness, "cotangent")
    found = _entry(here.pulled(cotangents)[place], at)

    def contracted(shift: float, where: Any = at) -> float:
        outputs = here.rule.primal(*here.moved(place, where, shift))
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return sum(float(np.sum(c * out)) for c, out in zip(cotangents, outputs, strict=True))

    if at_a_kink:
        # Outside the one-sided derivatives along its own axis, or along the diagonal.
        along = float(np.sum(here.pulled(cotangents)[place]))
        assert _outside(found, contracted) or _outside(along, lambda t: contracted(t, ...))
    else:
        rough = _slope(contracted, -2 * STEP, 2 * STEP)
        fine = _slope(contracted, -STEP, STEP)
        _differ(here.witness, found, (4 * fine - rough) / 3)


def _outside(value: float, f: Callable[[float], float]) -> bool:
    below, above = sorted(_slope(f, side, 0) for side in (-STEP, STEP))
    gap = CLOSE * max(1, abs(below), abs(above))
    return value < below - 10 * gap or value > above + 10 * gap


def _slope(f: Callable[[float], float], a: float, b: float) -> float:
    return (f(b) - f(a)) / (b - a)


def _confirm_not_linear(here: _Here) -> None:
    witness = here.witness
    name, at = _place(witness.output)
    first, second = _cotangents(witness, "cotangent"), _cotangents(witness, "second cotangent")
    factor = float(Fraction(witness.inputs["factor"]))
    mixed = [a + factor * b for a, b in zip(first, second, strict=True)]
    whole, one, other = (
        _entry(here.pulled(c)[here.names.index(name)], at) for c in (mixed, first, second)
    )
    assert abs(whole - one - factor * other) > CLOSE * max(abs(whole), abs(one))


def _confirm_shape(entry: Entry, rule: Rule, obligation: str) -> None:
    args = [np.ones(a.shape) for a in entry.operation.arguments]
    place = [f"cotangent[{n}]" for n in inspect.signature(rule.primal).parameters].index(obligation)
    pulled = rule.bwd(rule.fwd(*args)[1], np.ones(rule.primal(*args).shape))
    assert pulled[place].shape != args[place].shape


def _differ(witness: Witness, found: float, expected: float) -> None:
    size = max(abs(found), abs(expected))
    assert abs(found - expected) > 4 * CLOSE * size
    for stated, value in ((witness.found, found), (witness.expected, expected)):
        assert abs(_number(stated) - value) <= CLOSE * size


def _names(rule: Rule, arguments: tuple[Any, ...]) -> list[str]:
    """Gives the names of the leaves, as a report has them: x, or params['w']."""
    parameters = inspect.signature(rule.primal).parameters
    return [
        parameter + jax.tree_util.keystr(path)
        for parameter, argument in zip(parameters, arguments, strict=False)
        for path, _ in jax.tree_util.tree_leaves_with_path(argument)
    ]


def _entry(array: Any, at: tuple[int, ...]) -> float:
    return 0.0 if array is None else float(np.asarray(array)[at])


def _place(output: str) -> tuple[str, tuple[int, ...]]:
    """Reads `dw[1, 0]` as w and (1, 0)."""
    match = re.fullmatch(r"(?:d(\w.*?)|output)(?:\[([\d, ]*)\])?", output)
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
