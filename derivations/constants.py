"""Which real number does a float constant stand for? Code that says 0.1 means one tenth.

Taken as the binary fraction that it is, a constant makes right rules wrong by a rounding: 0.3 is
not three times 0.1. So a float is read as the number that a person would have written: a short
decimal, a small fraction, or a well-known constant, if it is the float nearest to it. Each such
reading is an assumption of the verdict, and listed there.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache

import numpy as np

from derivations import graph as g
from derivations.graph import Node

MOST_DIGITS = 12  # of a decimal in double precision; in single precision, 7
LARGEST_DENOMINATOR = 1_000
EXACT_BITS = 12  # a binary fraction with so few bits, or so few after the point, is meant as it is

_HALF = Fraction(1, 2)


def _root(value: Node) -> Node:
    return g.kernel("sqrt", value)


_SCALE = Fraction("1.0507009873554804934193349852946")
_ALPHA = Fraction("1.6732632423543772848170429916717")

_NAMED: tuple[tuple[str, float, Callable[[], Node]], ...] = (
    ("√2", math.sqrt(2), lambda: _root(g.const(2))),
    ("√(1/2)", math.sqrt(0.5), lambda: _root(g.const(_HALF))),
    ("√(2/π)", math.sqrt(2 / math.pi), lambda: _root(g.div(g.const(2), g.PI))),
    ("√(π/2)", math.sqrt(math.pi / 2), lambda: _root(g.mul(g.const(_HALF), g.PI))),
    ("1/√(2π)", 1 / math.sqrt(2 * math.pi), lambda: g.power(_root(g.mul(g.const(2), g.PI)), -1)),
    ("√(2π)", math.sqrt(2 * math.pi), lambda: _root(g.mul(g.const(2), g.PI))),
    ("2/√π", 2 / math.sqrt(math.pi), lambda: g.div(g.const(2), _root(g.PI))),
    ("1/√π", 1 / math.sqrt(math.pi), lambda: g.power(_root(g.PI), -1)),
    ("√π", math.sqrt(math.pi), lambda: _root(g.PI)),
    ("π", math.pi, lambda: g.PI),
    ("2π", 2 * math.pi, lambda: g.mul(g.const(2), g.PI)),
    ("π/2", math.pi / 2, lambda: g.mul(g.const(_HALF), g.PI)),
    ("1/π", 1 / math.pi, lambda: g.power(g.PI, -1)),
    ("log 2", math.log(2), lambda: g.log(g.const(2))),
    ("1/log 2", 1 / math.log(2), lambda: g.power(g.log(g.const(2)), -1)),
    ("log 10", math.log(10), lambda: g.log(g.const(10))),
    ("log 2π", math.log(2 * math.pi), lambda: g.log(g.mul(g.const(2), g.PI))),
    ("½ log 2π", math.log(2 * math.pi) / 2,
     lambda: g.mul(g.const(_HALF), g.log(g.mul(g.const(2), g.PI)))),
    ("2√(2/π)", 2 * math.sqrt(2 / math.pi),
     lambda: g.mul(g.const(2), _root(g.div(g.const(2), g.PI)))),
    ("λ of selu", float(_SCALE), lambda: g.const(_SCALE)),
    ("α of selu", float(_ALPHA), lambda: g.const(_ALPHA)),
    ("λα of selu", float(_SCALE) * float(_ALPHA), lambda: g.const(_SCALE * _ALPHA)),
)  # fmt: skip


@cache
def recognised(value: float) -> tuple[Node, str]:
    """Gives the number that a float constant stands for, and what that takes for granted.

    Example:
      >>> recognised(0.25)
      (const[1/4], '')
      >>> recognised(2.0**-20)
      (const[1/1048576], '')
      >>> recognised(0.1)
      (const[1/10], 'the constant 0.1 stands for 1/10')
    """
    if not math.isfinite(value) or _short_in_binary(Fraction(value)):
        return g.const(value), ""
    side = g.const(-1 if value < 0 else 1)
    for single in (False, True):
        if single and value != float(np.float32(value)):
            break
        written = str(np.float32(abs(value))) if single else repr(abs(value))
        for name, number, node in _NAMED:
            if _nearest(abs(value), number, single=single):
                return g.mul(side, node()), f"the constant {value!r} stands for {name}"
        exact = _decimal(written, 7 if single else MOST_DIGITS)
        if exact is None:
            exact = Fraction(abs(value)).limit_denominator(LARGEST_DENOMINATOR)
            if not _nearest(abs(value), float(exact), single=single, steps=0):
                continue
        shown = exact if value > 0 else -exact
        return g.const(shown), f"the constant {'-' * (value < 0)}{written} stands for {shown}"
    return g.const(value), ""


def _short_in_binary(value: Fraction) -> bool:
    # By chance no decimal of one or two digits comes to so short a float, in either precision.
    return value.denominator <= 2**EXACT_BITS or abs(value.numerator) < 2**EXACT_BITS


def _decimal(written: str, digits: int) -> Fraction | None:
    mantissa = written.lower().split("e")[0].replace(".", "").lstrip("0")
    return Fraction(written) if len(mantissa) <= digits else None


def _nearest(value: float, number: float, *, single: bool, steps: int = 1) -> bool:
    """Tells whether a float is the nearest to a number, up to a rounding in how it was computed."""
    if single:
        return np.float32(value) == np.float32(number)
    return abs(value - number) <= steps * math.ulp(number)
