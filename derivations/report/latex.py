"""Formulas as LaTeX, for Markdown and for paper."""

from functools import singledispatch
from typing import Any

from derivations.report import boxes as b
from derivations.report.letters import escaped, sign
from derivations.report.typeset import typeset

# What `letters` does not know: of text it is nothing, or something else.
_WORDS = {
    "…": r"\dots",
    "\u2062": r"\,",
    "lim": r"\lim",
    "log": r"\log",
    "max": r"\max",
    "tanh": r"\tanh",
}
_FENCES = {"(": ("(", ")"), "[": ("[", "]"), "|": (r"\lvert ", r" \rvert")}


def latex(expression: Any) -> str:
    r"""Gives the LaTeX of an expression, without dollars.

    Example:
      >>> import sympy
      >>> latex(1 / sympy.Symbol("x"))
      '\\frac{1}{x}'
    """
    return spelt(typeset(expression))


@singledispatch
def spelt(box: Any) -> str:
    """Gives the LaTeX of a box.

    Raises:
      TypeError: It is none.
    """
    raise TypeError(f"A formula is made of boxes. Got {type(box).__name__}.")


@spelt.register(b.Letter)
@spelt.register(b.Number)
@spelt.register(b.Operator)
def _(box: b.Letter | b.Number | b.Operator) -> str:
    return _command(box.text) or box.text


@spelt.register
def _(box: b.Word) -> str:
    return _command(box.text) or rf"\mathrm{{{escaped(box.text)}}}"


@spelt.register
def _(box: b.Prose) -> str:
    return rf"\text{{{escaped(box.text)}}}"


@spelt.register
def _(box: b.Row) -> str:
    return " ".join(spelt(part) for part in box.boxes)


@spelt.register
def _(box: b.Fraction) -> str:
    return rf"\frac{{{spelt(box.top)}}}{{{spelt(box.bottom)}}}"


@spelt.register
def _(box: b.Script) -> str:
    base = spelt(box.base)
    if isinstance(box.base, b.Row):
        base = f"{{{base}}}"
    below = "" if box.below is None else f"_{{{spelt(box.below)}}}"
    primes = box.above.boxes if isinstance(box.above, b.Row) else (box.above,)
    if all(isinstance(prime, b.Operator) and prime.text == "′" for prime in primes):
        return f"{base}{below}" + "'" * len(primes)
    above = "" if box.above is None else f"^{{{spelt(box.above)}}}"
    return base + below + above


@spelt.register
def _(box: b.Big) -> str:
    return rf"{_command(box.sign)}_{{{spelt(box.below)}}}^{{{spelt(box.above)}}}"


@spelt.register
def _(box: b.Fenced) -> str:
    left, right = _FENCES[box.left]
    body = spelt(box.body)
    # Fences that grow also take more room at the sides, so they are kept for what is tall.
    if not any(tall in body for tall in (r"\frac", r"\sum", r"\begin")):
        return f"{left}{body}{right}"
    return rf"\left{left} {body} \right{right}"


@spelt.register
def _(box: b.Cases) -> str:
    rows = r" \\ ".join(f"{spelt(value)} & {spelt(condition)}" for value, condition in box.rows)
    return rf"\begin{{cases}} {rows} \end{{cases}}"


def _command(text: str) -> str | None:
    return _WORDS.get(text) or sign(text)
