"""Sparse polynomials over generators: what expressions look like once they are in normal form.

A generator is anything that cannot be taken apart further: an entry of a tensor, the exponential
of a product, the inverse of a sum, a closed sum over indices. Exponents may be negative, and those
of exponentials may be fractions, so that e^(a) e^(-a/2) = e^(a/2) needs no rule.

Three relations are built into multiplication, because normal forms are unique only modulo them:
an indicator is its own square; sqrt(P)^2 = P; and inv(P) P = 1, applied by replacing the leading
term of P. Each is an identity, so that a difference that becomes 0 is a proof.
"""

import itertools
from collections.abc import Iterator
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any, ClassVar

from derivations.graph import Dim, Index

Exponent = int | Fraction


class Gen:
    """A generator. `free` are its open indices; `height` exceeds every label bound in it."""

    __slots__ = ("data", "free", "height", "kind", "uid")
    _interned: ClassVar[dict[Any, "Gen"]] = {}
    _count: ClassVar[Iterator[int]] = itertools.count()

    kind: str
    data: Any
    free: frozenset[Index]
    height: int
    uid: int

    def __repr__(self) -> str:
        return f"{self.kind}{self.data}"


Monomial = tuple[tuple[Gen, Exponent], ...]  # sorted by generator, no zero exponents
Poly = dict[Monomial, Fraction]  # no zero coefficients
Frozen = tuple[tuple[Monomial, Fraction], ...]  # a Poly as a hashable, sorted value

INDICATORS = frozenset({"step", "less", "zero", "delta", "argmax"})
MOST_TERMS = 20_000


class TooLarge(Exception):
    """A normal form outgrew its bound."""


def gen(kind: str, data: Any, free: frozenset[Index], height: int = 0) -> Gen:
    """Gives the generator of this kind and content; equal ones are the same object."""
    key = (kind, data)
    found = Gen._interned.get(key)
    if found is None:
        found = object.__new__(Gen)
        found.kind, found.data, found.free, found.height = kind, data, free, height
        found.uid = next(Gen._count)
        Gen._interned[key] = found
    return found


@cache
def label(level: int, dim: Dim) -> Index:
    """Gives the canonical name of a bound index: one variable for each level and size."""
    return Index(f"label{level}_", dim)


def _order(monomial: Monomial) -> tuple[Any, ...]:
    # What an indicator switches off does not lead: an inverse is used up against what stays. Sizes
    # count last: a leading term without an open index would stand before the sum in which its
    # inverse is bound, where their relation does not see it.
    stays = bool(monomial) and not any(g.kind in INDICATORS for g, _ in monomial)
    degree = sum(abs(e) for g, e in monomial if g.kind != "size")
    whole = sum(abs(e) for _, e in monomial)
    return (stays, degree, whole, tuple((g.uid, e) for g, e in monomial))


def freeze(poly: Poly) -> Frozen:
    """Gives a hashable form, the same for equal polynomials."""
    return tuple(sorted(poly.items(), key=lambda item: _order(item[0])))


def thaw(frozen: Frozen) -> Poly:
    """Undoes `freeze`."""
    return dict(frozen)


def number(value: int | Fraction) -> Poly:
    """Gives a constant polynomial."""
    return {(): Fraction(value)} if value else {}


def of(generator: Gen, exponent: Exponent = 1) -> Poly:
    """Gives a power of one generator."""
    return {((generator, exponent),): Fraction(1)}


def term(monomial: Monomial) -> Poly:
    """Gives a product of generators as a polynomial."""
    return {monomial: Fraction(1)}


def gens(poly: Poly) -> set[Gen]:
    """Gives the generators that occur, not those inside other generators."""
    return {g for monomial in poly for g, _ in monomial}


def free(poly: Poly) -> frozenset[Index]:
    """Gives the open index variables."""
    return frozenset[Index]().union(*(g.free for g in gens(poly)))


def height(poly: Poly) -> int:
    """Gives a level above every label that is bound inside."""
    return max((g.height for g in gens(poly)), default=0)


def leading(poly: Poly) -> tuple[Monomial, Fraction]:
    """Gives the leading term."""
    monomial = max(poly, key=_order)
    return monomial, poly[monomial]


def plus(*polys: Poly) -> Poly:
    """Gives the sum."""
    result: Poly = {}
    for poly in polys:
        for monomial, coefficient in poly.items():
            _add(result, monomial, coefficient)
    return result


def _add(poly: Poly, monomial: Monomial, coefficient: Fraction) -> None:
    """Adds a term in place; its coefficient is not zero."""
    have = poly.get(monomial)
    if have is None:
        poly[monomial] = coefficient
    elif value := have + coefficient:
        poly[monomial] = value
    else:
        del poly[monomial]


def scaled(poly: Poly, factor: int | Fraction) -> Poly:
    """Gives a multiple."""
    return {m: c * factor for m, c in poly.items()} if factor else {}


