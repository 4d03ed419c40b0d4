"""Arithmetic in prime fields, on arrays, exactly.

A residue is an int64 below 2³¹, so that the product of two is below 2⁶². A matrix product is made
of products of float64 matrices, one for each digit of the residues of one matrix: the digits are so
short that every partial sum is a whole number below 2⁵³, which float64 holds exactly, in any order.

The primes are q = 7 modulo 8 with (q - 1)/2 prime to 3, 5 and 7. So -1 is no square and 2 is one,
the squares form a group of odd order m = (q - 1)/2, every square has exactly one root that is a
square itself, a^((q + 1)/4), and a power with the exponent 1/2, 1/3, ..., 1/10 is defined in them.
"""

import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

Residues = np.ndarray  # int64, each in [0, q)

SMALLEST, LARGEST = 2**30, 2**31
POOL = 3_960_653  # primes of this kind between the two (counted)
MOST_SUMMANDS = 2**20


class Field(NamedTuple):
    """A prime field.

    Attributes:
      prime: q.
      squares: m = (q - 1)/2, how many squares there are beside zero.
    """

    prime: int
    squares: int


def field(prime: int) -> Field:
    """Gives the field of a prime."""
    return Field(prime, (prime - 1) // 2)


def is_prime(n: int) -> bool:
    """Tells whether a number below 3.2·10⁹ is prime: Miller and Rabin with three bases are exact.

    Example:
      >>> [n for n in range(30) if is_prime(n)]
      [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
    """
    for small in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        if n % small == 0:
            return n == small
    if n < 2:
        return False
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    # 2, 3, 5, 7 and 11 are exact below 2·10¹².
    return all(_passes(n, base, odd, twos) for base in (2, 3, 5, 7, 11))


def _passes(n: int, base: int, odd: int, twos: int) -> bool:
    power = pow(base, odd, n)
    if power in (1, n - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % n
        if power == n - 1:
            return True
    return False


def is_suitable(q: int) -> bool:
    """Tells whether a number is a prime of the kind that is used here."""
    return q % 8 == 7 and all((q - 1) // 2 % r for r in (3, 5, 7)) and is_prime(q)


def draw_field(draw: random.Random, smallest: int = SMALLEST, largest: int = LARGEST) -> Field:
    """Draws a field, each prime between the two numbers as likely as any other."""
    while True:
        q = draw.randrange(smallest, largest)
        if is_suitable(q):
            return field(q)


def reduced(a: np.ndarray, f: Field) -> Residues:
    """Gives the residues of whole numbers."""
    # NumPy divides by one number fast, and takes remainders slowly.
    multiples = np.asarray(a // f.prime)
    multiples *= f.prime
    return np.subtract(a, multiples, out=multiples)


def product(a: Residues, b: Residues, f: Field) -> Residues:
    """Gives the products, entry by entry."""
    return reduced(a * b, f)


def power(a: Residues, exponent: int, f: Field) -> Residues:
    """Gives the powers with one exponent, zero or more."""
    result = np.ones_like(a)
    while exponent:
        if exponent & 1:
            result = product(result, a, f)
        exponent >>= 1
        if exponent:
            a = product(a, a, f)
    return result


def inverse(a: Residues, f: Field) -> Residues:
    """Gives the inverses; that of zero is zero."""
    if a.size > 4 and a.ndim:
        flat = a.reshape(-1)
        if (flat == flat[0]).all():  # a constant that was broadcast
            return np.broadcast_to(power(flat[:1], f.prime - 2, f), a.shape)
    return power(a, f.prime - 2, f)


def root(a: Residues, f: Field) -> Residues:
    """Gives the root that is a square itself, of a square."""
    return power(a, (f.prime + 1) // 4, f)


def of_fraction(value: Fraction | int, f: Field) -> int:
    """Gives the residue of a rational number.

    Raises:
      ZeroDivisionError: Its denominator is a multiple of the prime.
    """
    value = Fraction(value)
    if value.denominator % f.prime == 0:
        raise ZeroDivisionError
    return value.numerator * pow(value.denominator, -1, f.prime) % f.prime


def of_floats(values: np.ndarray, f: Field) -> Residues:
    """Gives the residues of floats, each taken as the binary fraction that it is."""
    mantissa, exponent = np.frexp(values)
    whole = reduced(np.ldexp(mantissa, 53).astype(np.int64), f)
    table, place = np.unique(exponent, return_inverse=True)
    scales = np.array([pow(2, int(e) - 53, f.prime) for e in table], np.int64)
    return product(whole, scales[place].reshape(values.shape), f)


def bilinear(
    a: Residues,
    b: Residues,
    f: Field,
    multiply: Callable[[np.ndarray, np.ndarray], np.ndarray],
    summands: int,
) -> Residues:
    """Gives a product that float64 makes of sums of products: of matrices, or a convolution."""
    if summands > MOST_SUMMANDS:
        raise OverflowError(f"a sum of {summands} products")
    bits = min(16, 22 - (summands - 1).bit_length())  # 31 + bits + log2 of the summands is <= 53
    split, other = (a, b) if a.size < b.size else (b, a)
    whole = other.astype(np.float64)
    result = np.zeros((), np.int64)
    for shift in reversed(range(0, 31, bits)):
        digit = ((split >> shift) & ((1 << bits) - 1)).astype(np.float64)
        part = multiply(digit, whole) if split is a else multiply(whole, digit)
        # Horner: 2³¹·2¹⁶ + 2⁵³ is below 2⁶³.
        result = reduced((result << bits) + part.astype(np.int64), f)
    return result


_MIX = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_STEP = 0x9E3779B97F4A7C15


def _mixed(x: np.ndarray) -> np.ndarray:
    """Stirs 64 bits (the finaliser of SplitMix64)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(_MIX[0])
    x = (x ^ (x >> np.uint64(27))) * np.uint64(_MIX[1])
    return x ^ (x >> np.uint64(31))


def oracle(key: int, residues: Sequence[Residues], fields: Sequence[Field]) -> list[Residues]:
    """Gives a pseudo-random nonzero residue in each field, a function of the key and all residues.

    Equal residues in every field give equal answers; otherwise they are as good as independent.
    """
    state = np.full(residues[0].size, key % 2**64, np.uint64)
    for r in residues:
        state = _mixed((state + np.uint64(_STEP)) ^ r.reshape(-1).astype(np.uint64))
    found = []
    for i, f in enumerate(fields):
        # 64 bits modulo q - 1: uniform up to 2⁻³³.
        drawn = _mixed(state + np.uint64((i + 1) * _STEP % 2**64)) % np.uint64(f.prime - 1)
        found.append((drawn.astype(np.int64) + 1).reshape(residues[0].shape))
    return found
