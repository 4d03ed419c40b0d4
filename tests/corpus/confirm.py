"""Confirms a counterexample without JAX and without the checker, by differences.

NumPy evaluates in float64; where what differs is too small for that, mpmath does, in 60 digits.
"""

import inspect
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import mpmath
import numpy as np

from derivations import Obligation, Witness
from functional_nn import Rule, with_rule

from .entry import Entry, as_handed_over, as_rule

CLOSE = 1e-5  # relative: what differences over the float64 step may be off
DIGITS = 60


class Arithmetic(NamedTuple):
    """In what a confirmation calculates.

    Attributes:
      xp: The array module.
      number: Gives a number from an exact rational.
      step: Of the differences: shorter than the way from any witness to the next boundary.
      close: Relative: by how much two values have to differ, and may be off what is stated.
    """

    xp: Any
    number: Callable[[Fraction], Any]
    step: Any
    close: float


FLOAT64 = Arithmetic(np, float, 1e-4, CLOSE)


class _Multiprecision:
    """NumPy on arrays of mpmath's numbers."""

    def __getattr__(self, name: str) -> Any:
        if name in ("exp", "log", "log1p", "sqrt", "sin", "cos", "tanh", "erf"):
            return np.frompyfunc(getattr(mpmath, name), 1, 1)
        return getattr(np, name)


def _exactly(fraction: Fraction) -> Any:
    return mpmath.mpf(fraction.numerator) / fraction.denominator


MPMATH = Arithmetic(_Multiprecision(), _exactly, mpmath.mpf(10) ** -15, 1e-12)


def confirm(entry: Entry, obligation: Obligation) -> None:
    """Evaluates the rule and the primal at the witness: they disagree as it says."""
    if _is_plain(obligation):
        _confirm_in(FLOAT64, entry, obligation)
        return
    with mpmath.workdps(DIGITS):
        _confirm_in(MPMATH, entry, obligation)


def _is_plain(obligation: Obligation) -> bool:
    """Tells whether two values are as large, and as different, as float64 differences need."""
    witness = obligation.witness
    if witness is None or obligation.name in ("linear", "kinks", "second order"):
        return True
    found, expected = _number(witness.found), _number(witness.expected)
    size = max(abs(found), abs(expected))
    return size > 1e-3 and abs(found - expected) > 10 * CLOSE * size


def _fixed(obligation: Obligation) -> dict[str, str]:
    """Gives the hyper-parameters that were taken at other values than the entry's."""
    found = (re.fullmatch(r"(\w+) is fixed to (\S+)", a) for a in obligation.assumptions)
    return {match[1]: match[2] for match in found if match}


def _confirm_in(arithmetic: Arithmetic, entry: Entry, obligation: Obligation) -> None:
    rule = as_rule(entry, arithmetic.xp)
    witness = obligation.witness
    if witness is None:
        assert "shape" in obligation.reason
        _confirm_shape(entry, rule, obligation.name)
        return
    here = _Here(arithmetic, entry, rule, witness, _fixed(obligation))
    with np.errstate(all="ignore"):
        if obligation.name == "value":
            found, expected = rule.fwd(*here.args)[0], rule.primal(*here.args)
            _, at = _place(witness.output)
            _differ(here, found[at], expected[at])
        elif obligation.name == "linear":
            _confirm_not_linear(here)
        elif obligation.name == "second order":
            _confirm_second_order(here)
        else:
            _confirm_derivative(here, obligation.name == "kinks")


