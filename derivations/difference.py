"""What is known of a difference that is to be zero, besides its normal form.

The conditions of the region and the deltas that multiply a term hold inside that term; and a label
that is an index of an axis is one of the positions along it.
"""

from collections.abc import Set

from derivations.graph import Dim, Index
from derivations.index import below, rename, truth
from derivations.polynomial import Gen, Monomial, Poly, number, of, plus, scaled, term, thaw, times
from derivations.regions import sign
from derivations.signs import Signs

Ranges = Set[tuple[str, Dim]]  # a tensor of whole numbers, and the axis that they are indices of
MOST_LABELS = 16  # positions along an axis that are told apart


def reduced(poly: Poly, known: Signs, ranges: Ranges = frozenset()) -> Poly:
    """Gives a difference with what is known of its terms put into them.

    Args:
      poly: The difference, open indices allowed.
      known: The signs of the region.
      ranges: Labels that are taken to lie within an axis.
    """
    return _deltas_used(_labels_in_range(_indicators_decided(poly, known), ranges))


def _indicators_decided(poly: Poly, known: Signs) -> Poly:
    """Gives indicators that a delta has brought out of their sum into this region their value."""
    terms = []
    for monomial, c in poly.items():
        steps = [generator for generator, _ in monomial if generator.kind == "step"]
        if all(sign(thaw(step.data), known) > 0 for step in steps):
            terms.append({tuple(item for item in monomial if item[0] not in steps): c})
    return plus(*terms)


def _deltas_used(poly: Poly) -> Poly:
    """Writes δ_ij f(i) as δ_ij f(j)."""
    done: Poly = {}
    todo = list(poly.items())
    while todo:
        monomial, c = todo.pop()
        for delta, _ in monomial:
            if delta.kind != "delta":
                continue
            gone, kept = _ordered(delta)
            rest: Monomial = tuple(item for item in monomial if item[0] is not delta)
            if any(gone in g.free for g, _ in rest):
                put_in = times(rename(term(rest), {gone: kept}), of(delta))
                todo += [(m, c * k) for m, k in put_in.items()]
                break
        else:
            done = plus(done, {monomial: c})
    return done


def _ordered(delta: Gen) -> tuple[Index, Index | int]:
    """Gives which of the two indices is replaced by which: a number stays, else the older one."""
    i, j = delta.data
    if isinstance(i, Index) and isinstance(j, Index):
        return (i, j) if i.uid > j.uid else (j, i)
    return (i, j) if isinstance(i, Index) else (j, i)


def _labels_in_range(poly: Poly, ranges: Ranges) -> Poly:
    """Uses 0 <= y < K for a label y of an axis of size K, and so Σ_k [y = k] = 1."""
    if not ranges:
        return poly
    terms = []
    for monomial, c in poly.items():
        result = number(c)
        for g, e in monomial:
            known = _of_label(g, ranges)
            result = times(result, of(g, e) if known is None else known)
        terms.append(result)
    return plus(*terms)


def _of_label(g: Gen, ranges: Ranges) -> Poly | None:
    """Gives what an indicator of a label is known to be."""
    if g.kind not in ("zero", "less"):
        return None
    entry, rest = _label(g)
    if entry is None:
        return None
    if g.kind == "less":
        own = (below(g, of(entry), dim) for tensor, dim in ranges if tensor == entry.data[0])
        return next((number(value) for value in own if value is not None), None)
    if not set(rest) <= {()}:
        return None
    value = rest.get((), 0)
    for tensor, dim in ranges:
        if tensor != entry.data[0] or not isinstance(dim, int) or dim > MOST_LABELS:
            continue
        if value == dim - 1:
            others = (truth("zero", plus(of(entry), number(-k))) for k in range(1, dim - 1))
            first = [truth("zero", of(entry))] if dim > 1 else []
            return plus(number(1), *(scaled(other, -1) for other in (*first, *others)))
        if not 0 <= value < dim:
            return {}
    return None


def _label(indicator: Gen) -> tuple[Gen | None, Poly]:
    """Reads the indicator of y = P, for an entry y, as y and P."""
    poly = thaw(indicator.data)
    for monomial, c in poly.items():
        if len(monomial) == 1 and monomial[0][0].kind == "entry" and monomial[0][1] == 1:
            return monomial[0][0], scaled({m: k for m, k in poly.items() if m != monomial}, -1 / c)
    return None, {}
