"""The index calculus: closed sums over index variables, in a form that does not depend on names.

A sum over indices becomes a product of *components*: a component binds a connected set of indices
and nothing that could stand outside it. Its bound indices get canonical labels, so that
`Σ_j a_ij b_j` and `Σ_k b_k a_ik` are one generator, for any sizes. Deltas are used up on the way:
Σ_j δ_jk f(j) = f(k).

Labels are levels: a binder's labels lie above every label that is bound inside it, so an index
that is put in for another can never be captured.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import permutations, product

from derivations import kernels
from derivations.graph import At, Dim, Index, Numbers
from derivations.polynomial import (
    Exponent,
    Frozen,
    Gen,
    Monomial,
    Poly,
    TooLarge,
    freeze,
    gen,
    gens,
    label,
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
from derivations.polynomial import free as free_of
from derivations.polynomial import height as height_of
from derivations.signs import whole

Renaming = Mapping[Index, At]
MOST_ORDERS = 5_040


def size_of(dim: Dim) -> Poly:
    """Gives a size as a normal form."""
    return number(dim) if isinstance(dim, int) else of(gen("size", dim, frozenset()))


def position(at: At) -> Poly:
    """Gives the value of an index as a normal form."""
    return number(at) if isinstance(at, int) else of(gen("index", at, frozenset((at,))))


def entry(tensor: str, at: tuple[At, ...], numbers: Numbers) -> Poly:
    """Gives an entry of a tensor."""
    return of(gen("entry", (tensor, at, numbers), _indices(at)))


def delta(i: At, j: At) -> Poly:
    """Gives the Kronecker delta."""
    if i is j or (isinstance(i, int) and i == j):
        return number(1)
    if isinstance(i, int) and isinstance(j, int):
        return {}
    pair = tuple(sorted((i, j), key=lambda a: (isinstance(a, Index), getattr(a, "uid", a))))
    return of(gen("delta", pair, _indices(pair)))


def _indices(at: Iterable[At]) -> frozenset[Index]:
    return frozenset(i for i in at if isinstance(i, Index))


def truth(kind: str, poly: Poly) -> Poly:
    """Gives the indicator of a condition on `poly`: step (> 0), less (< 0) or zero (= 0)."""
    return of(gen(kind, freeze(poly), free_of(poly), height_of(poly)))


def negative_whole(poly: Poly) -> Poly:
    """Gives 1 where a whole number is below zero, else 0: P < 0 is not -P - 1 < 0."""
    if set(poly) <= {()}:
        return number(int(poly.get((), 0) < 0))
    _, c = leading(poly)
    if c > 0 or any(value.denominator != 1 for value in poly.values()):
        return truth("less", poly)
    return plus(number(1), scaled(truth("less", plus(scaled(poly, -1), number(-1))), -1))


def zero_of_whole(poly: Poly) -> Poly:
    """Gives 1 where a whole number is zero, else 0. The difference of two positions is a delta."""
    if set(poly) <= {()}:
        return {} if poly else number(1)
    if set(poly.values()) == {1, -1}:
        sides = [i for i in map(_as_position, poly) if i is not None]
        if len(poly) == len(sides) == 2:
            return delta(*sides)
    constant = poly.get((), Fraction(0))
    rest = [(monomial, c) for monomial, c in poly.items() if monomial]
    alone = _as_position(rest[0][0]) if len(rest) == 1 else None
    if alone is not None:
        at = -constant / rest[0][1]
        return delta(alone, int(at)) if at >= 0 and at.denominator == 1 else {}
    return truth("zero", _oriented(poly))


def _as_position(monomial: Monomial) -> Index | None:
    """Gives the index variable that a product of generators is, if it is one."""
    if len(monomial) == 1 and monomial[0][0].kind == "index" and monomial[0][1] == 1:
        return monomial[0][0].data
    return None


def _oriented(poly: Poly) -> Poly:
    (_, c), *_ = freeze(poly)
    return scaled(poly, -1) if c < 0 else poly


# --- renaming -----------------------------------------------------------------------------------


def rename(poly: Poly, names: Renaming) -> Poly:
    """Gives the normal form with other indices put in for open ones."""
    if not any(i in names for i in free_of(poly)):
        return poly
    terms = []
    for monomial, c in poly.items():
        result = number(c)
        for g, e in monomial:
            result = times(result, _power(_put_in(g, names), e) if _hit(g, names) else of(g, e))
        terms.append(result)
    return plus(*terms)


def _hit(g: Gen, names: Renaming) -> bool:
    return any(i in names for i in g.free)


def _power(poly: Poly, e: Exponent) -> Poly:
    if e == 1:
        return poly
    if len(poly) == 1:
        ((monomial, c),) = poly.items()
        if c == 1:
            return times(term(tuple((g, x * e) for g, x in monomial)), number(1))
    if isinstance(e, int):
        return to_power(poly if e > 0 else kernels.inverse(poly), abs(e))
    raise TooLarge("a fractional power of a renamed sum")


def _put_in(g: Gen, names: Renaming) -> Poly:
    own = sorted((i for i in g.free if i in names), key=lambda i: i.uid)
    return _renamed(g, tuple((i, names[i]) for i in own))


@lru_cache(maxsize=50_000)
def _renamed(g: Gen, pairs: tuple[tuple[Index, At], ...]) -> Poly:
    names = dict(pairs)

    def at(position: tuple[At, ...]) -> tuple[At, ...]:
        return tuple(_named(i, names) for i in position)

    def inside(frozen: Frozen) -> Poly:
        return rename(thaw(frozen), names)

    match g.kind:
        case "entry":
            tensor, where, numbers = g.data
            return entry(tensor, at(where), numbers)
        case "index":
            return position(_named(g.data, names))
        case "delta":
            return delta(*at(g.data))
        case "inv":
            return kernels.inverse(inside(g.data))
        case "exp":
            return kernels.exponential(inside(g.data))
        case "log":
            return kernels.logarithm(inside(g.data))
        case "sqrt":
            poly = inside(g.data)
            return of(gen("sqrt", freeze(poly), free_of(poly), height_of(poly)))
        case "erf" | "sin" | "cos" | "atan" | "floor":
            return kernels.other(g.kind, inside(g.data))
        case "zero":
            return zero_of_whole(inside(g.data))
        case "step":
            return positive(inside(g.data))
        case "less":
            return negative_whole(inside(g.data))
        case "sum":
            bounds, body = opened(g)
            return bind(bounds, rename(body, names))
        case "max":
            return largest(*_opened(g.data, names))
        case "argmax":
            inner, where = g.data
            return argmax(*_opened(inner, names), _named(where, names))
        case "apply":
            name, arguments, where = g.data
            opened_arguments = []
            for labels, frozen in arguments:
                fresh = {i: Index("t", i.size) for i in labels}
                body = rename(rename(thaw(frozen), fresh), names)
                opened_arguments.append((tuple(fresh.values()), body))
            return apply(name, opened_arguments, at(where))
        case kind:
            raise AssertionError(f"a generator {kind} has no open index")


def _named(at: At, names: Renaming) -> At:
    return names.get(at, at) if isinstance(at, Index) else at


def positive(poly: Poly) -> Poly:
    """Gives the indicator of P > 0, the same generator for P and its multiples."""
    if set(poly) <= {()}:
        return number(int(poly.get((), 0) > 0))
    _, c = leading(poly)
    if c > 0:
        return truth("step", scaled(poly, 1 / c))
    return plus(number(1), scaled(truth("step", scaled(poly, 1 / c)), -1))


# --- binding ------------------------------------------------------------------------------------


def bind(bounds: list[Index], poly: Poly) -> Poly:
    """Gives the sum over `bounds` of a normal form, as products of closed components."""
    return plus(*(scaled(_bind_one(bounds, m), c) for m, c in poly.items()))


def _bind_one(bounds: list[Index], monomial: Monomial) -> Poly:
    outside = number(1)
    used = frozenset[Index]().union(*(g.free for g, _ in monomial))
    for b in bounds:
        if b not in used:
            outside = times(outside, size_of(b.size))
    bounds = [b for b in bounds if b in used]
    if not bounds:
        return times(outside, term(monomial))

    for g, _ in monomial:
        if g.kind == "delta":
            gone, kept = g.data if g.data[0] in bounds else g.data[::-1]
            if gone not in bounds or not _same_range(gone, kept):
                continue
            rest = tuple(item for item in monomial if item[0] is not g)
            body = rename(term(rest), {gone: kept})
            return times(outside, bind([b for b in bounds if b is not gone], body))

    for b in bounds:
        touched = [item for item in monomial if b in item[0].free]
        hits = _hits(b, *touched[0]) if len(touched) == 1 else None
        if hits is not None:
            rest = times(term(tuple(item for item in monomial if item not in touched)), hits)
            return times(outside, bind([other for other in bounds if other is not b], rest))

    for g, e in monomial:
        if g.kind == "sum" and g.free.intersection(bounds) and isinstance(e, int) and e > 0:
            # A sum inside a sum: one component binds the indices of both.
            rest = tuple(item for item in monomial if item[0] is not g)
            body: Poly = term(rest)
            more: list[Index] = []
            for _ in range(e):
                fresh, inner = opened(g)
                more += fresh
                body = times(body, inner)
            return times(outside, bind(bounds + more, body))

    for group, members in _connected(bounds, monomial):
        outside = times(outside, _component(group, members))
    loose = tuple((g, e) for g, e in monomial if not g.free.intersection(bounds))
    return times(outside, term(loose))


def _hits(b: Index, g: Gen, e: Exponent) -> Poly | None:
    """Gives how often a whole number is the position b: Σ_b [P = b] is 1 if P is one, else 0."""
    there = hit(b, g)
    if there is None or e != 1:
        return None
    below_size = negative_whole(plus(there, scaled(size_of(b.size), -1)))
    return times(below_size, plus(number(1), scaled(negative_whole(there), -1)))


def hit(b: Index, g: Gen) -> Poly | None:
    """Gives the whole number that a generator says is the position b, if it says so."""
    if g.kind != "zero":
        return None
    poly = thaw(g.data)
    c = poly.pop(((gen("index", b, frozenset((b,))), 1),), Fraction(0))
    there = scaled(poly, -1 / c) if c else {}
    if not there or b in free_of(there) or not all(map(whole, gens(there))):
        return None
    return there if all(value.denominator == 1 for value in there.values()) else None


def below(indicator: Gen, there: Poly, size: Dim) -> bool | None:
    """Gives what is said of a whole number by the indicator that it is below 0, or below a size.

    The number is a position along an axis of that size. `None` if the indicator says anything else.
    """
    below_size = plus(there, scaled(size_of(size), -1))
    for bound, value in ((negative_whole(there), False), (negative_whole(below_size), True)):
        if of(indicator) == bound:
            return value
        if of(indicator) == plus(number(1), scaled(bound, -1)):
            return not value
    return None


def _same_range(gone: Index, kept: At) -> bool:
    """Tells whether the index that goes takes the value of the one that stays, whatever it is."""
    if isinstance(kept, Index):
        return gone.size == kept.size
    return kept == 0 or (isinstance(gone.size, int) and kept < gone.size)


def _connected(bounds: list[Index], monomial: Monomial) -> list[tuple[list[Index], Monomial]]:
    groups: list[tuple[set[Index], list[tuple[Gen, Exponent]]]] = []
    for g, e in monomial:
        touched = set(g.free.intersection(bounds))
        if not touched:
            continue
        members: list[tuple[Gen, Exponent]] = [(g, e)]
        apart = []
        for names, others in groups:
            if names & touched:
                touched |= names
                members = others + members
            else:
                apart.append((names, others))
        groups = [*apart, (touched, members)]
    return [([b for b in bounds if b in names], tuple(members)) for names, members in groups]


def _component(bounds: list[Index], monomial: Monomial) -> Poly:
    """Gives the generator of a connected sum, its indices labelled in a canonical order."""
    level = max(g.height for g, _ in monomial)
    colours: dict[tuple[object, ...], list[Index]] = {}
    for b in bounds:
        colours.setdefault(_colour(b, bounds, monomial), []).append(b)
    classes = [colours[c] for c in sorted(colours, key=repr)]
    orders = list(product(*(permutations(c) for c in classes)))
    if len(orders) > MOST_ORDERS:
        raise TooLarge(f"{len(orders)} orders of {len(bounds)} alike indices")
    candidates = []
    for order in orders:
        flat = [b for group in order for b in group]
        names = {b: label(level + i, b.size) for i, b in enumerate(flat)}
        body = rename(term(monomial), names)
        # One term comes first: an order that keeps the indicators as they stand always exists.
        key = (len(body), tuple((tuple((g.uid, e) for g, e in m), c) for m, c in freeze(body)))
        candidates.append((key, body, tuple(names.values())))
    _, best, labels = min(candidates, key=lambda candidate: candidate[0])
    open_ = frozenset[Index]().union(*(g.free for g, _ in monomial)) - set(bounds)
    result = []
    for m, c in best.items():
        data = (labels, m)
        result.append(scaled(of(gen("sum", data, open_, level + len(labels))), c))
    return plus(*result)


def _colour(b: Index, bounds: list[Index], monomial: Monomial) -> tuple[object, ...]:
    """Gives what can be said of a bound index without naming the others."""
    seen = sorted(repr((_skeleton(g, b, bounds), str(e))) for g, e in monomial if b in g.free)
    return (str(b.size), tuple(seen))


def _skeleton(g: Gen, b: Index, bounds: list[Index]) -> object:
    def mark(i: At) -> object:
        if i is b:
            return "*"
        return "?" if i in bounds else i

    if g.kind == "entry":
        return (g.data[0], tuple(mark(i) for i in g.data[1]))
    if g.kind == "apply":
        return (g.data[0], tuple(mark(i) for i in g.data[2]))
    return (g.kind, len(g.free), sorted(repr(i) for i in g.free if i not in bounds))


def opened(g: Gen) -> tuple[list[Index], Poly]:
    """Gives a component's bound indices under fresh names, and its body."""
    labels, monomial = g.data
    fresh = {i: Index("t", i.size) for i in labels}
    return list(fresh.values()), rename(term(monomial), fresh)


