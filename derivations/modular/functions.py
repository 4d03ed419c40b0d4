"""Exponentials, logarithms, roots, and the functions made of them; others as variables."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import flint
import jax
import numpy as np

from derivations.lift import Unsupported
from derivations.modular import fields as ff
from derivations.modular.arithmetic import (
    add,
    divide,
    invert,
    multiply,
    negate,
    one_minus,
    scaled,
    subtract,
    whole_power,
)
from derivations.modular.degree import VARIABLE, rooted
from derivations.modular.trial import Taken, Trial
from derivations.modular.value import Exponential, Redraw, Undecided, Value


def _one(trial: Trial, a: Value) -> Value:
    return trial.rational(1, a.shadow.shape)


def at_infinity(trial: Trial, result: Value, a: Value) -> Value:
    """Gives the limits 0, 1 and -1 of a function at infinity their residues."""
    limit = np.isinf(a.shadow) & np.isfinite(result.shadow)
    if limit.any():
        numbers = result.shadow[limit] if result.shadow.ndim else result.shadow[None]
        if not np.isin(numbers, (-1.0, 0.0, 1.0)).all():
            raise Undecided("a function's value at infinity")
        result.residues = tuple(
            np.where(limit, np.where(result.shadow < 0, f.prime - 1, result.shadow != 0), r)
            for r, f in zip(result.residues, trial.fields, strict=True)
        )
    return result


def exponential(trial: Trial, a: Value) -> Value:
    """Gives e^a."""
    e = trial.exponential(a)
    with np.errstate(all="ignore"):
        shadow = np.exp(a.shadow)
    residues = tuple(np.asarray(r) for r in e.residues)
    number = Fraction(1) if a.number == 0 else None
    return at_infinity(trial, trial.finite(Value(shadow, residues, e.degree, number=number), a), a)


def logarithm(trial: Trial, a: Value) -> Value:
    """Gives log a: a variable, whose exponential is a."""
    zero = a.shadow == 0
    for r in a.residues:
        zero = zero & (r == 0)
    with np.errstate(all="ignore"):
        shadow = np.log(a.shadow)
    if (~zero & (a.shadow == 0)).any():
        raise Undecided("a number underflows float64")
    result = Value(
        np.asarray(shadow),
        tuple(trial.variable("log", a.residues, a.degree)),
        VARIABLE,
        lambda: Exponential(a.residues, a.degree, monomial=False),
    )
    if a.number == 1:
        return trial.rational(0, a.shadow.shape)
    return trial.finite(result, a, pole=zero)


def square_root(trial: Trial, a: Value) -> Value:
    """Gives √a; where a is no square, the trial makes a note and cannot stand (`roots.py`)."""
    shadow = np.asarray(np.sqrt(a.shadow))
    if trial.is_constant(a):
        return _root_of_constant(trial, a, shadow)
    found = [ff.root(r, f) for r, f in zip(a.residues, trial.fields, strict=True)]
    needed = np.isfinite(shadow)
    good = tuple(
        (ff.product(s, s, f) == r) | ~needed
        for r, s, f in zip(a.residues, found, trial.fields, strict=True)
    )
    trial.taken.append(Taken(a.residues, needed, good, a.degree))
    return trial.finite(Value(shadow, tuple(found), rooted(a.degree)), a)


def _root_of_constant(trial: Trial, a: Value, shadow: np.ndarray) -> Value:
    """Gives the root of a rational, in fields where all its prime factors are squares.

    So the roots of rationals multiply as real ones do.
    """
    if a.number is None or a.number < 0:
        raise Unsupported("the square root of an array of constants, or of a negative one")
    product = a.number.numerator * a.number.denominator
    for prime, odd in flint.fmpz(product).factor() if product else ():
        if odd % 2:
            trial.irrational.add(int(prime))
        if any(pow(int(prime), f.squares, f.prime) != 1 for f in trial.fields):
            raise Redraw("a constant that is no square")
    found = tuple(ff.root(r, f) for r, f in zip(a.residues, trial.fields, strict=True))
    return Value(shadow, found, rooted(a.degree), factor=a.number or None)


def opaque(name: str, shadow: Callable[[np.ndarray], np.ndarray], parity: int) -> Callable:
    """Gives a function whose only known law is f(-a) = f(a), or -f(a), or none (parity 0)."""

    def function(trial: Trial, a: Value) -> Value:
        first = a.residues[0]
        flip = (first > trial.fields[0].prime // 2) if parity else np.zeros(first.shape, bool)
        inside = tuple(
            np.where(flip & (r != 0), f.prime - r, r)
            for r, f in zip(a.residues, trial.fields, strict=True)
        )
        found = trial.variable(name, inside, a.degree)
        if parity:  # two values share a variable if their sum is zero, too; and zero is told apart
            trial.variables[name].append(trial.variables[name][-1])
            trial.ties.append(trial.variables[name][-1])
        if parity < 0:
            found = [
                np.where(flip, f.prime - r, r) for r, f in zip(found, trial.fields, strict=True)
            ]
        at_zero = np.ones(first.shape, bool)
        for r in a.residues:
            at_zero &= r == 0
        if parity:  # sin, erf and the like are zero at zero; cos is one
            found = [np.where(at_zero, int(parity > 0), r) for r in found]
        with np.errstate(all="ignore"):
            value = Value(np.asarray(shadow(a.shadow)), tuple(found), VARIABLE)
        return at_infinity(trial, trial.finite(value, a), a)

    return function


def _by_jax(function: Callable[..., Any]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.asarray(function(np.asarray(x, np.float64)), np.float64)


def _logistic(trial: Trial, a: Value) -> Value:
    e = exponential(trial, negate(trial, a))
    with np.errstate(all="ignore"):
        return at_infinity(trial, invert(trial, add(trial, _one(trial, a), e)), a)


def _tanh(trial: Trial, a: Value) -> Value:
    e = exponential(trial, scaled(trial, a, 2))
    below = invert(trial, add(trial, e, _one(trial, a)))
    result = one_minus(trial, scaled(trial, below, 2))
    result.shadow = np.tanh(a.shadow)
    return at_infinity(trial, result, a)


def _expm1(trial: Trial, a: Value) -> Value:
    result = subtract(trial, exponential(trial, a), _one(trial, a))
    result.shadow = np.asarray(np.expm1(a.shadow))
    return result


def _log1p(trial: Trial, a: Value) -> Value:
    result = logarithm(trial, add(trial, _one(trial, a), a))
    with np.errstate(all="ignore"):
        result.shadow = np.asarray(np.log1p(a.shadow))
    return result


def _half_of(combine: Callable[[Trial, Value, Value], Value]) -> Callable[[Trial, Value], Value]:
    def function(trial: Trial, a: Value) -> Value:
        both = combine(trial, exponential(trial, a), exponential(trial, negate(trial, a)))
        return scaled(trial, both, Fraction(1, 2))

    return function


def _log_over(base: int) -> Callable[[Trial, Value], Value]:
    return lambda trial, a: divide(trial, logarithm(trial, a), log_of(trial, base))


def log_of(trial: Trial, number: int) -> Value:
    """Gives the logarithm of a whole number."""
    return logarithm(trial, trial.rational(number))


def _exp2(trial: Trial, a: Value) -> Value:
    return exponential(trial, multiply(trial, a, log_of(trial, 2)))


def _tan(trial: Trial, a: Value) -> Value:
    return divide(trial, _sin(trial, a), _cos(trial, a))


_erf = opaque("erf", _by_jax(jax.lax.erf), -1)
_sin, _cos = opaque("sin", np.sin, -1), opaque("cos", np.cos, 1)

FUNCTIONS: dict[str, Callable[[Trial, Value], Value]] = {
    "neg": negate,
    "square": lambda trial, a: whole_power(trial, a, 2),
    "one_minus_square": lambda trial, a: one_minus(trial, whole_power(trial, a, 2)),
    "exp": exponential,
    "exp2": _exp2,
    "expm1": _expm1,
    "log": logarithm,
    "log1p": _log1p,
    "log2": _log_over(2),
    "logistic": _logistic,
    "tanh": _tanh,
    "sinh": _half_of(subtract),
    "cosh": _half_of(add),
    "sqrt": square_root,
    "rsqrt": lambda trial, a: invert(trial, square_root(trial, a)),
    "erf": _erf,
    "erfc": lambda trial, a: one_minus(trial, _erf(trial, a)),
    "sin": _sin,
    "cos": _cos,
    "tan": _tan,
    "atan": opaque("atan", np.arctan, -1),
    "asin": opaque("asin", np.arcsin, -1),
    "acos": opaque("acos", np.arccos, 0),
    "asinh": opaque("asinh", np.arcsinh, -1),
    "acosh": opaque("acosh", np.arccosh, 0),
    "atanh": opaque("atanh", np.arctanh, -1),
    "cbrt": opaque("cbrt", np.cbrt, -1),
    "erf_inv": opaque("erf_inv", _by_jax(jax.lax.erf_inv), -1),
    "lgamma": opaque("lgamma", _by_jax(jax.lax.lgamma), 0),
    "digamma": opaque("digamma", _by_jax(jax.lax.digamma), 0),
}


def negative_square_exponential(trial: Trial, a: Value) -> Value:
    """Gives e^(-a²)."""
    return exponential(trial, negate(trial, whole_power(trial, a, 2)))
