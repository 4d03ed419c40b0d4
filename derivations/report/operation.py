"""The section of one operation: definition, derivation, code, verdicts, curves."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import sympy

from derivations.report import document as d
from derivations.report.derivation import derivation_section, proof_of
from derivations.report.plots import plot
from derivations.steps import derivations_of
from derivations.textbook import Cited, Entry, derivative, pullback
from derivations.textbook.notation import equation
from derivations.verdict import Report


class Checked(NamedTuple):
    """An operation with everything that its section shows.

    Attributes:
      rule: The `functional_nn.Rule` whose code is shown.
      entry: What the textbook says.
      report: What the check found.
    """

    rule: Any
    entry: Entry
    report: Report


def operation_section(checked: Checked) -> d.Section:
    """Gives the section of one operation."""
    rule, entry, report = checked
    curve = plot(rule, entry)
    return d.Section(
        entry.title,
        anchor(entry.name),
        (
            d.Paragraph((entry.description,)),
            _part(entry, "Definition", (*_definition(entry), *(() if curve is None else (curve,)))),
            _part(entry, "Derivation", (_derivation(entry),)),
            *_steps(entry),
            _part(entry, "Code", code_blocks(rule.fwd, rule.bwd)),
            _part(entry, "Verdicts", (d.Verdicts(report.obligations),)),
        ),
        report.verdict,
    )


def anchor(name: str) -> str:
    """Gives the anchor of an operation's section, by its name in the registry."""
    return f"operation-{name}"


def _part(entry: Entry, title: str, blocks: tuple[Any, ...]) -> d.Section:
    return d.Section(title, f"{anchor(entry.name)}-{title.lower()}", blocks)


def _definition(entry: Entry) -> tuple[Any, ...]:
    return (
        d.Formula(equation(entry.output, entry.definition)),
        d.Caption((f"{entry.source}.",)),
    )


def _derivation(entry: Entry) -> d.Steps:
    partials = [derivative(entry, argument) for argument in entry.arguments]
    found = tuple(
        d.Formula(equation(sympy.Derivative(entry.output, partial.variable), partial.expression))
        for partial in partials
    )
    pulled = tuple(d.Formula(pullback(entry, argument)) for argument in entry.arguments)
    if entry.indices:
        differentiate: d.Line = (
            "SymPy differentiates the definition in one entry of each argument, with indices of "
            "its own. Each δ is 1 where its two indices are equal, else 0.",
        )
        pull: d.Line = (
            "Summed over the output against its cotangent ",
            d.Maths(entry.cotangent),
            ", with each δ carried out, this is the backward pass.",
        )
    else:
        differentiate = ("SymPy differentiates the definition.",)
        pull = ("Times the cotangent ", d.Maths(entry.cotangent), ", this is the backward pass.")
    return d.Steps(
        (
            d.Step(differentiate, found),
            d.Step(pull, pulled),
            d.Step(
                ("As books print it.",),
                tuple(block for cited in entry.cited for block in _cited(cited)),
            ),
        )
    )


def _steps(entry: Entry) -> tuple[d.Section, ...]:
    found = derivations_of(entry.name)
    if not found:
        return ()
    lead = d.Paragraph(
        ("Every step follows from the one before for the reason given, and is proved equal to it.",)
    )
    sections = (derivation_section(derivation, proof_of(derivation.name)) for derivation in found)
    return (_part(entry, "Steps", (lead, *sections)),)


def _cited(cited: Cited) -> tuple[Any, ...]:
    where: list[d.Inline] = []
    for abbreviation in cited.where:
        where += [", " if where else "With ", d.Maths(abbreviation)]
    condition = f" Holds if {cited.condition}." if cited.condition else ""
    return (
        d.Formula(cited.equation),
        d.Caption((*where, *([". "] if where else []), f"{cited.source}.{condition}")),
    )


def code_blocks(*functions: Callable[..., Any]) -> tuple[Any, ...]:
    """Gives the source of functions, each once, and the module that it is from."""
    sources = dict.fromkeys(map(_source, functions))
    modules = dict.fromkeys(filter(None, map(_module, functions)))
    where: list[d.Inline] = []
    for module in modules:
        where += [", " if where else "From ", d.Mono(module)]
    code = d.Code("\n\n".join(sources))
    return (code, d.Caption((*where, "."))) if where else (code,)


def _module(function: Callable[..., Any]) -> str:
    inner = function.func if isinstance(function, functools.partial) else function
    name = getattr(inner, "__module__", None) or ""
    return name if name.startswith("functional_nn.") else ""


def _source(function: Callable[..., Any]) -> str:
    if isinstance(function, functools.partial):
        given = ", ".join(f"{name}={value!r}" for name, value in function.keywords.items())
        return f"# with {given}\n{_source(function.func)}"
    try:
        return inspect.getsource(function).rstrip() + "\n"
    except (OSError, TypeError):
        # Defined at a prompt, or not in Python.
        return f"# The source of {getattr(function, '__name__', function)!s} is not at hand.\n"
