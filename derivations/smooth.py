"""Expressions that are smooth in spite of what they compare: where all of it cancels.

If an expression has the same normal form whatever its maxima are, and whichever way its comparisons
fall, and divides by nothing that may be zero, then it is one analytic function of the real inputs
at every point, and there is no boundary to look at.
"""

from derivations.cases import in_cases
from derivations.cuts import cut, is_unknown
from derivations.graph import Node, nodes_of
from derivations.kernels import Unnormalised
from derivations.normal import Normaliser, everywhere
from derivations.polynomial import Gen, TooLarge, freeze, gens, thaw
from derivations.regions import Split
from derivations.signs import never_zero, of_sum, whole

_ANALYTIC = frozenset(
    {"entry", "exp", "log", "sqrt", "inv", "erf", "sin", "cos", "atan", "pi", "size", "index"}
)


def smooth(node: Node, forms: Normaliser) -> bool:
    """Tells whether an expression surely is an analytic function of its real inputs everywhere.

    Args:
      node: The expression.
      forms: Normal forms that are known already; what is found here is added to them.

    Example:
      >>> from derivations import graph as g
      >>> x, y = g.entry("x", ()), g.entry("y", ())
      >>> shifted = g.add(g.exp(g.sub(x, g.maximum(x, y))), g.exp(g.sub(y, g.maximum(x, y))))
      >>> smooth(g.add(g.maximum(x, y), g.log(shifted)), Normaliser())
      True
      >>> smooth(g.maximum(x, y), Normaliser())
      False
      >>> smooth(g.select(g.compare("eq", x, y), g.ZERO, g.sub(x, y)), Normaliser())
      False
    """
    return all(_is_smooth(one, forms) for one, _ in in_cases(node, node))


def _is_smooth(node: Node, forms: Normaliser) -> bool:
    node, _ = cut(node, node) or (node, node)
    if any(map(_branches, nodes_of(node))):
        return False  # a normal form may decide it as it is off its boundary
    try:
        if not all(map(_analytic, everywhere(forms.poly(node, {})))):
            return False
        return all(_has_value(part, forms) for part in nodes_of(node))
    except (Split, Unnormalised, TooLarge, RecursionError):
        return False


def _branches(node: Node) -> bool:
    """Tells whether a node that no unknown stands for may jump, or have a kink."""
    match node.op:
        case "compare":
            return not node.data[1]  # of whole numbers of the input, as nothing is rounded
        case "kernel":
            return node.data == "floor"
        case op:
            return op in ("rmax", "argmax", "apply")


def _analytic(generator: Gen) -> bool:
    """Tells whether a generator is known, and analytic or locally constant."""
    if generator.kind in ("zero", "less"):
        return all(whole(g) and not is_unknown(g) for g in gens(thaw(generator.data)))
    return generator.kind in _ANALYTIC and not is_unknown(generator)


def _has_value(node: Node, forms: Normaliser) -> bool:
    """Tells whether a quotient, root or logarithm surely is one of what it can be taken of."""
    half = node.op == "kernel" and node.data in ("log", "sqrt")
    if not (half or (node.op == "pow" and int(node.data) < 0)):
        return True
    inside = freeze(forms.poly(node.args[0], {}))
    return never_zero(inside) and (not half or of_sum(inside, {}) == 1)
