"""A derivation for a reader: at a terminal, as LaTeX, as Markdown, or for a program."""

from typing import Any

from derivations.report.latex import latex
from derivations.report.plain import plain
from derivations.report.words import MARKS
from derivations.steps.derivation import Derivation
from derivations.steps.notation import printed
from derivations.steps.prove import Proof, StepVerdict
from derivations.steps.reasons import REASONS
from derivations.verdict import Verdict

_WIDTH = 100

# What LaTeX's text fonts do not have.
_TEXT = {
    "Σ": r"$\sum$", "∂": r"$\partial$", "σ": r"$\sigma$", "δ": r"$\delta$", "φ": r"$\varphi$",
    "′": "$'$", "−": "$-$", "≠": r"$\ne$", "^": r"\textasciicircum{}", "ℓ": r"$\ell$",
    "π": r"$\pi$",
}  # fmt: skip


def text(derivation: Derivation, proof: Proof, notation: str = "code") -> str:
    """Gives the steps for a terminal, each with its mark and its reason."""
    lines = [
        f"{derivation.title} ({derivation.name}): {MARKS[str(proof.verdict)]} {proof.verdict}",
        f"    {plain(printed(derivation.subject, derivation.name, notation))}",
    ]
    for expression, because, outcome in _steps(derivation, proof, notation):
        line = f"  {MARKS[str(outcome.verdict)]} = {plain(expression)}"
        reason = f"[{because}]"
        if len(line) + 2 + len(reason) <= _WIDTH:
            lines.append(f"{line}  {reason}")
        else:
            lines += [line, f"        {reason}"]
        if outcome.reason:
            lines.append(f"        {outcome.verdict}: {outcome.reason}")
    lines += [f"  condition: {condition}" for condition in derivation.conditions]
    for name, lemma in proof.lemmas:
        lines.append(f"  rests on {name}: {MARKS[str(lemma.verdict)]} {lemma.verdict}")
    return "\n".join(lines)


def markdown(derivation: Derivation, proof: Proof, notation: str = "code") -> str:
    """Gives the steps as Markdown with formulas in dollars."""
    subject = latex(printed(derivation.subject, derivation.name, notation))
    lines = [
        f"### {derivation.title}",
        "",
        f"{MARKS[str(proof.verdict)]} {proof.verdict}: $`{subject}`$",
        "",
    ]
    for expression, because, outcome in _steps(derivation, proof, notation):
        mark = MARKS[str(outcome.verdict)] + (f" ({outcome.reason})" if outcome.reason else "")
        lines.append(f"1. $`= {latex(expression)}`$ — {because} {mark}")
    if derivation.conditions:
        lines += ["", f"Holds if: {'; '.join(derivation.conditions)}."]
    if proof.lemmas:
        lines += ["", f"Rests on: {', '.join(f'`{name}`' for name, _ in proof.lemmas)}."]
    return "\n".join(lines)


def in_latex(derivation: Derivation, proof: Proof, notation: str = "code") -> str:
    """Gives the steps as an aligned LaTeX display; needs the package amsmath."""
    rows = [f"  & {latex(printed(derivation.subject, derivation.name, notation))}"]
    for expression, because, outcome in _steps(derivation, proof, notation):
        undecided = "" if outcome.verdict is Verdict.PROVED else f" ({outcome.verdict})"
        words = "".join(_TEXT.get(letter, letter) for letter in because + undecided)
        rows.append(f"  &= {latex(expression)} && \\text{{{words}}}")
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


def data(derivation: Derivation, proof: Proof, notation: str = "code") -> dict[str, Any]:
    """Gives the steps as plain values, for JSON."""
    subject = printed(derivation.subject, derivation.name, notation)
    steps = [
        {
            "expression": plain(expression),
            "latex": latex(expression),
            "reason": step.reason,
            "because": because,
            "verdict": outcome.verdict.value,
            "undecided": outcome.reason,
        }
        for step, (expression, because, outcome) in zip(
            derivation.steps, _steps(derivation, proof, notation), strict=True
        )
    ]
    return {
        "name": derivation.name,
        "title": derivation.title,
        "notation": notation,
        "verdict": proof.verdict.value,
        "subject": {"expression": plain(subject), "latex": latex(subject)},
        "steps": steps,
        "conditions": list(derivation.conditions),
        "lemmas": {name: lemma.verdict.value for name, lemma in proof.lemmas},
    }


def _steps(
    derivation: Derivation, proof: Proof, notation: str
) -> list[tuple[Any, str, StepVerdict]]:
    return [
        (printed(step.expression, derivation.name, notation), REASONS[step.reason], outcome)
        for step, outcome in zip(derivation.steps, proof.steps, strict=True)
    ]
