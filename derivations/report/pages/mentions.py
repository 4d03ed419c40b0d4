"""Which claims of the lectures speak of an operation, and which of a derivation."""

from collections.abc import Iterable
from typing import Any

from derivations.lectures.claim import Claim
from derivations.lectures.example import Example
from derivations.report import document as d
from derivations.report.derivation import anchor as derivation_anchor
from derivations.report.operation import anchor as operation_anchor
from derivations.steps import derivations_of
from derivations.textbook import ENTRIES

# The fields by which the data of a statement name operations.
_FIELDS = ("rule", "activation", "loss")

_OF_DERIVATION = {found.name: name for name in ENTRIES for found in derivations_of(name)}


def operations_of(claim: Claim) -> tuple[str, ...]:
    """Gives the operations that a claim speaks of: of its derivation, then of its statements.

    Example:
      >>> from derivations.lectures import CLAIMS
      >>> operations_of(CLAIMS["001.9"]), operations_of(CLAIMS["002.4"])
      (('sigmoid',), ('dense', 'relu'))
    """
    names = [_OF_DERIVATION.get(claim.derivation, "")]
    for part in claim.parts:
        names += _named(part.data)
    return tuple(name for name in dict.fromkeys(names) if name in ENTRIES)


def _named(data: Any) -> list[str]:
    if isinstance(data, Example):
        return [layer if isinstance(layer, str) else "dense" for layer in data.layers]
    return [str(getattr(data, field, "")) for field in _FIELDS]


def claim_anchor(claim: Claim) -> str:
    """Gives the anchor of a claim's section."""
    return f"claim-{claim.id.replace('.', '-')}"


def lecture_stem(number: str) -> str:
    """Gives the file stem of a lecture's page."""
    return f"lecture-{number}"


def links_to_claims(claims: Iterable[Claim]) -> tuple[d.Line, ...]:
    """Gives a line for each claim: a link to it, and what it states."""
    return tuple(
        (d.Link(claim.id, claim_anchor(claim)), " ", d.Typed(claim.statement)) for claim in claims
    )


def links_from(claim: Claim) -> d.Line:
    """Gives links to the operations and the derivation that a claim speaks of; may be empty."""
    line: list[d.Inline] = []
    if claim.derivation:
        line += ["Derived in the letters of the code: "]
        line += [d.Link(claim.derivation, derivation_anchor(claim.derivation)), ". "]
    names = operations_of(claim)
    if names:
        line.append("Definition, code and verdicts: ")
        for name in names:
            line += [d.Link(ENTRIES[name].title, operation_anchor(name)), ", "]
        line[-1] = "."
    return tuple(line)
