"""What it says that none of several conditions holds.

Where the sum of a condition over an axis, a number of places, is zero, the condition holds nowhere
along it: `[Σ_r b_r = 0] b_s = 0` for every s. It is what guards the softmax of a row from which
everything is hidden, whose sum of exponentials is zero.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from derivations.graph import At, Dim, Index
from derivations.index import below, bind, hit, opened, rename, zero_of_whole
from derivations.polynomial import (
    INDICATORS,
    Gen,
    Monomial,
    Poly,
    free,
    leading,
    number,
    of,
    plus,
    scaled,
    term,
    times,
    to_power,
)
from derivations.signs import positive


def vanishing(poly: Poly) -> Poly | None:
    """Gives the indicator that a sum is zero of which no term can be negative.

    It is zero where all terms are; `None` if the signs of the terms are not certain.
    """
    if len({c > 0 for c in poly.values()}) != 1:
        return None
    result = number(1)
    for monomial in poly:
        met = _not_zero(monomial)
        if met is None:
            return None
        result = times(result, plus(number(1), scaled(met, -1)))
    return result


def _not_zero(monomial: Monomial) -> Poly | None:
    """Gives the indicator that a product is not zero; `None` if it may be negative."""
    result = number(1)
    for g, e in monomial:
        if positive(g):
            continue
        if g.kind in INDICATORS:
            result = times(result, of(g))
        elif g.kind == "sum" and e == 1:
            bounds, body = opened(g)
            terms = [_not_zero(m) if c > 0 else None for m, c in body.items()]
            if len(terms) != 1 or terms[0] is None:
                return None
            everywhere = zero_of_whole(bind(bounds, terms[0]))
            result = times(result, plus(number(1), scaled(everywhere, -1)))
        else:
            return None
    return result


class Nowhere(NamedTuple):
    """A condition that holds nowhere along an axis: `first` is `rest` wherever it is met.

    Attributes:
      place: The index that runs along the axis.
      first: A product of indicators.
      rest: What it is equal to.
    """

    place: Index
    first: Monomial
    rest: Poly


def counted(poly: Poly) -> Poly:
    """Gives a normal form with what is known of conditions that hold nowhere put into it.

    Every step is an identity of real numbers, at every point.
    """
    done: Poly = {}
    todo = dict(poly)
    while todo:
        monomial, c = todo.popitem()
        put_in = _used(monomial, ())
        if put_in is None:
            done = plus(done, {monomial: c})
        else:
            todo = plus(todo, scaled(put_in, c))
    return done


def _used(monomial: Monomial, around: Monomial) -> Poly | None:
    """Gives what a product becomes, beside the factors `around` it; `None` if nothing is known."""
    everything = [g for g, _ in (*monomial, *around)]
    own = {g for g, _ in monomial}
    for nowhere in filter(None, map(_nowhere, everything)):
        for place in _places(nowhere.place.size, everything):
            met = _indicators(rename(term(nowhere.first), {nowhere.place: place}))
            if met & own and met <= set(everything):
                left = tuple((g, e) for g, e in monomial if g not in met)
                return times(term(left), rename(nowhere.rest, {nowhere.place: place}))
    for g in [g for g in own if g.kind == "less"]:
        for factor, _ in monomial:
            value = _where_hit(g, factor)
            if value is not None:
                left = term(tuple(item for item in monomial if item[0] is not g))
                return left if value else {}
    for g, e in monomial:
        if g.kind == "sum" and isinstance(e, int) and e > 0:
            others = tuple(item for item in monomial if item[0] is not g)
            inside = _in_sum(g, e, (*others, *around))
            if inside is not None:
                return times(term(others), inside)
    return None


def _where_hit(indicator: Gen, factor: Gen) -> bool | None:
    """Gives whether a number is below a bound where a factor is not zero, as it is a position."""
    if factor.kind == "sum":
        _, body = opened(factor)
        found = {
            next((v for g, _ in m if (v := _where_hit(indicator, g)) is not None), None)
            for m in body
        }
        return found.pop() if len(found) == 1 else None
    for b in factor.free:
        there = hit(b, factor)
        value = None if there is None else below(indicator, there, b.size)
        if value is not None:
            return value
    return None


def _indicators(poly: Poly) -> set[Gen]:
    """Gives the factors of a product of indicators; none if it is something else."""
    if len(poly) != 1:
        return set()
    ((monomial, c),) = poly.items()
    return {g for g, _ in monomial} if c == 1 else set()


def _in_sum(g: Gen, power: int, around: Monomial) -> Poly | None:
    """Gives what a power of a sum becomes beside the factors `around` it."""
    bounds, body = opened(g)
    found: list[Poly] = []
    changed = False
    for monomial, c in body.items():
        put_in = _used(monomial, around)
        changed = changed or put_in is not None
        found.append(scaled(term(monomial) if put_in is None else put_in, c))
    return to_power(bind(bounds, plus(*found)), power) if changed else None


def _places(size: Dim, around: Iterable[Gen]) -> Iterator[At]:
    """Gives the positions along an axis that some generators speak of."""
    seen: dict[At, None] = {}
    for g in around:
        seen.update(dict.fromkeys(g.free))
        if g.kind in INDICATORS and g.kind != "argmax":
            seen.update(dict.fromkeys(_numbers(g)))
    for at in seen:
        if at.size == size if isinstance(at, Index) else at == 0 or _below(at, size):
            yield at


def _below(at: int, size: Dim) -> bool:
    return isinstance(size, int) and 0 <= at < size


def _numbers(g: Gen) -> Iterator[int]:
    """Gives the positions that an indicator has numbers for."""
    if g.kind == "delta":
        return
    for monomial, _ in g.data:
        for inner, _ in monomial:
            if inner.kind == "entry":
                yield from (at for at in inner.data[1] if isinstance(at, int))


@cache
def _nowhere(g: Gen) -> Nowhere | None:
    """Reads the indicator that a number of places is zero."""
    if g.kind != "zero":
        return None
    sums = {inner for m, _ in g.data for inner, _ in m if inner.kind == "sum"}
    sizes = {label.size for inner in sums for label in inner.data[0]}
    if len(sizes) != 1 or any(len(inner.data[0]) != 1 for inner in sums):
        return None
    place = Index("s", sizes.pop())
    found = _condition(g, place)
    for condition in () if found is None else (found, scaled(found, -1)):
        # What is its own square is 0 or 1, so that a sum of it is zero only if all of it is.
        if times(condition, condition) == condition:
            first, c = leading(condition)
            others = {m: k for m, k in condition.items() if m != first}
            return Nowhere(place, first, scaled(others, -1 / c))
    return None


def _condition(g: Gen, place: Index) -> Poly | None:
    """Gives b where the number that is zero is Σ b over a place, or -Σ b."""
    terms = []
    for monomial, c in g.data:
        match monomial:
            case ():
                if not isinstance(place.size, int):
                    return None
                terms.append(number(c / place.size))
            case ((inner, 1),) if inner.kind == "size" and inner.data == place.size:
                terms.append(number(c))
            case ((inner, 1),) if inner.kind == "sum":
                (label,), body = inner.data
                if any(factor.kind not in INDICATORS for factor, _ in body):
                    return None
                terms.append(scaled(rename(term(body), {label: place}), c))
            case _:
                return None
    condition = plus(*terms)
    return condition if place in free(condition) else None
