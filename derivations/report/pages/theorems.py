"""The pages of the chain rule in its cases, and the page of backpropagation."""

from collections.abc import Sequence
from typing import Any

from derivations.catalog import COMBINATORS
from derivations.lectures.claim import Claim
from derivations.report import document as d
from derivations.report.derivation import derivation_section, proof_of
from derivations.report.operation import code_blocks
from derivations.report.pages.mentions import links_to_claims
from derivations.report.site import Page
from derivations.steps import derivation, find
from derivations.textbook import THEOREMS, Theorem
from derivations.verdict import worst

GROUP = "Chain rule and backpropagation"
CASES = tuple(name for name in THEOREMS if name.startswith("chain_rule"))
BACKPROPAGATION = "backpropagation"

_INDUCTION = "backpropagation_induction"


def case_page(name: str, claims: Sequence[Claim]) -> Page:
    """Gives the page of one case of the chain rule, by the name of its theorem."""
    theorem = THEOREMS[name]
    shown = d.Section("Theorem", f"{stem(name)}-theorem", _theorem(theorem))
    sections = (shown, _derivation(name, "Derivation"), *_stated(stem(name), [name], claims))
    document = d.Document(
        theorem.title, (theorem.description,), sections, verdict=proof_of(name).verdict
    )
    return Page(stem(name), document, GROUP, theorem.title.replace("Chain rule, case", "Case"))


def backpropagation_page(claims: Sequence[Claim]) -> Page:
    """Gives the page of the four equations, their induction over depth, and special cases."""
    equations = [name for name in THEOREMS if name.startswith(BACKPROPAGATION)]
    names = [found.name for found in find(BACKPROPAGATION)]
    special = [name for name in names if name not in (*equations, _INDUCTION)]
    sections = (
        d.Section(
            "The four equations", "backpropagation-equations", tuple(map(_equation, equations))
        ),
        d.Section("Induction over depth", "backpropagation-induction", _induction()),
        d.Section(
            "Where more is known",
            "backpropagation-special",
            (
                d.Paragraph(("Of the activation, of the cost, or of who reads a neuron.",)),
                *map(_derivation, special),
            ),
        ),
        d.Section("Code", "backpropagation-code", _code()),
        *_stated(BACKPROPAGATION, names, claims),
    )
    lead = (
        "For dense layers with element-wise activations, for one example, with δ for the "
        "derivative of the cost in a layer's z, before its activation.",
    )
    verdict = worst([proof_of(name).verdict for name in names])
    document = d.Document("Backpropagation", lead, sections, verdict=verdict)
    return Page(BACKPROPAGATION, document, GROUP, "Backpropagation")


def stem(name: str) -> str:
    """Gives the file stem of the page of a theorem."""
    return name.replace("_", "-")


def _theorem(theorem: Theorem) -> tuple[Any, ...]:
    conditions = f"Holds if {'; '.join(theorem.conditions)}. "
    return (
        *map(d.Formula, theorem.equations),
        d.Caption((f"{conditions}{theorem.source}.",)),
    )


def _equation(name: str) -> d.Section:
    theorem = THEOREMS[name]
    blocks = (
        d.Paragraph((theorem.description,)),
        *_theorem(theorem),
        _derivation(name, "Derivation"),
    )
    anchor = f"equation-{stem(name)}"
    return d.Section(theorem.title, anchor, blocks, proof_of(name).verdict)


def _induction() -> tuple[Any, ...]:
    return (
        d.Paragraph(
            (
                "The δ here is what the algorithm computes. In the output layer it is the "
                "derivative by the first equation; and if it is in layer ℓ + 1, then it is in "
                "layer ℓ, whichever that is: so it is in every layer, for any depth and widths.",
            )
        ),
        _derivation(_INDUCTION),
    )


def _code() -> tuple[Any, ...]:
    return (
        d.Paragraph(
            (
                "In the library the equations are the backward passes of dense layers and of their "
                "activations; what joins them walks the layers from the end.",
            )
        ),
        *code_blocks(*COMBINATORS.values()),
    )


def _derivation(name: str, title: str = "") -> d.Section:
    return derivation_section(derivation(name), proof_of(name), title=title)


def _stated(page: str, names: Sequence[str], claims: Sequence[Claim]) -> tuple[d.Section, ...]:
    stating = [claim for claim in claims if claim.derivation in names]
    if not stating:
        return ()
    blocks = (d.Items(links_to_claims(stating)),)
    return (d.Section("In the lectures", f"{page}-lectures", blocks),)
