"""What is measured: a function of one number, with its rule, and what it means over the reals."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from derivations import graph as g
from derivations.differentiate import derivative
from derivations.doors import subject_of
from derivations.found import as_subject
from derivations.graph import Index, Node, nodes_of
from derivations.lift import Assumptions, Unsupported
from derivations.subject import Subject, is_plain
from derivations.substitute import substituted
from derivations.trace import jaxprs_of, lifted, stripped, symbolic

_LENGTH = 5  # of the example; the proof that entries do not mix speaks for every length


class NotElementwise(TypeError):
    """An entry of the result depends on more than the same entry of the argument."""


class Scalar(NamedTuple):
    """A function of one number.

    Attributes:
      name: What it is called.
      value: Its code, over an array of numbers.
      slope: Its derivative, as its rule or `jax.grad` gives it, over an array of numbers.
      truth: The function over the real numbers, as lifted from its code; the variable is `X`.
      derived: The derivative of that.
      assumptions: What the reading took for granted.
    """

    name: str
    value: Callable[[jax.Array], jax.Array]
    slope: Callable[[jax.Array], jax.Array]
    truth: Node
    derived: Node
    assumptions: tuple[str, ...]


X = g.entry("x", (0,))


def scalar(thing: Any, dtype: Any, definition: Callable[..., Any] | None = None) -> Scalar:
    """Reads a function of one number.

    Args:
      thing: A `Rule`, a `jax.custom_vjp` or `jax.custom_jvp` function, or a plain function of one
        array or number.
      dtype: A floating dtype.
      definition: The function that it ought to be, if that is not what its code says over the
        reals (`primal` of a rule).

    Raises:
      NotElementwise: Entries mix.
      TypeError: It does not take one array of this dtype, or its result is not floating.
      Unsupported: The code cannot be read over the reals.
    """
    example = jax.ShapeDtypeStruct((_LENGTH,), dtype)
    subject = _subject(thing, example)
    name = subject.name
    out = jax.eval_shape(subject.value, example)
    if len(out) != 1 or not jnp.issubdtype(out[0].dtype, jnp.floating):
        found = ", ".join(str(o.dtype) for o in out)
        raise TypeError(
            f"accuracy takes a function with one floating result. {name} gives {found}."
        )
    if out[0].shape != example.shape:
        raise NotElementwise(
            f"{name} is not element-wise: it takes an array of shape {example.shape} to one of "
            f"shape {out[0].shape}. accuracy measures functions of one number; see losses for "
            "those of a row."
        )
    meant = subject if definition is None else _subject(definition, example)
    assumptions = Assumptions(subject.assumptions)
    truth = _entrywise(name, meant.primal, assumptions)

    def slope(x: jax.Array) -> jax.Array:
        return subject.pull([x], [jnp.ones(x.shape, out[0].dtype)])[0]

    return Scalar(
        name,
        lambda x: subject.value(x)[0],
        slope,
        truth,
        derivative(truth, "x", (0,)),
        tuple(sorted(assumptions)),
    )


def _subject(thing: Any, example: jax.ShapeDtypeStruct) -> Subject:
    if not is_plain(thing):
        _of_one(getattr(thing, "name", getattr(thing, "__name__", "the rule")), thing)
        return subject_of(thing, [example])
    name = getattr(thing, "__name__", type(thing).__name__)
    try:
        jax.eval_shape(thing, example)
    except (TypeError, ValueError, IndexError) as error:
        # It may take single numbers only (a condition on its argument, say).
        number = jax.ShapeDtypeStruct((), example.dtype)
        try:
            jax.eval_shape(thing, number)
        except (TypeError, ValueError, IndexError):
            raise TypeError(
                f"accuracy takes a function of one argument, an array or a number. {name} does not "
                f"take an array of shape {example.shape}: {error}"
            ) from error
        return as_subject(name, jax.vmap(thing), [example])
    return as_subject(name, thing, [example])


def _of_one(name: str, rule: Any) -> None:
    parameters = inspect.signature(getattr(rule, "primal", rule)).parameters.values()
    needed = [p for p in parameters if p.default is p.empty and p.kind <= p.POSITIONAL_OR_KEYWORD]
    if len(needed) > 1:
        raise TypeError(
            f"accuracy takes a function of one argument. {name} has several: "
            f"{', '.join(p.name for p in needed)}. Fix the others: lambda x: {name}(x, ...)."
        )


def node_of(code: Callable[[Any], Any]) -> Node:
    """Gives a function of one number over the reals."""
    return _entrywise("a formula", lambda x: [code(x)], Assumptions())


def lifted_parts(thing: Any, dtype: Any) -> dict[str, tuple[Node, set[str]]]:
    """Gives value and derivative over the reals as their code has them, with its primitives."""
    subject = _subject(thing, jax.ShapeDtypeStruct((_LENGTH,), dtype))

    def slope(x: jax.Array) -> list[Any]:
        return list(subject.pull([x], [jnp.ones_like(subject.value(x)[0])]))

    found = {}
    for part, code in (("value", subject.value), ("derivative", slope)):
        closed = jax.make_jaxpr(code)(jax.ShapeDtypeStruct((_LENGTH,), dtype))
        found[part] = _entrywise(part, code, Assumptions()), _primitives(closed.jaxpr)
    return found


def _primitives(jaxpr: Any) -> set[str]:
    names = {eqn.primitive.name for eqn in jaxpr.eqns}
    return names.union(*(_primitives(i) for eqn in jaxpr.eqns for i in jaxprs_of(eqn)))


def _entrywise(name: str, code: Callable[..., Any], assumptions: Assumptions) -> Node:
    """Gives entry i of the result with entry i of the argument as the variable."""
    shapes = symbolic([jax.ShapeDtypeStruct((_LENGTH,), jnp.float32)], ["x"])
    (result,) = lifted(stripped(code, custom_jvp=True), shapes, ["x"], assumptions)
    if result is None:
        raise Unsupported(f"{name} has no result")
    (length,) = result.shape
    i = Index("i", length)
    node = result.at(i)
    for part in nodes_of(node):
        if part.op == "entry" and part.data[1] != (i,):
            where = part.data[1][0]
            which = "all entries" if isinstance(where, Index) else f"entry {where}"
            raise NotElementwise(
                f"{name} is not element-wise: entry i of its result depends on {which} of its "
                "argument. accuracy measures functions of one number."
            )
        if part.op in ("index", "size"):
            of = "position i" if part.op == "index" else f"length {length} of the array"
            raise NotElementwise(
                f"{name} is not element-wise: entry i of its result depends on the {of} as well. "
                "accuracy measures functions of one number."
            )
    return substituted(node, "x", lambda _: X)
