"""One value used on several paths: residual connections, parallel branches, shared parameters.

Each is the multi-path rule: what is used more than once gets the sum of the cotangents that come
back along its paths.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from functional_nn import checks, keys
from functional_nn.combinators import serial
from functional_nn.layers.layer import Layer

Path = tuple[Any, ...]  # keys of a pytree of tuples, lists and dicts, from the outside in


def residual(layer: Layer) -> Layer:
    r"""Adds the input of a layer to its output.

    For `y = x + f(x)` the cotangent comes back along two paths,

    $$d x = d y + \Big(\frac{\partial f}{\partial x}\Big)^{\!\top} d y .$$

    Args:
      layer: `f`, any layer whose output has the shape and dtype of its input.

    Returns:
      A layer with the parameters of `f`. Its backward pass keeps what that of `f` keeps.

    Raises:
      TypeError: `layer` is not a `Layer`.
      ValueError: From `init`, `apply` and `fwd`, an output of another shape or dtype.

    Example:
      >>> import functional_nn as fnn
      >>> block = fnn.residual(fnn.serial(fnn.layer_norm(), fnn.dense(4), fnn.tanh))
      >>> x = jnp.ones((2, 4), jnp.float32)
      >>> block.apply(block.init(jax.random.key(0), x), x).shape
      (2, 4)

    Reference:
      K. He, X. Zhang, S. Ren, J. Sun, "Identity Mappings in Deep Residual Networks", ECCV 2016,
      section 2, equations 3 and 5.
    """
    checks.layer("residual takes a layer", layer)

    def init(key: jax.Array, x: Any) -> Any:
        params = layer.init(key, x)
        checks.same_shape(layer.name, x, jax.eval_shape(layer.apply, params, x), "added to")
        return params

    def apply(params: Any, x: jax.Array, *, key: jax.Array | None = None) -> jax.Array:
        y = keys.applied(layer, params, x, key)
        checks.same_shape(layer.name, x, y, "added to")
        return x + y

    def fwd(params: Any, x: jax.Array, *, key: jax.Array | None = None) -> tuple[jax.Array, Any]:
        y, residuals = keys.forward(layer, params, x, key)
        checks.same_shape(layer.name, x, y, "added to")
        return x + y, residuals

    def bwd(residuals: Any, dy: jax.Array) -> tuple[Any, jax.Array]:
        dparams, dx = layer.bwd(residuals, dy)
        return dparams, dy + dx

    def squares(residuals: Any, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        total, dx = checks.per_example(layer)(residuals, dy)
        return total, dy + dx

    known = squares if layer.squares else None
    return Layer(init, apply, fwd, bwd, "residual", (layer,), known, random=layer.random)


def parallel(*layers: Layer, join: str = "sum") -> Layer:
    r"""Gives all layers the same input, and adds up their outputs or puts them side by side.

    For `y = Σ_i f_i(x)`, or `y = (f_1(x), f_2(x), ...)` along the last axis,

    $$d x = \sum_i \Big(\frac{\partial f_i}{\partial x}\Big)^{\!\top} d y_i,$$

    where `dy_i` is `dy` itself for a sum, and its own part of `dy` for a concatenation.

    Args:
      *layers: The branches, one or more.
      join: `"sum"`, for outputs of one shape; or `"concatenate"`, for outputs that differ in the
        last axis alone.

    Returns:
      A layer whose parameters are a tuple, one item a branch.

    Raises:
      TypeError: An argument is not a `Layer`.
      ValueError: There is no layer, or `join` is another word; from `apply` and `fwd`, parameters
        of another number of layers, or outputs that cannot be joined.

    Example:
      >>> import functional_nn as fnn
      >>> wide = fnn.parallel(fnn.dense(3), fnn.tanh, join="concatenate")
      >>> x = jnp.ones((2, 4), jnp.float32)
      >>> wide.apply(wide.init(jax.random.key(0), x), x).shape
      (2, 7)

    Reference:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", section 6.5.6 (one cotangent for each
      use of a value, summed).
    """
    checks.count("The number of layers", len(layers), remedy="Pass the branches.")
    for layer in layers:
        checks.layer("parallel takes layers", layer)
    checks.choice("join", join, ("sum", "concatenate"))

    def init(key: jax.Array, x: Any) -> tuple[Any, ...]:
        own = jax.random.split(key, len(layers))
        return tuple(layer.init(k, x) for layer, k in zip(layers, own, strict=True))

    def joined(outputs: Sequence[jax.Array]) -> jax.Array:
        checks.joinable(join, outputs)
        if join == "concatenate":
            return jnp.concatenate(outputs, axis=-1)
        total, *rest = outputs
        for output in rest:
            total = total + output
        return total

    def apply(params: tuple[Any, ...], x: jax.Array, *, key: jax.Array | None = None) -> jax.Array:
        return fwd(params, x, key=key, run=_applied)[0]

    def fwd(
        params: tuple[Any, ...],
        x: jax.Array,
        *,
        key: jax.Array | None = None,
        run: Callable[..., Any] = keys.forward,
    ) -> tuple[jax.Array, Any]:
        checks.parts(params, len(layers), "parallel")
        own = keys.for_each(layers, key)
        found = [run(f, p, x, k) for f, p, k in zip(layers, params, own, strict=True)]
        outputs = [y for y, _ in found]
        widths = tuple(y.shape[-1] for y in outputs)
        return joined(outputs), (_Widths(widths), tuple(kept for _, kept in found))

    def cotangents(widths: tuple[int, ...], dy: jax.Array) -> list[jax.Array]:
        if join == "sum":
            return [dy] * len(layers)
        starts = [sum(widths[:place]) for place in range(len(widths))]
        return [dy[..., a : a + width] for a, width in zip(starts, widths, strict=True)]

    def back(passes: list[Any], residuals: Any, dy: jax.Array) -> tuple[list[Any], jax.Array]:
        widths, kept = residuals
        own = cotangents(widths.of_outputs, dy)
        pairs = [go(r, d) for go, r, d in zip(passes, kept, own, strict=True)]
        (_, dx), *rest = pairs
        for _, more in rest:
            dx = dx + more
        return [first for first, _ in pairs], dx

    def bwd(residuals: Any, dy: jax.Array) -> tuple[tuple[Any, ...], jax.Array]:
        dparams, dx = back([layer.bwd for layer in layers], residuals, dy)
        return tuple(dparams), dx

    def squares(residuals: Any, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        totals, dx = back([checks.per_example(layer) for layer in layers], residuals, dy)
        return jnp.sum(jnp.stack(totals), axis=0), dx

    known = squares if all(layer.squares for layer in layers) else None
    random, settings = keys.any_random(layers), (("join", join),)
    return Layer(init, apply, fwd, bwd, "parallel", layers, known, random=random, settings=settings)


def _applied(layer: Layer, params: Any, x: jax.Array, key: jax.Array | None) -> tuple[Any, None]:
    return keys.applied(layer, params, x, key), None


class _Widths:
    """How wide the outputs of the branches are; no array, so that a backward pass can cut by it."""

    def __init__(self, of_outputs: tuple[int, ...]):
        self.of_outputs = of_outputs


jax.tree_util.register_pytree_node(_Widths, lambda w: ((), w.of_outputs), lambda of, _: _Widths(of))


def tied(net: Layer, first: Path, second: Path) -> Layer:
    r"""Makes a network use one parameter in two places.

    For `f(p, p)` the cotangents of both uses are added,

    $$d p = \Big(\frac{\partial f}{\partial p_1}\Big)^{\!\top} d y
      + \Big(\frac{\partial f}{\partial p_2}\Big)^{\!\top} d y .$$

    So are those of each example, and the square of a sum is more than the sum of the squares: where
    both places are in layers with an `example` that stand in a `serial`, the gradients of the two
    are made for one example at a time.

    Args:
      net: The network.
      first: The place whose parameter is used: the keys of the parameters' pytree, from the outside
        in, such as `(0, "table")`.
      second: The place that gets it as well.

    Returns:
      A network whose parameters are those of `net` with `()` in the second place.

    Raises:
      TypeError: `net` is not a `Layer`.
      ValueError: The places are one; from `init`, one that is not there, or parameters of unlike
        shapes.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.serial(fnn.embedding(256, 8), fnn.rms_norm(), fnn.readout(256))
      >>> net = fnn.tied(net, (0, "table"), (2, "table"))
      >>> params = net.init(jax.random.key(0), jnp.int32([[72, 105]]))
      >>> params[0]["table"].shape, params[2]["table"]
      ((256, 8), ())

    Reference:
      O. Press, L. Wolf, "Using the Output Embedding to Improve Language Models", EACL 2017,
      section 3; I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", section 7.9.
    """
    checks.layer("tied takes a network", net)
    checks.places(first, second)

    def init(key: jax.Array, x: Any) -> Any:
        params = net.init(key, x)
        checks.alike(_taken(params, first), _taken(params, second), first, second)
        return _put(params, second, ())

    def apply(params: Any, x: jax.Array, *, key: jax.Array | None = None) -> jax.Array:
        return keys.applied(net, shared(params, first, second), x, key)

    def fwd(params: Any, x: jax.Array, *, key: jax.Array | None = None) -> tuple[jax.Array, Any]:
        return keys.forward(net, shared(params, first, second), x, key)

    def bwd(residuals: Any, dy: jax.Array) -> tuple[Any, jax.Array]:
        dparams, dx = net.bwd(residuals, dy)
        both = jax.tree.map(jnp.add, _taken(dparams, first), _taken(dparams, second))
        return _put(_put(dparams, first, both), second, ()), dx

    known = _squares_of_both(net, first, second)
    settings = (("first", first), ("second", second))
    return Layer(init, apply, fwd, bwd, "tied", (net,), known, random=net.random, settings=settings)


def shared(params: Any, first: Path, second: Path) -> Any:
    """Gives the parameters of the network inside `tied`: what stands first, second as well."""
    return _put(params, second, _taken(params, first))


def _taken(tree: Any, path: Path) -> Any:
    for place in path:
        checks.place(tree, place, path)
        tree = tree[place]
    return tree


def _put(tree: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    place, *rest = path
    checks.place(tree, place, path)
    inside = _put(tree[place], tuple(rest), value)
    if isinstance(tree, dict):
        return {**tree, place: inside}
    items = [*tree]
    items[place] = inside
    return type(tree)(items)


def _squares_of_both(net: Layer, first: Path, second: Path) -> Callable[..., Any] | None:
    """Gives the `squares` of `tied`, if both places are in layers of which single examples can."""
    one, in_one = _end(net, first)
    other, in_other = _end(net, second)
    to_one, to_other = first[: len(first) - len(in_one)], second[: len(second) - len(in_other)]
    of_one, of_other = one.example, other.example
    if of_one is None or of_other is None or to_one == to_other:
        return None

    def squares(residuals: Any, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        handing = _handing_out(_handing_out(net, to_one), to_other)
        found, dx = _one_by_one(handing)(residuals, dy)
        kept = _taken(found, to_one), _taken(found, to_other)
        alone = jax.tree.leaves(_put(_put(found, to_one, ()), to_other, ()))

        def of_example(n: jax.Array) -> jax.Array:
            use, again = of_one(*kept[0], n), of_other(*kept[1], n)
            both = jax.tree.map(jnp.add, _taken(use, in_one), _taken(again, in_other))
            rest = _put(use, in_one, ()), _put(again, in_other, ())
            return jnp.sum(jnp.stack([jnp.sum(d * d) for d in jax.tree.leaves((both, rest))]))

        total = jax.lax.map(of_example, jnp.arange(len(dy), dtype=jnp.int32)).astype(dy.dtype)
        for of_layer in alone:
            total = total + of_layer
        return total, dx

    return squares


def _end(net: Layer, path: Path) -> tuple[Layer, Path]:
    """Gives the layer of a network of `serial`s to which a place belongs, and the place in it."""
    while net.name == "serial" and path and path[0] in range(len(net.parts)):
        net, path = net.parts[path[0]], path[1:]
    return net, path


class _HandedOut(NamedTuple):
    """What comes to a layer on the way back."""

    residuals: Any
    cotangent: jax.Array


def _handing_out(net: Layer, path: Path) -> Layer:
    """Gives the network with a layer that hands out what comes to it, in place of its squares."""
    if path:
        parts = [*net.parts]
        parts[path[0]] = _handing_out(parts[path[0]], path[1:])
        return serial(*parts)

    def squares(residuals: Any, dy: jax.Array) -> tuple[Any, jax.Array]:
        return _HandedOut(residuals, dy), net.bwd(residuals, dy)[1]

    return net._replace(squares=squares)


def _one_by_one(layer: Layer) -> Callable[..., Any]:
    """Gives the way back of a `serial` with the squares of each layer in it, not their sum."""
    if layer.name == "serial" and layer.through is not None:
        return layer.through(_one_by_one)
    return checks.per_example(layer)
