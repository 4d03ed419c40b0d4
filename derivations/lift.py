"""From a jaxpr to the graph: what the traced code computes, entry by entry.

An array is a shape and a function from a position to the node that stands there, so that one
lifting serves every size: a contraction asks its operands for their entries at an index variable
and binds it in a sum. Where an operation needs positions as numbers (a general reshape, a slice),
the lifting must be `explicit`: every position is then a number and sums are written out.
"""

import ast
import os
import sysconfig
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, cast

import jax
import jaxlib
import numpy as np

from derivations import graph as g
from derivations.constants import recognised
from derivations.graph import At, Dim, Index, Node
from derivations.masks import ManyMasks, choice, is_finite_number, outside_masks, sum_of

Kind = Literal["float", "int", "bool"]


MOST_NUMBERED = 16  # positions along an axis of known size that a choice tells apart
MOST_SETTLED = 4_096  # entries of an array that are worked out ahead of their use
DEEPEST = 60  # operations between an array and settled ones: each one nests Python calls


class Unsupported(Exception):
    """The code does something that cannot be read over the reals. The text names it."""

    primitive = ""
    where = ""

    def __str__(self) -> str:
        name = f", in {self.primitive}" if self.primitive else ""
        return f"{super().__str__()}{name}{self.where}"

    def within(self, eqn: Any) -> "Unsupported":
        """Adds the equation that it happened in, unless one further inside is known."""
        if not (self.primitive or super().__str__().startswith("the primitive")):
            self.primitive = eqn.primitive.name
        self.where = self.where or _where(eqn)
        return self


class Array:
    """A lifted array: its shape, its kind of number, and the node at each position."""

    def __init__(self, shape: Sequence[Dim], kind: Kind, at: Callable[[tuple[At, ...]], Node]):
        self.shape = tuple(shape)
        self.kind: Kind = kind
        self.sources: tuple[Any, ...] = ()  # the equation that made it, and calls around that
        self.depth = 0
        self._at = at
        self._memory: dict[tuple[At, ...], Node] = {}

    def at(self, *position: At) -> Node:
        """Gives the node at a position."""
        # An axis of length one has one position, whatever index variable runs over it.
        where = tuple(0 if d == 1 else p for p, d in zip(position, self.shape, strict=True))
        found = self._memory.get(where)
        if found is None:
            try:
                found = self._memory[where] = self._at(where)
            except (Unsupported, ManyMasks) as error:
                located = error if isinstance(error, Unsupported) else Unsupported(str(error))
                for source in self.sources:
                    located = located.within(source)
                raise located from None
        return found

    def made_by(self, eqn: Any, operands: Iterable["Array"]) -> "Array":
        """Notes where the array comes from. A long chain of them is worked out as it grows."""
        if not self.sources:
            self.depth = 1 + max((a.depth for a in operands), default=0)
        self.sources = (*self.sources, eqn)
        if self.depth > DEEPEST:
            self.settle()
        return self

    def settle(self) -> None:
        """Works out every entry now, if all sizes are numbers and not large."""
        shape = [d for d in self.shape if isinstance(d, int)]
        if len(shape) == len(self.shape) and np.prod(shape, dtype=int) <= MOST_SETTLED:
            for position in np.ndindex(*shape):
                try:
                    self.at(*position)
                except Unsupported:
                    return  # whoever needs the entry learns of it
            self.depth = 0


class Assumptions(set[str]):
    """What a reading took for granted, in words, to be listed with every verdict.

    Attributes:
      ranges: Inputs of whole numbers, each with the axis that they are taken to be indices of.
    """

    def __init__(self, words: Iterable[str] = ()):
        super().__init__(words)
        self.ranges: set[tuple[str, Dim]] = set()

    def in_range(self, label: Node, dim: Dim) -> None:
        """Notes that an input is an index of an axis."""
        if label.op == "entry":
            self.ranges.add((label.data[0], dim))
            self.add(f"every entry of {label.data[0]} is an index of an axis of size {dim}")


