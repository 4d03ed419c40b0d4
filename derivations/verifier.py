"""Re-checks a certificate: one file, which needs python-flint and Python, and nothing of JAX.

    python verifier.py FILE

A certificate (`certificate.py` has its table) holds the expressions that a proof is about. What can
be done with them here, each named in the output as what it is:

- A **refutation** is re-checked in full: both expressions are evaluated at the exact point, as
  rationals or in balls that enclose the true value, and have to differ for certain.
- An **identity** is re-checked in full where both sides are the same graph, or where they come out
  as the same rational function of their entries, sums and functions, expanded exactly on every
  region of their conditions. Other identities are evaluated at random rational points: that is a
  spot check, evidence and no proof. Both speak of where the two sides have values; that the found
  one has a value wherever the true one has is not re-checked.
- Of a **modular execution** the primes are re-drawn from their seeds and re-tested, and the bound
  is recomputed from the recorded degrees. The execution is not repeated.
- At a **kink** the one-sided derivatives and the rule's value are re-evaluated at the recorded
  point. That the recorded boundaries are all there are is not re-checked.

What cannot be re-checked without JAX: that the expressions are those of the code. The certificate
holds hashes of the traced code, so that it can be told for which code it was written. A file that
was changed in good faith or by accident is found by its digest; whoever forges both is met by the
evidence alone, which texts (statements, assumptions, reasons) are no part of.

Exit status: 0 all evidence is re-checked, 1 some is wrong, 2 some cannot be re-checked, 3 wrong
usage or a damaged file.
"""

import hashlib
import itertools
import json
import math
import random
import re
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import flint

FORMAT, VERSION = "derivations certificate", 1
PRECISION = 256  # bits
SMALL_BALL = flint.arb("1e-30")  # radius, of numbers up to 1: larger balls agree with too much
POINTS = 6  # at which an identity is spot-checked, at each set of sizes
TRIES = 40
MOST_STEPS = 400_000  # of one evaluation
MOST_BITS = 1_000_000  # of a rational number
MOST_POWER = 10_000
DEEPEST = 100_000
WORST_FIRST = ("REFUTED", "UNDECIDED", "EXACT", "PROVED")


class Wrong(Exception):
    """The evidence does not show what it is there for."""


class Damaged(Exception):
    """The file is no certificate that this program understands."""


class NoValue(Exception):
    """An expression has no value at a point, or none that can be told."""


class Unresolved(NoValue):
    """What is zero as far as the terms of a series reach."""


class Tie(NoValue):
    """A comparison is a tie where the point has to be off every boundary."""


class TooLong(Exception):
    """An evaluation takes too many steps."""


# --- expressions --------------------------------------------------------------------------------


class Graph(NamedTuple):
    """The nodes of a certificate.

    Attributes:
      nodes: (op, args, data) of each.
      dims: The size of each index variable.
      free: The index variables that are open in each node, sorted.
      depth: How many sums are nested in each node.
    """

    nodes: list[tuple[str, tuple[int, ...], Any]]
    dims: list[Any]
    free: list[tuple[int, ...]]
    depth: list[int]


_ARGUMENTS = {
    "const": 0, "entry": 0, "size": 0, "index": 0, "pi": 0, "nan": 0, "inf": 0, "true": 0,
    "false": 0, "pow": 1, "kernel": 1, "compare": 2, "not": 1, "and": 2, "select": 3, "sum": 1,
    "rmax": 1, "argmax": 1,
}  # fmt: skip
_KERNELS = ("exp", "log", "sqrt", "erf", "sin", "cos", "atan", "floor")
_NUMBER = re.compile(r"(-?\d+)(?:/(\d+))?")
_INDEX = re.compile(r"#(\d+)")


def rational(text: Any) -> flint.fmpq:
    """Gives the exact number that a string such as "-3/2" stands for."""
    match = _NUMBER.fullmatch(text) if isinstance(text, str) else None
    if match is None or (match[2] is not None and int(match[2]) == 0):
        raise Damaged(f"an exact number is written like -3/2. Got {text!r}")
    return flint.fmpq(int(match[1]), int(match[2] or 1))


def read_graph(document: Any) -> Graph:
    """Reads the index variables and nodes, each of which may only use what stands before it."""
    dims = [_dim(size) for _, size in document["indices"]]
    nodes: list[tuple[str, tuple[int, ...], Any]] = []
    free: list[tuple[int, ...]] = []
    depth: list[int] = []
    for number, (op, args, data) in enumerate(document["nodes"]):
        if not all(type(a) is int and 0 <= a < number for a in args):
            raise Damaged(f"node {number} uses a node that does not stand before it")
        if op in ("add", "mul", "apply"):
            right = bool(args) or op == "apply"
        else:
            if op not in _ARGUMENTS:
                raise Damaged(f"node {number} has an operation that is not known: {op!r}")
            right = len(args) == _ARGUMENTS[op]
        if not right:
            raise Damaged(f"node {number} ({op}) has {len(args)} arguments")
        data = _data(op, data, len(dims))
        inside = {i for a in args for i in free[a]}
        match op:
            case "entry":
                inside = {int(i[1:]) for i in data[1] if isinstance(i, str)}
            case "index":
                inside = {data}
            case "sum" | "rmax":
                inside -= {data}
            case "argmax":
                at = {int(data[1][1:])} if isinstance(data[1], str) else set()
                inside = (inside - {data[0]}) | at
            case "apply":
                bound = {i for slots in data[1] for i in slots}
                inside = (inside - bound) | {int(i[1:]) for i in data[2] if isinstance(i, str)}
            case _:
                pass
        nodes.append((op, tuple(args), data))
        free.append(tuple(sorted(inside)))
        below = max((depth[a] for a in args), default=0)
        depth.append(below + (op in ("sum", "rmax", "argmax")))
    return Graph(nodes, dims, free, depth)


def _dim(size: Any) -> Any:
    if (type(size) is int and size >= 0) or isinstance(size, str):
        return size
    raise Damaged(f"a size is a whole number or a name. Got {size!r}")


def _number_of(index: Any, count: int) -> int:
    match = _INDEX.fullmatch(index) if isinstance(index, str) else None
    if match is None or int(match[1]) >= count:
        raise Damaged(f"an index variable is written like #3. Got {index!r}")
    return int(match[1])


def _at(at: Any, count: int) -> Any:
    if type(at) is int and at >= 0:
        return at
    return f"#{_number_of(at, count)}"


def _data(op: str, data: Any, count: int) -> Any:
    """Reads what a node holds besides its arguments."""
    match op:
        case "const":
            return rational(data)
        case "entry":
            name, at, numbers = data
            return str(name), tuple(_at(i, count) for i in at), numbers != "whole"
        case "index" | "sum" | "rmax":
            return _number_of(data, count)
        case "argmax":
            bound, at = data
            return _number_of(bound, count), _at(at, count)
        case "apply":
            name, slots, at = data
            numbers = tuple(tuple(_number_of(i, count) for i in own) for own in slots)
            return name, numbers, tuple(_at(i, count) for i in at)
        case "compare":
            relation, whole = data
            if relation in ("lt", "le", "eq") and type(whole) is bool:
                return relation, whole
        case "kernel" if data in _KERNELS:
            return data
        case "pow" if type(data) is int and abs(data) <= MOST_POWER:
            return data
        case "inf" if data in (1, -1):
            return data
        case "size" if isinstance(data, str):
            return data
        case "pi" | "nan" | "true" | "false" | "add" | "mul" | "not" | "and" | "select":
            return None
        case _:
            pass
    raise Damaged(f"the operation {op} does not go with {data!r}")


# --- numbers ------------------------------------------------------------------------------------


ZERO, ONE = flint.fmpq(0), flint.fmpq(1)
FEW, MANY = 3, 10  # terms of a series: at first, and where these decide nothing


class Series(NamedTuple):
    """`terms[0] δ^low + terms[1] δ^(low + 1) + ...` and a remainder, for an infinitesimal δ > 0.

    It stands for a number beside a point: x + ε d, with ε = δ². The first term is not zero.
    """

    low: int
    terms: tuple[Any, ...]

    @property
    def end(self) -> int:
        """The power of δ at which the remainder begins."""
        return self.low + len(self.terms)

    def at(self, k: int) -> Any:
        """Gives the coefficient of δ^k, if the terms reach so far."""
        if k >= self.end:
            raise Unresolved("a series that does not reach so far")
        return self.terms[k - self.low] if k >= self.low else ZERO


def series(low: int, terms: Any) -> Series:
    """Gives a series without leading zeros."""
    zeros = next((i for i, t in enumerate(terms) if not _is_zero(t)), len(terms))
    return Series(low + zeros, tuple(terms[zeros:]))


def _is_zero(a: Any) -> bool:
    return a.is_zero() if isinstance(a, flint.arb) else a == 0


