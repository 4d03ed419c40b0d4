"""Formulas as a line of Unicode, for a terminal."""

from functools import singledispatch
from typing import Any

from derivations.report import boxes as b
from derivations.report.typeset import typeset

_NO_SPACE = {"∂", "′", "\u2062", ",", "("}


def plain(expression: Any) -> str:
    """Gives an expression on one line.

    Example:
      >>> import sympy
      >>> plain(1 / (1 + sympy.exp(-sympy.Symbol("x"))))
      '1/(1 + e^(−x))'
    """
    return " ".join(_write(typeset(expression)).split())


@singledispatch
def _write(box: Any) -> str:
    raise TypeError(f"A formula is made of boxes. Got {type(box).__name__}.")


@_write.register(b.Letter)
@_write.register(b.Number)
@_write.register(b.Word)
@_write.register(b.Prose)
def _(box: b.Letter | b.Number | b.Word | b.Prose) -> str:
    return box.text


@_write.register
def _(box: b.Operator) -> str:
    return " " if box.text == "\u2062" else box.text


@_write.register
def _(box: b.Row) -> str:
    written = ""
    for position, part in enumerate(box.boxes):
        text = _write(part)
        binary = isinstance(part, b.Operator) and part.text not in _NO_SPACE and position
        if binary:
            text = f" {text} "
        elif position and isinstance(part, b.Fraction) and written[-1:].isalnum():
            text = f" {text}"
        written += text
    return written


@_write.register
def _(box: b.Fraction) -> str:
    return f"{_closed(box.top)}/{_closed(box.bottom)}"


@_write.register
def _(box: b.Script) -> str:
    below = "" if box.below is None else f"_{_index(box.below)}"
    if isinstance(box.above, b.Operator):
        return f"{_write(box.base)}{box.above.text}{below}"
    above = "" if box.above is None else f"^{_index(box.above)}"
    return _write(box.base) + below + above


@_write.register
def _(box: b.Big) -> str:
    return f"{box.sign}_({_write(box.below).replace(' ', '')}..{_write(box.above)}) "


@_write.register
def _(box: b.Fenced) -> str:
    return f"{box.left}{_write(box.body)}{box.right}"


@_write.register
def _(box: b.Cases) -> str:
    rows = "; ".join(f"{_write(value)} {_write(condition)}" for value, condition in box.rows)
    return f"{{{rows}}}"


def _index(box: Any) -> str:
    """Writes what stands below or above; in parentheses where it would run into what follows."""
    text = _write(box)
    alone = len(text) == 1 or (text.isalpha() and text.isascii()) or isinstance(box, b.Fenced)
    return text if alone else f"({text})"


def _closed(box: Any) -> str:
    """Writes the top or bottom of a fraction; in parentheses unless it is of one piece."""
    text = _write(box)
    one = isinstance(box, b.Letter | b.Number | b.Word | b.Fenced | b.Script)
    differential = (
        isinstance(box, b.Row)
        and len(box.boxes) == 2
        and isinstance(box.boxes[0], b.Operator | b.Word)
        and box.boxes[0].text in ("∂", "d")
    )
    return text if one or differential or box.__class__ is b.Operator else f"({text})"
