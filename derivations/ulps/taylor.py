"""A certified stand-in: the function as polynomials in double precision, each with a bound by arb.

A stretch of the line is taken over by the Taylor polynomial of the lifted graph at its middle. The
remainder is bounded by the next coefficient over the whole stretch, in balls, and the rounding of
the evaluation by the coefficients; a stretch where both together are not far below an ulp of single
precision is halved. What stays undecided (beside a kink, a root, a jump) is left to balls.
"""

from typing import Any, NamedTuple

import flint
import numpy as np

from derivations.evaluate import rational
from derivations.graph import Node
from derivations.ulps.balls import Unevaluated
from derivations.ulps.floats import Format, at, format_of, place

DEGREE = 14
FEWEST = 64  # floats of a stretch that is worth a polynomial, where many are looked at
FEWEST_OUTSIDE = 1 << 20  # the same outside of the band of `floats.band`
_RELATIVE = 2.0**-31  # of the value: under a hundredth of an ulp of single precision
_ABSOLUTE = 2.0**-156  # the same, of its smallest number
_PRECISIONS = (192, 512)


class Undecided(Exception):
    """A condition, or a value, is open over the stretch."""


class _NoValue(Exception):
    """The function has no value anywhere on the stretch: halving it does not help."""


class Stretch(NamedTuple):
    """Neighbouring floats, and the polynomials that stand for a function and its derivative.

    Attributes:
      start: The place of the first, in float32.
      stop: The place after the last.
      middle: The point that the polynomials are about.
      scale: A power of two; the polynomials are in `(x - middle) / scale`.
      value: Coefficients, the lowest first; `None` where no polynomial is certified.
      slope: Those of the derivative.
    """

    start: int
    stop: int
    middle: float
    scale: float
    value: np.ndarray | None
    slope: np.ndarray | None


SINGLE: Format = format_of("float32")
BAND = place(2.0**-30, SINGLE), place(128.0, SINGLE)  # where functions bend: both signs


