"""Is one expression the other? Walked through region by region, each by its normal form.

Where `equal` says yes it is a proof: the difference came out as zero on every open region, and the
first expression is defined wherever the second is. Where it says no, nothing is refuted: the
normal form may not know an identity, and only a witness refutes.
"""

from collections.abc import Iterator
from typing import NamedTuple

from derivations import clock
from derivations.cases import in_cases
from derivations.counts import counted
from derivations.cuts import cut, cut_exponents
from derivations.difference import Ranges, reduced
from derivations.domain import Domain, absent, missing
from derivations.fraction import is_zero
from derivations.graph import Node, nodes_of
from derivations.kernels import Undefined, Unnormalised, inverse
from derivations.normal import Normaliser, Region
from derivations.polynomial import Poly, TooLarge, plus, scaled, times, to_power
from derivations.regions import Split, feasible

MOST_REGIONS = 512
PART = 0.5  # of the time left, to prove more than is asked for


class Equality(NamedTuple):
    """Whether two expressions are equal, on how many open regions, and if not why not."""

    equal: bool
    regions: int
    reason: str = ""


def equal(
    found: Node,
    truth: Node,
    *,
    deadline: float = float("inf"),
    domains: bool = True,
    ranges: Ranges = frozenset(),
    hypothesis: tuple[Node, Node] | None = None,
    forms: Normaliser | None = None,
) -> Equality:
    """Proves that an expression is another one wherever that is defined, off the boundaries.

    Args:
      found: The expression.
      truth: What it is compared with.
      deadline: When to give up, by `clock.now`.
      domains: Whether the first has to be defined wherever the second is.
      ranges: Labels that are taken to lie within an axis.
      hypothesis: Two expressions that are taken to be equal, the first a single sum or entry.
      forms: Normal forms that are known already; what is found here is added to them.
    """
    how = _How(deadline, domains, ranges, hypothesis, forms or Normaliser())
    regions = 0
    for pair in in_cases(found, truth):
        outcome = _in_one_case(*pair, how)
        regions += outcome.regions
        if not outcome.equal:
            return outcome._replace(regions=regions)
    return Equality(True, regions)


class _How(NamedTuple):
    """The arguments of `equal`."""

    deadline: float
    domains: bool
    ranges: Ranges
    hypothesis: tuple[Node, Node] | None
    forms: Normaliser


def _in_one_case(found: Node, truth: Node, how: _How) -> Equality:
    """Tries it whatever the comparisons say, and only then region by region."""
    if found is truth:
        return Equality(True, 1)
    for pair in _more_general(found, truth, how.forms):
        outcome = _by_regions(*pair, how._replace(deadline=clock.share(how.deadline, PART)))
        if outcome.equal:
            return outcome
    return _by_regions(found, truth, how)


def _more_general(found: Node, truth: Node, forms: Normaliser) -> Iterator[tuple[Node, Node]]:
    """Gives pairs with unknowns in them, from whose equality that of two expressions follows.

    Where an exponent compares two numbers: a maximum that is subtracted there cancels whatever it
    is. Elsewhere it is by the sign of what is compared that roots and quotients become simple.
    """
    kernels = (n for n in nodes_of(found, truth) if n.op == "kernel" and n.data == "exp")
    if not any(map(_compares_two, nodes_of(*kernels))):
        return
    whatever = cut(found, truth)
    of_scores = cut_exponents(*(whatever or (found, truth)), forms)
    if of_scores is not None:
        yield of_scores
    if whatever is not None:
        yield whatever


def _compares_two(node: Node) -> bool:
    """Tells whether a node compares numbers, but none with a constant, as a size `|x|` does."""
    return node.op == "compare" and all(a.op != "const" for a in node.args)


def _by_regions(found: Node, truth: Node, how: _How) -> Equality:
    pending: list[Region] = [{}]
    regions = 0
    forms = how.forms
    while pending:
        known = pending.pop()
        if clock.now() > how.deadline:
            return Equality(False, regions, "the budget ran out")
        try:
            try:
                right = forms.poly(truth, known)
            except Undefined:
                continue  # nothing is claimed where the truth has no value
            given = forms.domain(truth, known)
            empty = absent(given)
            own = Normaliser(empty) if empty else forms
            left = own.poly(found, known)
            needed = own.domain(found, known)
            difference = reduced(plus(left, scaled(right, -1)), known, how.ranges)
            if how.hypothesis is not None:
                difference = _given(difference, *(forms.poly(h, known) for h in how.hypothesis))
            if not _is_zero(difference, given | needed):
                return Equality(False, regions, "the normal forms differ")
            extra = missing(needed, given, known) if how.domains else None
            if extra is not None:
                what = "a root or logarithm" if extra.kind == "positive" else "a division"
                return Equality(False, regions, f"{what} may be undefined where the truth is not")
            regions += 1
        except Split as split:
            pending += [signs for s in (1, -1) if feasible(signs := {**known, split.factor: s})]
        except (TooLarge, Unnormalised) as error:
            return Equality(False, regions, str(error))
        except RecursionError:
            return Equality(False, regions, "the expression is too deep")
        if regions + len(pending) > MOST_REGIONS:
            return Equality(False, regions, f"more than {MOST_REGIONS} regions")
    return Equality(True, regions)


def _is_zero(difference: Poly, conditions: Domain) -> bool:
    """Tells whether a difference is zero for certain where the conditions hold."""
    if all(c.certain for c in conditions):
        return is_zero(counted(difference), counted)
    # Where a choice keeps a sum of nothing from being divided by, that it is zero must not be used:
    # it would cancel against its inverse.
    return is_zero(difference)


def _given(poly: Poly, one: Poly, other: Poly) -> Poly:
    """Gives a normal form with one generator replaced by what it is taken to be equal to."""
    ((monomial, c), *others) = one.items()
    ((replaced, e), *more) = monomial
    if c != 1 or e != 1 or others or more:
        raise Unnormalised("a hypothesis about more than one sum or entry")
    terms = []
    for m, coefficient in poly.items():
        power = int(dict(m).get(replaced, 0))
        rest = {tuple(item for item in m if item[0] is not replaced): coefficient}
        base = other if power >= 0 else inverse(other)
        terms.append(times(rest, to_power(base, abs(power))))
    return plus(*terms)
