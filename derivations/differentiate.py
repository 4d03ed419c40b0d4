"""The project's own differentiation of the graph: `jax.grad` is checked by it, not the judge.

`derivative` goes forward, to one entry, through sums over index variables too; `gradient` goes
backward through a graph whose sums are written out, to every entry in one sweep.
"""

from collections.abc import Callable, Iterator

from derivations import graph as g
from derivations.graph import At, Node

# d kernel(a) / d a, written with the kernels themselves.
_KERNEL_DERIVATIVES = {
    "exp": lambda a: g.exp(a),
    "log": lambda a: g.power(a, -1),
    "sqrt": lambda a: g.mul(g.const(0.5), g.power(g.kernel("sqrt", a), -1)),
    "erf": lambda a: g.mul(
        g.const(2), g.power(g.kernel("sqrt", g.PI), -1), g.exp(g.neg(g.power(a, 2)))
    ),
    "sin": lambda a: g.kernel("cos", a),
    "cos": lambda a: g.neg(g.kernel("sin", a)),
}


class Undifferentiable(Exception):
    """The graph holds something whose derivative is not known here."""


def derivative(node: Node, tensor: str, at: tuple[At, ...]) -> Node:
    """Gives the derivative of a number with respect to the entry `tensor[at]`.

    Off the boundaries that the expression branches on; a choice is differentiated branch by branch.
    """
    return _derivative(node, tensor, at, {})


def gradient(root: Node) -> dict[tuple[str, tuple[At, ...]], Node]:
    """Gives the derivative of a number with respect to every entry it depends on.

    Raises:
      Undifferentiable: There is a sum over an index variable in it, or something unknown.
    """
    adjoints: dict[Node, list[Node]] = {root: [g.ONE]}
    found: dict[tuple[str, tuple[At, ...]], Node] = {}
    for node in _users_first(root):
        adjoint = g.add(*adjoints.pop(node, ()), g.ZERO)
        if adjoint is g.ZERO:
            continue
        if node.op == "entry":
            tensor, at, _ = node.data
            found[tensor, at] = adjoint
            continue
        for child, term in _pulled_back(node, adjoint):
            adjoints.setdefault(child, []).append(term)
    return found


def _users_first(root: Node) -> list[Node]:
    """Gives the nodes that carry numbers, each after all that use it."""
    order: list[Node] = []
    entered: set[Node] = set()
    stack = [(root, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in entered:
            entered.add(node)
            stack.append((node, True))
            stack += [(a, False) for a in (node.args[1:] if node.op == "select" else node.args)]
    return order[::-1]


def _pulled_back(node: Node, adjoint: Node) -> Iterator[tuple[Node, Node]]:
    match node.op:
        case "const" | "pi" | "inf" | "nan" | "size" | "index":
            return
        case "add":
            for a in node.args:
                yield a, adjoint
        case "mul":
            for i, a in enumerate(node.args):
                yield a, g.mul(adjoint, *node.args[:i], *node.args[i + 1 :])
        case "pow":
            (a,) = node.args
            yield a, g.mul(adjoint, g.const(node.data), g.power(a, node.data - 1))
        case "kernel":
            (a,) = node.args
            yield a, g.mul(adjoint, _KERNEL_DERIVATIVES[node.data](a))
        case "select":
            condition, yes, no = node.args
            yield yes, g.select(condition, adjoint, g.ZERO)
            yield no, g.select(condition, g.ZERO, adjoint)
        case op:
            raise Undifferentiable(f"the derivative of {op}")


def _derivative(node: Node, tensor: str, at: tuple[At, ...], memory: dict[Node, Node]) -> Node:
    found = memory.get(node)
    if found is None:
        found = memory[node] = _compute(node, tensor, at, memory)
    return found


def _compute(node: Node, tensor: str, at: tuple[At, ...], memory: dict[Node, Node]) -> Node:
    def d(child: Node) -> Node:
        return _derivative(child, tensor, at, memory)

    match node.op:
        case "const" | "pi" | "inf" | "nan" | "size" | "index":
            return g.ZERO
        case "entry":
            name, where, _ = node.data
            if name != tensor:
                return g.ZERO
            return g.mul(*(g.equal_index(i, j) for i, j in zip(where, at, strict=True)), g.ONE)
        case "add":
            return g.add(*map(d, node.args))
        case "mul":
            terms = []
            for i, factor in enumerate(node.args):
                others = node.args[:i] + node.args[i + 1 :]
                terms.append(g.mul(d(factor), *others))
            return g.add(*terms)
        case "pow":
            (a,) = node.args
            return g.mul(g.const(node.data), g.power(a, node.data - 1), d(a))
        case "kernel":
            (a,) = node.args
            inner = d(a)
            if inner is g.ZERO:
                return g.ZERO
            return g.mul(_KERNEL_DERIVATIVES[node.data](a), inner)
        case "select":
            condition, yes, no = node.args
            return g.select(condition, d(yes), d(no))
        case "sum":
            return g.total(node.data, d(node.args[0]))
        case "rmax":
            bound, (body,) = node.data, node.args
            inner = d(body)
            if inner is g.ZERO:
                return g.ZERO
            return g.total(bound, g.mul(g.argmax_is(bound, body, bound), inner))
        case "apply":
            return g.add(*_through_function(node, d), g.ZERO)
        case op:
            raise Undifferentiable(f"the derivative of {op}")


def _through_function(node: Node, d: Callable[[Node], Node]) -> list[Node]:
    """Gives the chain rule through an unknown function: a sum over every entry of each argument."""
    name, slots, at = node.data
    terms = []
    for argument, (own, body) in enumerate(zip(slots, node.args, strict=True)):
        inner = d(body)
        if inner is g.ZERO:
            continue
        term = g.mul(g.apply(jacobian_name(name, argument), slots, node.args, (*at, *own)), inner)
        for slot in reversed(own):
            term = g.total(slot, term)
        terms.append(term)
    return terms


def jacobian_name(function: str, argument: int) -> str:
    """Gives the name of an unknown function's Jacobian, with entries at (output, input)."""
    return f"∂{argument}{function}"
