"""That the code is what the books say: the definition, and the derivatives that they print."""

from typing import Any

from derivations import clock
from derivations.equality import equal
from derivations.formula import definition_of, printed, pullback_of
from derivations.lift import Unsupported
from derivations.obligations.decide import decided
from derivations.obligations.statements import statement
from derivations.traced import Traced, positions
from derivations.verdict import Obligation, Verdict


def textbook(this: Traced, entry: Any, deadline: float) -> Obligation:
    """The primal is the textbook's definition, and the rule what SymPy derives from it."""
    start = clock.now()
    if this.shapes.explicit:
        raise Unsupported("the textbook is compared with code of symbolic sizes only")
    names, dims = this.subject.names, [t.shape for t in this.tensors]
    if len(this.primal) != 1 or len(entry.arguments) != len(names):
        raise Unsupported("the textbook's entry has another number of arguments or outputs")
    inputs = {a.name: (name, d) for a, name, d in zip(entry.arguments, names, dims, strict=False)}
    claims = []
    output = this.primal[0]
    (at,) = positions(output, explicit=False)
    claims.append(("output", [(at, output.at(*at), definition_of(entry, inputs, at))]))
    for place, argument in enumerate(this.wanted):
        pulled = this.pulled[place]
        if pulled is None:
            continue
        (at,) = positions(pulled, explicit=False)
        right = pullback_of(entry, entry.arguments[argument], inputs, this.cotangents[0], at)
        claims.append((f"d{names[argument]}", [(at, pulled.at(*at), right)]))
    result = decided("textbook", this, claims, deadline)
    return result._replace(seconds=clock.now() - start)


def cited(this: Traced, entry: Any, deadline: float) -> Obligation:
    """The derivatives that books print follow from the definition."""
    start = clock.now()
    names, dims = this.subject.names, [t.shape for t in this.tensors]
    inputs = {a.name: (name, d) for a, name, d in zip(entry.arguments, names, dims, strict=False)}
    base = Obligation(
        "cited",
        statement("cited"),
        Verdict.PROVED,
        ground="over the reals, by index calculus" if this.shapes.sizes else "over the reals",
        scope=this.shapes.scope,
    )
    told, assumptions = [], []
    for source in entry.cited:
        claim = printed(entry, source, inputs, this.cotangents[0])
        outcome = equal(
            claim.printed, claim.derived, deadline=deadline, hypothesis=claim.hypothesis
        )
        condition = f", for {source.condition}" if source.condition else ""
        told.append(f"{source.source}{condition}")
        if claim.hypothesis is not None:
            assumptions.append(source.condition)
        if not outcome.equal:
            return base._replace(
                verdict=Verdict.UNDECIDED,
                reason=f"{source.source}: {outcome.reason}",
                seconds=clock.now() - start,
            )
    return base._replace(
        details=tuple(told), assumptions=tuple(assumptions), seconds=clock.now() - start
    )
