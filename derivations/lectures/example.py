"""Worked examples: every printed number, from the textbook's definitions in balls and exactly."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import flint
import numpy as np

from derivations.evaluate import Point, ball, evaluate, rational
from derivations.formula import definition_of, read
from derivations.graph import At, Index
from derivations.lectures.claim import Finding, Measured, Status
from derivations.lectures.reading import Letters
from derivations.report.words import count
from derivations.textbook import ENTRIES

DIGITS = 7
NOT_COMPARED = "_"


class Dense(NamedTuple):
    """A layer W a + b as a lecture prints it: a row of W for each neuron, numbers as digits."""

    w: tuple[tuple[str, ...], ...]
    b: tuple[str, ...]


class Example(NamedTuple):
    """A network with numbers in it, and the numbers that are printed for its values.

    Attributes:
      x: The input.
      layers: Each a `Dense`, or the name of an activation.
      printed: After how many layers, and what is printed there; "_" is not compared.
      truncated: Whether digits are cut off instead of rounded.
    """

    x: tuple[str, ...]
    layers: tuple[Dense | str, ...]
    printed: tuple[tuple[int, tuple[str, ...]], ...]
    truncated: bool = False


class Number(NamedTuple):
    """A formula without open letters, and the number that is printed for it."""

    formula: Any
    printed: str
    truncated: bool = False


def digits(line: str) -> tuple[str, ...]:
    """Gives the numbers of a line, as they are printed."""
    return tuple(line.split())


def dense(w: str, b: str) -> Dense:
    """Gives a layer from its printed rows, one line each."""
    return Dense(tuple(digits(row) for row in w.strip().splitlines()), digits(b))


def by_textbook(example: Example) -> Finding:
    r"""Settles an example by the textbook's definitions, in exact numbers and balls.

    Example:
      >>> layers = (dense("1 -2\n-1 1", "1 0"), "sigmoid")
      >>> right = Example(digits("1 -1"), layers, ((1, digits("4 -2")), (2, digits("0.98 0.12"))))
      >>> str(by_textbook(right).status)
      'PROVED'
      >>> str(by_textbook(right._replace(printed=((2, digits("0.98 0.13")),))).status)
      'REFUTED'
    """
    values = forward(example)
    lines, wrong = [], ""
    for place, printed in example.printed:
        shown = ", ".join(ball(v).str(DIGITS, radius=False) for v in values[place])
        lines.append(f"after {count(place, 'step')}: {shown}; printed {', '.join(printed)}")
        for value, text in zip(values[place], printed, strict=True):
            if text == NOT_COMPARED:
                continue
            outcome = _agrees(ball(value), text, example.truncated)
            if outcome is None:
                reason = f"a ball too wide to compare with {text}"
                return Finding(Status.UNDECIDED, "", reason=reason)
            if not outcome:
                number = ball(value).str(DIGITS, radius=False)
                wrong = wrong or f"{text} is printed for {number}"
    status = Status.REFUTED if wrong else Status.PROVED
    how = "cut off" if example.truncated else "rounded"
    return Finding(
        status, "exact rationals and balls, by the textbook's definitions",
        f"every printed digit, {how}", tuple(lines), reason=wrong,
    )  # fmt: skip


def by_formula(number: Number) -> Finding:
    """Settles what is printed for the value of a formula."""
    point = Point({}, {}, ties=True)
    value = ball(evaluate(read(number.formula, Letters(())), point)[()])
    outcome = _agrees(value, number.printed, number.truncated)
    shown = f"{number.formula} = {value.str(DIGITS, radius=False)}; printed {number.printed}"
    if outcome is None:
        return Finding(Status.UNDECIDED, "", reason="a ball too wide to compare")
    return Finding(
        Status.PROVED if outcome else Status.REFUTED, "a ball that holds the value",
        lines=(shown,), reason="" if outcome else shown,
    )  # fmt: skip


def measured_digits(values: Sequence[Iterable[Any]], example: Example, quantity: str) -> Finding:
    """Compares values of floats, one row for each place that is printed, with the digits there."""
    found = []
    for row, (place, printed) in zip(values, example.printed, strict=True):
        numbers = [float(v) for v in row]
        agree = [
            text == NOT_COMPARED
            or _agrees(flint.arb(v, 1e-6 * max(1.0, abs(v))), text, example.truncated) is not False
            for v, text in zip(numbers, printed, strict=True)
        ]
        found.append(
            Measured(
                f"{quantity}, after {count(place, 'step')}",
                ", ".join(f"{v:.6g}" for v in numbers),
                f"printed {', '.join(printed)}",
                all(agree),
            )
        )
    return Finding(Status.MEASURED, "by running it", measured=tuple(found))


def _agrees(value: flint.arb, text: str, truncated: bool) -> bool | None:
    """Tells whether a number is printed as `text`; `None` where the ball does not say."""
    printed = Fraction(text)
    unit = Fraction(1, 10 ** len(text.partition(".")[2]))
    low, high = printed - unit / 2, printed + unit / 2
    if truncated:
        low, high = (printed, printed + unit) if printed >= 0 else (printed - unit, printed)
    below, above = flint.arb(rational(low)), flint.arb(rational(high))
    if value >= below and value <= above:
        return True
    return False if value < below or value > above else None


def forward(example: Example) -> list[list[Any]]:
    """Gives the input, and what each layer makes of it, by the textbook's definitions."""
    row = [rational(text) for text in example.x]
    values = [row]
    for layer in example.layers:
        row = _activated(layer, row) if isinstance(layer, str) else _dense(layer, row)
        values.append(row)
    return values


def _dense(layer: Dense, row: list[Any]) -> list[Any]:
    w = np.array([[rational(text) for text in line] for line in layer.w], dtype=object)
    b = np.array([rational(text) for text in layer.b], dtype=object)
    tensors = {"x": np.array([row], dtype=object), "w": w.T, "b": b}
    return _evaluated("dense", tensors, len(b))


def _activated(name: str, row: list[Any]) -> list[Any]:
    if ENTRIES[name].indices:
        return _evaluated(name, {"x": np.array([row], dtype=object)}, len(row))
    single = [np.array(value, dtype=object) for value in row]
    return [_evaluated(name, {"x": value}, None)[0] for value in single]


def _evaluated(name: str, tensors: dict[str, np.ndarray], width: int | None) -> list[Any]:
    entry = ENTRIES[name]
    inputs = {a.name: (a.name, tensors[a.name].shape) for a in entry.arguments}
    own = () if width is None else (Index("j", width),)
    at: tuple[At, ...] = (0, *own) if own else ()
    values = evaluate(definition_of(entry, inputs, at), Point({}, tensors, ties=True), own)
    return list(values.reshape(-1))
