"""The boxes that a formula is set in, before any output format."""

from typing import Any, NamedTuple


class Letter(NamedTuple):
    """A variable, one letter in italics: `x`, `σ`, `ℓ`."""

    text: str


class Word(NamedTuple):
    """An upright name: `log`, `ReLU`, the d of a derivative."""

    text: str


class Number(NamedTuple):
    """Digits."""

    text: str


class Operator(NamedTuple):
    """A sign between two boxes, or a prefix: `+`, `−`, `=`, `≤`, `∂`."""

    text: str


class Prose(NamedTuple):
    """Words inside a formula, such as "otherwise"."""

    text: str


class Row(NamedTuple):
    """Boxes side by side."""

    boxes: tuple[Any, ...]


class Fraction(NamedTuple):
    """One box over another."""

    top: Any
    bottom: Any


class Script(NamedTuple):
    """A box with something below it, above it, or both."""

    base: Any
    below: Any = None
    above: Any = None


class Big(NamedTuple):
    """A large sign with its range: a sum."""

    sign: str
    below: Any
    above: Any


class Fenced(NamedTuple):
    """A box between two fences, which grow with it."""

    left: str
    body: Any
    right: str


class Cases(NamedTuple):
    """Values by condition; each row is a value and the box of its condition."""

    rows: tuple[tuple[Any, Any], ...]
