"""From a lecture's equation to the graph: letters that stand for others, and unknown functions.

A derivative in a letter that is defined by others (∂C/∂z, with z = W a + b) is taken with that
letter as a variable of its own; then what it stands for is put back. That is what the lectures mean
by it, and it is what makes an equation of backpropagation something that can be proved.
"""

from collections.abc import Mapping
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from derivations import graph as g
from derivations.differentiate import derivative
from derivations.formula import read
from derivations.graph import At, Dim, Index, Node
from derivations.lift import Unsupported
from derivations.substitute import substituted


class Letters:
    """What the letters of an equation stand for.

    Args:
      given: Equations whose left side is a letter, or its general entry: what it stands for.
      concrete: Whether to put polynomials for the unknown functions, to find a counterexample.
    """

    def __init__(self, given: tuple[Any, ...], *, concrete: bool = False):
        self.concrete = concrete
        self.meanings = {_key(e.lhs): e for e in given}
        self.indices: dict[Any, At] = {}
        self.sizes = _Sizes()
        self.variables: frozenset[str] = frozenset()

    def inside(self, indices: Mapping[Any, At]) -> "Letters":
        """Gives the same letters where other indices are in force."""
        inner = object.__new__(Letters)
        inner.__dict__.update(self.__dict__)
        inner.indices = dict(indices)
        return inner

    def bound(self, index: Any, size: Any) -> "Letters":
        """Gives the letters inside a sum."""
        return self.inside({**self.indices, index: Index(str(index), self.sizes[size])})

    def as_variable(self, name: str) -> "Letters":
        """Gives the letters with one of them a variable, whatever else it stands for."""
        inner = self.inside(self.indices)
        inner.variables = self.variables | {name}
        return inner

    def position(self, index: Any) -> At:
        """Gives a position: lectures count from one, the graph from zero."""
        return int(index) - 1 if index.is_Integer else self.indices[index]

    def entry(self, base: str, at: tuple[Any, ...]) -> Node:
        """Gives an entry of a letter; index 0, of what a bias is written as, is a letter apart."""
        if any(index == 0 for index in at):
            return self.at(f"{base}_0", tuple(self.position(i) for i in at if i != 0))
        return self.at(base, tuple(self.position(i) for i in at))

    def at(self, name: str, where: tuple[At, ...]) -> Node:
        """Gives an entry of a letter, in the letters that it stands for."""
        meaning = self.meanings.get(name)
        if meaning is None or name in self.variables:
            return g.entry(name, where)
        own = tuple(i for i in getattr(meaning.lhs, "indices", ()) if i != 0)
        return read(meaning.rhs, self.inside(dict(zip(own, where, strict=True))))

    def special(self, expression: Any) -> Node | None:
        """Reads derivatives, unknown functions, values put in, and sums that start at zero."""
        if isinstance(expression, sympy.Derivative):
            return self._derivative(expression)
        if isinstance(expression, AppliedUndef):
            return self._applied(expression)
        if isinstance(expression, sympy.Subs):
            inside, letters, values = _parts(expression)
            node = read(inside, self)
            for letter, value in zip(letters, values, strict=True):
                node = substituted(node, str(letter), lambda _, v=value: read(v, self))
            return node
        if isinstance(expression, sympy.Sum) and expression.limits[0][1] == 0:
            (index, _, size), *outer = expression.limits
            if outer:
                raise Unsupported("a double sum from zero")
            first = expression.function.xreplace({index: sympy.Integer(0)})
            rest = sympy.Sum(expression.function, (index, 1, size))
            return g.add(read(first, self), read(rest, self))
        return None

    def _derivative(self, expression: Any) -> Node:
        if len(expression.variables) != 1:
            raise Unsupported("a derivative of higher order")
        (variable,) = expression.variables
        name, where = _key(variable), tuple(map(self.position, getattr(variable, "indices", ())))
        slope = derivative(read(expression.expr, self.as_variable(name)), name, where)
        return substituted(slope, name, lambda at: self.at(name, at))

    def _applied(self, expression: Any) -> Node:
        """Reads f(n, x, a): an index picks the function, x is a number, a is a whole array."""
        at: list[At] = []
        slots: list[tuple[Index, ...]] = []
        bodies: list[Node] = []
        for argument in expression.args:
            if argument in self.indices:
                at.append(self.indices[argument])
            elif isinstance(argument, sympy.IndexedBase):
                assert argument.shape is not None, f"{argument} is a whole array: it needs a shape"
                own = tuple(Index("s", self.sizes[d]) for d in argument.shape)
                slots.append(own)
                bodies.append(self.at(str(argument.label), own))
            else:
                slots.append(())
                bodies.append(read(argument, self))
        if self.concrete:
            return polynomial(slots, bodies, at)
        return g.apply(str(expression.func), tuple(slots), tuple(bodies), tuple(at))


POLYNOMIAL = "f(v, …) = Π (1 + Σ_s s (v_s + v_s²)), times s for the s-th of several functions"


def polynomial(slots: list[tuple[Index, ...]], bodies: list[Node], at: list[At]) -> Node:
    """Gives a function that treats no two of its inputs alike: what stands for an unknown one."""
    result = g.mul(*(g.add(g.index(i), g.ONE) for i in at), g.ONE)
    for own, body in zip(slots, bodies, strict=True):
        term = g.mul(*(g.add(g.index(i), g.ONE) for i in own), g.add(body, g.power(body, 2)))
        for slot in reversed(own):
            term = g.total(slot, term)
        result = g.mul(result, g.add(g.ONE, term))
    return result


def _parts(expression: Any) -> tuple[Any, ...]:
    return expression.args


class _Sizes(dict[Any, Dim]):
    """Every size by its letter: a number is itself."""

    def __missing__(self, size: Any) -> Dim:
        return int(size) if size.is_Integer else str(size)

    def __contains__(self, symbol: object) -> bool:
        # The letters of sizes are the positive whole numbers.
        return isinstance(symbol, sympy.Symbol) and bool(symbol.is_integer and symbol.is_positive)


def _key(letter: Any) -> str:
    if isinstance(letter, sympy.Indexed):
        base: Any = letter.base
        zero = "_0" if any(i == 0 for i in letter.indices) else ""
        return f"{base.label}{zero}"
    return str(letter)
