"""Unknown numbers in the place of maxima, and unknown truth values in that of comparisons.

What is equal whatever a maximum is, and whichever way a comparison falls, is equal. The maximum
that is subtracted before an exponential cancels so, on the boundaries too, and there is one region
in place of one for every order of the numbers.
"""

from collections.abc import Iterator

from derivations import graph as g
from derivations.graph import Node, nodes_of
from derivations.kernels import Unnormalised
from derivations.normal import Normaliser
from derivations.polynomial import Frozen, Gen, TooLarge, freeze
from derivations.regions import Split
from derivations.substitute import replaced

# How the unknowns' names begin: no argument's name has a space.
_MAX, _SIDE, _SUM = "max ", "side ", "sum "
_EVERYWHERE = frozenset({"exp", "erf", "sin", "cos", "atan", "floor"})  # kernels of all numbers
_PLAIN = frozenset({
    "entry", "const", "pi", "add", "mul", "select", "compare", "not", "and", "true", "false",
})  # fmt: skip


def cut(found: Node, truth: Node) -> tuple[Node, Node] | None:
    """Gives two expressions with unknowns for what they compare; `None` if they compare nothing.

    What is the same in the two stays the same. Only what has a value at every point goes, so that
    nothing is defined that was not.

    Example:
      >>> x, y = g.entry("x", ()), g.entry("y", ())
      >>> one, other = cut(g.maximum(x, y), g.sub(g.maximum(x, y), x))
      >>> other is g.sub(one, x), one is g.maximum(x, y)
      (True, False)
    """
    extremes = {n: _number(n) for n in _valued(found, truth) if _is_extreme(n)}
    found, truth = replaced(found, extremes), replaced(truth, extremes)
    comparisons = {
        n: _truth(n) for n in _valued(found, truth) if n.op == "compare" and not n.data[1]
    }
    if not extremes and not comparisons:
        return None
    return replaced(found, comparisons), replaced(truth, comparisons)


def cut_exponents(found: Node, truth: Node, forms: Normaliser) -> tuple[Node, Node] | None:
    """Gives two expressions with an unknown number for each sum that is a factor in an exponent.

    The weights of attention hang on their scores alone, whatever these are sums of. `None` if there
    are no such sums.

    Args:
      found: The one.
      truth: The other.
      forms: Normal forms that are known already; sums with the same one are the same unknown.

    Example:
      >>> x, y = g.entry("x", ()), g.entry("y", ())
      >>> weight = g.exp(g.mul(g.const(2), g.add(x, y)))
      >>> one, _ = cut_exponents(g.mul(x, weight), x, Normaliser())
      >>> [n.op for n in one.args], weight in one.args
      (['entry', 'kernel'], False)
    """
    valued = set(_valued(found, truth))
    inside = [n.args[0] for n in valued if n.op == "kernel" and n.data == "exp"]
    sums = {f for e in inside for f in _factors(e) if f.op == "add"}
    put: dict[Node, Node] = {}
    first: dict[Frozen, Node] = {}
    for node in sorted(sums, key=lambda n: n.uid):
        try:
            form = freeze(forms.poly(node, {}))
        except (Split, Unnormalised, TooLarge):
            continue
        put[node] = g.entry(f"{_SUM}{first.setdefault(form, node).uid}", ())
    return (replaced(found, put), replaced(truth, put)) if put else None


def _factors(exponent: Node) -> Iterator[Node]:
    """Gives the factors of the terms of an exponent."""
    for term in exponent.args if exponent.op == "add" else (exponent,):
        yield from term.args if term.op == "mul" else (term,)


def is_unknown(generator: Gen) -> bool:
    """Tells whether a generator of a normal form is such an unknown."""
    return generator.kind == "entry" and generator.data[0].startswith((_MAX, _SIDE, _SUM))


def _number(extreme: Node) -> Node:
    return g.entry(f"{_MAX}{extreme.uid}", ())


def _truth(comparison: Node) -> Node:
    """Gives the unknown truth value of a comparison of reals: a <= b where b < a is not."""
    (op, _), (a, b) = comparison.data, comparison.args
    if op == "le":
        return g.not_(_truth(g.compare("lt", b, a)))
    unknown = g.entry(f"{_SIDE}{comparison.uid}", (), numbers="whole")
    return g.compare("eq", unknown, g.ONE, whole=True)


def _is_extreme(node: Node) -> bool:
    """Tells whether a choice is the larger or the smaller of two real numbers."""
    if node.op != "select" or node.args[0].op != "compare":
        return False
    comparison, *sides = node.args
    op, whole = comparison.data
    return op != "eq" and not whole and set(sides) == set(comparison.args)


def _valued(*roots: Node) -> list[Node]:
    """Gives the closed nodes that surely have a real value, or a truth value, at every point."""
    valued: set[Node] = set()
    positive: set[Node] = set()  # constants
    for node in sorted(nodes_of(*roots), key=lambda n: n.uid):
        constant = positive.issuperset(node.args)
        fine = node.op in _PLAIN or (
            (node.op == "kernel" and (node.data in _EVERYWHERE or constant))
            or (node.op == "pow" and (node.data > 0 or constant))
        )
        if fine and not node.free and valued.issuperset(node.args):
            valued.add(node)
            if _is_positive(node, constant):
                positive.add(node)
    return sorted(valued, key=lambda n: n.uid)


def _is_positive(node: Node, of_positive: bool) -> bool:
    """Tells whether a node is a positive number of the code; `of_positive`: made of such alone."""
    match node.op:
        case "const":
            return node.data > 0
        case "pi":
            return True
        case "kernel":
            return of_positive and node.data in ("exp", "sqrt")
        case op:
            return of_positive and op in ("mul", "pow")
