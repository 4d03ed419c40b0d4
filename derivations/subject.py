"""What is checked: anything with a hand-written derivative, as functions of flat arrays."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Kind = Literal["rule", "custom_vjp", "custom_jvp", "layer", "function"]


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
      fixed: Whether the code is that of the given shapes alone.
      whole: The whole numbers that an array was given with, each once; none for shapes alone.
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
    fixed: bool = False
    whole: tuple[tuple[int, ...], ...] = ()

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


def is_plain(thing: Any) -> bool:
    """Tells whether something is a function without a rule of its own."""
    has_rule = isinstance(thing, (jax.custom_vjp, jax.custom_jvp)) or is_rule(thing)
    return callable(thing) and not has_rule and not is_layer(thing)


def is_objective(thing: Any) -> bool:
    """Tells whether something joins a network and a loss."""
    return hasattr(thing, "net") and hasattr(thing, "loss") and callable(thing)


def from_passes(
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
    """Gives the subject of a primal with its passes, over the leaves of its arguments.

    Args:
      name: The operation's name.
      kind: What it was given as.
      primal: `primal(*args) -> out`.
      fwd: `fwd(*args) -> (out, residuals)`.
      bwd: `bwd(residuals, cotangent) -> cotangents`.
      args: Example arguments, pytrees of arrays or shapes.
      named: The function whose parameters name the arguments, if that is not `primal`.
      skipped: Which of its parameters are no arguments here.
      count: How many cotangents `bwd` gives, if not one for each argument.
    """
    leaves, tree = jax.tree.flatten(list(args))
    shapes = tuple(map(_shape, leaves))

    def run_primal(*arrays: Any) -> list[jax.Array]:
        return jax.tree.leaves(primal(*jax.tree.unflatten(tree, arrays)))

    def run_value(*arrays: Any) -> list[jax.Array]:
        pair = fwd(*jax.tree.unflatten(tree, arrays))
        require_pair(name, pair)
        return jax.tree.leaves(pair[0])

    def pull(arrays: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        out, residuals = fwd(*jax.tree.unflatten(tree, arrays))
        result = bwd(residuals, jax.tree.unflatten(jax.tree.structure(out), cotangents))
        return _cotangents(name, result, jax.tree.unflatten(tree, arrays), count)

    return Subject(
        str(name),
        kind,
        _names(named or primal, args, skipped, leaves),
        shapes,
        run_primal,
        run_value,
        pull,
        whole=tuple(map(_whole, leaves, shapes)),
    )


def require_pair(name: str, pair: Any) -> None:
    """Raises `MalformedRule` unless a forward pass gave two things."""
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise MalformedRule(f"{name}: fwd must return (output, residuals). Got {type(pair)}.")


def fits(name: str, primal: Callable[..., Any], args: Sequence[Any]) -> Sequence[Any]:
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
    """Gives one cotangent for each array; `None` stands for all of an argument or of a part of it.

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
        own, own_tree = jax.tree.flatten(cotangent, is_leaf=lambda x: x is None)
        try:
            parts = own_tree.flatten_up_to(argument)
            fits = all(
                c is None or jax.tree_util.all_leaves([part])
                for c, part in zip(own, parts, strict=True)
            )
        except (TypeError, ValueError):
            parts, fits = [], False
        if not fits:
            raise MalformedRule(
                f"{name}: a cotangent must have the structure of its argument, "
                f"{jax.tree.structure(argument)}. Got {own_tree}."
            )
        for c, part in zip(own, parts, strict=True):
            flat += [c] * len(jax.tree.leaves(part))  # None where the argument has no array, none
    return flat


def parameters_of(function: Callable[..., Any], count: int) -> list[str]:
    """Gives the names of a function's first parameters."""
    try:
        parameters = [p.name for p in inspect.signature(function).parameters.values()]
    except (TypeError, ValueError):
        parameters = []
    return parameters if len(parameters) >= count else [f"arg{i}" for i in range(count)]


def _names(
    function: Callable[..., Any], args: Sequence[Any], skipped: Sequence[int], leaves: list[Any]
) -> tuple[str, ...]:
    parameters = parameters_of(function, len(args) + len(skipped))
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
        return jax.ShapeDtypeStruct(array.shape, array.dtype, weak_type=array.weak_type)
    raise TypeError(
        "An argument of check is an array, a jax.ShapeDtypeStruct, a Python number, or a pytree of "
        f"these. Got {leaf!r} of type {type(leaf).__name__}."
    )


def _whole(leaf: Any, shape: jax.ShapeDtypeStruct) -> tuple[int, ...]:
    if isinstance(leaf, jax.ShapeDtypeStruct) or not jnp.issubdtype(shape.dtype, jnp.integer):
        return ()
    return tuple(map(int, np.unique(np.asarray(leaf))))


def draw_whole(
    draw: np.random.Generator, shape: tuple[int, ...], most: int, known: Sequence[int]
) -> np.ndarray:
    """Draws whole numbers from 0 up to `most`, or as often one of those `known` to occur."""
    drawn = draw.integers(0, most, shape)
    if not known:
        return drawn
    return np.where(draw.random(shape) < 0.5, drawn, draw.choice(np.asarray(known), shape))
