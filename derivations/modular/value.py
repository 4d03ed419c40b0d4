"""What an array is to the modular execution: floats that decide, and residues that are exact."""

from collections.abc import Callable
from fractions import Fraction
from math import isqrt
from typing import NamedTuple

import numpy as np

from derivations.modular.degree import CONSTANT, Degree, inverted, largest, multiplied, repeated
from derivations.modular.fields import Field, Residues, inverse, power, product

LONGEST = 10**9  # of a tracked factor's numerator and denominator


class Redraw(Exception):
    """The drawn point has no residue here, or is too close to a boundary: draw another."""


class Undecided(Exception):
    """No point will do, for the stated reason."""


class Exponential(NamedTuple):
    """The exponential of an array.

    Attributes:
      residues: In each field.
      degree: The bound on its degree, in the variables Y.
      monomial: Whether it is a product of powers of variables Y: then it is a square.
      units: The common denominator of the exponents.
    """

    residues: tuple[Residues, ...]
    degree: Degree
    monomial: bool = True
    units: int = 1


class Value:
    """An array.

    Attributes:
      shadow: The numbers in float64; whole numbers and truth values exactly, in their own dtype.
      residues: In each field, zero where the shadow is not finite; empty for whole numbers.
      degree: The bound on the degree of every entry.
      number: The rational number that every entry is, if that is known.
      whole: The whole numbers that the entries are, if they are constants and small.
      factor: c|c|, where c is a constant factor of the value that is the root of a rational.
    """

    __slots__ = ("_exponential", "_rule", "degree", "factor", "number", "residues", "shadow",
                 "whole")  # fmt: skip

    def __init__(
        self,
        shadow: np.ndarray,
        residues: tuple[Residues, ...] = (),
        degree: Degree = CONSTANT,
        exponential: Callable[[], Exponential] | None = None,
        number: Fraction | None = None,
        whole: np.ndarray | None = None,
        factor: Fraction | None = None,
    ):
        self.shadow = np.asarray(shadow)
        self.residues = residues
        self.degree = degree
        self.number = number
        self.whole = whole
        self._rule = exponential
        self._exponential: Exponential | None = None
        if factor is None:
            factor = number * abs(number) if number else Fraction(1)
        long = max(abs(factor.numerator), factor.denominator) > LONGEST**2
        self.factor = Fraction(1) if long or not factor else factor

    @property
    def real(self) -> bool:
        """Whether this is an array of real numbers."""
        return bool(self.residues)

    def exponential(self, atom: Callable[["Value"], Exponential]) -> Exponential:
        """Gives e to this value: by the rule that it was made with, or else as a variable."""
        if self._exponential is None:
            self._exponential = self._rule() if self._rule is not None else atom(self)
            self._rule = None
        return self._exponential

    def moved(
        self, move: Callable[[np.ndarray], np.ndarray], atom: Callable[["Value"], Exponential]
    ) -> "Value":
        """Gives the array with its entries moved, repeated or left out."""

        def exponential() -> Exponential:
            e = self.exponential(atom)
            return e._replace(residues=tuple(map(move, e.residues)))

        return Value(
            move(self.shadow),
            tuple(map(move, self.residues)),
            self.degree,
            exponential if self.real else None,
            self.number,
            None if self.whole is None else move(self.whole),
            self.factor,
        )


def rational_part(factor: Fraction) -> Fraction:
    """Gives the rational c with factor = c|c|, times the rest under the root: 1 if that is long.

    Example:
      >>> rational_part(Fraction(-1, 4)), rational_part(Fraction(8)), rational_part(Fraction(1, 2))
      (Fraction(-1, 2), Fraction(2, 1), Fraction(1, 2))
    """
    n = abs(factor.numerator) * factor.denominator  # √(a/b) = √(ab)/b
    square = 1
    for prime in (2, 3, 5, 7, 11, 13):
        while n % (prime * prime) == 0:
            n //= prime * prime
            square *= prime
    if isqrt(n) ** 2 == n:
        square *= isqrt(n)
    return Fraction(square if factor > 0 else -square, factor.denominator)


def together(a: Exponential, b: Exponential, fields: tuple[Field, ...]) -> Exponential:
    """Gives e^(a+b)."""
    return Exponential(
        tuple(product(x, y, f) for x, y, f in zip(a.residues, b.residues, fields, strict=True)),
        multiplied(a.degree, b.degree),
        a.monomial and b.monomial,
        np.lcm(a.units, b.units).item(),
    )


def to_power(e: Exponential, exponent: Fraction, fields: tuple[Field, ...]) -> Exponential | None:
    """Gives e^(c a) for a rational number c; `None` where that is no monomial."""
    if exponent.denominator != 1 and not e.monomial:
        return None
    found = []
    for r, f in zip(e.residues, fields, strict=True):
        order = f.squares if e.monomial else f.prime - 1
        try:
            inside = exponent.numerator * pow(exponent.denominator, -1, order) % order
        except ValueError:
            raise Redraw("an exponent's denominator divides the number of squares") from None
        if exponent == -1:
            found.append(inverse(r, f))
        else:
            found.append(power(r, inside, f))
    degree = repeated(e.degree, abs(exponent.numerator) / exponent.denominator)
    if exponent < 0:
        degree = inverted(degree, e.residues[0].size)
    return Exponential(tuple(found), degree, e.monomial, e.units * exponent.denominator)


def chosen(
    choose: Callable[[list[np.ndarray]], np.ndarray], cases: list[Exponential]
) -> Exponential:
    """Gives the exponential of a choice."""
    return Exponential(
        tuple(choose(list(rs)) for rs in zip(*(c.residues for c in cases), strict=True)),
        largest(*(c.degree for c in cases)),
        all(c.monomial for c in cases),
        np.lcm.reduce([c.units for c in cases]).item(),
    )
