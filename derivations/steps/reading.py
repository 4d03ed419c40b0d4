"""From the expressions of a derivation to the graph, its letters put in.

A derivative is taken by the project's own rules, on the graph: what is proved is not what SymPy
thinks of it. In a quantity that is defined by others, such as z of a layer, it is taken as if that
quantity could move freely, and what it is defined as is put in afterwards.
"""

from collections.abc import Callable, Mapping
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from derivations import graph as g
from derivations.differentiate import derivative
from derivations.formula import read
from derivations.graph import At, Dim, Index, Node
from derivations.lift import Unsupported
from derivations.steps.derivation import Definition, Depends, Derivation
from derivations.steps.matching import is_index, is_layer, match
from derivations.substitute import substituted

_LETTERS = (sympy.Indexed, sympy.Symbol, AppliedUndef, sympy.Derivative)


class Reading:
    """What the letters of a derivation stand for: `formula.Names`, with definitions put in."""

    def __init__(self, derivation: Derivation):
        self.definitions = derivation.definitions
        self.indices: Mapping[Any, At] = {
            index: Index(str(index), str(size)) for index, size in derivation.ranges.items()
        }
        self.sizes: Mapping[Any, Dim] = {size: str(size) for size in _sizes(derivation)}
        self.held: frozenset[str] = frozenset()
        self.numbers: Mapping[Any, Node] = {}

    def _with(self, **changes: Any) -> "Reading":
        other = object.__new__(Reading)
        other.__dict__.update(self.__dict__, **changes)
        return other

    def bound(self, index: Any, size: Any) -> "Reading":
        """Gives the names inside a sum."""
        if size not in self.sizes:
            raise Unsupported(f"a sum up to {size}")
        inside = Index(str(index), self.sizes[size])
        return self._with(indices={**self.indices, index: inside})

    def as_limit(self, expression: Any) -> Any:
        """Gives the limit that a derivative is defined as, if it is; else the expression itself."""
        for definition in self.definitions:
            if isinstance(definition.rhs, sympy.Limit) and definition.lhs == expression:
                return definition.rhs
        return expression

    def entry(self, base: str, at: tuple[Any, ...]) -> Node:
        """Gives an entry of what nothing is known about."""
        return g.entry(base, tuple(map(self._at, at)))

    def special(self, expression: Any) -> Node | None:
        """Puts in what a letter is defined as; differentiates."""
        if not isinstance(expression, _LETTERS):
            return None
        if expression in self.numbers:
            return self.numbers[expression]
        held = isinstance(expression, sympy.Indexed | sympy.Symbol)
        if not (held and _name(expression) in self.held):
            found = self._defined(expression)
            if found is not None:
                return self._put_in(*found)
        if isinstance(expression, sympy.Derivative):
            return self._derivative(expression)
        if isinstance(expression, sympy.Indexed):
            self._fits(expression)
            where = tuple(i for i in expression.indices if not is_layer(i))
            return self.entry(_name(expression), where)
        if isinstance(expression, AppliedUndef):
            return self._unknown(expression)
        return None

    def _fits(self, entry: Any) -> None:
        """Refuses an index that does not run over the axis where it stands."""
        for index, size in zip(entry.indices, entry.base.shape or (), strict=False):
            at = None if is_layer(index) else self._at(index)
            if isinstance(at, Index) and at.size != self.sizes.get(size, str(size)):
                raise Unsupported(f"the index {index} of {entry} runs up to {at.size}")

    def _at(self, index: Any) -> At:
        if index not in self.indices:
            raise Unsupported(f"an index {index} of unknown range")
        return self.indices[index]

    def _defined(self, expression: Any) -> tuple[Definition, dict[Any, Any]] | None:
        for definition in self.definitions:
            found = match(definition.lhs, expression)
            if found is not None:
                return definition, found
        return None

    def _put_in(self, definition: Definition, found: Mapping[Any, Any]) -> Node:
        indices = {p: self._at(e) for p, e in found.items() if is_index(p)}
        numbers = {p: read(e, self) for p, e in found.items() if not is_index(p)}
        inside = self._with(indices=indices, numbers=numbers)
        if not isinstance(definition.rhs, Depends):
            return read(definition.rhs, inside)
        slots, bodies = [], []
        for expression, along in definition.rhs.on:
            own = {i: Index(str(i), _range_of(i, expression)) for i in along}
            slots.append(tuple(own.values()))
            bodies.append(read(expression, inside._with(indices={**indices, **own})))
        return g.apply(_name(definition.lhs), tuple(slots), tuple(bodies), tuple(indices.values()))

    def _unknown(self, expression: Any) -> Node:
        at = tuple(self._at(a) for a in expression.args if is_index(a))
        bodies = tuple(read(a, self) for a in expression.args if not is_index(a))
        return g.apply(_name(expression), ((),) * len(bodies), bodies, at)

    def _derivative(self, expression: Any) -> Node:
        of, variable = expression.expr, expression.variables[0]
        if len(expression.variables) != 1:
            raise Unsupported("a second derivative")
        if not isinstance(variable, sympy.Indexed | sympy.Symbol):
            raise Unsupported(f"a derivative in {variable}")
        if variable in self.numbers:
            free = g.entry(variable.name, ())
            inside = self._with(numbers={**self.numbers, variable: free})
            moved = derivative(read(of, inside), variable.name, ())
            return substituted(moved, variable.name, lambda _: self.numbers[variable])
        name = _name(variable)
        indices = variable.indices if isinstance(variable, sympy.Indexed) else ()
        at = tuple(self._at(i) for i in indices if not is_layer(i))
        found = self._defined(variable)
        if found is None or name in self.held:
            return derivative(read(of, self), name, at)
        definition, _ = found
        moved = derivative(read(of, self._with(held=self.held | {name})), name, at)
        return substituted(moved, name, self._value(definition))

    def _value(self, definition: Definition) -> Callable[[tuple[At, ...]], Node]:
        own = definition.lhs.indices if isinstance(definition.lhs, sympy.Indexed) else ()
        letters = [i for i in own if not is_layer(i)]

        def value(at: tuple[At, ...]) -> Node:
            inside = self._with(indices=dict(zip(letters, at, strict=True)), numbers={})
            return inside._put_in(definition, {i: i for i in letters})

        return value


def _sizes(derivation: Derivation) -> set[Any]:
    expressions = [derivation.subject, *(step.expression for step in derivation.steps)]
    expressions += [d.rhs for d in derivation.definitions if not isinstance(d.rhs, Depends)]
    if derivation.hypothesis is not None:
        expressions.append(derivation.hypothesis)
    found = {s for e in expressions for s in e.atoms(sympy.Symbol) if s.is_positive}
    return {s for s in found if s.is_integer} | set(derivation.ranges.values())


def _range_of(index: Any, expression: Any) -> str:
    for entry in expression.atoms(sympy.Indexed):
        for i, size in zip(entry.indices, entry.base.shape or (), strict=False):
            if i == index:
                return str(size)
    raise Unsupported(f"an index {index} of unknown range")


def _name(expression: Any) -> str:
    """Gives the name of a letter; a layer is part of it."""
    if isinstance(expression, sympy.Indexed):
        base: Any = expression.base
        layers = [str(i) for i in expression.indices if is_layer(i)]
        return f"{base.label}{layers if layers else ''}"
    if isinstance(expression, AppliedUndef):
        return expression.func.__name__
    return str(expression)
