"""Numbers for a graph: exact rationals as long as they last, then balls that hold the true value.

A node is evaluated at once for all values of its open index variables. Inputs may be `Series`, a
number x + ε d with an infinitesimal ε > 0: a comparison that is a tie in x is then decided by d, so
that evaluating a function at x + ε gives its one-sided derivative exactly, kinks included.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cache, partial
from typing import Any, NamedTuple

import flint
import numpy as np

from derivations import series
from derivations.graph import At, Dim, Index, Node, nodes_of, sub
from derivations.series import NAN, Ambiguous, NoValue, Series

PRECISION = 256  # bits
MOST_BITS = 1 << 20  # of an exact power: a higher one is a ball


class Tie(Exception):
    """A comparison came out equal where the caller wants no boundary."""


class Point(NamedTuple):
    """Where to evaluate: the sizes, and an array of exact numbers for each input tensor.

    `ties`: whether a comparison may come out equal.
    """

    sizes: Mapping[str, int]
    tensors: Mapping[str, np.ndarray]
    ties: bool = False

    def length(self, dim: Dim) -> int:
        """Gives a size as a number."""
        return dim if isinstance(dim, int) else self.sizes[dim]


class _Values(NamedTuple):
    array: np.ndarray  # dtype object, one axis for each index variable
    axes: tuple[Index, ...]  # sorted by uid


def rational(value: Any) -> flint.fmpq:
    """Gives an exact number, from a whole number, fraction or float."""
    exact = Fraction(value)
    return flint.fmpq(exact.numerator, exact.denominator)


def evaluate(
    node: Node,
    point: Point,
    order: Sequence[Index] = (),
    *,
    holes: bool = False,
    memory: dict[Node, Any] | None = None,
) -> np.ndarray:
    """Gives a node's values, with one axis for each of its open index variables, in this order.

    Where an entry has no value, it is `NAN` if `holes` are allowed. What several nodes share is
    worked out once if they come with the same `memory`, for the same point.

    Raises:
      NoValue: A division by zero, or a function outside its domain.
      Ambiguous: The value is not known.
      Tie: A comparison is a tie, and the point wants none.
    """
    axes = sorted_indices(order)
    precision = flint.ctx.prec
    flint.ctx.prec = PRECISION
    try:
        array = _aligned(_evaluate(node, point, {} if memory is None else memory), axes, point)
    finally:
        flint.ctx.prec = precision
    if not holes and any(map(_is_nan, array.reshape(-1))):
        raise NoValue("a division by zero, or a function outside its domain")
    full = np.broadcast_to(array, [point.length(i.size) for i in axes])
    return full.transpose([axes.index(i) for i in order])


def sorted_indices(indices: Iterable[Index]) -> tuple[Index, ...]:
    """Gives index variables in the order of the axes of values."""
    return tuple(sorted(indices, key=lambda i: i.uid))


def nonzero_somewhere(node: Node) -> bool:
    """Tells whether a real expression is seen to be nonzero at some point, at each position.

    "No" decides nothing.
    """
    entries = _entries(node)
    sizes: dict[str, int] = {}
    shapes: dict[str, list[int]] = {}
    for tensor, at, _ in entries:
        shape = shapes.setdefault(tensor, [1] * len(at))
        for axis, i in enumerate(at):
            if isinstance(i, int):
                shape[axis] = max(shape[axis], i + 1)
            else:
                dim = i.size
                length = dim if isinstance(dim, int) else sizes.setdefault(dim, 2 + len(sizes))
                shape[axis] = max(shape[axis], length)
    for dim in _sizes(node):
        sizes.setdefault(dim, 2 + len(sizes))
    draw = random.Random(0)
    for _ in range(8):
        tensors = {}
        for tensor, shape in shapes.items():
            array = np.empty(shape, dtype=object)
            for where in np.ndindex(*shape):
                array[where] = flint.fmpq(draw.randint(1, 97), 32)
            tensors[tensor] = array
        try:
            values = evaluate(node, Point(sizes, tensors, ties=True), list(node.free))
        except (Ambiguous, Tie):
            continue
        if all(not series.has_zero(v) for v in values.reshape(-1)):
            return True
    return False


def _entries(node: Node) -> set[Any]:
    return {n.data for n in nodes_of(node) if n.op == "entry"}


def _sizes(node: Node) -> set[str]:
    bound = {n.data.size for n in nodes_of(node) if n.op in ("sum", "rmax", "index")}
    return {d for d in bound if isinstance(d, str)} | {
        n.data for n in nodes_of(node) if n.op == "size"
    }


def _aligned(values: _Values, axes: tuple[Index, ...], point: Point) -> np.ndarray:
    shape = [point.length(i.size) if i in values.axes else 1 for i in axes]
    return values.array.reshape(shape)


def _elementwise(function: Callable[..., Any], point: Point, *operands: _Values) -> _Values:
    axes = sorted_indices({i for o in operands for i in o.axes})
    arrays = [_aligned(o, axes, point) for o in operands]
    result = np.frompyfunc(function, len(arrays), 1)(*arrays)
    return _Values(np.asarray(result, dtype=object), axes)


def _scalar(value: Any) -> _Values:
    array = np.empty((), dtype=object)
    array[()] = value
    return _Values(array, ())


def _evaluate(node: Node, point: Point, memory: dict[Node, _Values]) -> _Values:
    found = memory.get(node)
    if found is None:
        found = memory[node] = _compute(node, point, memory)
    return found


def _compute(node: Node, point: Point, memory: dict[Node, _Values]) -> _Values:
    args = [_evaluate(a, point, memory) for a in node.args] if node.op != "select" else []
    match node.op:
        case "const":
            return _scalar(rational(node.data))
        case "size":
            return _scalar(flint.fmpq(point.sizes[node.data]))
        case "pi":
            return _scalar(flint.arb.pi())
        case "inf":
            return _scalar(flint.arb.pos_inf() if node.data > 0 else flint.arb.neg_inf())
        case "true" | "false":
            return _scalar(node.op == "true")
        case "index":
            numbers = [flint.fmpq(i) for i in range(point.length(node.data.size))]
            return _Values(np.array(numbers, dtype=object), (node.data,))
        case "entry":
            return _entry(node, point)
        case "add":
            return _fold(_plus, point, args)
        case "mul":
            return _fold(_times, point, args)
        case "pow":
            return _elementwise(lambda a: _power(a, node.data), point, *args)
        case "kernel":
            function = (
                partial(_floor, ties=point.ties)
                if node.data == "floor"
                else (partial(_kernel, node.data))
            )
            return _elementwise(function, point, *args)
        case "compare":
            op, whole = node.data
            # The largest of some entries is one of them: being equal to it is no boundary, if no
            # other one is.
            ties = whole or point.ties
            try:
                if not ties and (largest := _largest_of(*node.args)) is not None:
                    _require_one(largest, point, memory)
                    ties = True
                return _elementwise(lambda a, b: _compare(op, a, b, ties=ties), point, *args)
            except (Tie, Ambiguous):
                if not _is_one_number(*node.args):
                    raise
                return _elementwise(lambda a, b: op != "lt", point, *args)
        case "not":
            return _elementwise(lambda p: not p, point, *args)
        case "and":
            return _elementwise(lambda p, q: p and q, point, *args)
        case "select":
            return _select(node, point, memory)
        case "sum":
            return _reduce(_plus, node.data, args[0], point, flint.fmpq(0))
        case "rmax":
            return _reduce(
                lambda a, b: b if _compare("lt", a, b, ties=True) else a,
                node.data,
                args[0],
                point,
                None,
            )
        case "argmax":
            return _argmax(node, args[0], point)
        case "nan":
            return _scalar(NAN)
        case op:
            raise Ambiguous(f"{op} has no value at a point")


@cache
def _is_one_number(a: Node, b: Node) -> bool:
    """Tells whether two nodes surely are the same number everywhere: no boundary, but an identity.

    So they are where code computes something twice, in another order.
    """
    from derivations.kernels import Unnormalised
    from derivations.normal import normal
    from derivations.polynomial import TooLarge
    from derivations.regions import Split

    try:
        return not normal(sub(a, b))
    except (Split, Unnormalised, TooLarge):
        return False


def _largest_of(a: Node, b: Node) -> Node | None:
    """Gives the node that is the largest of some entries, if the other one is one of these."""
    pairs = ((a, b), (b, a))
    found = (x for x, y in pairs if x.op == "rmax" and _is_among(x.args[0], y, {x.data: None}))
    return next(found, None)


def _require_one(largest: Node, point: Point, memory: dict[Node, _Values]) -> None:
    """Raises `Tie` where several entries are the largest one: the code may jump there."""
    (body,) = largest.args
    rows, axes = _rows(largest.data, _evaluate(body, point, memory), point)

    def one(most: Any, *row: Any) -> bool:
        if sum(_compare("eq", most, value, ties=True) for value in row) > 1:
            raise Tie("two largest values")
        return True

    most = _evaluate(largest, point, memory)
    _elementwise(one, point, most, *(_Values(r, axes) for r in rows))
    if body.op == "rmax":
        _require_one(body, point, memory)


def _is_among(body: Node, node: Node, bound: dict[Any, Any]) -> bool:
    """Tells whether a node is the body at some position of the bound index."""
    if body is node:
        return True
    if body.op == "rmax" and _is_among(body.args[0], node, {**bound, body.data: None}):
        return True  # the largest along one axis, of the largest along another
    if body.op != node.op or len(body.args) != len(node.args):
        return False
    if body.op == "entry":
        (name, at, kind), (other, where, other_kind) = body.data, node.data
        alike = (name, kind, len(at)) == (other, other_kind, len(where))
        return alike and all(_meets(i, j, bound) for i, j in zip(at, where, strict=True))
    if body.op == "index":
        return _meets(body.data, node.data, bound)
    if body.data != node.data:
        return False
    left = list(node.args)
    for part in body.args:
        # The terms of a sum stand in any order; those of a difference in their own.
        candidates = left if body.op in ("add", "mul") else left[:1]
        match = next((n for n in candidates if _is_among(part, n, bound)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _meets(i: At, j: At, bound: dict[Any, Any]) -> bool:
    if i not in bound:
        return i == j
    if bound[i] is None:
        bound[i] = j
    return bound[i] == j


def _entry(node: Node, point: Point) -> _Values:
    tensor, at, _ = node.data
    axes = sorted_indices({i for i in at if isinstance(i, Index)})
    grid = np.ogrid[tuple(slice(point.length(i.size)) for i in axes)] if axes else []
    where = dict(zip(axes, grid, strict=True))
    picked = point.tensors[tensor][tuple(where[i] if isinstance(i, Index) else i for i in at)]
    if not axes:
        return _scalar(picked)
    return _Values(np.broadcast_to(picked, [point.length(i.size) for i in axes]), axes)


def _fold(function: Callable[[Any, Any], Any], point: Point, args: list[_Values]) -> _Values:
    result = args[0]
    for other in args[1:]:
        result = _elementwise(function, point, result, other)
    return result


def _select(node: Node, point: Point, memory: dict[Node, _Values]) -> _Values:
    condition = _evaluate(node.args[0], point, memory)
    chosen = set(condition.array.reshape(-1).tolist())
    # A branch that is taken nowhere is not evaluated: it may have no value here.
    if chosen == {True}:
        branch = _evaluate(node.args[1], point, memory)
        return _elementwise(lambda _, a: a, point, condition, branch)
    if chosen == {False}:
        branch = _evaluate(node.args[2], point, memory)
        return _elementwise(lambda _, a: a, point, condition, branch)
    yes, no = (_evaluate(a, point, memory) for a in node.args[1:])
    return _elementwise(lambda p, a, b: a if p else b, point, condition, yes, no)


def _reduce(
    function: Callable[[Any, Any], Any], bound: Index, body: _Values, point: Point, empty: Any
) -> _Values:
    rows, axes = _rows(bound, body, point)
    if not rows:
        return _scalar(empty)
    result = _Values(rows[0], axes)
    for row in rows[1:]:
        result = _elementwise(function, point, result, _Values(row, axes))
    return result


def _rows(bound: Index, body: _Values, point: Point) -> tuple[list[np.ndarray], tuple[Index, ...]]:
    """Gives the values for each value of one index variable."""
    length = point.length(bound.size)
    if bound not in body.axes:
        return [body.array] * length, body.axes
    axis = body.axes.index(bound)
    rows = [np.asarray(np.take(body.array, i, axis=axis), dtype=object) for i in range(length)]
    return rows, tuple(i for i in body.axes if i is not bound)


def _argmax(node: Node, body: _Values, point: Point) -> _Values:
    bound, at = node.data
    rows, axes = _rows(bound, body, point)

    def place(*row: Any) -> int:
        best = 0
        for i in range(1, len(row)):
            if not point.ties and _compare("eq", row[best], row[i], ties=True):
                raise Tie("two largest values")
            if _compare("lt", row[best], row[i], ties=True):
                best = i
        return best

    best = _elementwise(place, point, *(_Values(r, axes) for r in rows))
    where = (
        _scalar(at)
        if isinstance(at, int)
        else _Values(np.array(range(point.length(at.size)), dtype=object), (at,))
    )
    return _elementwise(lambda i, j: flint.fmpq(int(i == j)), point, best, where)


# --- numbers ------------------------------------------------------------------------------------


def _plus(a: Any, b: Any) -> Any:
    if isinstance(a, Series) or isinstance(b, Series):
        return NAN if _is_nan(a) or _is_nan(b) else series.total(a, b)
    return a + b


def _times(a: Any, b: Any) -> Any:
    if _is_exact_zero(a) or _is_exact_zero(b):
        return NAN if _is_nan(a) or _is_nan(b) else flint.fmpq(0)
    if isinstance(a, Series) or isinstance(b, Series):
        return NAN if _is_nan(a) or _is_nan(b) else series.product(a, b)
    return a * b


def _power(a: Any, exponent: int) -> Any:
    if isinstance(a, Series):
        return series.power(a, exponent)
    if exponent < 0 and series.has_zero(a):
        return NAN
    if isinstance(a, flint.fmpq) and abs(exponent) * _bits(a) > MOST_BITS and abs(a) not in (0, 1):
        a = flint.arb(a)
    return a**exponent


def _bits(a: flint.fmpq) -> int:
    return max(int(a.p).bit_length(), int(a.q).bit_length())


def _is_exact_zero(a: Any) -> bool:
    return isinstance(a, flint.fmpq) and a == 0


def _is_nan(a: Any) -> bool:
    return isinstance(a, flint.arb) and a.is_nan()


def ball(a: Any) -> flint.arb:
    """Gives a ball that holds the number."""
    return a if isinstance(a, flint.arb) else flint.arb(a)


_EXACT = {("exp", 0): 1, ("log", 1): 0, ("sqrt", 0): 0, ("sqrt", 1): 1, ("erf", 0): 0,
          ("sin", 0): 0, ("cos", 0): 1, ("atan", 0): 0}  # fmt: skip


def _kernel(name: str, a: Any) -> Any:
    if isinstance(a, Series):
        return series.function(name, a)
    if isinstance(a, flint.fmpq):
        for (kernel, at), value in _EXACT.items():
            if kernel == name and a == at:
                return flint.fmpq(value)
        a = flint.arb(a)
    value = getattr(a, name)()
    return value if value.is_finite() else NAN


def _floor(a: Any, *, ties: bool) -> Any:
    """Rounds down; a whole number is on the boundary between two values."""
    if isinstance(a, Series):
        value = series.limit(a)
        down = _floor(value, ties=True)
        rest = series.total(a, -value)
        return down if value != down or series.positive(rest) else down - 1
    if isinstance(a, flint.arb):
        down = a.floor()
        if not down.is_exact():
            raise Ambiguous("rounding of a ball that holds a whole number")
        return flint.fmpq(int(down.fmpz()))
    down = flint.fmpq(a.p // a.q)
    if down == a and not ties:
        raise Tie("rounding")
    return down


def _compare(op: str, a: Any, b: Any, *, ties: bool) -> bool:
    if a is b:
        return op != "lt"  # one value on both sides: no boundary, whatever it is
    if _is_nan(a) or _is_nan(b):
        raise Ambiguous("a comparison with what has no value")
    if isinstance(a, Series) or isinstance(b, Series):
        return op != "eq" and series.positive(_plus(b, _times(flint.fmpq(-1), a)))
    difference = b - a
    if isinstance(difference, flint.arb) and not difference.is_exact():
        if difference > 0:
            return op != "eq"
        if difference < 0:
            return False
        raise Ambiguous("a comparison of balls that overlap")
    if difference == 0 and not ties:
        raise Tie(op)
    return {"lt": difference > 0, "le": difference >= 0, "eq": difference == 0}[op]