def stretches(truth: Node, start: int, stop: int) -> list[Stretch]:
    """Gives polynomials for the floats between two places on the same side of zero.

    Args:
      truth: The function.
      start: The place of the first float, in float32.
      stop: The place after the last.
    """
    binade = 1 << (SINGLE.digits - 1)
    found: list[Stretch] = []
    before = flint.ctx.prec, flint.ctx.cap
    try:
        flint.ctx.cap = DEGREE + 4
        while start < stop:
            end = min(stop, (start // binade + 1) * binade)
            found += _halved(truth, start, end)
            start = end
    finally:
        flint.ctx.prec, flint.ctx.cap = before
    return found


def _halved(truth: Node, start: int, stop: int) -> list[Stretch]:
    low, high = (abs(p) for p in BAND)
    within = low <= min(abs(start), abs(stop - 1)) < high
    fewest = FEWEST if within else FEWEST_OUTSIDE
    pending, found = [(start, stop)], []
    while pending:
        start, stop = pending.pop()
        try:
            stretch = _certified(truth, start, stop)
        except _NoValue:
            found.append(_open(start, stop))
            continue
        if stretch.value is not None or stop - start <= fewest:
            found.append(stretch)
        else:
            half = (start + stop) // 2
            pending += [(half, stop), (start, half)]
    return found


def _open(start: int, stop: int) -> Stretch:
    first, last = at(np.array([start, stop - 1]), SINGLE).astype(np.float64).tolist()
    scale = 2.0 ** int(np.frexp(abs(last - first) / 2)[1]) if stop - start > 1 else 1.0
    return Stretch(start, stop, (first + last) / 2, scale, None, None)


def _certified(truth: Node, start: int, stop: int) -> Stretch:
    none = _open(start, stop)
    middle, scale = none.middle, none.scale
    for precision in _PRECISIONS:
        flint.ctx.prec = precision
        try:
            wide = flint.arb(middle, scale)
            over = _coefficients(truth, wide, scale, DEGREE + 3)
            here = _coefficients(truth, flint.arb(middle), scale, DEGREE + 2)
        except (Undecided, ZeroDivisionError, ValueError):
            return none
        value, slope = here[: DEGREE + 1], _derived(here, scale)
        remainders = over[DEGREE + 1], (DEGREE + 2) * over[DEGREE + 2] / flint.arb(scale)
        certified = [_bounded(c, r) for c, r in zip((value, slope), remainders, strict=True)]
        if all(c is not None for c in certified):
            return none._replace(value=certified[0], slope=certified[1])
        if all(c.rel_accuracy_bits() > 80 or c.is_zero() for c in (value[0], slope[0])):
            return none  # more bits would not help
    return none


def _derived(coefficients: list[flint.arb], scale: float) -> list[flint.arb]:
    unit = flint.arb(scale)
    return [k * coefficients[k] / unit for k in range(1, DEGREE + 2)]


def _bounded(coefficients: list[flint.arb], remainder: flint.arb) -> np.ndarray | None:
    """Gives the coefficients as doubles, if what they give is close enough to the function.

    For |t| <= 1, Horner's scheme in double precision is off by at most 2 n u Σ|c_k|, the rounding
    of the coefficients included.
    """
    sizes = [float(abs(c).upper()) for c in coefficients]
    radius = sum(float(c.rad()) for c in coefficients) + float(abs(remainder).upper())
    total = sum(sizes)
    bound = (radius + (2 * DEGREE + 4) * 2.0**-53 * total) * (1 + 2.0**-20) + 2.0**-1060
    least = sizes[0] - sum(sizes[1:]) - bound
    count = len(sizes)  # the last terms may be too small to matter
    while count > 1 and bound + sizes[count - 1] <= _RELATIVE / 16 * least:
        count -= 1
        bound += sizes[count]
    if not total < 1e300 or not bound <= max(_RELATIVE * least, _ABSOLUTE):
        return None
    return np.array([float(c) for c in coefficients[:count]])


def _coefficients(node: Node, x: flint.arb, scale: float, count: int) -> list[flint.arb]:
    """Gives the Taylor coefficients at x, in multiples of `scale`, up to the power `count - 1`."""
    series = _at(node, flint.arb_series([x, flint.arb(scale)], count), count, {})
    if not isinstance(series, flint.arb_series):
        series = flint.arb_series([series], count)
    if series.prec < count:
        raise Undecided
    found = [series[k] for k in range(count)]
    if not all(c.is_finite() for c in found):
        raise Undecided
    return found


def _at(node: Node, x: Any, count: int, memory: dict[Node, Any]) -> Any:
    found = memory.get(node)
    if found is None:
        found = memory[node] = _compute(node, x, count, memory)
    return found


def _compute(node: Node, x: Any, count: int, memory: dict[Node, Any]) -> Any:
    if node.op == "select":
        holds = _at(node.args[0], x, count, memory)
        return _at(node.args[1 if holds else 2], x, count, memory)
    if node.op == "and":
        return all(_at(a, x, count, memory) for a in node.args)
    if (power := _logistic(node)) is not None:
        inside = _at(power, x, count, memory)
        if _constant(inside) > 0:
            # The ball of e^a over a stretch may reach zero; that of e^-a is small.
            small = (-inside).exp()
            return _power(small / (1 + small), -node.data)
    args = [_at(a, x, count, memory) for a in node.args]
    match node.op:
        case "entry":
            return x
        case "const":
            return flint.arb(rational(node.data))
        case "pi":
            return flint.arb.pi()
        case "inf" | "nan":
            raise Undecided
        case "true" | "false":
            return node.op == "true"
        case "add":
            return sum(args[1:], args[0])
        case "mul":
            result = args[0]
            for a in args[1:]:
                result = result * a
            return result
        case "pow":
            return _power(args[0], node.data)
        case "kernel":
            return _kernel(node.data, args[0])
        case "compare":
            return _holds(node.data[0], _constant(args[1]) - _constant(args[0]))
        case "not":
            return not args[0]
        case op:
            raise Unevaluated(f"{op} has no value at a single number")


def _logistic(node: Node) -> Node | None:
    """Gives a where the node is a power of 1/(1 + e^a)."""
    if node.op != "pow" or node.data > 0 or node.args[0].op != "add":
        return None
    terms = node.args[0].args
    powers = [t.args[0] for t in terms if t.op == "kernel" and t.data == "exp"]
    rest = [t.data for t in terms if t.op == "const"]
    return powers[0] if len(terms) == 2 and len(powers) == 1 and rest == [1] else None


def _constant(a: Any) -> flint.arb:
    return a[0] if isinstance(a, flint.arb_series) else a


def _holds(op: str, difference: flint.arb) -> bool:
    if difference > 0:
        return op != "eq"
    if difference < 0:
        return False
    raise Undecided


def _power(a: Any, exponent: int) -> Any:
    if exponent < 0 and not (_constant(a) > 0 or _constant(a) < 0):
        raise Undecided
    if exponent < 0:
        a, exponent = 1 / a, -exponent
    result = a
    for _ in range(exponent - 1):
        result = result * a
    return result


def _kernel(name: str, a: Any) -> Any:
    constant = _constant(a)
    if name in ("log", "sqrt") and constant < 0:
        raise _NoValue
    if name in ("log", "sqrt") and not constant > 0:
        raise Undecided
    if name == "floor":
        down = constant.floor()
        if not down.is_exact():
            raise Undecided
        return down
    return getattr(a, name)()