class _Here:
    """A rule at a witness: its arguments as arrays, and the names of their leaves."""

    def __init__(
        self,
        arithmetic: Arithmetic,
        entry: Entry,
        rule: Rule,
        witness: Witness,
        fixed: dict[str, str],
    ):
        self.arithmetic, self.entry, self.rule, self.witness = arithmetic, entry, rule, witness
        examples = entry.operation.arguments
        self.names = _names(rule, examples)
        leaves, self.tree = jax.tree.flatten(list(examples))
        self.leaves: list[Any] = [
            self.array(witness.inputs[name], like)
            if name in witness.inputs
            else type(like)(fixed.get(name, like))
            for name, like in zip(self.names, leaves, strict=True)
        ]
        # Defaults that the entry does not hand over, taken at other values.
        parameters = list(inspect.signature(rule.primal).parameters)[len(examples) :]
        self.further = [float(fixed[name]) for name in parameters if name in fixed]

    def array(self, values: Any, like: Any = 0.0) -> np.ndarray:
        """Reads nested lists of exact rationals."""
        dtype = np.dtype(getattr(like, "dtype", np.float64))
        read = np.frompyfunc(lambda text: self.arithmetic.number(Fraction(text)), 1, 1)
        numbers = np.asarray(read(np.asarray(values)))
        exact = dtype.kind == "f" and self.arithmetic is not FLOAT64
        return numbers if exact else numbers.astype(np.float64 if dtype.kind == "f" else dtype)

    def cotangents(self, name: str = "cotangent") -> list[np.ndarray]:
        """Gives the witness's cotangents, one for each output."""
        inputs = self.witness.inputs
        return [self.array(v) for k, v in inputs.items() if re.fullmatch(rf"{name}(\[\d+\])?", k)]

    @property
    def args(self) -> list[Any]:
        return self._arguments(self.leaves)

    def _arguments(self, leaves: list[Any]) -> list[Any]:
        return [*jax.tree.unflatten(self.tree, leaves), *self.further]

    def moved(self, place: int, at: Any, shift: float) -> list[Any]:
        """Gives the arguments with one entry shifted."""
        leaves = [np.array(leaf) for leaf in self.leaves]
        leaves[place][at] += shift
        return self._arguments(leaves)

    def pulled(self, cotangents: list[np.ndarray]) -> list[Any]:
        """Gives the rule's cotangents, one for each leaf; `None` where there is none."""
        if self.entry.door == "custom_jvp":
            return [
                None if leaf.dtype.kind not in "fO" else self._pushed(place, cotangents)
                for place, leaf in enumerate(self.leaves)
            ]
        _, residuals = self.rule.fwd(*self.args)
        whole = cotangents[0] if len(cotangents) == 1 else tuple(cotangents)
        given = iter(self.rule.bwd(residuals, whole))
        found: list[Any] = []
        for place, argument in enumerate(jax.tree.unflatten(self.tree, self.leaves)):
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
    cotangents = here.cotangents()
    found = _entry(here.pulled(cotangents)[place], at)
    step = here.arithmetic.step

    def contracted(shift: Any, where: Any = at) -> Any:
        outputs = here.rule.primal(*here.moved(place, where, shift))
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return sum(np.sum(c * out) for c, out in zip(cotangents, outputs, strict=True))

    if at_a_kink:
        # Outside the one-sided derivatives along its own axis, or along the diagonal.
        along = np.sum(here.pulled(cotangents)[place])
        assert _outside(found, contracted, step) or _outside(
            along, lambda t: contracted(t, ...), step
        )
    else:
        rough = _slope(contracted, -2 * step, 2 * step)
        fine = _slope(contracted, -step, step)
        _differ(here, found, (4 * fine - rough) / 3)


def _outside(value: float, f: Callable[[Any], Any], step: float) -> bool:
    below, above = sorted(_slope(f, side, 0) for side in (-step, step))
    gap = CLOSE * max(1, abs(below), abs(above))
    return value < below - 10 * gap or value > above + 10 * gap


def _slope(f: Callable[[Any], Any], a: Any, b: Any) -> Any:
    return (f(b) - f(a)) / (b - a)


