"""Theorems about functions of which nothing is known: equations, proved entry by entry."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from derivations import clock
from derivations import graph as g
from derivations.differentiate import derivative
from derivations.equality import equal
from derivations.graph import At, Index, Node
from derivations.lift import Array, Assumptions, Unsupported
from derivations.trace import Shapes, lifted
from derivations.verdict import Obligation, Verdict


def proved(
    base: Obligation,
    claims: Callable[[], Sequence[tuple[Node, Node]]],
    start: float,
    deadline: float,
) -> Obligation:
    """Gives the obligation as it stands if all claims hold, else undecided with the reason.

    Args:
      base: The obligation, proved.
      claims: Gives pairs of what was found and what is true. What it raises is a reason.
      start: When the work on it began, by `clock.now`.
      deadline: When to give up.
    """
    reason = ""
    try:
        for found, truth in claims():
            outcome = equal(found, truth, deadline=deadline)
            if not outcome.equal:
                reason = outcome.reason
                break
    except Exception as error:  # whatever a wrong combinator raises on unknown layers
        reason = (str(error).splitlines() or [type(error).__name__])[0]
    if reason:
        base = base._replace(verdict=Verdict.UNDECIDED, reason=reason)
    return base._replace(seconds=clock.now() - start)


def of_passes(
    primal: Callable[..., list[Any]],
    value: Callable[..., list[Any]],
    pulled: Callable[..., list[Any]],
    avals: Sequence[Any],
    names: Sequence[str],
    of: Sequence[str],
    cotangent: str,
) -> list[tuple[Node, Node]]:
    """Claims that `pulled` is the chain rule for `primal`, and that both give the same value."""
    (output,), (same,), gradients = (lifts(f, avals, names) for f in (primal, value, pulled))
    if len(gradients) != len(of):
        raise Unsupported(f"{len(gradients)} cotangents came, for {len(of)} arguments")
    claims = [same_entries(same, output)]
    for name, gradient in zip(of, gradients, strict=True):
        claims.append(is_cotangent(gradient, output, cotangent, name))
    return claims


def lifts(
    function: Callable[..., list[Any]], avals: Sequence[Any], names: Sequence[str]
) -> list[Array]:
    """Gives what a function of unknown arrays computes."""
    found = lifted(function, Shapes(tuple(avals), {}, ""), names, Assumptions())
    return [array for array in found if array is not None]


def same_entries(found: Array, truth: Array) -> tuple[Node, Node]:
    """Claims that two arrays are the same."""
    at = general(truth)
    return found.at(*at), truth.at(*at)


def is_cotangent(found: Array, output: Array, cotangent: str, name: str) -> tuple[Node, Node]:
    """Claims that an array is `output` differentiated in an input, times a cotangent if named."""
    at, where = general(output), general(found)
    term = derivative(output.at(*at), name, where)
    if cotangent:
        term = g.mul(g.entry(cotangent, at), term)
    for index in reversed(at):
        if isinstance(index, Index):
            term = g.total(index, term)
    return found.at(*where), term


def general(array: Array) -> tuple[At, ...]:
    """Gives a position that stands for every position."""
    return tuple(0 if d == 1 else Index("i", d) for d in array.shape)


def floats(*shape: Any) -> jax.ShapeDtypeStruct:
    """Gives an array of real numbers to trace with."""
    return jax.ShapeDtypeStruct(shape, jnp.float64)