def largest(bound: Index, poly: Poly, mask: Poly) -> Poly:
    """Gives the largest value over an index, among those where the indicator `mask` is 1."""
    if bound not in free_of(poly) | free_of(mask):
        return poly
    data, open_, level = _closed(bound, poly, mask)
    return of(gen("max", data, open_, level))


def argmax(bound: Index, poly: Poly, mask: Poly, at: At) -> Poly:
    """Gives 1 where an index is that of the largest value, else 0."""
    data, open_, level = _closed(bound, poly, mask)
    return of(gen("argmax", (data, at), open_ | _indices((at,)), level))


_Closed = tuple[Index, Frozen, Frozen]  # the bound index, what is compared, what takes part


def _closed(bound: Index, poly: Poly, mask: Poly) -> tuple[_Closed, frozenset[Index], int]:
    level = max(height_of(poly), height_of(mask))
    name = label(level, bound.size)
    body, part = (freeze(rename(p, {bound: name})) for p in (poly, mask))
    return (name, body, part), (free_of(poly) | free_of(mask)) - {bound}, level + 1


def _opened(data: _Closed, names: Renaming) -> tuple[Index, Poly, Poly]:
    bound, *frozen = data
    fresh = Index("t", bound.size)
    poly, mask = (rename(rename(thaw(f), {bound: fresh}), names) for f in frozen)
    return fresh, poly, mask


def apply(
    name: object, arguments: list[tuple[tuple[Index, ...], Poly]], at: tuple[At, ...]
) -> Poly:
    """Gives an entry of an unknown function of whole arrays."""
    closed = []
    level = max((height_of(poly) for _, poly in arguments), default=0)
    top = level
    # An argument may have open indices besides those of its own axes: σ(z_j) for a function of one
    # number.
    open_ = _indices(at)
    for slots, poly in arguments:
        names = {s: label(level + i, s.size) for i, s in enumerate(slots)}
        top = max(top, level + len(slots))
        open_ |= free_of(poly) - set(slots)
        closed.append((tuple(names.values()), freeze(rename(poly, names))))
    return of(gen("apply", (name, tuple(closed), at), open_, top))
