"""Formulas as presentation MathML, which browsers draw without a script or a font of ours."""

from functools import singledispatch
from html import escape
from typing import Any

from derivations.report import boxes as b
from derivations.report.typeset import typeset

_TALL = ("mfrac", "munderover", 'mtable class="cases"', "msubsup", "msup")


def mathml(expression: Any, *, display: bool = False) -> str:
    """Gives a `<math>` element; `display` sets it on a line of its own.

    Fractions and sums keep their full size inside a line of text.

    Example:
      >>> import sympy
      >>> mathml(sympy.Symbol("x"))
      '<math displaystyle="true"><mi>x</mi></math>'
    """
    opening = '<math display="block">' if display else '<math displaystyle="true">'
    return f"{opening}{_write(typeset(expression))}</math>"


@singledispatch
def _write(box: Any) -> str:
    raise TypeError(f"A formula is made of boxes. Got {type(box).__name__}.")


@_write.register
def _(box: b.Letter) -> str:
    return f"<mi>{escape(box.text)}</mi>"


@_write.register
def _(box: b.Word) -> str:
    # One letter alone would be set in italics; as an operator it is upright, and stands close.
    if len(box.text) == 1:
        return f'<mo lspace="0" rspace="0">{escape(box.text)}</mo>'
    return f"<mi>{escape(box.text)}</mi>"


@_write.register
def _(box: b.Number) -> str:
    return f"<mn>{escape(box.text)}</mn>"


@_write.register
def _(box: b.Operator) -> str:
    if box.text == "∂":
        return '<mo lspace="0" rspace="0">∂</mo>'
    if box.text == "\u2062":
        return '<mo lspace="0.1em" rspace="0.06em">&#x2062;</mo>'
    return f"<mo>{escape(box.text)}</mo>"


@_write.register
def _(box: b.Prose) -> str:
    # Spaces at the ends of <mtext> are dropped unless they do not break.
    return f"<mtext>{escape(box.text).replace(' ', '&#xA0;')}</mtext>"


@_write.register
def _(box: b.Row) -> str:
    return f"<mrow>{''.join(map(_write, box.boxes))}</mrow>"


@_write.register
def _(box: b.Fraction) -> str:
    return f"<mfrac>{_one(box.top)}{_one(box.bottom)}</mfrac>"


@_write.register
def _(box: b.Script) -> str:
    base = _one(box.base)
    if box.below is None:
        return base if box.above is None else f"<msup>{base}{_one(box.above)}</msup>"
    if box.above is None:
        return f"<msub>{base}{_one(box.below)}</msub>"
    return f"<msubsup>{base}{_one(box.below)}{_one(box.above)}</msubsup>"


@_write.register
def _(box: b.Big) -> str:
    # In a fraction the range moves to the side of the sign, as in every printed book.
    sign = f'<mo largeop="true" movablelimits="true">{box.sign}</mo>'
    return f"<munderover>{sign}{_one(box.below)}{_one(box.above)}</munderover>"


@_write.register
def _(box: b.Fenced) -> str:
    body = _write(box.body)
    # Fences that grow also take more room at the sides, so they are kept for what is tall.
    grows = "true" if any(f"<{tall}>" in body for tall in _TALL) else "false"
    left = f'<mo fence="true" form="prefix" stretchy="{grows}">{box.left}</mo>'
    right = f'<mo fence="true" form="postfix" stretchy="{grows}">{box.right}</mo>'
    return f"<mrow>{left}{body}{right}</mrow>"


@_write.register
def _(box: b.Cases) -> str:
    rows = "".join(
        f"<mtr><mtd>{_write(value)}</mtd><mtd>{_write(condition)}</mtd></mtr>"
        for value, condition in box.rows
    )
    brace = '<mo fence="true" form="prefix" stretchy="true">{</mo>'
    return f'<mrow>{brace}<mtable class="cases">{rows}</mtable></mrow>'


def _one(box: Any) -> str:
    """Writes a box as exactly one element, as scripts and fractions need."""
    return _write(box) if box is not None else "<mrow></mrow>"
