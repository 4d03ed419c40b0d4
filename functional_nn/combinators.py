"""Networks from layers. Each combinator is one case of the chain rule."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import checks, keys
from functional_nn.layers.layer import Layer


def serial(*layers: Layer) -> Layer:
    r"""Composes layers, each reading the output of the one before.

    For `y = f_L(... f_2(f_1(x)))` the backward pass is the chain rule for one path, from the last
    layer to the first: each layer turns the cotangent of its output into that of its input,

    $$d x_{l-1} = \Big(\frac{\partial f_l}{\partial x_{l-1}}\Big)^{\!\top} d x_l .$$

    Between two layers one array is kept, not two: where a layer can make its output `again` from
    its residuals, the layer after it keeps a placeholder for its input.

    Args:
      *layers: The layers in the order in which the data passes; a `serial` may be among them. With
        none, the result is the identity.

    Returns:
      A layer whose parameters, residuals and parameter cotangents are tuples, one item a layer.

    Raises:
      TypeError: An argument is not a `Layer`.
      ValueError: From `apply` and `fwd`, parameters of another number of layers.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.serial(fnn.dense(30), fnn.sigmoid, fnn.dense(10))
      >>> x = jnp.ones((2, 4), jnp.float32)
      >>> params = net.init(jax.random.key(0), x)
      >>> net.apply(params, x).shape
      (2, 10)

    Reference:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", sections 6.5.2 and 6.5.4.
    """
    for layer in layers:
        checks.layer("serial takes layers", layer)

    def init(key: jax.Array, x: Any) -> tuple[Any, ...]:
        params = []
        for layer, layer_key in zip(layers, jax.random.split(key, len(layers)), strict=True):
            params.append(layer.init(layer_key, x))
            x = jax.eval_shape(layer.apply, params[-1], x)
        return tuple(params)

    def apply(params: tuple[Any, ...], x: jax.Array, *, key: jax.Array | None = None) -> jax.Array:
        checks.parts(params, len(layers))
        own_keys = keys.for_each(layers, key)
        for layer, layer_params, own_key in zip(layers, params, own_keys, strict=True):
            x = keys.applied(layer, layer_params, x, own_key)
        return x

    def fwd(
        params: tuple[Any, ...], x: jax.Array, *, key: jax.Array | None = None
    ) -> tuple[jax.Array, tuple[Any, ...]]:
        checks.parts(params, len(layers))
        residuals, again = [], None
        own_keys = keys.for_each(layers, key)
        for layer, layer_params, own_key in zip(layers, params, own_keys, strict=True):
            y, residual = keys.forward(layer, layer_params, x, own_key)
            # A combinator's residuals may hold placeholders of its own: they are left alone.
            if again is not None and not layer.parts:
                residual = _without(x, residual)
            residuals.append(residual)
            # From a residual with a placeholder nothing is made: the next layer keeps its input.
            x, again = y, None if _is_short(layer, residual) else layer.again
        return x, tuple(residuals)

    def through(visit: Callable[[Layer], Callable[..., Any]]) -> Callable[..., Any]:
        def back(residuals: tuple[Any, ...], dx: jax.Array) -> tuple[tuple[Any, ...], jax.Array]:
            found, kept = [], list(residuals)
            for place in reversed(range(len(layers))):
                _fill_in(layers, kept, place, dx)
                own, dx = visit(layers[place])(kept[place], dx)
                found.append(own)
            return tuple(reversed(found)), dx

        return back

    def squares(residuals: tuple[Any, ...], dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        own, dx = through(checks.per_example)(residuals, dy)
        return sum(own, jnp.zeros(dy.shape[:1], dy.dtype)), dx

    bwd, random = through(lambda layer: layer.bwd), keys.any_random(layers)
    return Layer(init, apply, fwd, bwd, "serial", layers, squares, random=random, through=through)


@jax.tree_util.register_static
class _InputOfTheLayer:
    """Stands in residuals for the input of their layer, which the layer before makes again."""


_INPUT = _InputOfTheLayer()


def _without(x: Any, residuals: Any) -> Any:
    """Puts the placeholder for an array, wherever it is among the residuals."""
    return jax.tree.map(lambda leaf: _INPUT if leaf is x else leaf, residuals)


def _is_short(layer: Layer, residuals: Any) -> bool:
    leaves = jax.tree.leaves(residuals, is_leaf=_is_input)
    return not layer.parts and any(map(_is_input, leaves))


def _fill_in(layers: tuple[Layer, ...], kept: list[Any], place: int, dx: jax.Array) -> None:
    """Puts the output of the layer before for the placeholder of a layer, if it has one."""
    again = layers[place - 1].again if place else None
    if again is not None and _is_short(layers[place], kept[place]):
        before = kept[place - 1] = _once_known(dx, kept[place - 1])
        x = again(before)
        kept[place] = jax.tree.map(
            lambda leaf: x if _is_input(leaf) else leaf, kept[place], is_leaf=_is_input
        )


def _once_known(cotangent: jax.Array, residuals: Any) -> Any:
    """Gives the residuals, by an expression that waits for the cotangent.

    A compiler would otherwise make the output again where it makes it first, or take the first one:
    in both cases it then lies in memory until it is used. Only a value that depends on what comes
    late is computed late; an optimization barrier does not last that long on every device. So an
    example whose cotangent is NaN gets NaN here, and everything else is left as it is.
    """
    first = cotangent[..., :1]

    def waiting(a: jax.Array) -> jax.Array:
        alike = a.ndim and a.shape[:-1] == first.shape[:-1] and a.dtype == first.dtype
        return jnp.where(jnp.isnan(first), first, a) if alike else a

    return jax.tree.map(waiting, residuals)


def _is_input(leaf: Any) -> bool:
    return isinstance(leaf, _InputOfTheLayer)
