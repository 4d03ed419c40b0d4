"""The table's entries for functions that are applied entry by entry."""

from collections.abc import Callable
from typing import Any

from derivations.modular.arithmetic import add, divide, multiply, subtract, whole_power
from derivations.modular.functions import FUNCTIONS, exponential, logarithm, square_root
from derivations.modular.registry import READINGS, Reading, reads, whole_numbers
from derivations.modular.trial import Trial
from derivations.modular.value import Redraw, Value


def _of(function: Callable[..., Value]) -> Reading:
    def reading(trial: Trial, eqn: Any, *operands: Value) -> Any:
        if not operands[0].real:
            return whole_numbers(eqn, operands)
        return function(trial, *operands)

    return reading


for _name, _function in FUNCTIONS.items():
    READINGS[_name] = _of(_function)

READINGS["add"] = READINGS["add_any"] = _of(add)
READINGS["sub"] = _of(subtract)
READINGS["mul"] = _of(multiply)
READINGS["div"] = _of(divide)


@reads("integer_pow")
def _integer_pow(trial: Trial, eqn: Any, a: Value) -> Any:
    if not a.real:
        return whole_numbers(eqn, [a])
    return whole_power(trial, a, eqn.params["y"])


@reads("pow")
def _pow(trial: Trial, eqn: Any, a: Value, b: Value) -> Any:
    if not a.real:
        return whole_numbers(eqn, [a, b])
    if not b.real:
        b = trial.whole(b.shadow)
    if b.number is not None and b.number.denominator == 1:
        return whole_power(trial, a, int(b.number))
    if b.number is not None and b.number.denominator == 2:
        return whole_power(trial, square_root(trial, a), int(2 * b.number))
    if not (a.shadow > 0).all():
        raise Redraw("a real power of a number that is not positive")
    return exponential(trial, multiply(trial, b, logarithm(trial, a)))


@reads("polynomial")
def _polynomial(trial: Trial, eqn: Any, a: Value, *coefficients: Value) -> Any:
    """Horner's rule: the constant coefficient comes first."""
    if not a.real:
        return whole_numbers(eqn, [a, *coefficients])
    *lower, result = coefficients
    for number in reversed(lower):
        result = add(trial, multiply(trial, result, a), number)
    return result


@reads(
    "iota",
    "and",
    "or",
    "not",
    "xor",
    "reduce_and",
    "reduce_or",
    "reduce_xor",
    "shift_left",
    "shift_right_logical",
    "shift_right_arithmetic",
    "population_count",
    "clz",
)
def _whole_alone(trial: Trial, eqn: Any, *operands: Value) -> Any:
    found = whole_numbers(eqn, operands)
    return [trial.whole(x.shadow) if x.shadow.dtype.kind == "f" else x for x in found]