def _long(a: Any, end: int) -> Series:
    """Gives a number as a series that reaches as far as another."""
    if isinstance(a, Series):
        return a
    return series(0, (a, *[ZERO] * (end - 1))) if end > 0 else Series(end, ())


def first(a: Series) -> Any:
    """Gives the leading coefficient; it is not zero for certain."""
    if not a.terms:
        raise Unresolved("what is zero as far as its series reaches")
    if isinstance(a.terms[0], flint.arb) and a.terms[0].contains(0):
        raise NoValue("a leading term that may be zero")
    return a.terms[0]


def value_and_slope(a: Any) -> tuple[Any, Any]:
    """Gives the limit for ε to zero and the derivative in ε, where both are finite."""
    if not isinstance(a, Series):
        return a, ZERO
    if (a.low < 0 and a.terms) or not _is_zero(a.at(1)):
        raise NoValue("an infinite value or derivative")
    if not all(ball(x).is_finite() for x in (a.at(0), a.at(2))):
        raise NoValue("a coefficient that has no value")
    return a.at(0), a.at(2)


def ball(a: Any) -> flint.arb:
    """Gives a ball that holds a number."""
    return a if isinstance(a, flint.arb) else flint.arb(a)


def plus(a: Any, b: Any) -> Any:
    """Gives the sum."""
    if isinstance(a, Series) or isinstance(b, Series):
        end = min(x.end for x in (a, b) if isinstance(x, Series))
        a, b = _long(a, end), _long(b, end)
        low = min(a.low, b.low, end)
        return series(low, [a.at(k) + b.at(k) for k in range(low, end)])
    return a + b


def times(a: Any, b: Any) -> Any:
    """Gives the product; an exact zero makes it zero."""
    if any(isinstance(x, flint.fmpq) and x == 0 for x in (a, b)):
        return ZERO
    if isinstance(b, Series) and not isinstance(a, Series):
        a, b = b, a
    if isinstance(b, Series):
        terms = []
        for k in range(min(len(a.terms), len(b.terms))):
            pairs = zip(a.terms[: k + 1], reversed(b.terms[: k + 1]), strict=True)
            terms.append(sum((x * y for x, y in pairs if not (_is_zero(x) or _is_zero(y))), ZERO))
        return series(a.low + b.low, terms)
    if isinstance(a, Series):
        return series(a.low, [t if _is_zero(t) else t * b for t in a.terms])
    return a * b


def power(a: Any, exponent: int) -> Any:
    """Gives a whole power."""
    if isinstance(a, Series):
        base, result = _inverse(a) if exponent < 0 else a, ONE
        for digit in bin(abs(exponent))[2:]:
            result = times(result, result)
            result = times(result, base) if digit == "1" else result
        return result
    if exponent < 0 and (a.contains(0) if isinstance(a, flint.arb) else a == 0):
        raise NoValue("a division by zero")
    if isinstance(a, flint.fmpq) and abs(exponent) * (a.p * a.q).bit_length() > MOST_BITS:
        raise TooLong
    return a**exponent


def _inverse(a: Series) -> Series:
    lead = first(a)
    terms = [1 / lead]
    for k in range(1, len(a.terms)):
        terms.append(-sum((a.terms[i] * terms[k - i] for i in range(1, k + 1)), ZERO) / lead)
    return series(-a.low, terms)


_EXACTLY = {"exp": (0, 1), "log": (1, 0), "sqrt": (0, 0), "erf": (0, 0), "sin": (0, 0),
            "cos": (0, 1), "atan": (0, 0)}  # fmt: skip


def kernel(name: str, a: Any) -> Any:
    """Gives a function of a number, other than floor."""
    if isinstance(a, Series):
        return _kernel_of_series(name, a)
    if isinstance(a, flint.fmpq):
        if a == _EXACTLY[name][0]:
            return flint.fmpq(_EXACTLY[name][1])
        if name == "sqrt" and a == 1:
            return ONE
        a = flint.arb(a)
    value = getattr(a, name)()
    if not value.is_finite():
        raise NoValue(f"{name} outside its domain")
    return value


def _kernel_of_series(name: str, a: Series) -> Series:
    low = 0
    if name == "sqrt":
        if first(a) < 0 or a.low % 2:
            raise NoValue("the root of a negative number, or of a root of ε")
        low, terms = a.low // 2, a.terms
    elif a.low < 0 and a.terms:
        if name == "atan":
            quarter = flint.arb.pi() / (2 if first(a) > 0 else -2)
            return plus(quarter, times(-ONE, _kernel_of_series(name, _inverse(a))))
        if name == "exp" and first(a) < 0:
            return Series(10 * MANY, ())  # it is below any power of ε
        raise NoValue(f"{name} of an infinite number")
    elif a.end <= 0:
        raise Unresolved("a series that does not reach so far")
    elif name == "log" and (a.low or first(a) < 0):
        raise NoValue("the logarithm of no positive number")
    else:
        terms = (*[ZERO] * a.low, *a.terms)
    length = min(len(terms), MANY)
    found = getattr(flint.arb_series([ball(t) for t in terms[:length]], length), name)().coeffs()
    exact = [c.fmpq() if c.is_exact() and c.is_finite() else c for c in found]
    return series(low, [*exact, *[ZERO] * (length - len(exact))])


