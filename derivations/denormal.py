"""From a normal form back to the graph: to see a number of it, or to show it."""

from fractions import Fraction

from derivations import graph as g
from derivations.graph import Node
from derivations.polynomial import Exponent, Gen, Monomial, Poly, thaw


def expression(poly: Poly) -> Node:
    """Gives the expression that a normal form stands for.

    Raises:
      ValueError: It holds an indicator or an unknown function.
    """
    return g.add(*(g.mul(g.const(c), _product(m)) for m, c in poly.items()), g.ZERO)


def _product(monomial: Monomial) -> Node:
    return g.mul(*(_power(generator, e) for generator, e in monomial), g.ONE)


def _power(generator: Gen, e: Exponent) -> Node:
    if generator.kind == "exp":
        return g.exp(g.mul(g.const(Fraction(e)), expression(thaw(generator.data))))
    return g.power(_generator(generator), int(e))


def _generator(generator: Gen) -> Node:
    match generator.kind:
        case "entry":
            tensor, at, numbers = generator.data
            return g.entry(tensor, at, numbers=numbers)
        case "pi":
            return g.PI
        case "size":
            return g.size(generator.data)
        case "index":
            return g.index(generator.data)
        case "delta":
            return g.equal_index(*generator.data)
        case "inv":
            return g.power(expression(thaw(generator.data)), -1)
        case "log" | "sqrt" | "erf" | "sin" | "cos":
            return g.kernel(generator.kind, expression(thaw(generator.data)))
        case "sum":
            labels, body = generator.data
            node = _product(body)
            for label in reversed(labels):
                node = g.total(label, node)
            return node
        case "max":
            label, body, mask = generator.data
            if thaw(mask) != {(): 1}:
                raise ValueError("a masked maximum has no expression")
            return g.largest(label, expression(thaw(body)))
        case kind:
            raise ValueError(f"a generator {kind} has no expression")