def variable(name: str, shape: Sequence[Dim], kind: Kind, *, positive: bool = False) -> Array:
    """Gives an input tensor."""
    if kind == "bool":
        return Array(shape, kind, lambda at: _holds(g.entry(name, at, numbers="whole")))
    numbers = "positive" if positive else "whole" if kind == "int" else "real"
    return Array(shape, kind, lambda at: g.entry(name, at, numbers=numbers))


def _holds(number: Node) -> Node:
    return g.compare("eq", number, g.ONE, whole=True)


def constant(value: Any, assumptions: Assumptions) -> Array:
    """Gives an array of known numbers; what reading them takes for granted is added to a set."""
    array = np.asarray(value)
    kind = kind_of(array.dtype)

    def number(x: Any) -> Node:
        if kind == "bool":
            return g.TRUE if x else g.FALSE
        if kind == "int":
            return g.const(int(x))
        node, assumption = recognised(float(x))
        assumptions.update({assumption} - {""})
        return node

    def at(position: tuple[At, ...]) -> Node:
        if array.size and (array == array.flat[0]).all():
            return number(array.flat[0])
        axes = range(array.ndim)
        return numbered(position, axes, lambda p: number(array[cast(tuple[int, ...], p)]))

    return Array(array.shape, kind, at)


def numbered(
    position: tuple[At, ...], axes: Iterable[int], at: Callable[[tuple[At, ...]], Node]
) -> Node:
    """Gives `at(position)` with numbers along `axes`.

    An index variable p over a known, small size is written out: Σ_k [p = k] at(k).
    """
    for axis in axes:
        index = position[axis]
        if not isinstance(index, Index):
            continue
        if not isinstance(index.size, int) or not 0 < index.size <= MOST_NUMBERED:
            raise Unsupported("a position that is moved, at a symbolic size")
        before, after = position[:axis], position[axis + 1 :]
        values = [numbered((*before, i, *after), axes, at) for i in range(index.size)]
        if all(value is values[0] for value in values):
            return values[0]
        here = [g.compare("eq", g.index(index), g.const(i), whole=True) for i in range(index.size)]
        if all(map(is_finite_number, values)):
            terms = [g.select(p, value, g.ZERO) for p, value in zip(here, values, strict=True)]
            return g.add(*terms)
        result = values[-1]
        for p, value in reversed(list(zip(here[:-1], values[:-1], strict=True))):
            result = choice(p, value, result)
        return result
    return at(position)


def kind_of(dtype: Any) -> Kind:
    """Gives the kind of number that a dtype holds."""
    # ml_dtypes' bfloat16 has NumPy's kind "V": what is neither whole nor a truth value is a float.
    try:
        kind = np.dtype(dtype).kind
    except TypeError as error:
        raise Unsupported(f"values of type {dtype}") from error
    if kind == "c":
        raise Unsupported("complex numbers")
    return "bool" if kind == "b" else "int" if kind in "iu" else "float"


def dim_of(size: Any) -> Dim:
    """Gives a size of a shape: a number, or the name of a symbolic size."""
    if isinstance(size, (int, np.integer)):
        return int(size)
    text = str(size)
    if not text.isidentifier():
        raise Unsupported(f"an axis of size {text}, which is not a number or a single symbol")
    return text


def dim_value(size: Any) -> Node:
    """Gives a size, or a polynomial of sizes such as `n*k`, as a number."""
    if isinstance(size, (int, np.integer)):
        return g.const(int(size))

    def read(tree: ast.AST) -> Node:
        match tree:
            case ast.Expression(body=body):
                return read(body)
            case ast.Name(id=name):
                return g.size(name)
            case ast.Constant(value=int(value)):
                return g.const(value)
            case ast.UnaryOp(op=ast.USub(), operand=a):
                return g.neg(read(a))
            case ast.BinOp(left=a, op=ast.Add(), right=b):
                return g.add(read(a), read(b))
            case ast.BinOp(left=a, op=ast.Sub(), right=b):
                return g.sub(read(a), read(b))
            case ast.BinOp(left=a, op=ast.Mult(), right=b):
                return g.mul(read(a), read(b))
            case _:
                raise Unsupported(f"the size {size}")

    return read(ast.parse(str(size).replace("^", "**"), mode="eval"))


