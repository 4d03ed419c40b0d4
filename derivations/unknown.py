"""Combinators at work on layers of which nothing is known but their shapes."""

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

from jax import export

from derivations import abstract


class Unknown(NamedTuple):
    """A combinator of unknown layers.

    Attributes:
      whole: What the combinator made of them; its parameters are a tuple of vectors.
      batch: The number of rows.
      parameters: The length of each vector.
      into: The width of its input.
      out: The width of its output.
      scope: For which layers what is proved of it holds.
    """

    whole: Any
    batch: Any
    parameters: Sequence[Any]
    into: Any
    out: Any
    scope: str


def unknown(combinator: Any, net: Any, params: Any) -> Unknown:
    """Gives a combinator of unknown layers, as many as a network has and told the same.

    Args:
      combinator: What the network is made by.
      net: The network.
      params: Its parameters, or their shapes.
    """
    count = len(net.parts)
    scope = f"any {count} layers" if count > 1 or net.name == "serial" else "any layer"
    letters = [*(f"d{i}" for i in range(count + 1)), "n", *(f"p{i}" for i in range(1, count + 1))]
    symbols = export.symbolic_shape(", ".join(letters))
    (into, *widths), n, sizes = symbols[: count + 1], symbols[count + 1], symbols[count + 2 :]
    settings = dict(net.settings)
    if net.name == "tied":
        # The two places as they are; what stands elsewhere is part of the unknown function.
        pair = _at_places(net, params, abstract.layer_of_two("f", widths[0]), **settings)
        return Unknown(_untree(combinator(pair, **settings), params, **settings), n, sizes[:1],
                       into, widths[0], "any network with a parameter in these places")  # fmt: skip
    out = widths[-1]
    if net.name == "residual":
        out = widths[0] = into
    elif net.name == "parallel":
        widths = [out] * count
    # An unknown layer keeps its input, so that where one can make its output again, the next one
    # gets the placeholder: the theorem is about the path that the network takes.
    parts = [
        abstract.layer(f"f{i}", width, again=net.name == "serial" and part.again is not None)
        for i, (part, width) in enumerate(zip(net.parts, widths, strict=True), 1)
    ]
    whole = combinator(*(retyped(net, part) for part in parts), **settings)
    if net.name == "residual":
        whole = _alone(whole)
    return Unknown(whole, n, sizes, into, out, scope)


def retyped(net: Any, part: Any) -> Any:
    """Gives an unknown layer as the type of layer that the combinator takes."""
    return type(net)(part.init, part.apply, part.fwd, part.bwd, part.name, again=part.again)


def _alone(whole: Any) -> Any:
    """Gives a layer of one vector as one of a tuple of them."""

    def bwd(residuals: Any, dy: Any) -> Any:
        dparams, dx = whole.bwd(residuals, dy)
        return (dparams,), dx

    return whole._replace(
        apply=lambda params, x: whole.apply(*params, x),
        fwd=lambda params, x: whole.fwd(*params, x),
        bwd=bwd,
    )


def _read(tree: Any, path: Any) -> Any:
    return reduce(lambda inside, place: inside[place], path, tree)


def _bare(tree: Any, values: Any, path: Any = ()) -> Any:
    """Gives a tree with `values` at their paths, and nothing elsewhere."""
    if path in values:
        return values[path]
    if isinstance(tree, dict):
        return {k: _bare(v, values, (*path, k)) for k, v in tree.items()}
    if isinstance(tree, (tuple, list)):
        return type(tree)([_bare(v, values, (*path, i)) for i, v in enumerate(tree)])
    return ()


def _at_places(net: Any, params: Any, pair: Any, first: Any, second: Any) -> Any:
    """Gives an unknown layer whose two parameters stand in their places of a tree."""

    def both(tree: Any) -> Any:
        return _read(tree, first), _read(tree, second)

    def bwd(residuals: Any, dy: Any) -> Any:
        (one, other), dx = pair.bwd(residuals, dy)
        return _bare(params, {first: one, second: other}), dx

    return retyped(net, pair)._replace(
        apply=lambda tree, x: pair.apply(both(tree), x),
        fwd=lambda tree, x: pair.fwd(both(tree), x),
        bwd=bwd,
    )


def _untree(whole: Any, params: Any, first: Any, second: Any) -> Any:
    """Gives a layer whose parameters are a tree with one vector as one of a tuple of it."""

    def tree(vectors: Any) -> Any:
        return _bare(params, {first: vectors[0], second: ()})

    def bwd(residuals: Any, dy: Any) -> Any:
        dparams, dx = whole.bwd(residuals, dy)
        return (_read(dparams, first),), dx

    return whole._replace(
        apply=lambda vectors, x: whole.apply(tree(vectors), x),
        fwd=lambda vectors, x: whole.fwd(tree(vectors), x),
        bwd=bwd,
    )
