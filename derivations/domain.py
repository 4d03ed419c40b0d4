"""Where an expression is defined: the signs under its roots and logarithms, and its denominators.

A rule may be equal to the derivative by algebra and still fail where the primal is fine
(sqrt(x) sqrt(x) for x). So the conditions that an expression needs are collected beside its normal
form, and those of the rule must follow from those of the primal.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import Literal, NamedTuple

from derivations.fraction import factored
from derivations.index import bind
from derivations.kernels import Undefined, Unnormalised
from derivations.polynomial import (
    Frozen,
    Poly,
    free,
    freeze,
    gen,
    height,
    number,
    of,
    scaled,
    thaw,
    times,
)
from derivations.regions import Split, sign
from derivations.signs import Signs, never_zero, of_sum


class Condition(NamedTuple):
    """A condition for an expression to be defined: `poly` is positive, or is not zero.

    `key` is the condition for all positions at once, whatever the indices are called.
    """

    kind: Literal["positive", "nonzero"]
    poly: Frozen
    key: Frozen


def positive(poly: Poly) -> frozenset[Condition]:
    """Gives what it takes for log P or sqrt P to be defined, off the boundary P = 0."""
    constant, powers, factors = factored(poly)
    rest = number(1 if constant > 0 else -1)
    pieces = [(freeze(of(g)), e) for g, e in powers.items()] + list(factors.items())
    for factor, e in pieces:
        if e % 2:
            certain = of_sum(factor, {})
            rest = scaled(rest, certain) if certain else times(rest, thaw(factor))
    if set(rest) <= {()}:
        if rest[()] < 0:
            raise Undefined("a root or logarithm of a negative number")
        return frozenset()
    return frozenset({_condition("positive", rest)})


def nonzero(poly: Poly) -> frozenset[Condition]:
    """Gives what it takes for 1/P to be defined."""
    _, powers, factors = factored(poly)
    pieces = [freeze(of(g)) for g in powers] + list(factors)
    return frozenset(_condition("nonzero", thaw(f)) for f in pieces if not never_zero(f))


def _condition(kind: Literal["positive", "nonzero"], poly: Poly) -> Condition:
    # Bound over all of its indices, an opaque generator of P has a name that all of its uses share.
    opaque = of(gen("log", freeze(poly), free(poly), height(poly)))
    return Condition(kind, freeze(poly), freeze(bind(list(free(poly)), opaque)))


def missing(
    needed: Iterable[Condition], given: Iterable[Condition], known: Signs
) -> Condition | None:
    """Gives a needed condition that does not follow, if there is one.

    Args:
      needed: The conditions.
      given: Those from which they may follow.
      known: The signs of factors in the open region that is looked at.
    """
    given = list(given)
    keys = {(c.kind, c.key) for c in given} | {("nonzero", c.key) for c in given}
    signs = {c.poly: 1 for c in given if c.kind == "positive"}
    for condition in needed:
        if (condition.kind, condition.key) in keys:
            continue
        if condition.kind == "nonzero" and never_zero(condition.poly, known):
            continue
        try:
            # An exponent of two asks for nothing but that the factors are known.
            if sign(thaw(condition.poly), _monic(signs)) > 0 and condition.kind == "positive":
                continue
        except (Split, Unnormalised):
            pass
        return condition
    return None


def _monic(signs: dict[Frozen, int]) -> dict[Frozen, int]:
    result = {}
    for frozen, s in signs.items():
        constant, powers, factors = factored(thaw(frozen))
        if len(powers) + len(factors) == 1:
            only = next(iter(factors), None) or freeze(of(next(iter(powers))))
            result[only] = s if constant > Fraction(0) else -s
    return result