class Lifting:
    """One reading of jaxprs. `explicit` asks for positions as numbers and written-out sums.

    Attributes:
      assumptions: What the reading took for granted.
    """

    def __init__(self, *, explicit: bool = False):
        self.explicit = explicit
        self.assumptions = Assumptions()

    def jaxpr(self, jaxpr: Any, consts: Sequence[Array], args: Sequence[Array]) -> list[Array]:
        """Reads an open jaxpr, given its constants and arguments."""
        from derivations.primitives import PRIMITIVES, REFUSED

        values: dict[Any, Array] = {}

        def read(atom: Any) -> Array:
            return self.constant(atom.val) if hasattr(atom, "val") else values[atom]

        values.update(zip(jaxpr.constvars, consts, strict=True))
        values.update(zip(jaxpr.invars, args, strict=True))
        for eqn in _alive(jaxpr):
            operands = list(map(read, eqn.invars))
            try:
                rule = PRIMITIVES.get(eqn.primitive.name)
                if rule is None:
                    reason = REFUSED.get(eqn.primitive.name, "")
                    raise Unsupported(f"the primitive {eqn.primitive.name}{reason}")
                outs = rule(self, eqn, *operands)
            except Unsupported as error:
                raise error.within(eqn) from None
            outs = outs if isinstance(outs, list) else [outs]
            made = [out.made_by(eqn, operands) for out in outs]
            values.update(zip(eqn.outvars, made, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def closed(self, closed: Any, args: Sequence[Array]) -> list[Array]:
        """Reads a closed jaxpr."""
        return self.jaxpr(closed.jaxpr, [self.constant(c) for c in closed.consts], args)

    def constant(self, value: Any) -> Array:
        """Gives an array of known numbers, each read as the number that it stands for."""
        return constant(value, self.assumptions)

    def sum(self, name: str, dim: Dim, body: Callable[[At], Node]) -> Node:
        """Gives the sum over one axis."""
        if dim == 1:
            return body(0)
        if dim == 0:
            return g.ZERO
        if self.explicit:
            return sum_of([body(i) for i in range(number_of(dim))])
        bound = Index(name, dim)
        return g.total(bound, body(bound))

    def largest(self, name: str, dim: Dim, body: Callable[[At], Node]) -> Node:
        """Gives the largest value along one axis."""
        if dim == 1:
            return body(0)
        if dim == 0:
            return g.const(float("-inf"))
        if self.explicit:
            result = body(0)
            for i in range(1, number_of(dim)):
                result = outside_masks(g.maximum, [result, body(i)])
            return result
        bound = Index(name, dim)
        return g.largest(bound, body(bound))


def number_of(dim: Dim) -> int:
    """Gives a size that has to be a number."""
    if isinstance(dim, str):
        raise Unsupported(f"the symbolic size {dim} where a number is needed")
    return dim


def _alive(jaxpr: Any) -> list[Any]:
    """Gives the equations whose results are used (gradient jaxprs keep dead calls)."""
    used = {v for v in jaxpr.outvars if not hasattr(v, "val")}
    alive = []
    for eqn in reversed(jaxpr.eqns):
        if any(v in used for v in eqn.outvars):
            alive.append(eqn)
            used.update(v for v in eqn.invars if not hasattr(v, "val"))
    return alive[::-1]


def _folder(path: str | None) -> str:
    return os.path.join(os.path.dirname(path or ""), "")


_JAX = (_folder(jax.__file__), _folder(jaxlib.__file__))
_PYTHON = os.path.join(sysconfig.get_path("stdlib"), "")
_OURS = _folder(__file__)


def _where(eqn: Any) -> str:
    """Gives the source line that an equation comes from: the innermost outside JAX and Python."""
    traceback = getattr(eqn.source_info, "traceback", None)
    for frame in traceback.frames if traceback is not None else ():
        path = frame.file_name
        if path.startswith(_OURS):
            return ""  # what the checker itself adds to the code
        library = path.startswith(_PYTHON) and "site-packages" not in path
        if not (library or path.startswith(_JAX)) and os.path.isabs(path):
            return f" at {path}:{frame.line_num}"
    return ""
