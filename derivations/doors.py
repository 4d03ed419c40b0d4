"""The ways in: whatever carries a hand-written derivative becomes a `Subject`."""

import inspect
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import jax

from derivations.subject import (
    Subject,
    fits,
    from_passes,
    is_layer,
    is_rule,
    parameters_of,
    require_pair,
)


def subject_of(thing: Any, args: Sequence[Any], *, free: bool = False) -> Subject:
    """Gives the subject of a check.

    Args:
      thing: A `jax.custom_vjp` or `jax.custom_jvp` function, a `Rule`, or a `Layer`.
      args: Example arguments: arrays, `jax.ShapeDtypeStruct`s, Python numbers, or pytrees of them.
      free: Whether static arguments that are positive floats become inputs: hyper-parameters, of
        which the example gives one value.

    Raises:
      TypeError: It has no hand-written derivative, or the arguments do not fit it.
    """
    name = getattr(thing, "__name__", None) or getattr(thing, "name", None) or type(thing).__name__
    if is_rule(thing):
        fits(name, thing.primal, args)
        return from_passes(name, "rule", thing.primal, thing.fwd, thing.bwd, args)
    if is_layer(thing):
        fits(name, thing.apply, args)
        return from_passes(name, "layer", thing.apply, thing.fwd, thing.bwd, args)
    if isinstance(thing, jax.custom_vjp):
        return from_custom_vjp(name, thing, args, free=free)
    if isinstance(thing, jax.custom_jvp):
        return from_custom_jvp(name, thing, args)
    raise TypeError(
        "check needs a jax.custom_vjp or jax.custom_jvp function, a Rule, a Layer, or a "
        "function that calls one. "
        f"Got {thing!r} of type {type(thing).__name__}."
    )


def made_again(thing: Any, args: Sequence[Any]) -> Subject | None:
    """Gives the subject whose value is what a rule or a layer makes again, if it makes it again."""
    if getattr(thing, "again", None) is None or not (is_rule(thing) or is_layer(thing)):
        return None

    def fwd(*given: Any) -> tuple[Any, Any]:
        _, residuals = thing.fwd(*given)
        return thing.again(residuals), residuals

    primal = thing.primal if is_rule(thing) else thing.apply
    return from_passes(thing.name, "rule", primal, fwd, thing.bwd, args)


def as_declared(thing: Any, args: Sequence[Any], declared: Callable[..., Any]) -> Subject:
    """Gives the same subject with another backward pass: `declared(*args, cotangent)`."""

    def pulled(given: Sequence[Any], ct: Any) -> Any:
        result = declared(*given, ct)
        return result if isinstance(result, (tuple, list)) else (result,)

    if isinstance(thing, (jax.custom_vjp, jax.custom_jvp)):
        other = jax.custom_vjp(thing.fun, nondiff_argnums=thing.nondiff_argnums)
        static = len(thing.nondiff_argnums)
        other.defvjp(
            lambda *given: (thing.fun(*given), given),
            lambda *everything: pulled(*everything[static:]),
        )
        return subject_of(other, args)
    primal = thing.primal if is_rule(thing) else thing.apply
    return from_passes(
        "declared", "rule", primal, lambda *given: (primal(*given), given), pulled, args
    )


def from_custom_vjp(name: str, f: Any, args: Sequence[Any], *, free: bool) -> Subject:
    """Gives the subject that a `jax.custom_vjp` function is, its static arguments closed over."""
    if getattr(f, "fwd", None) is None or getattr(f, "bwd", None) is None:
        raise TypeError(f"{name} is a jax.custom_vjp function without a rule. Call defvjp first.")
    given = with_defaults(f.fun, fits(name, f.fun, args))
    static = [i % len(given) for i in f.nondiff_argnums]
    hyper = [i for i in static if free and type(given[i]) is float and given[i] > 0]
    shown = [i for i in range(len(given)) if i not in static or i in hyper]

    def all_arguments(some: Sequence[Any]) -> list[Any]:
        rest = iter(some)
        return [next(rest) if i in shown else given[i] for i in range(len(given))]

    def fwd(*some: Any) -> Any:
        full = all_arguments(some)
        pair = f.fwd(*full)
        require_pair(name, pair)
        return pair[0], (pair[1], [full[i] for i in hyper])

    def bwd(residuals: Any, ct: Any) -> Any:
        own, values = residuals
        held = dict(zip(hyper, values, strict=True))
        result = f.bwd(*(held.get(i, given[i]) for i in static), own, ct)
        if not isinstance(result, (tuple, list)) or len(result) != len(given) - len(static):
            return result  # whoever reads it says what is wrong with it
        rest = iter(result)
        return tuple(None if i in hyper else next(rest) for i in shown)

    subject = from_passes(
        name,
        "custom_vjp",
        lambda *a: f.fun(*all_arguments(a)),
        fwd,
        bwd,
        [given[i] for i in shown],
        named=f.fun,
        skipped=[i for i in static if i not in hyper],
        count=len(given) - len(static),
    )
    parameters = parameters_of(f.fun, len(given))
    fixed = [f"{parameters[i]} is fixed to {given[i]!r}" for i in static if i not in hyper]
    positive = [f"{parameters[i]} is positive" for i in hyper]
    symbols = {parameters[i]: Fraction(str(given[i])) for i in hyper}
    return subject._replace(assumptions=(*fixed, *positive), symbols=symbols)


def with_defaults(function: Callable[..., Any], args: Sequence[Any]) -> list[Any]:
    """Gives the arguments with the defaults after them, as JAX passes them to a rule."""
    try:
        bound = inspect.signature(function).bind(*args)
    except (TypeError, ValueError):
        return list(args)  # a callable that does not tell its parameters
    bound.apply_defaults()
    return list(bound.args)


def from_custom_jvp(name: str, f: Any, args: Sequence[Any]) -> Subject:
    """Gives the subject that a `jax.custom_jvp` function is: JAX transposes its rule."""
    if getattr(f, "jvp", None) is None:
        raise TypeError(f"{name} is a jax.custom_jvp function without a rule. Call defjvp first.")
    given = with_defaults(f.fun, fits(name, f.fun, args))
    static = [i % len(given) for i in f.nondiff_argnums]

    def all_arguments(some: Sequence[Any]) -> list[Any]:
        rest = iter(some)
        return [given[i] if i in static else next(rest) for i in range(len(given))]

    def fwd(*some: Any) -> tuple[Any, Any]:
        return jax.vjp(lambda *own: f(*all_arguments(own)), *some)

    subject = from_passes(
        name,
        "custom_jvp",
        lambda *some: f.fun(*all_arguments(some)),
        fwd,
        lambda pull, ct: pull(ct),
        [argument for i, argument in enumerate(given) if i not in static],
        named=f.fun,
        skipped=static,
    )
    parameters = parameters_of(f.fun, len(given))
    fixed = tuple(f"{parameters[i]} is fixed to {given[i]!r}" for i in static)
    return subject._replace(assumptions=fixed)
