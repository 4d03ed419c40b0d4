"""How likely is a wrong "equal"? Bounds on degrees, carried along with every value.

**What is computed.** Both functions are straight-line programs once every branch has been decided.
Such a program denotes a rational function over ℚ in these variables: the inputs x; for every kernel
value that is met (the logarithm, error function, sine, ... of a value, or a constant such as π) a
variable Z; and for every value a that stands in an exponent and is not itself a sum, a variable Y,
which stands for e^a. The exponential of Σ cᵢ aᵢ with rational cᵢ is the monomial Π Yᵢ^cᵢ, and
e^(log s) is s. Two values share a variable if they are the same rational function of the variables
before them. All of this holds for the real numbers, so *if the difference of two outputs is zero as
a rational function, the real functions are equal* wherever both take these branches. Nothing about
the transcendence of anything is needed: an identity that is lost this way is a "differ", never an
"equal".

**The experiment.** A field of a random prime q is drawn. Inputs get independent uniform residues;
Z and Y variables a residue (for Y: a square, all (q - 1)/2 of them alike likely) by a pseudo-random
function of the residues, in *every* field of the trial, of the value they belong to.

**The bound.** Suppose that the difference is not zero. Its numerator is a polynomial of degree D
with whole coefficients of at most B bits. First, the prime may divide all of them: no number
of B bits has more than B/30 prime factors above 2³⁰, and the prime was one of `POOL`. Otherwise,
by Schwartz and Zippel, at most D/m of the points are zeros, for independent variables from sets of
m = (q - 1)/2 elements or more; fractional exponents are counted in units of Y^(1/M), which runs
over all squares as Y does, since M is prime to m. So `chance = D/m + B/(30 POOL)` for one field,
and the product over the fields of a trial, which are independent of each other.
Second, two *different* values may have had the same residues in all fields and so share a variable
that they must not share: for each pair, that has at most the chance above, with their degrees; all
pairs are summed. The same goes for every comparison that was decided as a tie.
A trial that meets a division by zero or a square root of no square is thrown away. If it took n
attempts, the chance is at most n times as large: a false "equal" must happen in one of them.

**Square roots** of values that depend on the inputs multiply D by a factor (`roots.py`). The root
of a rational is that of its prime factors; with c of these, the numbers above are integers of a
field of degree 2^c over ℚ, and B is taken 2^c times for the bits of their norms.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from derivations.modular.fields import POOL, Field


class Degree(NamedTuple):
    """An upper bound on the degrees of a fraction of polynomials, and on its coefficients.

    It holds for every entry of an array. Where the denominator is a constant, it is a common one.

    Attributes:
      top: The degree of the numerator.
      bottom: The degree of the denominator.
      top_bits: The base-2 logarithm of the sum of the numerator's coefficients' sizes.
      bottom_bits: The same for the denominator.
    """

    top: float = 0
    bottom: float = 0
    top_bits: float = 0
    bottom_bits: float = 0


CONSTANT = Degree()
VARIABLE = Degree(1)


def of_bits(numerator: float, denominator: float) -> Degree:
    """Gives the degree of constants up to some number of bits."""
    return Degree(0, 0, numerator, denominator)


def largest(*degrees: Degree) -> Degree:
    """Gives a bound for an array with entries of several."""
    if any(a.bottom for a in degrees):
        return Degree(*map(max, zip(*degrees, strict=True)))
    # Constant denominators: the product is one that all have in common.
    bits = sum(a.bottom_bits for a in degrees)
    tops = (a.top_bits + bits - a.bottom_bits for a in degrees)
    return Degree(max(a.top for a in degrees), 0, max(tops), bits)


def added(a: Degree, b: Degree) -> Degree:
    """Gives the bound of a sum of two."""
    return Degree(
        max(a.top + b.bottom, b.top + a.bottom),
        a.bottom + b.bottom,
        max(a.top_bits + b.bottom_bits, b.top_bits + a.bottom_bits) + 1,
        a.bottom_bits + b.bottom_bits,
    )


def multiplied(a: Degree, b: Degree) -> Degree:
    """Gives the bound of a product."""
    return Degree(*(x + y for x, y in zip(a, b, strict=True)))


def inverted(a: Degree, entries: int) -> Degree:
    """Gives the bound of 1/a, for an array of so many different entries."""
    if a.top:
        return Degree(a.bottom, a.top, a.bottom_bits, a.top_bits)
    bits = entries * a.top_bits
    return Degree(a.bottom, 0, a.bottom_bits + bits - a.top_bits, bits)


def summed(a: Degree, count: int) -> Degree:
    """Gives the bound of a sum of several entries of an array."""
    if count < 1:
        return CONSTANT
    others = count - 1 if a.bottom else 0
    return Degree(
        a.top + others * a.bottom,
        a.bottom + others * a.bottom,
        a.top_bits + others * a.bottom_bits + math.log2(count),
        a.bottom_bits + others * a.bottom_bits,
    )


def rooted(a: Degree) -> Degree:
    """Gives the bound of a square root: that of t/b is u/b, where u² = t b."""
    return Degree((a.top + a.bottom) / 2, a.bottom, (a.top_bits + a.bottom_bits) / 2, a.bottom_bits)


def repeated(a: Degree, count: float) -> Degree:
    """Gives the bound of a product of several entries, or of a power."""
    return Degree(*(count * x for x in a))


def chance(
    a: Degree, b: Degree, f: Field, factor: float = 1, irrational: int = 0, pool: int = POOL
) -> float:
    """Bounds the chance that two different values have the same residue in a field.

    Args:
      a: The first value's degree.
      b: The second's.
      f: The field.
      factor: How many times as large the degree is to be taken.
      irrational: How many primes there are whose roots are constants of the code.
      pool: Out of how many primes the field was drawn; zero if it was not drawn.
    """
    difference = added(a, b)
    bad_prime = difference.top_bits * 2.0**irrational / (30 * pool) if pool else 0.0
    return min(1.0, difference.top * factor / f.squares + bad_prime)


def joint(
    a: Degree, b: Degree, fields: Sequence[Field], factor: float, irrational: int, pool: int
) -> float:
    """Bounds the chance that two different values have the same residues in all fields."""
    return math.prod(chance(a, b, f, factor, irrational, pool) for f in fields)
