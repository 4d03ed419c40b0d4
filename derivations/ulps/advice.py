"""Where a rule loses digits, and a formula that keeps them: proved equal, and named if it is there.

A formula that loses digits is looked for in the graph of the code as it stands. Equal expressions
are the same node there, so it is found by writing it with every part of the graph as its argument.
It is named if it loses digits where the function does. And what is an activation of the library,
over the real numbers, is told so.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from derivations import graph as g
from derivations.graph import Node
from derivations.lift import Unsupported
from derivations.substitute import substituted
from derivations.ulps.accuracy import Accuracy
from derivations.ulps.balls import Points
from derivations.ulps.floats import format_of, ulp
from derivations.ulps.known import known_as, promise
from derivations.ulps.measure import enabled
from derivations.ulps.scalar import X, lifted_parts, node_of, scalar
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
            for r in _found(function, part, report)
        ]
        name = _activation(function, report.dtype)
        bound = None if name is None else getattr(promise(name), part)
        if bound is not None:
            lines.append(
                f"  the function is proved equal to functional_nn.{name}, whose {part} keeps them, "
                f"within {bound:g} ulps in float32"
            )
    return lines


def _activation(function: Any, dtype: str) -> str | None:
    try:
        return known_as(scalar(function, dtype).truth)
    except (Unsupported, TypeError):
        return None


def _found(function: Any, part: str, report: Accuracy) -> list[Rewrite]:
    try:
        node, primitives = lifted_parts(function, report.dtype)[part]
    except (Unsupported, TypeError):
        return []
    regions = [r.errors for r in getattr(report, part).regions]
    worst = np.array([r.at for r in regions if r.maximum > LOST and r.at is not None])
    parts = _computed(node)
    found = []
    for rewrite in REWRITES:
        if rewrite.primitive and rewrite.primitive in primitives:
            continue
        if any(
            _differ(code, rewrite.keeps, argument, worst, report.dtype)
            for code in rewrite.loses
            for argument in _arguments(parts, node_of(code))
        ):
            found.append(rewrite)
    # What holds another formula that was found says it all.
    return [r for r in found if not any(_inside(r, o) for o in found if o is not r)]


def _computed(node: Node) -> set[Node]:
    """Gives the parts of a graph, but not what it only compares: no digit of that is used."""
    found: set[Node] = set()
    pending = [node]
    while pending:
        part = pending.pop()
        if part not in found and part.op != "compare":
            found.add(part)
            pending += part.args
    return found


def _inside(inner: Rewrite, outer: Rewrite) -> bool:
    parts = _computed(node_of(outer.loses[0]))
    return any(X in _arguments(parts, node_of(code), (X,)) for code in inner.loses)


def _differ(one: Any, other: Any, argument: Node, x: np.ndarray, dtype: str) -> bool:
    """Tells whether two formulas part by more than a few ulps at some of the inputs."""
    with enabled(format_of(dtype)):
        given = jnp.asarray(np.array([float(b) for b in Points(x).numbers(argument)]), dtype)
        first, second = (np.asarray(f(given)).astype(np.float64) for f in (one, other))
    with np.errstate(invalid="ignore"):
        return bool((np.abs(first - second) > LOST / 4 * ulp(second, format_of(dtype))).any())


def _arguments(parts: set[Node], formula: Node, among: Any = None) -> list[Node]:
    """Gives the arguments with which a formula stands somewhere."""
    numbers = [n for n in parts if n.op not in ("const", "true", "false", "compare", "not", "and")]
    # A factor of the argument may have gone into one beside it: tanh(3 x) holds e^(6 x).
    scaled = [g.mul(g.const(c), n) for n in numbers for c in (0.5, -1)]
    return [a for a in among or (*numbers, *scaled) if _stands_in(parts, _with(formula, a))]


def _stands_in(parts: set[Node], here: Node) -> bool:
    if here in parts:
        return True
    return here.op in ("mul", "add") and any(_holds(n, here) for n in parts if n.op == here.op)


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
