"""What the corpus is made of: operations, and right and wrong backward passes of them.

Code is written once for NumPy and for JAX: each function takes the array module first, so that what
`check` reads through `jax.numpy` is also evaluated by NumPy, in float64 and without JAX, where a
counterexample is confirmed.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from functional_nn import Rule

Door = Literal["rule", "custom_vjp", "custom_jvp"]
Point = Literal["generic", "exposing", "blind"]
NOT_COTANGENTS = ("value", "linear", "kinks", "second order", "contract")


class Operation(NamedTuple):
    """A function of arrays, with example arguments.

    Attributes:
      primal: `primal(xp, *args)`.
      arguments: Shapes and dtypes; or arrays, where a test at these values is meant.
      static: The places of the arguments that are Python values, a custom rule's `nondiff_argnums`.
      sizes: For which sizes it is checked.
    """

    primal: Callable[..., Any]
    arguments: tuple[Any, ...]
    static: tuple[int, ...] = ()
    sizes: Literal["all", "given"] = "all"


class Entry(NamedTuple):
    """A rule of the corpus.

    Attributes:
      name: What is wrong, or how it is right.
      operation: What it is a rule of.
      bwd: `bwd(xp, residuals, dy)`; for `custom_jvp`, `jvp(xp, primals, tangents)`.
      fwd: `fwd(xp, *args)`; without one, all arguments are kept.
      door: As what it is handed to `check`.
      number: Its class; 0 for a right rule that is no mutant.
      breaks: The obligations that a wrong rule has to fail, and no others.
      point: Where it stands: at a typical place with parameters that are no defaults, where it
        shows most, or where a random test point does not see it.
      open: If today's checker cannot decide it: a part of the reason in the report, or what is
        missing where the report has no reason.
      slow: Whether it is left to the nightly run.
    """

    name: str
    operation: Operation
    bwd: Callable[..., Any]
    fwd: Callable[..., Any] | None = None
    door: Door = "rule"
    number: int = 0
    breaks: frozenset[str] = frozenset()
    point: Point = "generic"
    open: str = ""
    slow: bool = False


RIGHT: list[Entry] = []
WRONG: list[Entry] = []


def right(
    operation: Operation,
    fwd: Callable[..., Any] | None = None,
    *,
    door: Door = "rule",
    number: Literal[0, 32, 33, 53] = 0,
    open: str = "",
    slow: bool = False,
):
    """Registers a right rule.

    Its number is 32 if it is wrong by its rounding alone, 33 if it is a convention at a kink, and
    53 if it is an equivalent mutant.
    """

    def register(bwd: Callable[..., Any]) -> Callable[..., Any]:
        entry = Entry(bwd.__name__, operation, bwd, fwd, door, number, open=open, slow=slow)
        RIGHT.append(entry)
        return bwd

    return register


def wrong(
    number: int,
    operation: Operation,
    *breaks: str,
    fwd: Callable[..., Any] | None = None,
    door: Door = "rule",
    point: Point = "generic",
    open: str = "",
    slow: bool = False,
):
    """Registers a mistake; `breaks` are arguments, or obligations that are no cotangent.

    One mistake may be registered at several points, with an operation for each.
    """
    failed = frozenset(b if b in NOT_COTANGENTS else f"cotangent[{b}]" for b in breaks)

    def register(bwd: Callable[..., Any]) -> Callable[..., Any]:
        taken = {entry.name for entry in WRONG}
        ways = (bwd.__name__, f"{bwd.__name__}-{point}", f"{bwd.__name__}-{point}-{door}")
        name = next(name for name in ways if name not in taken)
        entry = Entry(name, operation, bwd, fwd, door, number, failed, point, open, slow)
        WRONG.append(entry)
        return bwd

    return register


def as_rule(entry: Entry, xp: Any) -> Rule:
    """Gives the passes of an entry in an array module, whatever its door."""
    primal = partial(entry.operation.primal, xp)

    def keep_all(*args: Any) -> tuple[Any, Any]:
        return primal(*args), args

    fwd = keep_all if entry.fwd is None else partial(entry.fwd, xp)
    return Rule(entry.name, primal, fwd, partial(entry.bwd, xp))


def as_handed_over(entry: Entry) -> Any:
    """Gives what `check` is handed: the entry through its door."""
    rule = as_rule(entry, jnp)
    if entry.door == "rule":
        return rule
    static = entry.operation.static
    if entry.door == "custom_jvp":
        forward = jax.custom_jvp(rule.primal, nondiff_argnums=static)
        forward.defjvp(lambda *given: rule.bwd(*given[len(static) :]))
        return forward
    reverse = jax.custom_vjp(rule.primal, nondiff_argnums=static)
    reverse.defvjp(rule.fwd, lambda *given: rule.bwd(*given[len(static) :]))
    return reverse


def keep_output(primal: Callable[..., Any]) -> Callable[..., Any]:
    """Gives the forward pass that keeps its output alone."""

    def fwd(xp: Any, *args: Any) -> tuple[Any, Any]:
        y = primal(xp, *args)
        return y, y

    return fwd


def floats(*shapes: tuple[int, ...]) -> tuple[jax.ShapeDtypeStruct, ...]:
    return tuple(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes)


def labels(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.int32)


def mask(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.bool_)
