"""From a jaxpr to the graph: what the traced code computes, entry by entry.

An array is a shape and a function from a position to the node that stands there, so that one
lifting serves every size: a contraction asks its operands for their entries at an index variable
and binds it in a sum. Where an operation needs positions as numbers (a general reshape, a slice),
the lifting must be `explicit`: every position is then a number and sums are written out.
"""

import ast
from collections.abc import Callable, Sequence
from typing import Any, Literal, cast

import numpy as np

from derivations import graph as g
from derivations.graph import At, Dim, Index, Node

Kind = Literal["float", "int", "bool"]


class Unsupported(Exception):
    """The code does something that cannot be read over the reals. The text names it."""


class Array:
    """A lifted array: its shape, its kind of number, and the node at each position."""

    def __init__(self, shape: Sequence[Dim], kind: Kind, at: Callable[[tuple[At, ...]], Node]):
        self.shape = tuple(shape)
        self.kind: Kind = kind
        self._at = at
        self._memory: dict[tuple[At, ...], Node] = {}

    def at(self, *position: At) -> Node:
        """Gives the node at a position."""
        # An axis of length one has one position, whatever index variable runs over it.
        where = tuple(0 if d == 1 else p for p, d in zip(position, self.shape, strict=True))
        found = self._memory.get(where)
        if found is None:
            found = self._memory[where] = self._at(where)
        return found


def variable(name: str, shape: Sequence[Dim], kind: Kind) -> Array:
    """Gives an input tensor."""
    if kind == "bool":
        return Array(shape, kind, lambda at: _holds(g.entry(name, at, whole=True)))
    return Array(shape, kind, lambda at: g.entry(name, at, whole=kind == "int"))


def _holds(number: Node) -> Node:
    return g.compare("eq", number, g.ONE, whole=True)


def constant(value: Any) -> Array:
    """Gives an array of known numbers."""
    array = np.asarray(value)
    kind = kind_of(array.dtype)

    def number(x: Any) -> Node:
        if kind == "bool":
            return g.TRUE if x else g.FALSE
        return g.const(int(x) if kind == "int" else float(x))

    def at(position: tuple[At, ...]) -> Node:
        if array.size and (array == array.flat[0]).all():
            return number(array.flat[0])
        if any(isinstance(p, Index) for p in position):
            raise Unsupported("an array of constants that differ, at a symbolic position")
        return number(array[cast(tuple[int, ...], position)])

    return Array(array.shape, kind, at)


def kind_of(dtype: Any) -> Kind:
    """Gives the kind of number that a dtype holds."""
    # ml_dtypes' bfloat16 has NumPy's kind "V": what is neither whole nor a truth value is a float.
    kind = np.dtype(dtype).kind
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
      assumptions: What the reading took for granted, to be listed with every verdict.
    """

    def __init__(self, *, explicit: bool = False):
        self.explicit = explicit
        self.assumptions: set[str] = set()

    def jaxpr(self, jaxpr: Any, consts: Sequence[Array], args: Sequence[Array]) -> list[Array]:
        """Reads an open jaxpr, given its constants and arguments."""
        from derivations.primitives import PRIMITIVES

        values: dict[Any, Array] = {}

        def read(atom: Any) -> Array:
            return constant(atom.val) if hasattr(atom, "val") else values[atom]

        values.update(zip(jaxpr.constvars, consts, strict=True))
        values.update(zip(jaxpr.invars, args, strict=True))
        for eqn in _alive(jaxpr):
            rule = PRIMITIVES.get(eqn.primitive.name)
            if rule is None:
                raise Unsupported(f"the primitive {eqn.primitive.name}{_where(eqn)}")
            try:
                outs = rule(self, eqn, *map(read, eqn.invars))
            except Unsupported as error:
                if "(line" in str(error) or " at " in str(error):
                    raise
                raise Unsupported(f"{error}, in {eqn.primitive.name}{_where(eqn)}") from error
            values.update(zip(eqn.outvars, outs if isinstance(outs, list) else [outs], strict=True))
        return [read(v) for v in jaxpr.outvars]

    def closed(self, closed: Any, args: Sequence[Array]) -> list[Array]:
        """Reads a closed jaxpr."""
        return self.jaxpr(closed.jaxpr, [constant(c) for c in closed.consts], args)

    def sum(self, name: str, dim: Dim, body: Callable[[At], Node]) -> Node:
        """Gives the sum over one axis."""
        if dim == 1:
            return body(0)
        if self.explicit:
            return g.add(*(body(i) for i in range(_number(dim))))
        bound = Index(name, dim)
        return g.total(bound, body(bound))

    def largest(self, name: str, dim: Dim, body: Callable[[At], Node]) -> Node:
        """Gives the largest value along one axis."""
        if dim == 1:
            return body(0)
        if self.explicit:
            result = body(0)
            for i in range(1, _number(dim)):
                result = g.maximum(result, body(i))
            return result
        bound = Index(name, dim)
        return g.largest(bound, body(bound))


def _number(dim: Dim) -> int:
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


def _where(eqn: Any) -> str:
    """Gives the user's source line of an equation, where JAX knows it."""
    traceback = getattr(eqn.source_info, "traceback", None)
    if traceback is None:
        return ""
    for frame in traceback.frames:
        if "/jax/" not in frame.file_name and "derivations" not in frame.file_name:
            return f" at {frame.file_name}:{frame.line_num}"
    return ""
