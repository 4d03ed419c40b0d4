"""Inverses, exponentials, logarithms and roots of normal forms.

Each function takes a polynomial and gives one, using the identities that hold for real numbers:
e^(a+b) = e^a e^b, log(ab) = log|a| + log|b| where ab > 0, sqrt(p^2 q) = |p| sqrt(q). What is left
becomes a generator. The argument of a logarithm is taken to be positive and that of a square root
not negative, which is where these functions are real.
"""

from collections.abc import Callable
from fractions import Fraction
from math import floor

import flint

from derivations.fraction import factored
from derivations.polynomial import (
    INDICATORS,
    Poly,
    free,
    freeze,
    gen,
    gens,
    height,
    inverse_of,
    leading,
    number,
    of,
    plus,
    scaled,
    term,
    thaw,
    times,
    to_power,
)
from derivations.signs import of_sum, of_term


class Unnormalised(Exception):
    """The expression has no normal form here, for the stated reason."""


class Undefined(Unnormalised):
    """The expression has no value anywhere in this region."""


def inverse(poly: Poly) -> Poly:
    """Gives 1/P."""
    if not poly:
        raise Undefined("a division by zero")
    constant, powers, factors = factored(poly)
    result = number(1 / constant)
    for g, e in powers.items():
        result = times(result, of(g, -e))
    for factor, e in factors.items():
        one = of(inverse_of(thaw(factor))) if e > 0 else thaw(factor)
        result = times(result, to_power(one, abs(e)))
    return result


def exponential(poly: Poly) -> Poly:
    """Gives e^P as a product over the terms of P."""
    result = number(1)
    for monomial, c in poly.items():
        if len(monomial) == 1 and monomial[0][0].kind == "log" and monomial[0][1] == 1:
            inside = thaw(monomial[0][0].data)
            if c.denominator == 1 and _surely_positive(inside):
                base = inside if c > 0 else inverse(inside)
                result = times(result, to_power(base, abs(int(c))))
                continue
        if indicators := tuple(item for item in monomial if item[0].kind in INDICATORS):
            # e^(mP) is e^P where the indicator m is 1, and 1 where it is 0.
            rest = exponential({tuple(item for item in monomial if item not in indicators): c})
            result = times(result, plus(number(1), times(term(indicators), plus(rest, number(-1)))))
            continue
        inside = {monomial: Fraction(1)}
        exponent = int(c) if c.denominator == 1 else c
        result = times(
            result, of(gen("exp", freeze(inside), free(inside), height(inside)), exponent)
        )
    return result


def _surely_positive(poly: Poly) -> bool:
    return all(of_term(monomial, c, {}) == 1 for monomial, c in poly.items())


def logarithm(poly: Poly) -> Poly:
    """Gives log P, for positive P."""
    if not poly:
        raise Undefined("the logarithm of zero")
    constant, powers, factors = factored(poly)
    terms = [_log_of_number(abs(constant))]
    for g, e in powers.items():
        inside = of(g)
        logged = thaw(g.data) if g.kind == "exp" else _log_generator(inside)
        terms.append(scaled(logged, Fraction(e)))
    terms += [scaled(_log_generator(thaw(f)), e) for f, e in factors.items()]
    return plus(*terms)


def _log_generator(poly: Poly) -> Poly:
    return of(gen("log", freeze(poly), free(poly), height(poly)))


def _log_of_number(value: Fraction) -> Poly:
    terms = []
    for part, side in ((value.numerator, 1), (value.denominator, -1)):
        for prime, e in flint.fmpz(part).factor():
            terms.append(scaled(_log_generator(number(int(prime))), side * int(e)))
    return plus(*terms)


def square_root(poly: Poly, sign: Callable[[Poly], int]) -> Poly:
    """Gives sqrt(P); `sign` decides the sign of a factor, or raises to have it split."""
    if not poly:
        return {}
    constant, powers, factors = factored(poly)
    result = number(1)
    # Factors of unknown sign stay under one root: sqrt(xy) is not sqrt(x) sqrt(y).
    together = number(1 if constant > 0 else -1)
    pieces = [(of(g), Fraction(e)) for g, e in powers.items()]
    pieces += [(thaw(f), Fraction(e)) for f, e in factors.items()]
    for base, e in pieces:
        (generator,) = gens(base) if len(base) == 1 else (None,)
        if generator is not None and generator.kind == "exp":
            result = times(result, of(generator, _tidy(e / 2)))
            continue
        if e.denominator != 1:
            raise Unnormalised("the root of a fractional power")
        halves, odd = divmod(int(e), 2)
        if halves % 2 and sign(base) < 0:
            result = scaled(result, -1)
        outside = base if halves > 0 else inverse(base) if halves < 0 else number(1)
        result = times(result, to_power(outside, abs(halves)))
        if odd:
            certain = of_sum(freeze(base), {})
            if certain is None:
                together = times(together, base)
            else:
                result = times(result, _root_generator(scaled(base, certain)))
                together = scaled(together, certain)
    if set(together) <= {()}:
        if together[()] < 0:
            raise Undefined("the square root of a negative number")
    else:
        result = times(result, _root_generator(together))
    c = abs(constant)
    for prime, e in flint.fmpz(c.numerator * c.denominator).factor():
        result = scaled(result, int(prime) ** (int(e) // 2))
        if int(e) % 2:
            result = times(result, _root_generator(number(int(prime))))
    return scaled(result, Fraction(1, c.denominator))


def _root_generator(poly: Poly) -> Poly:
    return of(gen("sqrt", freeze(poly), free(poly), height(poly)))


def _tidy(e: Fraction) -> int | Fraction:
    return int(e) if e.denominator == 1 else e


def other(name: str, poly: Poly) -> Poly:
    """Gives erf, sin, cos or atan, their symmetry f(-a) = -f(a) or f(a) used up, or floor."""
    if not poly:
        return number(1) if name == "cos" else {}
    if name == "floor" and set(poly) <= {()}:
        return number(floor(poly[()]))
    flip = name != "floor" and leading(poly)[1] < 0
    inside = scaled(poly, -1) if flip else poly
    result = of(gen(name, freeze(inside), free(inside), height(inside)))
    return scaled(result, -1) if flip and name != "cos" else result


def kernel(name: str, poly: Poly, sign: Callable[[Poly], int]) -> Poly:
    """Gives a named function of a normal form."""
    match name:
        case "exp":
            return exponential(poly)
        case "log":
            return logarithm(poly)
        case "sqrt":
            return square_root(poly, sign)
        case _:
            return other(name, poly)
