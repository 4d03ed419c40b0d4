"""How an obligation is decided: a proof for every pair, or else the search for a witness."""

from collections.abc import Iterable, Mapping, Sequence

from derivations import clock
from derivations.equality import equal
from derivations.evidence import Compare, Compared
from derivations.graph import At, Node, nodes_of
from derivations.normal import branches
from derivations.obligations.statements import statement
from derivations.primitives.gathering import IN_RANGE
from derivations.refute import Tensor, sizes_to_try
from derivations.traced import Traced
from derivations.verdict import Obligation, Verdict
from derivations.witness import witness

NOWHERE = "the truth has no value anywhere at these sizes"

Pair = tuple[tuple[At, ...], Node, Node]  # where, found, expected


def decided(
    name: str,
    this: Traced,
    claims: Sequence[tuple[str, Sequence[Pair]]],
    deadline: float,
    tensors: Sequence[Tensor] | None = None,
    *,
    domains: bool = True,
) -> Obligation:
    """Proves every pair equal, or looks for a witness."""
    start = clock.now()
    regions = 1
    off = any(branches(n) for _, pairs in claims for _, a, b in pairs for n in (a, b))
    base = Obligation(
        name,
        statement(name),
        Verdict.PROVED,
        scope=this.shapes.scope + (", off the boundaries" if off else ""),
        assumptions=tuple(sorted(this.assumptions)),
    )
    shown: list[Compared] = []

    def evidence() -> Compare:
        shapes = this.shapes
        return Compare(
            tuple(shown), tuple(tensors or this.tensors), len(this.subject.names),
            shapes.sizes, shapes.symbolic, shapes.scope,
        )  # fmt: skip

    for output, pairs in claims:
        for at, found, truth in pairs:
            outcome = equal(
                found, truth, deadline=deadline, domains=domains, ranges=this.assumptions.ranges,
                forms=this.forms,
            )  # fmt: skip
            if outcome.equal and not outcome.regions:
                return base._replace(verdict=Verdict.UNDECIDED, reason=NOWHERE)
            if outcome.equal:
                regions = max(regions, outcome.regions)
                shown.append(Compared(output, at, found, truth, outcome.regions))
                continue
            counterexample = witness(
                found, truth, at, output, _drawn(this, tensors or this.tensors, found, truth),
                _numbers(this), deadline,
            )  # fmt: skip
            seconds = clock.now() - start
            if counterexample is None:
                return base._replace(
                    verdict=Verdict.UNDECIDED, seconds=seconds,
                    reason=f"{output}: {outcome.reason}, and no counterexample was found",
                )  # fmt: skip
            shown[:] = [Compared(output, at, found, truth)]
            return base._replace(
                evidence=(evidence(),),
                verdict=Verdict.REFUTED, ground="over the reals, by a counterexample",
                reason=f"{output} is not the derivative" if output.startswith("d")
                else f"{output} differs",
                witness=counterexample, seconds=seconds,
            )  # fmt: skip
    how = "by normal form" if this.shapes.explicit or not this.shapes.sizes else "by index calculus"
    where = f", on {regions} open regions" if regions > 1 else ""
    return base._replace(
        ground=f"over the reals, {how}{where}", seconds=clock.now() - start,
        evidence=(evidence(),),
    )  # fmt: skip


def _numbers(this: Traced) -> Iterable[Mapping[str, int]]:
    """Gives the sizes at which a counterexample is looked for."""
    return sizes_to_try(this.shapes.sizes) if this.shapes.symbolic else [this.shapes.sizes]


def _drawn(this: Traced, tensors: Sequence[Tensor], found: Node, truth: Node) -> list[Tensor]:
    """Gives the tensors; whole numbers that are no labels are drawn from anywhere.

    A label picks, or is met by, one of several; a number that others are below or above is none.
    """
    if IN_RANGE in this.assumptions:
        return list(tensors)
    ordered = {
        n.data[0]
        for c in nodes_of(found, truth)
        if c.op == "compare" and c.data[1] and c.data[0] != "eq"
        for n in nodes_of(c)
        if n.op == "entry"
    }
    return [t._replace(label=t.name not in ordered) for t in tensors]
