"""From a textbook formula to the graph: SymPy's expression for people, ours for deciding."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

import sympy

from derivations import graph as g
from derivations.differentiate import derivative
from derivations.graph import At, Dim, Index, Node
from derivations.lift import Unsupported
from derivations.textbook import Argument, Cited, Entry, expanded, pullback

Inputs = Mapping[str, tuple[str, tuple[Dim, ...]]]  # argument -> (tensor, its shape)


class Names(Protocol):
    """What the letters of a formula stand for."""

    @property
    def indices(self) -> Mapping[Any, At]:
        """The position that each index letter stands for."""
        ...

    @property
    def sizes(self) -> Mapping[Any, Dim]:
        """The size that a letter stands for."""
        ...

    def bound(self, index: Any, size: Any) -> "Names":
        """Gives the names inside a sum."""
        ...

    def entry(self, base: str, at: tuple[Any, ...]) -> Node:
        """Gives an entry of a tensor."""
        ...

    def special(self, expression: Any) -> Node | None:
        """Gives what an expression stands for by agreement, if it does."""
        ...


def definition_of(entry: Entry, inputs: Inputs, at: tuple[At, ...]) -> Node:
    """Gives one entry of the output as the textbook defines it."""
    return read(
        entry.definition,
        _Names(entry, inputs, dict(zip(entry.indices, _padded(entry.indices, at), strict=True))),
    )


def pullback_of(
    entry: Entry, argument: Argument, inputs: Inputs, cotangent: str, at: tuple[At, ...]
) -> Node:
    """Gives one entry of the backward pass that SymPy derives from the definition."""
    names = _Names(
        entry,
        inputs,
        dict(zip(argument.indices, _padded(argument.indices, at), strict=True)),
        cotangent,
    )
    return read(pullback(entry, argument).rhs, names)


class Printed(NamedTuple):
    """A derivative as a book prints it, and as it follows from the definition.

    Attributes:
      at: The position that both speak of.
      printed: The book's right-hand side.
      derived: The derivative of the definition, or the backward pass for a given cotangent.
      hypothesis: What the book takes for granted.
    """

    at: tuple[At, ...]
    printed: Node
    derived: Node
    hypothesis: tuple[Node, Node] | None


def printed(entry: Entry, cited: Cited, inputs: Inputs, cotangent: str) -> Printed:
    """Reads a cited derivative: of the output in an argument, or of a cost in an argument."""
    lhs: Any = cited.equation.lhs
    of, (variable, _) = lhs.args
    argument = next(a for a in entry.arguments if _letter(a.symbol) == _letter(variable))
    tensor, shape = inputs[argument.name]
    names = _Names(entry, inputs, {}, cotangent)
    of_output = _letter(of) == _letter(entry.output)
    for symbols, dims in (
        (getattr(variable, "indices", ()), shape),
        (getattr(of, "indices", ()), names.sizes_of(entry)),
    ):
        for symbol, dim in zip(symbols, dims, strict=False):
            names.indices.setdefault(symbol, 0 if dim == 1 else Index(str(symbol), dim))
    at = tuple(names.indices[i] for i in getattr(variable, "indices", ()))
    right = read(expanded(entry, cited), names)
    if of_output:
        where = tuple(names.indices[i] for i in getattr(of, "indices", ()))
        derived = derivative(definition_of(entry, inputs, where), tensor, at)
    else:
        derived = pullback_of(entry, argument, inputs, cotangent, at)
    hypothesis = None
    if cited.hypothesis is not None:
        hypothesis = (read(cited.hypothesis.lhs, names), read(cited.hypothesis.rhs, names))
    return Printed(tuple(names.indices.values()), right, derived, hypothesis)


def _padded(indices: tuple[Any, ...], at: tuple[At, ...]) -> tuple[At, ...]:
    if len(indices) > len(at):
        raise Unsupported("the textbook's entry has more axes than the code")
    return at if indices else ()


class _Names:
    """What the letters of a formula stand for."""

    def __init__(self, entry: Entry, inputs: Inputs, indices: dict[Any, At], cotangent: str = ""):
        self.indices = indices
        self.cotangent = cotangent
        self.output = entry.cotangent
        self.arguments = {_letter(a.symbol): inputs[a.name] for a in entry.arguments}
        self.truths = {_letter(a.symbol) for a in entry.arguments if a.truth}
        self.sizes: dict[Any, Dim] = {}
        for argument in entry.arguments:
            _, shape = inputs[argument.name]
            if isinstance(argument.symbol, sympy.IndexedBase):
                self.sizes.update(zip(argument.symbol.shape or (), shape, strict=False))

    def sizes_of(self, entry: Entry) -> tuple[Dim, ...]:
        """Gives the shape of the output."""
        return tuple(self.sizes[s] for s in entry.cotangent.base.shape) if entry.indices else ()

    def bound(self, index: Any, size: Any) -> "_Names":
        """Gives the names inside a sum."""
        inner = object.__new__(_Names)
        inner.__dict__.update(self.__dict__)
        dim = self.sizes[size]
        inner.indices = {**self.indices, index: 0 if dim == 1 else Index(str(index), dim)}
        return inner

    def special(self, expression: Any) -> None:
        """Nothing in an entry stands for anything but itself."""

    def entry(self, base: str, at: tuple[Any, ...]) -> Node:
        """Gives an entry of an argument, or of the cotangent."""
        where = tuple(self.indices[i] for i in at)
        if base == _letter(self.output):
            return g.entry(self.cotangent, where)
        tensor, shape = self.arguments[base]
        if base in self.truths:
            holds = g.compare("eq", g.entry(tensor, where, numbers="whole"), g.ONE, whole=True)
            return g.select(holds, g.ONE, g.ZERO)
        if len(shape) == len(where) - 1:
            # Integer labels: the textbook's one-hot row has a 1 where the label is the class.
            hit = g.compare(
                "eq", g.entry(tensor, where[:-1], numbers="whole"), g.index(where[-1]), whole=True
            )
            return g.select(hit, g.ONE, g.ZERO)
        return g.entry(tensor, where if shape else ())


def _letter(symbol: Any) -> str:
    if isinstance(symbol, sympy.Indexed):
        symbol = symbol.base
    return str(symbol.label) if isinstance(symbol, sympy.IndexedBase) else str(symbol)


_FUNCTIONS: dict[Any, Callable[[Node], Node]] = {
    sympy.exp: g.exp,
    sympy.log: g.log,
    sympy.Abs: g.absolute,
    sympy.sign: g.sign,
    sympy.erf: lambda a: g.kernel("erf", a),
    sympy.sin: lambda a: g.kernel("sin", a),
    sympy.cos: lambda a: g.kernel("cos", a),
    sympy.Heaviside: lambda a: g.select(g.compare("lt", g.ZERO, a), g.ONE, g.ZERO),
    sympy.tanh: lambda a: g.sub(
        g.ONE, g.mul(g.const(2), g.power(g.add(g.ONE, g.exp(g.mul(g.const(2), a))), -1))
    ),
}

_RELATIONS: dict[Any, Callable[[Node, Node], Node]] = {
    sympy.StrictLessThan: lambda a, b: g.compare("lt", a, b),
    sympy.LessThan: lambda a, b: g.compare("le", a, b),
    sympy.StrictGreaterThan: lambda a, b: g.compare("lt", b, a),
    sympy.GreaterThan: lambda a, b: g.compare("le", b, a),
}


def read(expression: Any, names: Names) -> Node:
    """Gives the graph of an expression, for letters that stand for what `names` says.

    Raises:
      Unsupported: There is a kind of expression in it that has no meaning here.
    """

    def inside(e: Any) -> Node:
        return read(e, names)

    special = names.special(expression)
    if special is not None:
        return special
    if expression.is_Rational:
        return g.const(Fraction(int(expression.p), int(expression.q)))
    if expression is sympy.pi:
        return g.PI
    if isinstance(expression, sympy.Indexed):
        return names.entry(_letter(expression), expression.indices)
    if isinstance(expression, sympy.Symbol):
        if expression in names.sizes:
            return g.size(names.sizes[expression])
        if expression in names.indices:
            return g.index(names.indices[expression])
        return names.entry(str(expression), ())
    if isinstance(expression, sympy.Add):
        return g.add(*map(inside, expression.args))
    if isinstance(expression, sympy.Mul):
        return g.mul(*map(inside, expression.args))
    if isinstance(expression, sympy.Pow):
        base, exponent = expression.args
        if exponent.is_Integer:
            return g.power(inside(base), int(exponent))
        if (2 * exponent).is_Integer:
            return g.power(g.kernel("sqrt", inside(base)), int(2 * exponent))
    if isinstance(expression, sympy.Sum):
        return _total(expression, names)
    if isinstance(expression, sympy.KroneckerDelta):
        i, j = (names.indices[a] for a in expression.args)
        return g.equal_index(i, j)
    if isinstance(expression, sympy.Piecewise):
        value = g.const(float("nan"))
        pairs: list[Any] = list(expression.args)
        for branch, condition in reversed(pairs):
            value = g.select(_condition(condition, names), inside(branch), value)
        return value
    if isinstance(expression, sympy.Max):
        value = inside(expression.args[0])
        for other in expression.args[1:]:
            value = g.maximum(value, inside(other))
        return value
    function = _FUNCTIONS.get(expression.func)
    if function is None:
        raise Unsupported(f"the textbook's {expression.func}")
    return function(inside(expression.args[0]))


def _total(expression: Any, names: Names) -> Node:
    *outer, (index, low, high) = expression.limits
    if low != 1:
        raise Unsupported(f"a sum from {low}")
    if outer:
        # SymPy nests the first limit innermost.
        inner = sympy.Sum(expression.function, *outer)
        inside = names.bound(index, high)
        body = _total(inner, inside)
    else:
        inside = names.bound(index, high)
        body = read(expression.function, inside)
    at = inside.indices[index]
    return g.total(at, body) if isinstance(at, Index) else body


def _condition(condition: Any, names: Names) -> Node:
    if condition in (sympy.true, True):
        return g.TRUE
    if isinstance(condition, (sympy.And, sympy.Or)):
        join = g.and_ if isinstance(condition, sympy.And) else g.or_
        first, *others = (_condition(part, names) for part in condition.args)
        for other in others:
            first = join(first, other)
        return first
    relation = _RELATIONS.get(condition.func)
    if relation is None:
        raise Unsupported(f"the textbook's condition {condition}")
    return relation(*(read(a, names) for a in condition.args))
