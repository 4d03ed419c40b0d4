"""Formulas as presentation MathML, which browsers draw without a script or a font of ours."""

from functools import singledispatch
from html import escape
from typing import Any

from derivations.report import typeset as t


def mathml(expression: Any, *, display: bool = False) -> str:
    """Gives a `<math>` element; `display` sets it large, on a line of its own.

    Example:
      >>> import sympy
      >>> mathml(sympy.Symbol("x"))
      '<math><mi>x</mi></math>'
    """
    opening = '<math display="block">' if display else "<math>"
    return f"{opening}{_write(t.typeset(expression))}</math>"


@singledispatch
def _write(box: Any) -> str:
    raise TypeError(f"A formula is made of boxes. Got {type(box).__name__}.")


@_write.register
def _(box: t.Letter) -> str:
    return f"<mi>{escape(box.text)}</mi>"


@_write.register
def _(box: t.Word) -> str:
    # One letter alone would be set in italics.
    upright = ' mathvariant="normal"' if len(box.text) == 1 else ""
    return f"<mi{upright}>{escape(box.text)}</mi>"


@_write.register
def _(box: t.Number) -> str:
    return f"<mn>{escape(box.text)}</mn>"


@_write.register
def _(box: t.Operator) -> str:
    if box.text == "\u2062":
        return '<mo lspace="0.1em" rspace="0.06em">&#x2062;</mo>'
    return f"<mo>{escape(box.text)}</mo>"


@_write.register
def _(box: t.Prose) -> str:
    # Spaces at the ends of <mtext> are dropped unless they do not break.
    return f"<mtext>{escape(box.text).replace(' ', '&#xA0;')}</mtext>"


@_write.register
def _(box: t.Row) -> str:
    return f"<mrow>{''.join(map(_write, box.boxes))}</mrow>"


@_write.register
def _(box: t.Fraction) -> str:
    return f"<mfrac>{_one(box.top)}{_one(box.bottom)}</mfrac>"


@_write.register
def _(box: t.Script) -> str:
    base = _one(box.base)
    if box.below is None:
        return base if box.above is None else f"<msup>{base}{_one(box.above)}</msup>"
    if box.above is None:
        return f"<msub>{base}{_one(box.below)}</msub>"
    return f"<msubsup>{base}{_one(box.below)}{_one(box.above)}</msubsup>"


@_write.register
def _(box: t.Big) -> str:
    sign = f'<mo largeop="true" movablelimits="false">{box.sign}</mo>'
    return f"<munderover>{sign}{_one(box.below)}{_one(box.above)}</munderover>"


@_write.register
def _(box: t.Fenced) -> str:
    left = f'<mo fence="true" form="prefix" stretchy="true">{box.left}</mo>'
    right = f'<mo fence="true" form="postfix" stretchy="true">{box.right}</mo>'
    return f"<mrow>{left}{_write(box.body)}{right}</mrow>"


@_write.register
def _(box: t.Cases) -> str:
    rows = "".join(
        f"<mtr><mtd>{_write(value)}</mtd><mtd>{_write(condition)}</mtd></mtr>"
        for value, condition in box.rows
    )
    brace = '<mo fence="true" form="prefix" stretchy="true">{</mo>'
    return f'<mrow>{brace}<mtable class="cases">{rows}</mtable></mrow>'


def _one(box: Any) -> str:
    """Writes a box as exactly one element, as scripts and fractions need."""
    return _write(box) if box is not None else "<mrow></mrow>"
