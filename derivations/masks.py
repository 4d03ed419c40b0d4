"""Masks: choices with an infinite branch, as they stand before a softmax.

An infinity must never meet a real number in a formula. So what is done to a masked number is done
inside the mask: the larger of `x if p else -inf` and y is `max(x, y) if p else y`.
"""

from collections.abc import Callable, Sequence
from functools import cache

from derivations import graph as g
from derivations.graph import Node

MOST_BRANCHES = 128  # that several masks together may lead to


class ManyMasks(Exception):
    """More masks meet in one number than can be told apart."""


def choice(condition: Node, if_true: Node, if_false: Node) -> Node:
    """Gives one of two values; of two truth values, without a choice where one is known."""
    if if_true is g.TRUE and if_false is g.FALSE:
        return condition
    if if_true is g.TRUE:
        return g.or_(condition, if_false)
    if if_true is g.FALSE:
        return g.and_(g.not_(condition), if_false)
    if if_false is g.TRUE:
        return g.or_(g.not_(condition), if_true)
    if if_false is g.FALSE:
        return g.and_(condition, if_true)
    return g.select(condition, if_true, if_false)


@cache
def _branches(node: Node) -> int:
    """Gives how many branches a mask has; one for what has no infinite branch."""
    if node.op != "select" or not _infinite(node):
        return 1
    return sum(map(_branches, node.args[1:]))


@cache
def _infinite(node: Node) -> bool:
    return node.op == "inf" or (node.op == "select" and any(map(_infinite, node.args[1:])))


@cache
def is_finite_number(node: Node) -> bool:
    """Tells whether a value is a number, neither a truth value nor one that may be infinite."""
    if node.op == "select":
        return all(map(is_finite_number, node.args[1:]))
    return node.op not in ("true", "false", "compare", "not", "and", "inf", "nan")


def outside_masks(function: Callable[..., Node], args: Sequence[Node]) -> Node:
    """Applies a function inside every mask."""
    count = 1
    for a in args:
        count *= _branches(a)
    if count == 1:
        return function(*args)
    if count > MOST_BRANCHES:
        raise ManyMasks(f"{count} branches of masks in one number")
    condition = next(a.args[0] for a in args if _branches(a) > 1)
    return choice(
        condition,
        outside_masks(function, [_branch(a, condition, 1) for a in args]),
        outside_masks(function, [_branch(a, condition, 2) for a in args]),
    )


def _branch(node: Node, condition: Node, which: int) -> Node:
    return node.args[which] if node.op == "select" and node.args[0] is condition else node


def sum_of(terms: Sequence[Node]) -> Node:
    """Gives a sum: infinite if any masked term is, else the sum of what is behind the masks."""
    masked = [t for t in terms if _branches(t) > 1]
    signs = {sign for t in terms for sign in _signs(t)}
    if len(masked) < 2 or len(signs) > 1 or g.NAN in terms:
        return outside_masks(g.add, terms)
    infinite = g.FALSE
    for t in terms:
        infinite = g.or_(infinite, _is_infinite(t))
    return choice(infinite, g.const(signs.pop() * float("inf")), g.add(*map(_finite, terms)))


@cache
def _signs(node: Node) -> frozenset[int]:
    if node.op == "inf":
        return frozenset((node.data,))
    if not _infinite(node):
        return frozenset()
    return frozenset[int]().union(*map(_signs, node.args[1:]))


@cache
def _is_infinite(node: Node) -> Node:
    if node.op == "inf" or not _infinite(node):
        return g.TRUE if node.op == "inf" else g.FALSE
    condition, yes, no = node.args
    return choice(condition, _is_infinite(yes), _is_infinite(no))


@cache
def _finite(node: Node) -> Node:
    if node.op == "inf" or not _infinite(node):
        return g.ZERO if node.op == "inf" else node
    condition, yes, no = node.args
    return g.select(condition, _finite(yes), _finite(no))
