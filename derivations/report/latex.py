"""Formulas as LaTeX, for Markdown."""

from functools import singledispatch
from typing import Any

from derivations.report import boxes as b
from derivations.report.typeset import typeset

_SIGNS = {
    "σ": r"\sigma",
    "δ": r"\delta",
    "α": r"\alpha",
    "β": r"\beta",
    "γ": r"\gamma",
    "ε": r"\epsilon",
    "θ": r"\theta",
    "τ": r"\tau",
    "φ": r"\varphi",
    "χ": r"\chi",
    "ψ": r"\psi",
    "ω": r"\omega",
    "π": r"\pi",
    "…": r"\dots",
    "ŷ": r"\hat{y}",
    "→": r"\to",
    "lim": r"\lim",
    "ℓ": r"\ell",
    "−": "-",
    "≤": r"\le",
    "≥": r"\ge",
    "≠": r"\ne",
    "∂": r"\partial",
    "∑": r"\sum",
    "\u2062": r"\,",
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
    return _write(typeset(expression))


@singledispatch
def _write(box: Any) -> str:
    raise TypeError(f"A formula is made of boxes. Got {type(box).__name__}.")


@_write.register(b.Letter)
@_write.register(b.Number)
@_write.register(b.Operator)
def _(box: b.Letter | b.Number | b.Operator) -> str:
    return _SIGNS.get(box.text, box.text)


@_write.register
def _(box: b.Word) -> str:
    return _SIGNS.get(box.text, rf"\mathrm{{{box.text}}}")


@_write.register
def _(box: b.Prose) -> str:
    return rf"\text{{{box.text}}}"


@_write.register
def _(box: b.Row) -> str:
    return " ".join(_write(part) for part in box.boxes)


@_write.register
def _(box: b.Fraction) -> str:
    return rf"\frac{{{_write(box.top)}}}{{{_write(box.bottom)}}}"


@_write.register
def _(box: b.Script) -> str:
    base = _write(box.base)
    if isinstance(box.base, b.Row):
        base = f"{{{base}}}"
    below = "" if box.below is None else f"_{{{_write(box.below)}}}"
    if isinstance(box.above, b.Operator) and box.above.text == "′":
        return f"{base}{below}'"
    above = "" if box.above is None else f"^{{{_write(box.above)}}}"
    return base + below + above


@_write.register
def _(box: b.Big) -> str:
    return rf"{_SIGNS[box.sign]}_{{{_write(box.below)}}}^{{{_write(box.above)}}}"


@_write.register
def _(box: b.Fenced) -> str:
    left, right = _FENCES[box.left]
    body = _write(box.body)
    # Fences that grow also take more room at the sides, so they are kept for what is tall.
    if not any(tall in body for tall in (r"\frac", r"\sum", r"\begin")):
        return f"{left}{body}{right}"
    return rf"\left{left} {body} \right{right}"


@_write.register
def _(box: b.Cases) -> str:
    rows = r" \\ ".join(f"{_write(value)} & {_write(condition)}" for value, condition in box.rows)
    return rf"\begin{{cases}} {rows} \end{{cases}}"
