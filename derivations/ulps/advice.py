"""Where a rule loses digits, and a formula that keeps them: proved equal, and named if it is there.

A formula that loses digits is looked for in the graph of the code as it stands. Equal expressions
are the same node there, so it is found by writing it with every part of the graph as its argument.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from derivations import graph as g
from derivations.graph import Node, nodes_of
from derivations.lift import Unsupported
from derivations.substitute import substituted
from derivations.ulps.accuracy import Accuracy
from derivations.ulps.scalar import X, lifted_parts, node_of
from derivations.ulps.show import figure

LOST = 16.0  # ulps: four bits, from where on digits count as lost


class Rewrite(NamedTuple):
    """A formula that loses digits, and one that is equal and keeps them.

    Attributes:
      name: The formula that loses them.
      instead: The other one.
      loses: How it may be written in code.
      keeps: The code of the other one.
      primitive: What the code calls if it computes it well already, though it reads the same.
    """

    name: str
    instead: str
    loses: tuple[Callable[[Any], Any], ...]
    keeps: Callable[[Any], Any]
    primitive: str = ""


def _tanh_slope(x: Any) -> Any:
    r = jnp.exp(-jnp.abs(x))
    root = 2 * r / (1 + r * r)
    return root * root


REWRITES = (
    Rewrite(
        "1 - tanh(x)²",
        "(2 r / (1 + r²))² with r = exp(-|x|)",
        (
            lambda x: 1 - jnp.tanh(x) ** 2,
            lambda x: 1 - jnp.tanh(x) * jnp.tanh(x),
            lambda x: (1 - jnp.tanh(x)) * (1 + jnp.tanh(x)),
        ),
        _tanh_slope,
    ),
    Rewrite(
        "σ(x) (1 - σ(x))",
        "σ(x) σ(-x)",
        (lambda x: jax.lax.logistic(x) * (1 - jax.lax.logistic(x)),),
        lambda x: jax.lax.logistic(x) * jax.lax.logistic(-x),
    ),
    Rewrite(
        "1 - σ(x)",
        "σ(-x)",
        (lambda x: 1 - jax.lax.logistic(x),),
        lambda x: jax.lax.logistic(-x),
    ),
    Rewrite("exp(x) - 1", "expm1(x)", (lambda x: jnp.exp(x) - 1,), jnp.expm1, "expm1"),
    Rewrite("log(1 + x)", "log1p(x)", (lambda x: jnp.log(1 + x),), jnp.log1p, "log1p"),
)


def advice(function: Any, report: Accuracy) -> list[str]:
    """Tells where digits are lost, and which formulas in the code would keep them.

    Args:
      function: What was measured.
      report: What was measured of it.

    Returns:
      Sentences; none if no error exceeds 16 ulps and no answer is of the wrong kind.

    Example:
      >>> from derivations import accuracy
      >>> wasteful = lambda x: 1 - jax.lax.logistic(x)
      >>> for line in advice(wasteful, accuracy(wasteful, dtype="bfloat16")):
      ...     print(line)
      value: digits are lost, up to 256 ulps, worst at x = 15.25
        there is 1 - σ(x) in it, which is equal to σ(-x); that keeps them
      derivative: digits are lost, up to 256 ulps, worst at x = 15.25
        there is σ(x) (1 - σ(x)) in it, which is equal to σ(x) σ(-x); that keeps them
    """
    lines = []
    for part in ("value", "derivative"):
        errors = getattr(report, part)
        if errors.maximum <= LOST and errors.sound:
            continue
        at = errors.all.at
        lines.append(
            f"{part}: digits are lost, up to {figure(errors.maximum)} ulps, worst at x = {at:.6g}"
        )
        lines += [
            f"  there is {r.name} in it, which is equal to {r.instead}; that keeps them"
            for r in _found(function, part, report.dtype)
        ]
    return lines


def _found(function: Any, part: str, dtype: str) -> list[Rewrite]:
    try:
        node, primitives = lifted_parts(function, dtype)[part]
    except (Unsupported, TypeError):
        return []
    parts = nodes_of(node)
    found = []
    for rewrite in REWRITES:
        if rewrite.primitive and rewrite.primitive in primitives:
            continue
        if any(_stands_in(parts, node_of(code)) for code in rewrite.loses):
            found.append(rewrite)
    # What holds another formula that was found says it all.
    return [r for r in found if not any(_inside(r, o) for o in found if o is not r)]


def _inside(inner: Rewrite, outer: Rewrite) -> bool:
    parts = nodes_of(node_of(outer.loses[0]))
    return any(_stands_in(parts, node_of(code), (X,)) for code in inner.loses)


def _stands_in(parts: set[Node], formula: Node, arguments: Any = None) -> bool:
    """Tells whether a formula stands somewhere, with whatever for its argument."""
    numbers = [n for n in parts if n.op not in ("const", "true", "false", "compare", "not", "and")]
    # A factor of the argument may have gone into one beside it: tanh(3 x) holds e^(6 x).
    scaled = [g.mul(g.const(c), n) for n in numbers for c in (0.5, -1)]
    for a in arguments or (*numbers, *scaled):
        here = _with(formula, a)
        if here in parts:
            return True
        if here.op in ("mul", "add") and any(_holds(n, here) for n in parts if n.op == here.op):
            return True
    return False


def _with(formula: Node, argument: Node) -> Node:
    # Put together a second time, so that the numbers of nested products become one.
    return substituted(substituted(formula, "x", lambda _: argument), "x", lambda _: X)


def _holds(node: Node, formula: Node) -> bool:
    """Tells whether the terms or factors of one node are among those of another."""
    left = list(node.args)
    for part in formula.args:
        if part not in left:
            return False
        left.remove(part)
    # Of a sum the number is part: 1 - s is not in 3 - s.
    return formula.op == "mul" or all(n.op != "const" for n in left if n is not g.ZERO)
