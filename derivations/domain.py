"""Where an expression is defined: the signs under its roots and logarithms, and its denominators.

A rule may be equal to the derivative by algebra and still fail where the primal is fine
(sqrt(x) sqrt(x) for x). So the conditions that an expression needs are collected beside its normal
form, and those of the rule must follow from those of the primal.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import Literal, NamedTuple

from derivations.counts import counted, vanishing
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

    `key` is the condition for all positions at once, whatever the indices are called. It is not
    `certain` where a choice decides whether the expression is asked for at all.
    """

    kind: Literal["positive", "nonzero"]
    poly: Frozen
    key: Frozen
    certain: bool = True


Domain = frozenset[Condition]


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
    rest = [thaw(f) for f in pieces if not never_zero(f)]
    # A sum of what is not negative, of which one term always is positive, is not zero either.
    return frozenset(_condition("nonzero", f) for f in rest if vanishing(counted(f)) != {})


def _condition(kind: Literal["positive", "nonzero"], poly: Poly) -> Condition:
    return Condition(kind, freeze(poly), everywhere(poly))


def everywhere(poly: Poly) -> Frozen:
    """Gives a key that a number has in common with itself at other positions."""
    # Bound over all of its indices, an opaque generator of P has a name that all of its uses share.
    opaque = of(gen("log", freeze(poly), free(poly), height(poly)))
    return freeze(bind(list(free(poly)), opaque))


def absent(given: Iterable[Condition]) -> frozenset[Frozen]:
    """Gives the indicators, by their keys, that are zero at all positions where conditions hold.

    Where a sum of what is not negative is not zero, such as a softmax's over the keys that are
    seen, it is not so that there is nothing to sum.
    """
    zeros = [vanishing(counted(thaw(c.poly))) for c in given if c.kind == "nonzero" and c.certain]
    return frozenset(everywhere(zero) for zero in zeros if zero)


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
    keys = {(kind, c.key, c.certain) for c in given for kind in (c.kind, "nonzero")}
    signs = {c.poly: 1 for c in given if c.kind == "positive"}
    for condition in needed:
        if (condition.kind, condition.key, True) in keys:
            continue
        if not condition.certain and (condition.kind, condition.key, False) in keys:
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
