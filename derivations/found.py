"""Plain functions: every custom rule inside is checked where it stands, and then the whole."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
from jax.extend import core

from derivations import clock
from derivations.lift import source_line
from derivations.single import check_subject
from derivations.subject import Subject, fits, from_passes
from derivations.trace import double_precision, in_double_precision, jaxprs_of, stripped
from derivations.verdict import Report

_CALLS = {"custom_vjp_call": "custom_vjp", "custom_jvp_call": "custom_jvp"}


class Found(NamedTuple):
    """A custom rule inside a jaxpr.

    Attributes:
      name: The function that carries it.
      where: The source line that calls it, or nothing.
      subject: The rule at the shapes it is called with.
    """

    name: str
    where: str
    subject: Subject


def check_function(function: Callable[..., Any], *args: Any, sizes: str, budget: float) -> Report:
    """Checks a function without a rule of its own; the arguments are those of `check`.

    Raises:
      TypeError: There is no hand-written derivative in it either, or the arguments do not fit.
    """
    deadline = clock.now() + budget
    name = getattr(function, "__name__", type(function).__name__)
    subject = as_subject(name, function, fits(name, function, args))
    found = list(_different(rules_inside(function, args)))
    if not found:
        raise TypeError(
            "check needs something with a hand-written derivative: a jax.custom_vjp or "
            "jax.custom_jvp function, a Rule, a Layer, or a function that calls one. "
            f"Got {name}, in which there is none. "
            "Give the function that carries defvjp, or Rule(name, primal, fwd, bwd)."
        )
    parts = []
    for rule in found:
        report = check_subject(rule.subject, sizes="given", budget=budget, deadline=deadline)
        parts.append(report._replace(subject=f"{rule.name}{rule.where}"))
    whole = check_subject(subject, sizes=sizes, budget=budget, deadline=deadline)
    return whole._replace(parts=tuple(parts))


def as_subject(name: str, function: Callable[..., Any], args: Sequence[Any]) -> Subject:
    """Gives a function as a rule: its derivative is the one that JAX makes of the rules inside."""

    def plain(*given: Any) -> Any:
        leaves, tree = jax.tree.flatten(given)
        out = jax.tree.structure(jax.eval_shape(function, *given))
        flat = stripped(
            lambda *some: jax.tree.leaves(function(*jax.tree.unflatten(tree, some))),
            custom_jvp=True,
        )
        return jax.tree.unflatten(out, flat(*leaves))

    return from_passes(
        name, "function", plain, lambda *given: jax.vjp(function, *given),
        lambda pull, ct: pull(ct), args, named=function,
    )  # fmt: skip


def rules_inside(function: Callable[..., Any], args: Sequence[Any]) -> Iterator[Found]:
    """Gives every custom rule that a function calls, those inside others included."""
    with double_precision():
        avals = jax.tree.map(lambda leaf: in_double_precision(jax.typeof(leaf)), list(args))
        closed = jax.make_jaxpr(function)(*avals)
    yield from _inside(closed.jaxpr)


def _inside(jaxpr: Any) -> Iterator[Found]:
    for eqn in jaxpr.eqns:
        kind = _CALLS.get(eqn.primitive.name)
        if kind is not None:
            yield _as_found(eqn, kind)
        for inner in jaxprs_of(eqn):
            yield from _inside(inner)


def _as_found(eqn: Any, kind: Any) -> Found:
    params = eqn.primitive.get_bind_params(eqn.params)
    inputs = [v for v in eqn.invars if not isinstance(v, core.Literal)]

    def call(*arrays: Any) -> Any:
        rest = iter(arrays)
        full = [v.val if isinstance(v, core.Literal) else next(rest) for v in eqn.invars]
        return eqn.primitive.bind(*full, **params)

    info = eqn.params["call_jaxpr"].jaxpr.debug_info
    name = getattr(info, "func_name", None) or kind
    shapes = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in inputs]
    subject = from_passes(
        name, kind, call, lambda *arrays: jax.vjp(call, *arrays), lambda pull, ct: pull(ct), shapes
    )
    names = getattr(info, "arg_names", None) or ()
    if not len(names) == len(inputs) == len(set(names)):
        names = [f"x{i}" for i in range(len(inputs))] if len(inputs) > 1 else ["x"]
    return Found(name, source_line(eqn), subject._replace(names=tuple(map(str, names)), fixed=True))


def _different(found: Iterator[Found]) -> Iterator[Found]:
    """Gives a rule that is called several times at one place, with the same shapes, once."""
    seen = set()
    for rule in found:
        key = (rule.name, rule.where, tuple((s.shape, s.dtype) for s in rule.subject.shapes))
        if key not in seen:
            seen.add(key)
            yield rule