def _confirm_not_linear(here: _Here) -> None:
    name, at = _place(here.witness.output)
    first, second = here.cotangents(), here.cotangents("second cotangent")
    factor = here.array(here.witness.inputs["factor"])
    mixed = [a + factor * b for a, b in zip(first, second, strict=True)]
    whole, one, other = (
        _entry(here.pulled(c)[here.names.index(name)], at) for c in (mixed, first, second)
    )
    assert abs(whole - one - factor * other) > CLOSE * max(abs(whole), abs(one))


def _confirm_second_order(here: _Here) -> None:
    """The mixed second differences of the primal are as stated; JAX gives the rule's own."""
    match = re.fullmatch(r"the derivative of bwd in (\w+)(?:\[([\d, ]*)\])?", here.witness.output)
    assert match is not None, here.witness.output
    place, at = here.names.index(match[1]), _at(match[2])
    cotangents, step = here.cotangents(), here.arithmetic.step
    seconds = [
        here.array(here.witness.inputs.get(f"second cotangent[{name}]", np.zeros(leaf.shape)))
        for name, leaf in zip(here.names, here.leaves, strict=True)
    ]

    def contracted(shift: float, along: float) -> float:
        args = here.moved(place, at, shift)
        outputs = here.rule.primal(*(a + along * s for a, s in zip(args, seconds, strict=True)))
        return float(np.sum(cotangents[0] * outputs))

    corners = [contracted(a * step, b * step) * a * b for a in (-1, 1) for b in (-1, 1)]
    with jax.enable_x64(True):

        def pulled(args: list[Any]) -> Any:
            cotangent = jnp.asarray(cotangents[0])
            handed = as_handed_over(here.entry)
            function = with_rule(handed) if isinstance(handed, Rule) else handed
            given = jax.vjp(function, *args)[1](cotangent)
            return sum(jnp.sum(s * g) for s, g in zip(seconds, given, strict=True))

        own = jax.grad(pulled)([jnp.asarray(leaf) for leaf in here.leaves])
    _differ(here, float(own[place][at]), sum(corners) / (4 * step * step))


def _confirm_shape(entry: Entry, rule: Rule, obligation: str) -> None:
    args = [np.ones(a.shape) for a in entry.operation.arguments]
    place = [f"cotangent[{n}]" for n in inspect.signature(rule.primal).parameters].index(obligation)
    pulled = rule.bwd(rule.fwd(*args)[1], np.ones(rule.primal(*args).shape))
    assert pulled[place].shape != args[place].shape


def _differ(here: _Here, found: Any, expected: Any) -> None:
    size = max(abs(found), abs(expected))
    close = here.arithmetic.close
    assert abs(found - expected) > 4 * close * size
    for stated, value in ((here.witness.found, found), (here.witness.expected, expected)):
        assert abs(_number(stated) - value) <= close * size


def _names(rule: Rule, arguments: tuple[Any, ...]) -> list[str]:
    """Gives the names of the leaves, as a report has them: x, or params['w']."""
    parameters = inspect.signature(rule.primal).parameters
    return [
        parameter + jax.tree_util.keystr(path)
        for parameter, argument in zip(parameters, arguments, strict=False)
        for path, _ in jax.tree_util.tree_leaves_with_path(argument)
    ]


def _entry(array: Any, at: tuple[int, ...]) -> Any:
    return 0.0 if array is None else np.asarray(array)[at]


def _place(output: str) -> tuple[str, tuple[int, ...]]:
    """Reads `dw[1, 0]` as w and (1, 0)."""
    match = re.fullmatch(r"(?:d(\w.*?)|output)(?:\[([\d, ]*)\])?", output)
    assert match is not None, output
    return match[1], _at(match[2])


def _at(text: str | None) -> tuple[int, ...]:
    return tuple(int(i) for i in (text or "").split(",") if i)


def _number(text: str) -> float:
    """Reads an exact rational, or the midpoint of a ball."""
    first = re.search(r"-?\d[\d.]*(?:e[+-]?\d+)?(?:/\d+)?", text)
    assert first is not None, text
    return float(Fraction(first[0]))
