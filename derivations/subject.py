"""What is checked: anything with a hand-written derivative, as functions of flat arrays."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Kind = Literal["rule", "custom_vjp", "custom_jvp", "layer"]


class MalformedRule(TypeError):
    """A rule breaks the contract of `jax.custom_vjp`: JAX itself would not take it."""


class Subject(NamedTuple):
    """A rule over a flat list of arrays.

    Attributes:
      name: The operation's name.
      kind: What it was given as.
      names: A name for each array, such as `x` or `params['w']`.
      shapes: Shape and dtype of each array.
      primal: `primal(*arrays) -> list of outputs`.
      value: `value(*arrays) -> list of outputs`, as the rule's forward pass gives them.
      pull: `pull(arrays, cotangents) -> list of cotangents`, one for each array; `None` where the
        rule gives none.
      assumptions: What the check takes for granted from the start.
      symbols: Static hyper-parameters that are inputs here, with the positive values given; they
        have no cotangent.
    """

    name: str
    kind: Kind
    names: tuple[str, ...]
    shapes: tuple[jax.ShapeDtypeStruct, ...]
    primal: Callable[..., list[jax.Array]]
    value: Callable[..., list[jax.Array]]
    pull: Callable[[Sequence[Any], Sequence[Any]], list[Any]]
    assumptions: tuple[str, ...] = ()
    symbols: Mapping[str, Fraction] = MappingProxyType({})

    @property
    def wanted(self) -> tuple[int, ...]:
        """Which arrays are floats, and so have a cotangent."""
        return tuple(
            i
            for i, (name, shape) in enumerate(zip(self.names, self.shapes, strict=True))
            if name not in self.symbols and jnp.issubdtype(shape.dtype, jnp.floating)
        )


def is_rule(thing: Any) -> bool:
    """Tells whether something has the shape of a `Rule`: a name, a primal, a fwd and a bwd."""
    return all(hasattr(thing, a) for a in ("name", "primal", "fwd", "bwd"))


def is_layer(thing: Any) -> bool:
    """Tells whether something has the shape of a `Layer`: init, apply, fwd and bwd."""
    return all(hasattr(thing, a) for a in ("init", "apply", "fwd", "bwd"))


def is_objective(thing: Any) -> bool:
    """Tells whether something joins a network and a loss."""
    return hasattr(thing, "net") and hasattr(thing, "loss") and callable(thing)


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
        _fits(name, thing.primal, args)
        return _from_passes(name, "rule", thing.primal, thing.fwd, thing.bwd, args)
    if is_layer(thing):
        _fits(name, thing.apply, args)
        return _from_passes(name, "layer", thing.apply, thing.fwd, thing.bwd, args)
    if isinstance(thing, jax.custom_vjp):
        return _from_custom_vjp(name, thing, args, free=free)
    if isinstance(thing, jax.custom_jvp):
        return _from_custom_jvp(name, thing, args)
    if callable(thing):
        raise TypeError(
            "check needs something with a hand-written derivative: a jax.custom_vjp or "
            f"jax.custom_jvp function, a Rule or a Layer. Got {name}, a plain function. "
            "Give the function that carries defvjp, or Rule(name, primal, fwd, bwd)."
        )
    raise TypeError(
        "check needs a jax.custom_vjp or jax.custom_jvp function, a Rule or a Layer. "
        f"Got {thing!r} of type {type(thing).__name__}."
    )


def _from_custom_vjp(name: str, f: Any, args: Sequence[Any], *, free: bool) -> Subject:
    if getattr(f, "fwd", None) is None or getattr(f, "bwd", None) is None:
        raise TypeError(f"{name} is a jax.custom_vjp function without a rule. Call defvjp first.")
    given = _with_defaults(f.fun, _fits(name, f.fun, args))
    static = [i % len(given) for i in f.nondiff_argnums]
    hyper = [i for i in static if free and type(given[i]) is float and given[i] > 0]
    shown = [i for i in range(len(given)) if i not in static or i in hyper]

    def all_arguments(some: Sequence[Any]) -> list[Any]:
        rest = iter(some)
        return [next(rest) if i in shown else given[i] for i in range(len(given))]

    def fwd(*some: Any) -> Any:
        full = all_arguments(some)
        pair = f.fwd(*full)
        _require_pair(name, pair)
        return pair[0], (pair[1], [full[i] for i in hyper])

    def bwd(residuals: Any, ct: Any) -> Any:
        own, values = residuals
        held = dict(zip(hyper, values, strict=True))
        result = f.bwd(*(held.get(i, given[i]) for i in static), own, ct)
        if not isinstance(result, (tuple, list)) or len(result) != len(given) - len(static):
            return result  # whoever reads it says what is wrong with it
        rest = iter(result)
        return tuple(None if i in hyper else next(rest) for i in shown)

    subject = _from_passes(
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
    parameters = _parameters(f.fun, len(given))
    fixed = [f"{parameters[i]} is fixed to {given[i]!r}" for i in static if i not in hyper]
    positive = [f"{parameters[i]} is positive" for i in hyper]
    symbols = {parameters[i]: Fraction(str(given[i])) for i in hyper}
    return subject._replace(assumptions=(*fixed, *positive), symbols=symbols)


def redrawn(thing: Any, args: Sequence[Any]) -> list[Any] | None:
    """Gives example arguments with other values of the static floats, if a rule has such.

    What is below one stays there, and what is zero becomes positive: it may be a rate.
    """
    if not isinstance(thing, jax.custom_vjp):
        return None
    given = _with_defaults(thing.fun, args)
    changed = list(given)
    for i in thing.nondiff_argnums:
        if type(given[i]) is float:
            changed[i] = given[i] * (1.5 if abs(given[i]) >= 1 else 0.75) or 0.25
    return None if changed == given else changed


def _require_pair(name: str, pair: Any) -> None:
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise MalformedRule(f"{name}: fwd must return (output, residuals). Got {type(pair)}.")


def _with_defaults(function: Callable[..., Any], args: Sequence[Any]) -> list[Any]:
    """Gives the arguments with the defaults after them, as JAX passes them to a rule."""
    try:
        bound = inspect.signature(function).bind(*args)
    except (TypeError, ValueError):
        return list(args)  # a callable that does not tell its parameters
    bound.apply_defaults()
    return list(bound.args)


def _from_custom_jvp(name: str, f: Any, args: Sequence[Any]) -> Subject:
    if getattr(f, "jvp", None) is None:
        raise TypeError(f"{name} is a jax.custom_jvp function without a rule. Call defjvp first.")

    given = _with_defaults(f.fun, _fits(name, f.fun, args))

    def fwd(*arrays: Any) -> tuple[Any, Any]:
        return jax.vjp(f, *arrays)

    return _from_passes(
        name, "custom_jvp", f.fun, fwd, lambda pull, ct: pull(ct), given, named=f.fun
    )


def _from_passes(
    name: str,
    kind: Kind,
    primal: Callable[..., Any],
    fwd: Callable[..., Any],
    bwd: Callable[..., Any],
    args: Sequence[Any],
    named: Callable[..., Any] | None = None,
    skipped: Sequence[int] = (),
    count: int | None = None,
) -> Subject:
    leaves, tree = jax.tree.flatten(list(args))
    output: list[Any] = []  # the output's tree, known once the primal has run

    def run_primal(*arrays: Any) -> list[jax.Array]:
        flat, outer = jax.tree.flatten(primal(*jax.tree.unflatten(tree, arrays)))
        output[:] = [outer]
        return flat

    def run_value(*arrays: Any) -> list[jax.Array]:
        pair = fwd(*jax.tree.unflatten(tree, arrays))
        _require_pair(name, pair)
        return jax.tree.leaves(pair[0])

    def pull(arrays: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        out, residuals = fwd(*jax.tree.unflatten(tree, arrays))
        result = bwd(residuals, jax.tree.unflatten(jax.tree.structure(out), cotangents))
        return _cotangents(name, result, jax.tree.unflatten(tree, arrays), count)

    return Subject(
        str(name),
        kind,
        _names(named or primal, args, skipped, leaves),
        tuple(map(_shape, leaves)),
        run_primal,
        run_value,
        pull,
    )


def _fits(name: str, primal: Callable[..., Any], args: Sequence[Any]) -> Sequence[Any]:
    """Gives the arguments, if the function takes them."""
    try:
        signature = inspect.signature(primal)
    except (TypeError, ValueError):
        return args  # a callable that does not tell its parameters
    try:
        signature.bind(*args)
    except TypeError as error:
        raise TypeError(
            f"check needs example arguments that fit {name}{signature}. Got {len(args)}: {error}."
        ) from error
    return args


def _cotangents(name: str, result: Any, args: list[Any], count: int | None) -> list[Any]:
    """Gives one cotangent for each array; `None` stands for a whole argument without one.

    `count`: how many arguments the rule has, where some of `args` are no arguments of it.
    """
    if not isinstance(result, (tuple, list)):
        raise MalformedRule(
            f"{name}: bwd must return a tuple of cotangents, one for each argument. "
            f"Got {type(result).__name__}. For one argument, return (dx,)."
        )
    if len(result) != len(args):
        expected = len(args) if count is None else count
        raise MalformedRule(
            f"{name}: bwd must return one cotangent for each of the {expected} arguments. "
            f"Got {len(result)}."
        )
    flat: list[Any] = []
    for argument, cotangent in zip(args, result, strict=True):
        leaves, tree = jax.tree.flatten(argument)
        if cotangent is None:
            flat += [None] * len(leaves)
            continue
        own, own_tree = jax.tree.flatten(cotangent, is_leaf=lambda x: x is None)
        if own_tree != jax.tree.structure(argument, is_leaf=lambda x: x is None):
            raise MalformedRule(
                f"{name}: a cotangent must have the structure of its argument, {tree}. "
                f"Got {own_tree}."
            )
        flat += own
    return flat


def _parameters(function: Callable[..., Any], count: int) -> list[str]:
    """Gives the names of a function's first parameters."""
    try:
        parameters = [p.name for p in inspect.signature(function).parameters.values()]
    except (TypeError, ValueError):
        parameters = []
    return parameters if len(parameters) >= count else [f"arg{i}" for i in range(count)]


def _names(
    function: Callable[..., Any], args: Sequence[Any], skipped: Sequence[int], leaves: list[Any]
) -> tuple[str, ...]:
    parameters = _parameters(function, len(args) + len(skipped))
    parameters = [p for i, p in enumerate(parameters) if i not in skipped]
    names = []
    for parameter, argument in zip(parameters, args, strict=False):
        for path, _ in jax.tree_util.tree_leaves_with_path(argument):
            names.append(parameter + jax.tree_util.keystr(path))
    return tuple(names) if len(names) == len(leaves) else tuple(f"a{i}" for i in range(len(leaves)))


def _shape(leaf: Any) -> jax.ShapeDtypeStruct:
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return leaf
    if isinstance(leaf, (bool, int, float, np.ndarray, np.generic, jax.Array)):
        array = jnp.asarray(leaf)
        return jax.ShapeDtypeStruct(array.shape, array.dtype)
    raise TypeError(
        "An argument of check is an array, a jax.ShapeDtypeStruct, a Python number, or a pytree of "
        f"these. Got {leaf!r} of type {type(leaf).__name__}."
    )
