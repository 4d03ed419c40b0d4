"""Long formulas, broken into lines where a typesetter would break them.

How wide a formula is, is only estimated: in ems, from its boxes.
"""

from functools import singledispatch
from typing import Any

from derivations.report import boxes as b

_RELATIONS = {"=", "≠", "<", "≤", ">", "≥", "→"}
_SUMS = {"+", "−"}


def lines(box: Any, most: float) -> list[Any]:
    """Gives the lines of a formula, each at most so many ems wide if it can be broken so.

    It is broken before a relation, and before a plus or minus that stands in no parentheses; a
    line goes on as long as there is room.

    Example:
      >>> x = b.Letter("x")
      >>> sum_ = b.Row((x, b.Operator("="), b.Row((x, b.Operator("+"), x, b.Operator("+"), x))))
      >>> len(lines(sum_, 100)), len(lines(sum_, 4))
      (1, 2)
    """
    if width(box) <= most:
        return [box]
    pieces = _pieces(box)
    broken: list[list[Any]] = []
    for piece in pieces:
        own = sum(map(width, piece))
        if broken and sum(map(width, broken[-1])) + own <= most:
            broken[-1] += piece
        else:
            broken.append(list(piece))
    return [b.Row(tuple(line)) for line in broken]


def _pieces(box: Any) -> list[list[Any]]:
    """Takes a formula apart: each piece starts with the sign that a line may begin with."""
    if not isinstance(box, b.Row):
        return [[box]]
    pieces: list[list[Any]] = [[]]
    for position, part in enumerate(box.boxes):
        sign = part.text if isinstance(part, b.Operator) else ""
        if position and (sign in _RELATIONS or sign in _SUMS):
            pieces.append([part])
        elif _is_sum(part):
            first, *rest = _pieces(part)
            pieces[-1] += first
            pieces += rest
        else:
            pieces[-1].append(part)
    return [piece for piece in pieces if piece]


def _is_sum(box: Any) -> bool:
    return isinstance(box, b.Row) and any(
        isinstance(part, b.Operator) and (part.text in _SUMS or part.text in _RELATIONS)
        for part in box.boxes[1:]
    )


@singledispatch
def width(box: Any) -> float:
    """Estimates how wide a box is set, in ems."""
    raise TypeError(f"A formula is made of boxes. Got {type(box).__name__}.")


@width.register(b.Letter)
@width.register(b.Number)
@width.register(b.Word)
@width.register(b.Prose)
def _(box: b.Letter | b.Number | b.Word | b.Prose) -> float:
    return 0.55 * len(box.text) + 0.1


@width.register
def _(box: b.Operator) -> float:
    if box.text in _RELATIONS:
        return 1.35
    return {"+": 1.25, "−": 1.25, "\u2062": 0.17, "′": 0.3}.get(box.text, 0.5)


@width.register
def _(box: b.Row) -> float:
    return sum(map(width, box.boxes))


@width.register
def _(box: b.Fraction) -> float:
    return max(width(box.top), width(box.bottom)) + 0.25


@width.register
def _(box: b.Script) -> float:
    scripts = [width(part) for part in (box.below, box.above) if part is not None]
    return width(box.base) + 0.7 * max(scripts, default=0)


@width.register
def _(box: b.Big) -> float:
    return max(1.5, 0.7 * width(box.below), 0.7 * width(box.above)) + 0.2


@width.register
def _(box: b.Fenced) -> float:
    return width(box.body) + 0.9


@width.register
def _(box: b.Cases) -> float:
    columns = zip(*box.rows, strict=True)
    return 1.6 + sum(max(map(width, column)) for column in columns)