def floor(a: Any, *, ties: bool) -> Any:
    """Gives the largest whole number that is not above; a whole number is a tie."""
    if isinstance(a, Series):
        value, _ = value_and_slope(a)
        down = floor(value, ties=True)
        return down if value != down or first(plus(a, -value)) > 0 else down - ONE
    if isinstance(a, flint.arb):
        down = a.floor()
        if not down.is_exact():
            raise NoValue("rounding of a ball that holds a whole number")
        return flint.fmpq(int(down.fmpz()))
    down = flint.fmpq(a.p // a.q)
    if down == a and not ties:
        raise Tie("rounding of a whole number")
    return down


def compared(relation: str, a: Any, b: Any, *, ties: bool) -> bool:
    """Tells whether two numbers are in a relation."""
    if a is b:
        return relation != "lt"
    if isinstance(a, Series) or isinstance(b, Series):
        return relation != "eq" and bool(first(plus(b, times(-ONE, a))) > 0)
    gap = b - a
    if isinstance(gap, flint.arb) and not gap.is_exact():
        if gap > 0:
            return relation != "eq"
        if gap < 0:
            return False
        raise NoValue("a comparison of balls that overlap")
    if gap == 0 and not ties:
        raise Tie("a comparison of equal numbers")
    return bool({"lt": gap > 0, "le": gap >= 0, "eq": gap == 0}[relation])


def less(a: Any, b: Any) -> bool:
    """Tells whether one number is below the other."""
    return compared("lt", a, b, ties=True)


def apart(a: Any, b: Any) -> bool:
    """Tells whether two numbers are different for certain."""
    if isinstance(a, flint.fmpq) and isinstance(b, flint.fmpq):
        return bool(a != b)
    gap = ball(a) - ball(b)
    return bool(gap.is_finite()) and not gap.contains(0)


def shown(a: Any) -> str:
    """Gives a number for the reader."""
    return str(a) if isinstance(a, flint.fmpq) else a.str(15)


# --- values at a point --------------------------------------------------------------------------


class Evaluator:
    """The values of a graph at one exact point.

    Args:
      graph: The expressions.
      sizes: Numbers for the named sizes.
      inputs: Each input: a number, or nested lists of them.
      ties: Whether a comparison may come out equal.
    """

    def __init__(self, graph: Graph, sizes: dict[str, int], inputs: Any, *, ties: bool = False):
        self.graph, self.sizes, self.inputs, self.ties = graph, sizes, inputs, ties
        self.steps = 0
        self._memory: dict[Any, Any] = {}

    def length(self, dim: Any) -> int:
        """Gives a size as a number."""
        if isinstance(dim, int):
            return dim
        if dim not in self.sizes:
            raise Damaged(f"the size {dim} has no number")
        return self.sizes[dim]

    def value(self, node: int, where: dict[int, int]) -> Any:
        """Gives the value of a node, for numbers of its open index variables."""
        free = self.graph.free[node]
        if any(i not in where for i in free):
            raise Damaged(f"node {node} is evaluated without a number for one of its indices")
        key = (node, *(where[i] for i in free))
        found = self._memory.get(key)
        if found is None:
            self._step()
            found = self._memory[key] = self._value(node, where)
            if isinstance(found, flint.fmpq) and found.p.bit_length() > MOST_BITS:
                raise TooLong
        return found

    def _step(self) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TooLong

    def _value(self, node: int, where: dict[int, int]) -> Any:
        op, args, data = self.graph.nodes[node]
        match op:
            case "const":
                return data
            case "pi":
                return flint.arb.pi()
            case "inf":
                return flint.arb.pos_inf() if data > 0 else flint.arb.neg_inf()
            case "size":
                return flint.fmpq(self.length(data))
            case "index":
                return flint.fmpq(where[data])
            case "entry":
                return self._entry(data[0], data[1], where)
            case "true" | "false":
                return op == "true"
            case "select":
                taken = args[1] if self.value(args[0], where) else args[2]
                return self.value(taken, where)
            case "and":
                first, second = self.value(args[0], where), self.value(args[1], where)
                return first and second
            case "not":
                return not self.value(args[0], where)
            case "sum":
                result: Any = ZERO
                for i in range(self.length(self.graph.dims[data])):
                    self._step()
                    result = plus(result, self.value(args[0], {**where, data: i}))
                return result
            case "rmax":
                return self._largest(args[0], data, where, ties=True)[1]
            case "argmax":
                best, _ = self._largest(args[0], data[0], where, ties=self.ties)
                return ONE if best == self._position(data[1], where) else ZERO
            case "compare":
                a, b = self.value(args[0], where), self.value(args[1], where)
                ties = self.ties or data[1]
                if not ties and (largest := largest_of(self.graph, *args)) is not None:
                    self._require_one(largest, where)
                    ties = True
                return compared(data[0], a, b, ties=ties)
            case "pow":
                return power(self.value(args[0], where), data)
            case "kernel":
                inside = self.value(args[0], where)
                return floor(inside, ties=self.ties) if data == "floor" else kernel(data, inside)
            case "add" | "mul":
                combine = plus if op == "add" else times
                result = self.value(args[0], where)
                for other in args[1:]:
                    result = combine(result, self.value(other, where))
                return result
            case _:
                raise NoValue(f"{op} has no value at a point")

    def _position(self, at: Any, where: dict[int, int]) -> int:
        return at if isinstance(at, int) else where[int(at[1:])]

    def _entry(self, tensor: str, at: tuple[Any, ...], where: dict[int, int]) -> Any:
        inside = self.inputs.get(tensor)
        for i in at:
            place = self._position(i, where)
            if not isinstance(inside, list) or place >= len(inside):
                raise NoValue(f"{tensor} has no such entry")
            inside = inside[place]
        if inside is None or isinstance(inside, list):
            raise Damaged(f"{tensor} has no entry at {list(at)}")
        return inside

    def _largest(
        self, body: int, bound: int, where: dict[int, int], *, ties: bool
    ) -> tuple[int, Any]:
        """Gives where a body is largest, first, and its value there."""
        length = self.length(self.graph.dims[bound])
        if not length:
            raise NoValue("the largest of nothing")
        best, value = 0, self.value(body, {**where, bound: 0})
        for i in range(1, length):
            self._step()
            other = self.value(body, {**where, bound: i})
            if not ties and compared("eq", value, other, ties=True):
                raise Tie("two largest values")
            if less(value, other):
                best, value = i, other
        return best, value

    def _require_one(self, largest: int, where: dict[int, int]) -> None:
        """Raises `Tie` where several entries are the largest one: the code may jump there."""
        _, (body,), bound = self.graph.nodes[largest]
        places = [{**where, bound: i} for i in range(self.length(self.graph.dims[bound]))]
        most = self.value(largest, where)
        if sum(compared("eq", most, self.value(body, place), ties=True) for place in places) > 1:
            raise Tie("two largest values")
        if self.graph.nodes[body][0] == "rmax":
            for place in places:
                self._require_one(body, place)


def largest_of(graph: Graph, a: int, b: int) -> int | None:
    """Gives the node that is the largest of some entries, if the other one is one of these.

    To be equal to the largest is no boundary for such an entry, if no other one is: one always is.
    """
    for x, y in ((a, b), (b, a)):
        op, args, bound = graph.nodes[x]
        if op == "rmax" and _is_among(graph, args[0], y, {f"#{bound}": None}):
            return x
    return None


def _is_among(graph: Graph, body: int, node: int, bound: dict[str, Any]) -> bool:
    """Tells whether a node is the body at some position of the bound indices."""
    if body == node:
        return True
    op, args, data = graph.nodes[body]
    if op == "rmax" and _is_among(graph, args[0], node, {**bound, f"#{data}": None}):
        return True  # the largest along one axis, of the largest along another
    other, others, held = graph.nodes[node]
    if op != other or len(args) != len(others):
        return False
    if op == "entry":
        (name, at, numbers), (called, where, kind) = data, held
        alike = (name, numbers, len(at)) == (called, kind, len(where))
        return alike and all(_meets(i, j, bound) for i, j in zip(at, where, strict=True))
    if op == "index":
        return _meets(f"#{data}", f"#{held}", bound)
    if data != held:
        return False
    left = list(others)
    for part in args:
        # The terms of a sum stand in any order; those of a difference in their own.
        candidates = left if op in ("add", "mul") else left[:1]
        match = next((n for n in candidates if _is_among(graph, part, n, bound)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _meets(i: Any, j: Any, bound: dict[str, Any]) -> bool:
    if i not in bound:
        return bool(i == j)
    if bound[i] is None:
        bound[i] = j
    return bool(bound[i] == j)


def read_inputs(inputs: Any) -> Any:
    """Reads nested lists of exact numbers."""
    if isinstance(inputs, list):
        return [read_inputs(inside) for inside in inputs]
    return rational(inputs)


# --- what is re-checked -------------------------------------------------------------------------


class Finding(NamedTuple):
    """What became of a piece of evidence: `state` is one of STATES."""

    state: str
    text: str


# From the worst; what claims nothing needs no evidence.
WRONG, MISSING, PARTLY, SPOT, FULL, NOTHING = STATES = (
    "WRONG", "not re-checked", "re-checked in part", "spot-checked", "re-checked",
    "claims nothing",
)  # fmt: skip


class Checker:
    """Re-checks the evidence of one document."""

    def __init__(self, document: Any, seed: int):
        self.graph = read_graph(document)
        self.tensors = [
            (str(name), [_dim(d) for d in shape], kind, None if near is None else rational(near))
            for name, shape, kind, near in document["tensors"]
        ]
        self.draw = random.Random(seed)

    def report(self, report: Any, path: str = "") -> list[tuple[str, str, Finding]]:
        """Gives the findings on a report and its parts: where, verdict, finding."""
        path = f"{path} / {report['subject']}" if path else str(report["subject"])
        lines = []
        verdicts = {o["name"]: o["verdict"] for o in report["obligations"]}
        for obligation in report["obligations"]:
            try:
                finding = self.obligation(obligation, verdicts, report["arguments"])
            except Wrong as error:
                finding = Finding(WRONG, str(error))
            lines.append((f"{path}: {obligation['name']}", obligation["verdict"], finding))
        for part in report["parts"]:
            lines += self.report(part, path)
        seen = [verdict for _, verdict, _ in lines]
        if any(v not in WORST_FIRST for v in [*seen, report["verdict"]]):
            raise Damaged(f"a verdict is one of {', '.join(WORST_FIRST)}")
        worst = min(seen, key=WORST_FIRST.index, default=None)
        if worst != report["verdict"]:
            text = f"the report is said to be {report['verdict']}, and its worst line is {worst}"
            lines.append((path, report["verdict"], Finding(WRONG, text)))
        return lines

    def obligation(self, told: Any, verdicts: dict[str, str], arguments: Any) -> Finding:
        """Re-checks one obligation."""
        verdict, evidence = told["verdict"], told["evidence"]
        kinds = {e["kind"] for e in evidence}
        if unknown := kinds - {"equal", "differ", "types", "executed", "follows", "boundaries"}:
            raise Damaged(f"evidence of a kind that is not known: {', '.join(sorted(unknown))}")
        if verdict == "UNDECIDED":
            if evidence or not told["reason"]:
                raise Wrong("an undecided obligation has a reason, and no evidence")
            return Finding(NOTHING, told["reason"])
        if verdict != "REFUTED" and (told["reason"] or told["witness"]):
            raise Wrong(f"it is {verdict}, and a reason is given why it should not be")
        allowed = {
            "PROVED": {"equal", "types", "follows", "boundaries"},
            "EXACT": {"executed", "follows"},
            "REFUTED": {"differ", "types", "boundaries"},
        }
        if verdict not in allowed:
            raise Damaged(f"a verdict is one of {', '.join(WORST_FIRST)}. Got {verdict!r}")
        if kinds - allowed[verdict]:
            raise Wrong(f"evidence of the kind {', '.join(sorted(kinds))} shows no {verdict}")
        if not evidence:
            unrecorded = told["name"] in ("composition", "cited", "second order")
            if verdict == "PROVED" and unrecorded:
                return Finding(MISSING, "no evidence is recorded for an obligation of this kind")
            raise Wrong(f"it is {verdict}, and there is no evidence")
        findings = []
        for piece in evidence:
            match piece["kind"]:
                case "equal":
                    findings.append(self.equal(piece, told["name"]))
                case "differ":
                    findings.append(self.differ(piece, told))
                case "types":
                    findings.append(self.types(piece, verdict))
                case "executed":
                    findings.append(executed(piece, told))
                case "follows":
                    findings.append(follows(piece, told, verdicts))
                case _:
                    findings.append(self.boundaries(piece, told))
        self.scope(told, [e for e in evidence if e["kind"] in ("equal", "differ")], arguments)
        worst = min(findings, key=lambda f: STATES.index(f.state)).state
        texts = dict.fromkeys(f.text for f in findings if f.text)
        return Finding(worst, "; ".join(texts) or "there was nothing to compare")

    # --- scopes ---------------------------------------------------------------------------------

    def scope(self, told: Any, compared: list[Any], arguments: Any) -> None:
        """Holds the words of a scope against the sizes that the evidence speaks for."""
        if not compared:
            return
        for piece in compared:
            if piece["scope"] != self.words(piece):
                raise Wrong(f"the evidence is for {self.words(piece)}, not for {piece['scope']}")
        scopes = list(dict.fromkeys(piece["scope"] for piece in compared))
        text = "; ".join([scopes[0], *(s.removeprefix("the sizes ") for s in scopes[1:])])
        first = next(piece for piece in compared if piece["scope"] == scopes[0])
        nodes = [pair[side] for pair in first["pairs"] for side in ("found", "truth")]
        off = ", off the boundaries" if self.branches(nodes) else ""
        if told["verdict"] == "PROVED" and told["scope"] != text + off:
            raise Wrong(f"the evidence is for {text + off!r}, not for {told['scope']!r}")
        if told["verdict"] == "REFUTED" and not told["scope"].startswith(scopes[0]):
            raise Wrong(f"the evidence is for {scopes[0]!r}, not for {told['scope']!r}")
        own = [self.tensors[t][0] for t in first["tensors"][: first["arguments"]]]
        if own != [name for name, _, _ in arguments]:
            raise Wrong("the evidence is for other arguments")

    def words(self, piece: Any) -> str:
        """Gives the sizes that a piece of evidence is for, in the words of a report."""
        sizes = piece["sizes"]
        if not sizes:
            return "all real inputs"
        if not piece["symbolic"]:
            return "the sizes " + ", ".join(f"{name} = {n}" for name, n in sizes.items())
        own = [self.tensors[t] for t in piece["tensors"][: piece["arguments"]]]
        parts = [f"{name}: ({', '.join(map(str, dims))})" for name, dims, _, _ in own if dims]
        return f"all sizes {', '.join(sizes)} with {', '.join(parts)}"

    def below(self, nodes: list[int]) -> set[int]:
        """Gives nodes with all those that they are made of."""
        seen: set[int] = set()
        stack = list(nodes)
        while stack:
            here = self.node(stack.pop())
            if here not in seen:
                seen.add(here)
                stack.extend(self.graph.nodes[here][1])
        return seen

    def branches(self, nodes: list[int]) -> bool:
        """Tells whether expressions compare reals, take roots or round."""
        for here in self.below(nodes):
            op, _, data = self.graph.nodes[here]
            if (op == "compare" and not data[1]) or (op == "kernel" and data in ("sqrt", "floor")):
                return True
        return False

    def node(self, number: Any) -> int:
        """Gives the number of a node, if there is one."""
        if type(number) is int and 0 <= number < len(self.graph.nodes):
            return number
        raise Damaged(f"there is no node {number!r}")

    # --- refutations ----------------------------------------------------------------------------

    def differ(self, piece: Any, told: Any) -> Finding:
        """Re-evaluates both sides of a refutation at its point."""
        (pair,), point = piece["pairs"], piece["point"]
        inputs = {name: read_inputs(value) for name, value in point["inputs"].items()}
        sizes = _sizes(point["sizes"])
        self.fits(piece["tensors"], inputs, sizes)
        if not piece["symbolic"] and any(piece["sizes"].get(s, n) != n for s, n in sizes.items()):
            raise Wrong("the point has other sizes than the evidence is for")
        witness = told["witness"]
        if witness is None or witness["inputs"] != point["inputs"]:
            raise Wrong("the counterexample that is shown is another one")
        position = point["position"]
        suffix = str(position) if position else ""
        if witness["output"] != pair["output"] + suffix:
            raise Wrong(f"the counterexample is shown for {witness['output']}")
        belongs(told["name"], pair["output"])
        flint.ctx.prec = PRECISION
        evaluator = Evaluator(self.graph, sizes, inputs)
        where = self.where(pair["at"], position, evaluator)
        try:
            found = evaluator.value(self.node(pair["found"]), where)
            truth = evaluator.value(self.node(pair["truth"]), where)
        except (TooLong, RecursionError):
            return Finding(MISSING, "the evaluation at the point is too long")
        except NoValue as error:
            raise Wrong(f"at the point there is {error}") from error
        if not apart(found, truth):
            raise Wrong(f"at the point both sides are {shown(truth)}, as far as can be told")
        for value, text in ((found, witness["found"]), (truth, witness["expected"])):
            if not states(text, value):
                raise Wrong(f"at the point the value is {shown(value)}, not {text}")
        return Finding(
            FULL, f"{witness['output']} is {shown(found)}, and not {shown(truth)}, at the point"
        )

    def where(self, at: Any, position: Any, evaluator: Evaluator) -> dict[int, int]:
        """Gives numbers for the open indices of a position."""
        if len(at) != len(position):
            raise Damaged("a position has another number of axes than the output")
        numbers = {}
        for i, place in zip(at, position, strict=True):
            if type(place) is not int:
                raise Damaged(f"a position is a whole number. Got {place!r}")
            if isinstance(i, str):
                number = _number_of(i, len(self.graph.dims))
                numbers[number] = place
                if not 0 <= place < evaluator.length(self.graph.dims[number]):
                    raise Wrong(f"the position {position} is outside the output")
            elif i != place:
                raise Wrong(f"the expression is of another position than {position}")
        return numbers

    def fits(self, numbers: list[int], inputs: Any, sizes: dict[str, int]) -> None:
        """Checks that the inputs have their shapes, and labels and truth values theirs."""
        for number in numbers:
            name, dims, kind, _ = self.tensors[number]
            shape = [d if isinstance(d, int) else sizes[d] for d in dims]
            for value in _leaves(inputs[name], shape, name):
                if kind != "float" and value.q != 1:
                    raise Wrong(f"{name} holds whole numbers. Got {value}")
                if kind == "bool" and value not in (0, 1):
                    raise Wrong(f"{name} holds truth values. Got {value}")

    def types(self, piece: Any, verdict: str) -> Finding:
        """Compares shapes or dtypes again."""
        if piece["what"] not in ("shape", "dtype"):
            raise Damaged(f"types are shapes or dtypes. Got {piece['what']!r}")
        wrong = [name for name, found, truth in piece["compared"] if found != truth]
        if verdict == "PROVED" and wrong:
            raise Wrong(f"the {piece['what']} of {', '.join(wrong)} is not what it should be")
        if verdict == "REFUTED" and not wrong:
            raise Wrong(f"every {piece['what']} is what it should be")
        count = len(piece["compared"])
        what = f"the {piece['what']} of {', '.join(wrong)} differs" if wrong else (
            f"{count} recorded {piece['what']}{'s' if count != 1 else ''} compared"
        )  # fmt: skip
        return Finding(FULL, what)

    # --- identities -----------------------------------------------------------------------------

    def equal(self, piece: Any, name: str) -> Finding:
        """Re-checks pairs of expressions that are said to be equal."""
        pairs = piece["pairs"]
        open_: list[Any] = []
        same = expanded = 0
        for pair in pairs:
            belongs(name, pair["output"])
            found, truth = self.node(pair["found"]), self.node(pair["truth"])
            if found == truth:
                same += 1
            elif expanded_to_zero(self.graph, found, truth):
                expanded += 1
            else:
                open_.append(pair)
        texts = []
        if same:
            texts.append(f"{same} identical")
        if expanded:
            texts.append(f"{expanded} expanded exactly to zero")
        if open_:
            count = self.spot(open_, piece)
            if count is None:
                texts.append(f"{len(open_)} not evaluated: too long, or no value at the points")
                return Finding(MISSING, _of_pairs(pairs, texts))
            texts.append(f"{len(open_)} spot-checked at {count} points or more (no proof)")
        return Finding(SPOT if open_ else FULL, _of_pairs(pairs, texts))

    def spot(self, pairs: list[Any], piece: Any) -> int | None:
        """Evaluates pairs at random points; gives how many each was seen at, if they agree."""
        counts = [0] * len(pairs)
        names = list(piece["sizes"])
        if piece["symbolic"]:
            choices = [
                {name: 2 + i for i, name in enumerate(names)},
                {name: 1 + len(names) - i for i, name in enumerate(names)},
            ]
        else:
            choices = [_sizes(piece["sizes"])]
        for sizes in choices:
            seen = [0] * len(pairs)
            for turn in range(TRIES):
                waiting = [k for k, n in enumerate(seen) if n < POINTS]
                if not waiting:
                    break
                inputs = {
                    name: self.drawn(dims, kind, near, sizes, turn, piece)
                    for name, dims, kind, near in (self.tensors[t] for t in piece["tensors"])
                }
                evaluator = Evaluator(self.graph, sizes, inputs)
                for k in waiting:
                    try:
                        seen[k] += self.agree(pairs[k], evaluator)
                    except (TooLong, RecursionError):
                        return None
            counts = [a + b for a, b in zip(counts, seen, strict=True)]
        return min(counts) or None

    def agree(self, pair: Any, evaluator: Evaluator) -> int:
        """Gives 1 where both sides agree at a point, 0 where there is no value to compare."""
        where = {}
        for i in pair["at"]:
            if isinstance(i, str):
                number = _number_of(i, len(self.graph.dims))
                where[number] = self.draw.randrange(evaluator.length(self.graph.dims[number]))
        flint.ctx.prec = PRECISION
        try:
            found = evaluator.value(self.node(pair["found"]), where)
            truth = evaluator.value(self.node(pair["truth"]), where)
        except NoValue:
            return 0
        if isinstance(found, bool) or isinstance(truth, bool):
            raise Damaged("a truth value stands where a number is needed")
        if apart(found, truth):
            raise Wrong(
                f"{pair['output']}: the sides are {shown(found)} and {shown(truth)} at a point"
            )
        for value in (found, truth):
            size = abs(ball(value))
            if not value_is_small(ball(value), size):
                return 0
        return 1

    def drawn(
        self, dims: Any, kind: Any, near: Any, sizes: dict[str, int], turn: int, piece: Any
    ) -> Any:
        """Gives an input at random: of several scales, one after another."""
        shape = [d if isinstance(d, int) else sizes[d] for d in dims]
        if math.prod(shape) > MOST_STEPS:
            raise Wrong("an input of the evidence is too large to be drawn")
        lengths = [n for n in sizes.values() if n > 1]
        for number in piece["tensors"]:
            lengths += [d for d in self.tensors[number][1] if isinstance(d, int) and d > 1]
        most = min(lengths, default=2)  # a label below every size is in range of any axis

        def one() -> flint.fmpq:
            if kind == "int":
                return flint.fmpq(self.draw.randrange(most))
            if kind == "bool":
                return flint.fmpq(self.draw.randrange(2))
            if near is not None:
                return near * flint.fmpq(self.draw.choice((2, 3, 5, 6, 7)), 4)
            low, high, below = ((-63, 63, 32), (1, 95, 64), (-400, 400, 37), (-99, 99, 997))[
                turn % 4
            ]
            return flint.fmpq(self.draw.randint(low, high), below)

        def nested(shape: list[int]) -> Any:
            return [nested(shape[1:]) for _ in range(shape[0])] if shape else one()

        return nested(shape)

    # --- kinks ----------------------------------------------------------------------------------

    def boundaries(self, piece: Any, told: Any) -> Finding:
        """Re-evaluates what was found on the boundaries."""
        if told["name"] != "kinks":
            raise Wrong("boundaries are evidence of the kinks alone")
        if not piece["count"]:
            inside = self.below(piece["graphs"])
            for here in inside:
                op, _, data = self.graph.nodes[here]
                if op in ("rmax", "argmax") or (op == "compare" and not data[1]):
                    return Finding(
                        MISSING,
                        "it compares numbers; that none of it is a boundary is not re-checked",
                    )
                if op == "kernel" and data == "floor":
                    return Finding(MISSING, "it rounds; its steps are not looked at")
            if told["verdict"] != "PROVED":
                raise Wrong("it is refuted, and there is no boundary")
            return Finding(FULL, f"none of {len(inside)} nodes compares real numbers")
        bad = False
        for kink in piece["kinks"]:
            bad |= self.kink(kink, piece)
            if told["verdict"] == "PROVED" and kink["kind"] in ("unresolved", "like jax.grad"):
                raise Wrong(f"at the kink {kink['boundary']} nothing is decided")
        if bad is not (told["verdict"] == "REFUTED"):
            raise Wrong("the verdict is not what the kinks say")
        count = len(piece["kinks"])
        return Finding(
            PARTLY,
            f"values and one-sided derivatives re-evaluated at {count} points; that the "
            f"{piece['count']} boundaries are all is not re-checked",
        )

    def kink(self, kink: Any, piece: Any) -> bool:
        """Re-evaluates one kink, and tells whether the rule is outside."""
        flint.ctx.prec = PRECISION
        sizes = _sizes(kink["sizes"])
        inputs = {name: read_inputs(value) for name, value in kink["inputs"].items()}
        self.fits(piece["tensors"], inputs, sizes)
        match = re.fullmatch(r"(.*?)(\[\d+(?:, \d+)*\])?", kink["argument"], re.DOTALL)
        name, position = kink["argument"], []
        if match is not None and name not in inputs:
            name, position = match[1], json.loads(match[2] or "[]")
        rule = self.at_kink(piece, name, position, sizes, inputs)
        if not states(kink["rule"], rule):
            raise Wrong(f"at the kink {kink['boundary']} the rule is not {kink['rule']}")
        if kink["kind"] == "undefined":
            evaluator = Evaluator(self.graph, sizes, inputs, ties=True)
            try:
                evaluator.value(self.node(piece["scalar"]), {})
            except NoValue:
                return False
            raise Wrong(f"at the kink {kink['boundary']} the primal has a value")
        if kink["kind"] in ("unresolved", "like jax.grad"):
            return False
        sides = []
        for side, text in ((-1, kink["left"]), (1, kink["right"])):
            slope = self.slope(piece, name, position, sizes, inputs, side)
            if not states(text, slope):
                raise Wrong(f"at the kink {kink['boundary']} no derivative is {text}")
            sides.append(slope)
        kind = _placed(rule, *sides)
        if kink["kind"] in ("left", "right", "middle", "inside", "smooth", "singular", "as run"):
            # Where the rule has no exact value, what running it gives, and jax.grad, is stated
            # alone.
            alike = kink["kind"] in ("singular", "as run") and rule is None
            if kind != kink["kind"] and not alike:
                raise Wrong(
                    f"at the kink {kink['boundary']} the rule is {kind}, not {kink['kind']}"
                )
            return False
        if kink["kind"] == "outside" and (kind == "outside" or kink["note"]):
            return True
        if kink["kind"] == "jump":
            return False
        raise Wrong(f"a kink of the kind {kink['kind']} shows nothing")

    def at_kink(self, piece: Any, name: str, position: Any, sizes: Any, inputs: Any) -> Any:
        """Gives the rule's value on a boundary; `None` where it has none."""
        evaluator = Evaluator(self.graph, sizes, inputs, ties=True)
        for entry in piece["rule"]:
            if entry["argument"] != name:
                continue
            fixed = [(i, p) for i, p in zip(entry["at"], position, strict=True) if type(i) is int]
            if all(i == p for i, p in fixed):
                where = self.where(entry["at"], position, evaluator)
                try:
                    return evaluator.value(self.node(entry["node"]), where)
                except NoValue:
                    return None
        return ZERO

    def slope(
        self, piece: Any, name: str, position: Any, sizes: Any, inputs: Any, side: int
    ) -> Any:
        """Gives a one-sided derivative; `None` where there is no finite one."""

        def moved(inside: Any, rest: list[int], terms: int) -> Any:
            if not rest:
                return series(0, (inside, ZERO, flint.fmpq(side), *[ZERO] * (terms - 3)))
            copy = list(inside)
            copy[rest[0]] = moved(copy[rest[0]], rest[1:], terms)
            return copy

        for terms in (FEW, MANY):
            moving = {**inputs, name: moved(inputs[name], position, terms)}
            evaluator = Evaluator(self.graph, sizes, moving, ties=True)
            try:
                result = evaluator.value(self.node(piece["scalar"]), {})
                return flint.fmpq(side) * value_and_slope(result)[1]
            except Unresolved:
                continue
            except NoValue:
                return None
        return None


def value_is_small(value: flint.arb, size: flint.arb) -> bool:
    """Tells whether a ball is small enough to say something."""
    return bool(value.is_finite()) and bool(value.rad() <= SMALL_BALL * (1 + size))


def _placed(rule: Any, left: Any, right: Any) -> str:
    """Places a value among one-sided derivatives."""
    if left is None or right is None:
        return "singular"
    if rule is None:
        return "outside"
    if not apart(left, right):
        return "outside" if apart(rule, left) else "smooth"
    if not apart(rule, left):
        return "left"
    if not apart(rule, right):
        return "right"
    if not apart(2 * ball(rule), ball(left) + ball(right)):
        return "middle"
    low, high = sorted((ball(left), ball(right)), key=lambda b: float(b.mid()))
    return "inside" if low < ball(rule) < high else "outside"


def _of_pairs(pairs: list[Any], texts: list[str]) -> str:
    if not pairs:
        return ""
    return f"{len(pairs)} identit{'ies' if len(pairs) > 1 else 'y'}: {', '.join(texts)}"


def belongs(name: str, output: str) -> None:
    """Checks that evidence is about what an obligation is about."""
    kind, _, argument = name.partition("[")
    if kind in ("cotangent", "declared") and output != f"d{argument.removesuffix(']')}":
        raise Wrong(f"the evidence is about {output}")
    if kind in ("value", "again") and not output.startswith("output"):
        raise Wrong(f"the evidence is about {output}")


def _sizes(sizes: Any) -> dict[str, int]:
    for name, number in sizes.items():
        if type(number) is not int or number < 0:
            raise Damaged(f"the size {name} is a whole number. Got {number!r}")
    return dict(sizes)


def _leaves(value: Any, shape: list[int], name: str) -> list[flint.fmpq]:
    if not shape:
        if isinstance(value, list):
            raise Wrong(f"{name} has another shape")
        return [value]
    if not isinstance(value, list) or (len(value) != shape[0] and math.prod(shape)):
        raise Wrong(f"{name} has another shape")
    return [leaf for inside in value for leaf in _leaves(inside, shape[1:], name)]


def states(text: Any, value: Any) -> bool:
    """Tells whether a text states a value: the same rational, or a ball that it lies in."""
    if value is None or text == "none":
        return value is None and text == "none"
    if not isinstance(text, str):
        return False
    if isinstance(value, flint.fmpq):
        return _NUMBER.fullmatch(text) is not None and rational(text) == value
    if text != value.str(15):
        try:
            return bool(flint.arb(text).overlaps(value)) and "+/-" in text
        except ValueError:
            return False
    return True


def follows(piece: Any, told: Any, verdicts: dict[str, str]) -> Finding:
    """Checks that an obligation is no better than those from which it follows."""
    names = piece["names"]
    if told["name"] != "linear" or not names or not all(n.startswith("cotangent[") for n in names):
        raise Wrong("only that a rule is linear follows, from its cotangents")
    every = {name for name in verdicts if name.startswith("cotangent[")}
    if set(names) != every:
        raise Wrong("it follows from all cotangents of the rule, and from no others")
    worst = min((verdicts[name] for name in names), key=WORST_FIRST.index)
    if worst != told["verdict"] or worst not in ("PROVED", "EXACT"):
        raise Wrong(f"what it follows from is {worst}")
    return Finding(FULL, f"it follows from {', '.join(names)}")


# --- modular execution --------------------------------------------------------------------------

SMALLEST, LARGEST = 2**30, 2**31
POOL = 3_960_653  # primes of the kind between the two, as counted once
ATTEMPTS = 40  # points that a seed stands for
NEEDED = 1e-6
MOST_DEGREES = 100


def suitable(q: int) -> bool:
    """Tells whether a number is a prime of the kind that fields are drawn from."""
    return q % 8 == 7 and all((q - 1) // 2 % r for r in (3, 5, 7)) and flint.fmpz(q).is_prime()


def redrawn(seed: int, count: int) -> list[int]:
    """Gives the primes that a trial's generator draws, after its 64 bits of key."""
    draw = random.Random(seed)
    draw.getrandbits(64)
    primes = []
    while len(primes) < count:
        q = draw.randrange(SMALLEST, LARGEST)
        if suitable(q):
            primes.append(q)
    return primes


def executed(piece: Any, told: Any) -> Finding:
    """Recomputes the primes and the bound of a modular execution from its account."""
    accounts = piece["accounts"]
    if len(accounts) < 1:
        raise Wrong("there is no trial")
    product, trials = 1.0, []
    for account in accounts:
        primes = account["primes"]
        if not primes or not all(type(p) is int and SMALLEST <= p < LARGEST for p in primes):
            raise Wrong(f"the primes lie between 2^30 and 2^31. Got {primes}")
        if bad := [p for p in primes if not suitable(p)]:
            raise Wrong(f"{bad[0]} is no prime of the stated form")
        if redrawn(account["seed"], len(primes)) != primes:
            raise Wrong(f"the seed {account['seed']} gives other primes")
        if account["seed"] % ATTEMPTS != account["attempts"] - 1:
            raise Wrong("the seed is of another attempt")
        if account["pool"] != POOL:
            raise Wrong("the primes were not drawn from all of their kind")
        bound = _bound(account)
        if not math.isclose(bound, account["bound"], rel_tol=1e-9):
            raise Wrong(f"the bound of a trial is {bound:.3g}, not {account['bound']:.3g}")
        product *= bound
        told_primes = " and ".join(map(str, primes))
        trials.append(f"seed {account['seed'] // ATTEMPTS}, primes {told_primes}")
    if len({account["seed"] // ATTEMPTS for account in accounts}) != len(accounts):
        raise Wrong("two trials have the same seed")
    if not product <= NEEDED:
        raise Wrong(f"the bound is {product:.1e}, too large for EXACT")
    if f"is below {product:.1e}" not in told["ground"]:
        raise Wrong(f"the bound is {product:.1e}, not what is stated")
    if "trials: " + "; ".join(trials) not in told["details"]:
        raise Wrong("the trials are not those that are stated")
    return Finding(
        PARTLY,
        f"the primes of {len(accounts)} trials and the bound {product:.1e} re-checked from the "
        "recorded degrees; the execution itself is not repeated",
    )


def _bound(account: Any) -> float:
    def chance(a: Any, b: Any) -> float:
        for degree in (a, b):
            if len(degree) != 4 or not all(0 <= x < float("inf") for x in degree):
                raise Wrong(f"a degree has four numbers, none below zero. Got {degree}")
        top = max(a[0] + b[1], b[0] + a[1])
        bits = max(a[2] + b[3], b[2] + a[3]) + 1
        result = 1.0
        for prime in account["primes"]:
            bad = bits * 2.0 ** account["irrational"] / (30 * account["pool"])
            result *= min(1.0, top * account["factor"] / ((prime - 1) // 2) + bad)
        return result

    if account["factor"] < 1 or account["irrational"] < 0 or account["attempts"] < 1:
        raise Wrong("an account counts from one attempt and a factor of one")
    shared = 0.0
    for claims in account["variables"].values():
        counts = [(n, tuple(degree)) for n, degree in claims]
        if any(n < 1 for n, _ in counts):
            raise Wrong("values are counted from one")
        if len(counts) > MOST_DEGREES:
            worst = tuple(map(max, zip(*(degree for _, degree in counts), strict=True)))
            counts = [(sum(n for n, _ in counts), worst)]
        shared += sum(m * (m - 1) / 2 * chance(a, a) for m, a in counts)
        for (m, a), (n, b) in itertools.combinations(counts, 2):
            shared += m * n * chance(a, b)
    shared += sum(n * chance(degree, degree) for n, degree in account["ties"])
    largest = max((chance(a, b) for a, b in account["outputs"]), default=0.0)
    return min(1.0, account["attempts"] * (largest + shared))


# --- identities, expanded -----------------------------------------------------------------------

GENERATORS = 48
MOST_TERMS = 1_500
MOST_DEGREE = 60
MOST_REGIONS = 32
Fraction = tuple[Any, Any]  # numerator and denominator, polynomials in the generators


class GiveUp(Exception):
    """An expression is not one that is expanded here."""


class Split(Exception):
    """It has to be known whether a condition holds."""


class Expansion:
    """Expressions as quotients of polynomials over QQ, in generators that stand for numbers.

    A generator is an entry, a size, a sum or a function of one such quotient; that e^(a+b) is
    e^a e^b is used, and that the sum over j of [j = t] f(j) is f(t). Every step is an identity of
    real numbers wherever both sides have a value, so that what becomes zero here is zero there.

    Args:
      graph: The expressions.
      holds: Which conditions hold, in the region that is looked at.
    """

    def __init__(self, graph: Graph, holds: dict[Any, bool]):
        self.graph, self.holds = graph, holds
        names = [f"g{i}" for i in range(GENERATORS)]
        self.ring = flint.fmpq_mpoly_ctx.get(names, flint.Ordering.deglex)
        self.one = self.ring.constant(1)
        self.numbers: dict[Any, int] = {}
        # Of each generator: its open labels, the tensors in it, whether it is a real entry, its
        # content, and how deep sums are nested in it.
        self.labels: list[frozenset[str]] = []
        self.tensors: list[frozenset[str]] = []
        self.real: list[bool] = []
        self.contents: list[tuple[Any, ...]] = []
        self.heights: list[int] = []
        self._memory: dict[Any, Fraction] = {}

    # --- quotients ------------------------------------------------------------------------------

    def tidy(self, top: Any, bottom: Any) -> Fraction:
        """Gives a quotient in lowest terms, the denominator's leading coefficient one."""
        if len(top) > MOST_TERMS or len(bottom) > MOST_TERMS or bottom == 0:
            raise GiveUp
        if top == 0:
            return top, self.one
        if max(top.total_degree(), bottom.total_degree()) > MOST_DEGREE:
            raise GiveUp
        common = top.gcd(bottom)
        top, bottom = top / common, bottom / common
        c = bottom.leading_coefficient()
        return top / c, bottom / c

    def constant(self, value: Any) -> Fraction:
        """Gives a number."""
        return self.ring.constant(value), self.one

    def plus(self, a: Fraction, b: Fraction) -> Fraction:
        """Gives the sum."""
        if len(a[0]) * len(b[1]) + len(b[0]) * len(a[1]) > MOST_TERMS:
            raise GiveUp
        return self.tidy(a[0] * b[1] + b[0] * a[1], a[1] * b[1])

    def minus(self, a: Fraction, b: Fraction) -> Fraction:
        """Gives the difference."""
        return self.plus(a, (-b[0], b[1]))

    def times(self, a: Fraction, b: Fraction) -> Fraction:
        """Gives the product."""
        if max(len(a[0]) * len(b[0]), len(a[1]) * len(b[1])) > MOST_TERMS:
            raise GiveUp
        return self.tidy(a[0] * b[0], a[1] * b[1])

    def power(self, a: Fraction, exponent: int) -> Fraction:
        """Gives a whole power."""
        if abs(exponent) > 12:
            raise GiveUp
        result = self.constant(1)
        if exponent < 0:
            a = self.tidy(a[1], a[0])
        for _ in range(abs(exponent)):
            result = self.times(result, a)
        return result

    def generator(self, kind: str, *content: Any) -> Fraction:
        """Gives the generator of this content: the same for the same content."""
        key = (kind, *map(str, content))
        if key not in self.numbers:
            if len(self.contents) == GENERATORS:
                raise GiveUp
            labels: frozenset[str] = frozenset()
            tensors: frozenset[str] = frozenset()
            height = 0
            if kind in ("entry", "index"):
                at = content[1] if kind == "entry" else content
                labels = frozenset(i for i in at if isinstance(i, str))
                tensors = frozenset((content[0],)) if kind == "entry" else tensors
            elif kind in ("sum", "rmax", "exp", "kernel"):
                inside = self._of(*content[1:3])
                labels = frozenset().union(*(self.labels[i] for i in inside))
                tensors = frozenset().union(*(self.tensors[i] for i in inside))
                height = max((self.heights[i] for i in inside), default=0)
                if kind in ("sum", "rmax"):
                    labels, height = labels - {content[0]}, height + 1
            self.numbers[key] = len(self.contents)
            self.contents.append((kind, *content))
            self.labels.append(labels)
            self.tensors.append(tensors)
            self.heights.append(height)
            self.real.append(kind == "entry" and content[2])
        return self.ring.gen(self.numbers[key]), self.one

    def _of(self, *polynomials: Any) -> set[int]:
        """Gives the generators that occur in polynomials."""
        return {i for p in polynomials for m in p.monoms() for i, e in enumerate(m) if e}

    def used(self, *polynomials: Any) -> frozenset[str]:
        """Gives the labels of the indices that polynomials depend on."""
        return frozenset().union(*(self.labels[i] for i in self._of(*polynomials)))

    def renamed(self, p: Any, old: str, new: str) -> Any:
        """Gives a polynomial with another name for a label."""
        result = self.ring.constant(0)
        for exponents, c in p.to_dict().items():
            term = self.ring.constant(c)
            for number, e in enumerate(exponents):
                if e:
                    term *= self._renamed(number, old, new) ** int(e)
            result += term
        return result

    def _renamed(self, number: int, old: str, new: str) -> Any:
        if old not in self.labels[number]:
            return self.ring.gen(number)
        kind, *content = self.contents[number]
        if kind == "entry":
            content[1] = tuple(new if i == old else i for i in content[1])
        elif kind == "index":
            content = [new]
        else:
            content[1:3] = [self.renamed(p, old, new) for p in content[1:3]]
        return self.generator(kind, *content)[0]

    # --- expressions ----------------------------------------------------------------------------

    def read(self, node: int, where: dict[int, Any], unequal: frozenset[Any]) -> Fraction:
        """Gives an expression, with labels or numbers for its open indices.

        Args:
          node: The expression.
          where: A label, or a number, for each open index.
          unequal: Pairs of positions that count as different.
        """
        free = self.graph.free[node]
        key = (node, unequal, *(where[i] for i in free))
        if key not in self._memory:
            self._memory[key] = self._read(node, where, unequal)
        return self._memory[key]

    def _read(self, node: int, where: dict[int, Any], unequal: frozenset[Any]) -> Fraction:
        op, args, data = self.graph.nodes[node]

        def of(child: int) -> Fraction:
            return self.read(child, where, unequal)

        match op:
            case "const":
                return self.constant(data)
            case "pi":
                return self.generator("pi")
            case "size":
                return self.generator("size", data)
            case "index":
                return self._index(where[data])
            case "entry":
                at = tuple(i if isinstance(i, int) else where[int(i[1:])] for i in data[1])
                return self.generator("entry", data[0], at, data[2])
            case "add":
                result = of(args[0])
                for other in args[1:]:
                    result = self.plus(result, of(other))
                return result
            case "mul":
                return self._product(args, of)
            case "pow":
                return self.power(of(args[0]), data)
            case "kernel":
                inside = of(args[0])
                return self._exp(inside) if data == "exp" else self._kernel(data, inside)
            case "select":
                try:
                    return of(args[1] if self.truth(args[0], where, unequal) else args[2])
                except GiveUp:
                    yes, no = of(args[1]), of(args[2])
                    if yes != no:
                        raise
                    return yes  # whichever it is
            case "sum":
                return self._sum(data, args[0], where, unequal)
            case "rmax":
                label = self._label(data, args[0])
                inside = self.read(args[0], {**where, data: label}, self._outside(unequal, data))
                return self.generator("rmax", label, *inside)
            case _:
                raise GiveUp

    def _product(self, args: tuple[int, ...], of: Callable[[int], Fraction]) -> Fraction:
        """Gives a product: zero if a factor is, whatever the others are where they have values."""
        factors, gone = [], False
        for a in args:
            try:
                factors.append(of(a))
            except GiveUp:
                gone = True
            else:
                if factors[-1][0] == 0:
                    return self.constant(0)
        if gone:
            raise GiveUp
        result = factors[0]
        for factor in factors[1:]:
            result = self.times(result, factor)
        return result

    def _index(self, at: Any) -> Fraction:
        if isinstance(at, int):
            return self.constant(at)
        return self.generator("index", at)

    def _exp(self, inside: Fraction) -> Fraction:
        top, bottom = inside
        result = self.constant(1)
        for exponents, c in top.to_dict().items():
            monomial = self.ring.from_dict({exponents: 1})
            one = self.tidy(monomial, bottom)
            alone = self.generator("exp", int(c.q), *one)
            result = self.times(result, self.power(alone, int(c.p)))
        return result

    def _kernel(self, name: str, inside: Fraction) -> Fraction:
        return self.generator("kernel", name, *inside)

    # --- conditions -----------------------------------------------------------------------------

    def truth(self, node: int, where: dict[int, Any], unequal: frozenset[Any]) -> bool:
        """Tells whether a condition holds, off the boundaries."""
        op, args, data = self.graph.nodes[node]
        match op:
            case "true" | "false":
                return op == "true"
            case "not":
                return not self.truth(args[0], where, unequal)
            case "and":
                first, second = (args[0], args[1])
                return self.truth(first, where, unequal) and self.truth(second, where, unequal)
            case "compare":
                pair = self._positions(node)
                if pair is not None and pair in unequal:
                    return False
                return self._compare(*data, *(self.read(a, where, unequal) for a in args))
            case _:
                raise GiveUp

    def _compare(self, relation: str, whole: bool, a: Fraction, b: Fraction) -> bool:
        top, bottom = self.minus(b, a)
        if top == 0:
            return relation != "lt"
        if top.is_constant() and bottom == 1:
            c = top.leading_coefficient()
            return {"lt": c > 0, "le": c >= 0, "eq": False}[relation]
        if relation == "eq" or whole:
            # Exactly as it stands: on its boundary such a condition may hold, or may not.
            if relation == "eq" and top.leading_coefficient() < 0:
                top = -top
            return self._held((relation, whole, str(top), str(bottom)), top, bottom)
        flipped = top.leading_coefficient() < 0
        if not self._rarely_zero(top):
            # a <= b is exactly that not b < a.
            top = top if relation == "lt" else -top
            key = ("positive", str(top), str(bottom))
            return self._held(key, top, bottom) is (relation == "lt")
        # Off the boundaries a < b is a <= b, and is not b < a.
        top = -top if flipped else top
        return self._held(("off", str(top), str(bottom)), top, bottom) is not flipped

    def _rarely_zero(self, top: Any) -> bool:
        """Tells whether a numerator is zero on a null set only, at all positions.

        It is where one term is a power of a real entry of a tensor that occurs nowhere else.
        """
        every = top.to_dict()
        for exponents in every:
            used = [number for number, e in enumerate(exponents) if e]
            if len(used) == 1 and self.real[used[0]]:
                (own,) = used
                others = {i for e in every for i, n in enumerate(e) if n and i != own}
                alone = not any(self.tensors[own] & self.tensors[i] for i in others)
                power = exponents[own]
                if alone and sum(e[own] == power for e in every) == 1:
                    return True
        return False

    def _held(self, key: Any, *inside: Any) -> bool:
        if any(label.startswith("b") for label in self.used(*inside)):
            raise GiveUp  # it holds for some values of a bound index and not for others
        if key not in self.holds:
            raise Split(key)
        return self.holds[key]

    # --- sums -----------------------------------------------------------------------------------

    def _positions(self, node: int) -> frozenset[Any] | None:
        """Gives the two positions that a condition says are one, if it is such a condition."""
        op, args, data = self.graph.nodes[node]
        if op != "compare" or data != ("eq", True):
            return None
        sides = []
        for a in args:
            inner, _, value = self.graph.nodes[a]
            if inner == "index":
                sides.append(("index", value))
            elif inner == "const" and value.q == 1 and value >= 0:
                sides.append(("at", int(value.p)))
            else:
                return None
        return frozenset(sides)

    @staticmethod
    def _outside(unequal: frozenset[Any], bound: int) -> frozenset[Any]:
        return frozenset(pair for pair in unequal if ("index", bound) not in pair)

    def _label(self, bound: int, body: int) -> str:
        """Gives a name for a bound index that no index bound inside has."""
        return f"b{self.graph.depth[body]}:{self.graph.dims[bound]}"

    def _deltas(self, bound: int, body: int) -> list[frozenset[Any]]:
        """Gives the conditions in a body that compare the bound index with an open position."""
        found, seen, stack = [], set(), [body]
        while stack:
            here = stack.pop()
            if here in seen or bound not in self.graph.free[here]:
                continue
            seen.add(here)
            pair = self._positions(here)
            if pair is not None and len(pair) == 2:
                (other,) = pair - {("index", bound)}
                if other[0] == "at" or other[1] in self.graph.free[body]:
                    found.append(pair)
            stack.extend(self.graph.nodes[here][1])
        return found

    def _sum(
        self, bound: int, body: int, where: dict[int, Any], unequal: frozenset[Any]
    ) -> Fraction:
        unequal = self._outside(unequal, bound)
        return self._summed(bound, body, where, unequal)

    def _summed(
        self, bound: int, body: int, where: dict[int, Any], unequal: frozenset[Any]
    ) -> Fraction:
        dim = self.graph.dims[bound]
        waiting = [pair for pair in self._deltas(bound, body) if pair not in unequal]
        if waiting:
            # Σ f = Σ g + f(t) - g(t), where g is f with [j = t] taken to be 0 everywhere.
            pair = min(waiting, key=str)
            ((kind, other),) = pair - {("index", bound)}
            within = self.graph.dims[other] == dim if kind == "index" else (
                other == 0 if isinstance(dim, str) else other < dim
            )  # fmt: skip
            if not within:
                raise GiveUp
            there = {**where, bound: where[other] if kind == "index" else other}
            without = unequal | {pair}
            taken = self.minus(self.read(body, there, unequal), self.read(body, there, without))
            return self.plus(self._summed(bound, body, where, without), taken)
        label = self._label(bound, body)
        top, bottom = self.read(body, {**where, bound: label}, unequal)
        return self._closed(label, dim, top, bottom)

    def _closed(self, label: str, dim: Any, top: Any, bottom: Any) -> Fraction:
        """Gives a sum over a label, with what does not depend on it outside."""
        c, factors = bottom.factor()
        inside, outside = self.one, self.ring.constant(c)
        for factor, e in factors:
            if label in self.used(factor):
                inside *= factor ** int(e)
            else:
                outside *= factor ** int(e)
        groups: dict[Any, Any] = {}
        for exponents, c in top.to_dict().items():
            own = tuple(e if e and label in self.labels[i] else 0 for i, e in enumerate(exponents))
            rest = tuple(e - o for e, o in zip(exponents, own, strict=True))
            groups[own] = groups.get(own, 0) + self.ring.from_dict({rest: c})
        result = self.constant(0)
        for own, factor in groups.items():
            if not any(own) and inside == 1:
                one = self.constant(dim) if isinstance(dim, int) else self.generator("size", dim)
            else:
                body = self.ring.from_dict({own: 1})
                # The label of a sum is the lowest that nothing inside has.
                height = max((self.heights[i] for i in self._of(body, inside)), default=0)
                name = f"b{height}:{dim}"
                sides = (self.renamed(p, label, name) for p in (body, inside))
                one = self.generator("sum", name, *sides)
            result = self.plus(result, self.times(one, (factor, self.one)))
        return self.times(result, self.tidy(self.one, outside))


def expanded_to_zero(graph: Graph, found: int, truth: int) -> bool:
    """Tells whether two expressions are seen to be the same on every region of their conditions.

    "No" decides nothing.
    """
    pending: list[dict[Any, bool]] = [{}]
    for _ in range(MOST_REGIONS):
        if not pending:
            return True
        holds = pending.pop()
        here = Expansion(graph, holds)
        where: dict[int, Any] = {i: f"#{i}" for n in (found, truth) for i in graph.free[n]}
        try:
            sides = (here.read(n, where, frozenset()) for n in (found, truth))
            top, _ = here.minus(*sides)
            if top != 0:
                return False
        except Split as split:
            (key,) = split.args
            pending += [{**holds, key: True}, {**holds, key: False}]
        except (GiveUp, RecursionError):
            return False
    return not pending


# --- the command --------------------------------------------------------------------------------


def digest(document: Any) -> str:
    """Gives the SHA-256 of a document without its digest."""
    rest = {key: value for key, value in document.items() if key != "digest"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def verify(text: str) -> tuple[int, list[str]]:
    """Gives the exit status and the lines for a certificate.

    Raises:
      Damaged: It is none.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"the file is no JSON: {error}") from error
    deepest = sys.getrecursionlimit()
    sys.setrecursionlimit(max(deepest, DEEPEST))
    precision = flint.ctx.prec
    try:
        return _verify(document)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Damaged(f"the file is damaged ({type(error).__name__}: {error})") from error
    except (OverflowError, ZeroDivisionError, MemoryError) as error:
        raise Damaged(f"the file holds numbers that are out of range ({error})") from error
    finally:
        flint.ctx.prec = precision
        sys.setrecursionlimit(deepest)


def _verify(document: Any) -> tuple[int, list[str]]:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise Damaged("the file is no certificate of derivations")
    if document.get("version") != VERSION:
        raise Damaged(
            f"this verifier reads version {VERSION} of the format. "
            f"Got version {document.get('version')!r}"
        )
    if digest(document) != document["digest"]:
        raise Damaged("the file was changed after it was written: its digest is another one")
    made = ", ".join(f"{name} {number}" for name, number in document["made_with"].items())
    checker = Checker(document, int(document["digest"][:8], 16))
    lines = [f"certificate made with {made}"]
    states_seen = []
    for where, verdict, finding in checker.report(document["report"]):
        lines.append(f"{where}: {verdict}: {finding.state}: {finding.text}")
        states_seen.append(finding.state)
    lines.append("That the expressions are those of the code is not re-checked: that takes JAX.")
    status = 1 if WRONG in states_seen else 2 if MISSING in states_seen else 0
    return status, lines


def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 1 or given[0] in ("-h", "--help"):
        print("usage: python verifier.py FILE", file=sys.stderr)
        return 0 if given and given[0] in ("-h", "--help") else 3
    try:
        with open(given[0], encoding="utf-8") as file:
            text = file.read()
        status, lines = verify(text)
    except (OSError, UnicodeDecodeError) as error:
        print(f"verifier: {given[0]} cannot be read: {error}", file=sys.stderr)
        return 3
    except Damaged as error:
        print(f"verifier: {given[0]}: {error}", file=sys.stderr)
        return 3
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main())
