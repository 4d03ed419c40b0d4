"""Numbers with an infinitesimal part, so that a function can be evaluated beside a point.

A series stands for `terms[0] δ^low + terms[1] δ^(low + 1) + ...` up to a remainder, for an
infinitesimal δ > 0 with δ² = ε: half powers are there for the roots. It is an ordered field as far
as the terms reach, so that comparisons beside a boundary are decided, and 0/0 has its limit.
"""

from typing import Any

import flint

FEW, MANY = 3, 10  # terms of a number beside a point: at first, and where these decide nothing
HALF = 2  # δ to this power is ε
NAN = flint.arb("nan")  # the value of what has none, at some positions of an array
_FLAT = 100  # exp(-1/ε) is below any power of ε
_ZERO = flint.fmpq(0)


class Ambiguous(Exception):
    """A comparison of balls that overlap, or a value outside a function's domain."""


class NoValue(Ambiguous):
    """A division by zero, or a function outside its domain."""


class Unresolved(Ambiguous):
    """A comparison, or a division by, what is zero as far as the terms of a series reach."""


class Series:
    """A number beside a point: its terms from δ^low on; what follows them is not known."""

    __slots__ = ("low", "terms")

    def __init__(self, low: int, terms: tuple[Any, ...]):
        zeros = 0
        while zeros < len(terms) and is_zero(terms[zeros]):
            zeros += 1
        self.low = low + zeros
        self.terms = terms[zeros:]

    @property
    def end(self) -> int:
        """The power of δ at which the remainder begins."""
        return self.low + len(self.terms)

    def at(self, power: int) -> Any:
        """Gives one coefficient."""
        if power >= self.end:
            raise Unresolved("a series that does not reach so far")
        return self.terms[power - self.low] if power >= self.low else _ZERO


def beside(value: Any, slope: Any, terms: int = FEW) -> Series:
    """Gives `value + ε slope`."""
    return Series(0, (value, _ZERO, slope, *[_ZERO] * (terms - 3)))


def limit(a: Any) -> Any:
    """Gives the value for ε to zero; raises `NoValue` where it is not finite."""
    if not isinstance(a, Series):
        return a
    return _finite(a, 0)


def slope(a: Any) -> Any:
    """Gives the derivative in ε; raises `NoValue` where it is not finite."""
    if not isinstance(a, Series):
        return _ZERO
    root = _finite(a, 1)
    if not is_zero(root):
        _refuse(root, "an infinite derivative")
    return _finite(a, HALF)


def _finite(a: Series, power: int) -> Any:
    """Gives a coefficient of a series whose value is finite."""
    if a.low < 0 and a.terms:
        _refuse(a.terms[0], "an infinite value")
    found = a.at(power)
    if isinstance(found, flint.arb) and not found.is_finite():
        raise Ambiguous("a coefficient that has no value")
    return found


def _refuse(coefficient: Any, what: str) -> None:
    if has_zero(coefficient):
        raise Ambiguous(f"what may be {what}")
    raise NoValue(what)


def is_zero(a: Any) -> bool:
    """Tells whether a number is zero for certain."""
    return a.is_zero() if isinstance(a, flint.arb) else a == 0


def has_zero(a: Any) -> bool:
    """Tells whether a number may be zero."""
    return bool(a.contains(0)) if isinstance(a, flint.arb) else a == 0


def _as_series(a: Any, end: int) -> Series:
    if isinstance(a, Series):
        return a
    return Series(0, (a, *[_ZERO] * (end - 1))) if end > 0 else Series(end, ())


def total(a: Any, b: Any) -> Any:
    """Gives the sum of two numbers of which one is a series."""
    end = min(x.end for x in (a, b) if isinstance(x, Series))
    a, b = _as_series(a, end), _as_series(b, end)
    low = min(a.low, b.low, end)
    return Series(low, tuple(_term(a, k) + _term(b, k) for k in range(low, end)))


def _term(a: Series, power: int) -> Any:
    return a.terms[power - a.low] if power >= a.low else _ZERO


def product(a: Any, b: Any) -> Any:
    """Gives the product of two numbers of which one is a series; plain ones are not zero."""
    if not isinstance(a, Series):
        a, b = b, a
    if not isinstance(b, Series):
        return Series(a.low, tuple(t if is_zero(t) else t * b for t in a.terms))
    length = min(len(a.terms), len(b.terms))
    terms = []
    for k in range(length):
        pairs = zip(a.terms[: k + 1], reversed(b.terms[: k + 1]), strict=True)
        terms.append(sum((x * y for x, y in pairs if not (is_zero(x) or is_zero(y))), _ZERO))
    return Series(a.low + b.low, tuple(terms))


def power(a: Series, exponent: int) -> Series:
    """Gives a whole power, which is not zero."""
    if exponent < 0:
        return power(_inverse(a), -exponent)
    result = a
    for digit in bin(exponent)[3:]:
        result = product(result, result)
        result = product(result, a) if digit == "1" else result
    return result


def _inverse(a: Series) -> Series:
    first = _first(a)
    terms = [1 / first]
    for k in range(1, len(a.terms)):
        inner = sum((a.terms[i] * terms[k - i] for i in range(1, k + 1)), _ZERO)
        terms.append(-inner / first)
    return Series(-a.low, tuple(terms))


def _first(a: Series) -> Any:
    """Gives the leading coefficient, which is not zero for certain."""
    if not a.terms:
        raise Unresolved("what is zero as far as its series reaches")
    if has_zero(a.terms[0]):
        raise Ambiguous("a leading term that may be zero")
    return a.terms[0]


def positive(a: Series) -> bool:
    """Tells whether a series is above zero, or else below."""
    return bool(_first(a) > 0)


def function(name: str, a: Series) -> Any:
    """Gives exp, log, sqrt, erf, sin, cos or atan of a series; `NAN` where it has no value."""
    if name == "sqrt":
        if not positive(a) or a.low % 2:
            return NAN
        return Series(a.low // 2, _by_flint(name, a.terms))
    if name == "atan" and a.low < 0 and a.terms:
        quarter = flint.arb.pi() / (2 if positive(a) else -2)
        return total(quarter, product(function(name, _inverse(a)), flint.fmpq(-1)))
    if a.low < 0 and a.terms:
        return Series(_FLAT, ()) if name == "exp" and not positive(a) else NAN
    if a.end <= 0:
        raise Unresolved("a series that does not reach so far")
    if name == "log" and (a.low != 0 or not positive(a)):
        return NAN
    return Series(0, _by_flint(name, (*[_ZERO] * a.low, *a.terms)))


def _by_flint(name: str, terms: tuple[Any, ...]) -> tuple[Any, ...]:
    """Gives the terms of a function of a power series; those that come out exact are exact."""
    length = min(len(terms), MANY)
    result = getattr(flint.arb_series([_ball(t) for t in terms[:length]], length), name)()
    found = result.coeffs()
    exact = [c.fmpq() if c.is_exact() and c.is_finite() else c for c in found]
    return (*exact, *[_ZERO] * (length - len(exact)))


def _ball(a: Any) -> flint.arb:
    return a if isinstance(a, flint.arb) else flint.arb(a)
