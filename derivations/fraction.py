"""Polynomials over one common denominator, by FLINT: cancelling, factoring, deciding zero."""

from collections.abc import Callable
from fractions import Fraction
from functools import cache, lru_cache
from math import gcd, lcm
from typing import NamedTuple

import flint

from derivations.polynomial import (
    Frozen,
    Gen,
    Monomial,
    Poly,
    TooLarge,
    freeze,
    gens,
    leading,
    reduced,
    scaled,
    thaw,
)

HIGHEST_DEGREE = 200  # of one generator: FLINT allocates by degree


class Factored(NamedTuple):
    """A product: `constant * product of gen^e * product of factor^e`, factors of several terms.

    Every factor is irreducible, has no negative exponents, and has leading coefficient 1.
    """

    constant: Fraction
    powers: dict[Gen, int | Fraction]
    factors: dict[Frozen, int]


class _Ring:
    """A FLINT ring over the generators of one polynomial."""

    def __init__(self, poly: Poly):
        exponents: dict[Gen, list[int | Fraction]] = {}
        self.inverses: dict[Gen, int] = {}

        def see(p: Poly) -> None:
            for monomial in p:
                for g, e in monomial:
                    if g.kind == "inv":
                        first = g not in self.inverses
                        self.inverses[g] = max(self.inverses.get(g, 0), int(e))
                        if first:
                            see(thaw(g.data))
                    else:
                        exponents.setdefault(g, []).append(e)

        see(poly)
        self.order = sorted(exponents, key=lambda g: g.uid)
        self.place = {g: i for i, g in enumerate(self.order)}
        # An exponential may carry fractions: its variable stands for the largest power of which
        # all that occur are whole powers.
        self.unit = [_unit(exponents[g]) for g in self.order]
        degree = max((abs(e / u) for g, u in zip(self.order, self.unit, strict=True)
                      for e in exponents[g]), default=0)  # fmt: skip
        if degree > HIGHEST_DEGREE:
            raise TooLarge(f"a polynomial of degree {degree}")
        self.context = _context(len(self.order))

    def polynomial(self, poly: Poly) -> tuple[flint.fmpq_mpoly, list[int]]:
        """Gives (p, shift) with poly * x^shift = p; `inv` generators must be gone."""
        rows = []
        for monomial, c in poly.items():
            row = [0] * len(self.order)
            for g, e in monomial:
                row[self.place[g]] = int(e / self.unit[self.place[g]])
            rows.append((row, c))
        shift = [max(0, *(-row[i] for row, _ in rows)) for i in range(len(self.order))]
        terms = {
            tuple(e + s for e, s in zip(row, shift, strict=True)): flint.fmpq(
                c.numerator, c.denominator
            )
            for row, c in rows
        }
        return self.context.from_dict(terms), shift

    def back(self, p: flint.fmpq_mpoly) -> Poly:
        """Gives a FLINT polynomial as ours."""
        result: Poly = {}
        for row, c in p.to_dict().items():
            monomial = tuple(
                (g, _exponent(int(e), u))
                for g, e, u in zip(self.order, row, self.unit, strict=True)
                if e
            )
            result[monomial] = Fraction(int(c.p), int(c.q))
        return result


def _unit(exponents: list[int | Fraction]) -> Fraction:
    below = lcm(*(Fraction(e).denominator for e in exponents))
    return Fraction(gcd(*(int(e * below) for e in exponents)), below)


def _exponent(e: int, unit: Fraction) -> int | Fraction:
    exact = e * unit
    return int(exact) if exact.denominator == 1 else exact


@cache
def _context(variables: int) -> flint.fmpq_mpoly_ctx:
    names = [f"x{i}" for i in range(max(variables, 1))]
    return flint.fmpq_mpoly_ctx.get(names, flint.Ordering.deglex)


def _numerator(ring: _Ring, poly: Poly) -> tuple[flint.fmpq_mpoly, list[int]]:
    """Gives (p, shift) with poly * x^shift * product of inverted sums = p."""
    top = ring.inverses
    denominators = {g: ring.polynomial(thaw(g.data))[0] for g in top}
    total = ring.context.from_dict({})
    pieces: list[tuple[flint.fmpq_mpoly, list[int]]] = []
    for monomial, c in poly.items():
        powers = dict(monomial)
        plain: Monomial = tuple((g, e) for g, e in monomial if g.kind != "inv")
        piece, shift = ring.polynomial({plain: c})
        for g, most in top.items():
            piece *= denominators[g] ** (most - int(powers.get(g, 0)))
        pieces.append((piece, shift))
    shift = [max(0, *(s[i] for _, s in pieces)) for i in range(len(ring.order))]
    for piece, own in pieces:
        lift = tuple(s - o for s, o in zip(shift, own, strict=True))
        total += piece * ring.context.from_dict({lift: flint.fmpq(1)}) if any(lift) else piece
    return total, shift


def is_zero(poly: Poly, known: Callable[[Poly], Poly] = reduced) -> bool:
    """Tells whether a polynomial is zero as a rational function of its generators.

    Args:
      poly: The polynomial.
      known: Puts what is known of generators into a numerator.
    """
    if not poly:
        return True
    if not any(g.kind == "inv" for g in gens(poly)):
        return False
    ring = _Ring(poly)
    numerator = _numerator(ring, poly)[0]
    if numerator == 0:
        return True
    # A root in a denominator has met itself in the numerator: its square is what stands under it.
    cleared = ring.back(numerator)
    again = known(reduced(cleared))
    return again != cleared and is_zero(again, known)


@lru_cache(maxsize=20_000)
def _factored(frozen: Frozen) -> Factored:
    poly = thaw(frozen)
    ring = _Ring(poly)
    numerator, shift = _numerator(ring, poly)
    if numerator == 0:
        raise ZeroDivisionError("zero has no factors")
    try:
        constant, factors = numerator.factor()
    except RuntimeError:  # FLINT gives up on some; one factor, not taken apart, is right as well
        constant, factors = flint.fmpq(1), [(numerator, 1)]
    result = Fraction(int(constant.p), int(constant.q))
    powers: dict[Gen, int | Fraction] = {
        g: -_exponent(s, u) for g, s, u in zip(ring.order, shift, ring.unit, strict=True) if s
    }
    sums: dict[Frozen, int] = {}

    def take(poly: Poly, exponent: int) -> None:
        nonlocal result
        monomial, c = leading(poly)
        result *= c**exponent
        if len(poly) == 1:
            for g, e in monomial:
                powers[g] = powers.get(g, 0) + e * exponent
        else:
            key = freeze(scaled(poly, 1 / c))
            sums[key] = sums.get(key, 0) + exponent

    for factor, exponent in factors:
        take(ring.back(factor), int(exponent))
    for g, exponent in ring.inverses.items():
        take(thaw(g.data), -exponent)
    return Factored(
        result,
        {g: e for g, e in powers.items() if e},
        {f: e for f, e in sums.items() if e},
    )


def factored(poly: Poly) -> Factored:
    """Gives the factors of a polynomial over its common denominator."""
    if len(poly) == 1:
        ((monomial, c),) = poly.items()
        if not any(g.kind == "inv" for g, _ in monomial):
            return Factored(c, dict(monomial), {})
    return _factored(freeze(poly))
