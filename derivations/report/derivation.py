"""The section of one derivation: its steps, each with its reason and its verdict."""

import functools

from derivations.report import document as d
from derivations.steps import derivation as of_name
from derivations.steps import proved
from derivations.steps.derivation import Derivation
from derivations.steps.notation import printed
from derivations.steps.prove import Proof
from derivations.steps.reasons import REASONS


def derivation_section(
    derivation: Derivation, proof: Proof, notation: str = "code", title: str = ""
) -> d.Section:
    """Gives the section of a derivation, in the letters of a notation.

    Args:
      derivation: The derivation.
      proof: Its verdicts.
      notation: In whose letters it is written.
      title: The heading, where its own would repeat what stands above.
    """

    def formula(expression: object) -> d.Formula:
        return d.Formula(printed(expression, derivation.name, notation))

    steps = tuple(
        d.Step(
            (_because(step.reason), " ", d.Badge(outcome.verdict), *_why(outcome.reason)),
            (formula(step.expression),),
        )
        for step, outcome in zip(derivation.steps, proof.steps, strict=True)
    )
    told = [f"Holds if {condition}." for condition in derivation.conditions]
    rests: list[d.Inline] = []
    for name, _ in proof.lemmas:
        rests += [", " if rests else "Rests on ", d.Link(name, anchor(name))]
    blocks: list[object] = [formula(derivation.subject), d.Steps(steps)]
    blocks += [d.Caption((line,)) for line in told]
    if rests:
        blocks.append(d.Caption((*rests, ".")))
    heading = title or derivation.title
    return d.Section(heading, anchor(derivation.name), tuple(blocks), proof.verdict)


@functools.cache
def proof_of(name: str) -> Proof:
    """Proves a derivation once, however often it is shown."""
    return proved(of_name(name))


def anchor(name: str) -> str:
    """Gives the anchor of a derivation's section, by its name."""
    return f"derivation-{name.replace('_', '-')}"


def _because(reason: str) -> d.Inline:
    """Gives the reason of a step; a case of the chain rule is derived in its turn."""
    words = REASONS[reason]
    return d.Link(words, anchor(reason)) if reason.startswith("chain_rule_") else d.Typed(words)


def _why(reason: str) -> tuple[str, ...]:
    return (f" ({reason})",) if reason else ()
