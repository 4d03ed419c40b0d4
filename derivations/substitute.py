"""Putting expressions in for a tensor of a graph, or for some of its nodes."""

from collections.abc import Callable, Mapping

from derivations import graph as g
from derivations.graph import At, Node, nodes_of


def substituted(node: Node, tensor: str, value: Callable[[tuple[At, ...]], Node]) -> Node:
    """Gives a graph with every entry of one tensor replaced.

    Nothing is captured: an index variable is an object of its own, so what `value` gives must bind
    no index variable that the graph binds too, which holds if it was read on its own.

    Args:
      node: The graph.
      tensor: The tensor that goes.
      value: What comes for it, at a position.

    Example:
      >>> x, y = (g.entry(name, ()) for name in "xy")
      >>> substituted(g.exp(x), "x", lambda at: g.add(y, g.ONE)) is g.exp(g.add(y, g.ONE))
      True
    """
    memory: dict[Node, Node] = {}

    def replaced(node: Node) -> Node:
        found = memory.get(node)
        if found is None:
            if node.op == "entry" and node.data[0] == tensor:
                found = value(node.data[1])
            elif node.args:
                found = _rebuilt(node, tuple(map(replaced, node.args)))
            else:
                found = node
            memory[node] = found
        return found

    return replaced(node)


def replaced(node: Node, put: Mapping[Node, Node]) -> Node:
    """Gives a graph with others in the place of some of its nodes, the outermost ones first.

    Example:
      >>> x, y = (g.entry(name, ()) for name in "xy")
      >>> replaced(g.exp(g.add(x, y)), {g.add(x, y): y}) is g.exp(y)
      True
    """
    if not put:
        return node
    memory: dict[Node, Node] = {}
    for part in sorted(nodes_of(node), key=lambda n: n.uid):  # each after all that it is made of
        if part in put or not part.args:
            memory[part] = put.get(part, part)
        else:
            memory[part] = _rebuilt(part, tuple(memory[a] for a in part.args))
    return memory[node]


def _rebuilt(node: Node, args: tuple[Node, ...]) -> Node:
    match node.op:
        case "add":
            return g.add(*args)
        case "mul":
            return g.mul(*args)
        case "pow":
            return g.power(args[0], node.data)
        case "kernel":
            return g.kernel(node.data, args[0])
        case "compare":
            op, whole = node.data
            return g.compare(op, *args, whole=whole)
        case "not":
            return g.not_(args[0])
        case "and":
            return g.and_(*args)
        case "select":
            return g.select(*args)
        case "sum":
            return g.total(node.data, args[0])
        case "rmax":
            return g.largest(node.data, args[0])
        case "argmax":
            bound, at = node.data
            return g.argmax_is(bound, args[0], at)
        case "apply":
            name, slots, at = node.data
            return g.apply(name, slots, args, at)
        case op:
            raise AssertionError(f"a node {op} has no arguments")