def times(a: Poly, b: Poly) -> Poly:
    """Gives the product, reduced by the relations."""
    if len(a) * len(b) > MOST_TERMS:
        raise TooLarge(f"a product of {len(a)} by {len(b)} terms")
    result: Poly = {}
    for m, c in a.items():
        for n, d in b.items():
            for monomial, e in _product(m, n):
                _add(result, monomial, c * d * e)
    return result


def to_power(poly: Poly, exponent: int) -> Poly:
    """Gives a whole, non-negative power."""
    result = number(1)
    for _ in range(exponent):
        result = times(result, poly)
    return result


def _merged(m: Monomial, n: Monomial) -> Monomial:
    exponents: dict[Gen, Exponent] = dict(m)
    for g, e in n:
        exponents[g] = exponents.get(g, 0) + e
    return tuple(
        sorted(
            ((g, 1 if g.kind in INDICATORS else e) for g, e in exponents.items() if e),
            key=lambda item: item[0].uid,
        )
    )


@lru_cache(maxsize=200_000)
def _product(m: Monomial, n: Monomial) -> Frozen:
    return tuple(reduced({_merged(m, n): Fraction(1)}).items())


def reduced(poly: Poly) -> Poly:
    """Gives the same value with the relations of square roots and inverses used up."""
    done: Poly = {}
    work = dict(poly)
    steps = 0
    while work:
        monomial, coefficient = work.popitem()
        rewritten = _rewrite(monomial)
        if rewritten is None:
            _add(done, monomial, coefficient)
        else:
            for m, c in rewritten.items():
                _add(work, m, c * coefficient)
        steps += 1
        if steps > MOST_TERMS:
            raise TooLarge("the reduction of a normal form")
    return done


def _rewrite(monomial: Monomial) -> Poly | None:
    """Gives what one use of a relation turns a product into; `None` where none applies."""
    for g, e in monomial:
        if g.kind == "sqrt" and e != 1:
            inside = thaw(g.data)
            if e < 0:  # s^-1 = s / P, where P has one term or is irreducible up to its sign
                return _times_raw(_inverted(inside), _merged(monomial, ((g, 2),)))
            return _times_raw(inside, _merged(monomial, ((g, -2),)))
        if g.kind == "inv":
            rewritten = _use_inverse(monomial, g)
            if rewritten is not None:
                return rewritten
    return None


def _inverted(poly: Poly) -> Poly:
    """Gives 1/P for what stands under a root: one term, or plus or minus an irreducible sum."""
    monomial, c = leading(poly)
    if len(poly) == 1:
        return {tuple((g, -e) for g, e in monomial): 1 / c}
    return scaled(of(inverse_of(scaled(poly, 1 / c))), 1 / c)


def inverse_of(poly: Poly) -> Gen:
    """Gives the generator 1/P of an irreducible sum P with leading coefficient 1."""
    return gen("inv", freeze(poly), free(poly), height(poly))


def _use_inverse(monomial: Monomial, inverse: Gen) -> Poly | None:
    # Times an indicator, P is what it is where that is one; with all of P, the terms that the
    # indicator switches would come back for ever.
    poly, (top, leads) = _where_one(
        inverse, frozenset(g for g, _ in monomial if g.kind in INDICATORS)
    )
    if not poly:
        return None  # there is no 1/P there
    have = dict(monomial)
    if all(have.get(g, 0) >= e for g, e in top):
        # top * inv = (1 - (P - leads * top) * inv) / leads
        rest = _merged(monomial, tuple((g, -e) for g, e in top))
        without = _merged(rest, ((inverse, -1),))
        others = {m: -c for m, c in poly.items() if m != top}
        return scaled(plus({without: Fraction(1)}, _times_raw(others, rest)), 1 / leads)
    last = poly.get((), Fraction(0))
    if last:
        for g, e in monomial:
            # g^-1 * inv = (g^-1 - (P - P0)/g * inv) / P0, where g divides P - P0
            if e < 0 and all(dict(m).get(g, 0) >= 1 for m in poly if m):
                without = _merged(monomial, ((inverse, -1),))
                others = {m: -c for m, c in poly.items() if m}
                return scaled(plus({without: Fraction(1)}, _times_raw(others, monomial)), 1 / last)
    return None


@lru_cache(maxsize=10_000)
def _where_one(inverse: Gen, indicators: frozenset[Gen]) -> tuple[Poly, tuple[Monomial, Fraction]]:
    """Gives the sum whose inverse this is, where some indicators are one, and its leading term."""
    poly = thaw(inverse.data)
    if not indicators.isdisjoint(gens(poly)):
        poly = plus(*({tuple(p for p in m if p[0] not in indicators): c} for m, c in poly.items()))
    return poly, leading(poly) if poly else ((), Fraction(0))


def _times_raw(poly: Poly, monomial: Monomial) -> Poly:
    return plus(*({_merged(m, monomial): c} for m, c in poly.items()))
