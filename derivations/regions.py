"""Signs: which region of the inputs an argument is in, and which regions exist at all.

Code that branches is one smooth function on each open region between the boundaries. A sign that
nothing decides raises `Split`; whoever walks the regions then tries both. A region whose linear
conditions contradict each other is left out (Fourier-Motzkin elimination).
"""

from fractions import Fraction

from derivations.fraction import factored
from derivations.kernels import Unnormalised
from derivations.polynomial import Frozen, Monomial, Poly, scaled, thaw
from derivations.signs import Signs, negligible, of_sum, of_term

MOST_CONDITIONS = 200


class Split(Exception):
    """The sign of a factor has to be known to go on."""

    def __init__(self, factor: Frozen):
        super().__init__(factor)
        self.factor = factor


def sign(poly: Poly, known: Signs) -> int:
    """Gives -1, 0 (identically zero) or 1; raises `Split` where nothing decides."""
    if not poly:
        return 0
    constant, powers, factors = factored(poly)
    result = 1 if constant > 0 else -1
    alone = [(((((g, 1),), Fraction(1)),), e) for g, e in powers.items()]
    for factor, e in [*alone, *factors.items()]:
        if e % 2:
            result *= _of_sum(factor, known)
        elif not negligible(factor) and of_sum(factor, known) is None:
            raise Unnormalised("a square that may be zero on more than a null set")
    return result


def _of_sum(factor: Frozen, known: Signs) -> int:
    if factor in known:
        return known[factor]
    certain = of_sum(factor, known)
    if certain is not None:
        return certain
    if not negligible(factor):
        raise Unnormalised("a comparison whose two sides may be equal on more than a null set")
    possible = [s for s in (1, -1) if feasible({**known, factor: s})]
    if len(possible) == 1:
        return possible[0]
    raise Split(factor)


def feasible(known: Signs) -> bool:
    """Tells whether conditions can hold together, as far as their linear parts decide.

    Every product of generators counts as a variable of its own, so "no" is certain.
    """
    rows: list[dict[Monomial, Fraction]] = []
    for factor, s in known.items():
        row = scaled(thaw(factor), s)
        rows.append(row)
        for monomial in row:
            if monomial and of_term(monomial, Fraction(1), {}) == 1:
                rows.append({monomial: Fraction(1)})
    while True:
        rows = [r for r in rows if not (set(r) <= {()} and r.get((), 0) > 0)]
        if any(set(r) <= {()} for r in rows):
            return False  # 0 > 0, or a negative number > 0
        variables = {m for r in rows for m in r if m}
        if not variables or len(rows) > MOST_CONDITIONS:
            return True
        pick = min(variables, key=lambda m: sum(m in r for r in rows))
        lower = [r for r in rows if r.get(pick, 0) > 0]
        upper = [r for r in rows if r.get(pick, 0) < 0]
        rows = [r for r in rows if pick not in r]
        for a in lower:
            for b in upper:
                combined: dict[Monomial, Fraction] = {}
                for m in {*a, *b}:
                    value = a.get(m, 0) / a[pick] - b.get(m, 0) / b[pick]
                    if value:
                        combined[m] = Fraction(value)
                rows.append(combined)
