"""Signs that are certain: exponentials and sizes are positive, and so are sums of such."""

from collections.abc import Mapping
from fractions import Fraction

from derivations.polynomial import INDICATORS, Frozen, Gen, Monomial

# Of the generators that are not whole numbers, these are no analytic functions of the inputs.
_NOT_ANALYTIC = frozenset({*INDICATORS, "max", "floor", "apply"})


def whole(g: Gen) -> bool:
    """Tells whether a generator only takes whole values."""
    if g.kind == "entry":
        return g.data[2] == "whole"
    return g.kind in ("size", "index", "floor") or g.kind in INDICATORS


def analytic(g: Gen) -> bool:
    """Tells whether a generator is an analytic function of the real inputs."""
    if g.kind in _NOT_ANALYTIC:
        return False
    if g.kind == "sum":
        return all(analytic(inner) for inner, _ in g.data[1])
    if g.kind in ("entry", "pi", "size", "index"):
        return True
    return all(analytic(inner) for m, _ in g.data for inner, _ in m)


def never_zero(factor: Frozen, known: "Signs | None" = None) -> bool:
    """Tells whether a factor is positive, or negative, everywhere and not just almost.

    Everywhere where other factors have the `known` signs, if there are such.
    """
    terms = [_strict(monomial, c, known or {}) for monomial, c in factor]
    signs = {sign for sign, _ in terms}
    return len(signs) == 1 and None not in signs and any(strict for _, strict in terms)


def _strict(monomial: Monomial, c: Fraction, known: "Signs") -> tuple[int | None, bool]:
    """Gives the sign of a term, `None` if it has none for certain, and whether it is never zero."""
    sign, strict = (1 if c > 0 else -1), True
    for g, e in monomial:
        alone = ((((g, 1),), Fraction(1)),)
        if positive(g):
            continue
        if alone in known:
            sign *= known[alone] if e % 2 else 1
        elif e % 2 == 0 or (g.kind == "sum" and _not_negative(g.data[1])):
            strict = False
        else:
            return None, False
    return sign, strict


def _not_negative(monomial: Monomial) -> bool:
    return all(
        e % 2 == 0 or positive(g) or (g.kind == "sum" and _not_negative(g.data[1]))
        for g, e in monomial
    )


def positive(g: Gen) -> bool:
    """Tells whether a generator is positive wherever it has a value."""
    if g.kind == "sum":
        return all(positive(inner) for inner, _ in g.data[1])
    if g.kind in ("inv", "sqrt"):
        return never_zero(g.data)
    return _surely_positive(g)


def _surely_positive(g: Gen) -> bool:
    return g.kind in ("exp", "pi", "size") or (g.kind == "entry" and g.data[2] == "positive")


def negligible(factor: Frozen) -> bool:
    """Tells whether a factor, if it is not identically zero, is zero on a null set only.

    It then is an analytic function of the real inputs that depends on at least one of them.
    """
    found = [g for m, _ in factor for g, _ in m]
    return all(map(analytic, found)) and not all(map(whole, found))


Signs = Mapping[Frozen, int]  # a factor with leading coefficient 1 -> -1 or 1


def of_term(monomial: Monomial, c: Fraction, known: Signs) -> int | None:
    """Gives the sign of a term where it is certain (almost everywhere), else None."""
    result = 1 if c > 0 else -1
    for g, e in monomial:
        if e % 2:
            own = of_generator(g, known)
            if own is None:
                return None
            result *= own
        elif whole(g) or not analytic(g):
            return None  # a square, but it may be zero on more than a null set
    return result


def of_sum(frozen: Frozen, known: Signs) -> int | None:
    """Gives the sign of a sum whose terms certainly all have it, else None."""
    signs = {of_term(monomial, c, known) for monomial, c in frozen}
    return signs.pop() if len(signs) == 1 else None


def of_generator(g: Gen, known: Signs) -> int | None:
    """Gives the sign of a generator where it is certain (almost everywhere), else None."""
    if _surely_positive(g):
        return 1
    if g.kind == "sqrt":
        return 1 if analytic(g) else None
    alone = ((((g, 1),), Fraction(1)),)
    if alone in known:
        return known[alone]
    if g.kind == "sum":
        _, monomial = g.data
        return of_term(monomial, Fraction(1), {})
    if g.kind == "max":
        return of_sum(g.data[1], {})
    if g.kind == "inv":
        return known[g.data] if g.data in known else of_sum(g.data, known)
    return None
