"""Layers and losses that nothing is known about: a combinator that is right for them is right.

An unknown function is a JAX primitive of its own, and so is its Jacobian. A combinator is run on
layers made of these, exactly as it runs on real ones, and what it computes is lifted like any code.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import core
from jax.extend.core import Primitive

from derivations import graph as g
from derivations.differentiate import jacobian_name
from derivations.graph import At, Index, Node
from derivations.lift import Array, Lifting, dim_of
from derivations.primitives import reads

_function = Primitive("unknown_function")
_jacobian = Primitive("unknown_jacobian")


@_function.def_abstract_eval
def _(*args: Any, name: str, shape: tuple[Any, ...]) -> Any:
    return core.ShapedArray(shape, args[0].dtype)


@_jacobian.def_abstract_eval
def _(*args: Any, name: str, shape: tuple[Any, ...], argument: int) -> Any:
    return core.ShapedArray((*shape, *args[argument].shape), args[0].dtype)


@reads("unknown_function", "unknown_jacobian")
def _read(_: Lifting, eqn: Any, *operands: Array) -> Array:
    name = eqn.params["name"]
    if "argument" in eqn.params:
        name = jacobian_name(name, eqn.params["argument"])
    slots = tuple(tuple(Index("s", d) for d in a.shape) for a in operands)
    bodies: list[Node] = [a.at(*own) for a, own in zip(operands, slots, strict=True)]

    def at(position: tuple[At, ...]) -> Node:
        return g.apply(name, slots, tuple(bodies), position)

    return Array([dim_of(d) for d in eqn.outvars[0].aval.shape], "float", at)


class UnknownLayer(NamedTuple):
    """A layer with the four functions of a `Layer`, of which nothing but its shapes is known."""

    init: Callable[..., Any]
    apply: Callable[..., Any]
    fwd: Callable[..., Any]
    bwd: Callable[..., Any]
    name: str
    parts: tuple[Any, ...] = ()
    again: Callable[..., Any] | None = None
    random: bool = False


class UnknownRule(NamedTuple):
    """A loss with the three functions of a `Rule`, of which nothing but its shapes is known."""

    name: str
    primal: Callable[..., Any]
    fwd: Callable[..., Any]
    bwd: Callable[..., Any]


def layer(
    name: str, width: Any, *, again: bool = False, keeps_output: bool = False
) -> UnknownLayer:
    """Gives an unknown layer from (n, d) to (n, width), with a vector of parameters.

    Its backward pass is right by definition: it contracts the Jacobian with the cotangent. With
    `again` it can make its output from its residuals. One that keeps its output adds an unknown
    function of what it kept and takes away that of the output: it is right as long as it is given
    back what it kept.
    """

    def apply(params: Any, x: Any) -> Any:
        return _function.bind(params, x, name=name, shape=(x.shape[0], width))

    def fwd(params: Any, x: Any) -> Any:
        y = apply(params, x)
        return y, (params, x, y)

    def bwd(residuals: Any, dy: Any) -> Any:
        params, x, y = residuals
        shape = (x.shape[0], width)
        of_params = _jacobian.bind(params, x, name=name, shape=shape, argument=0)
        of_x = _jacobian.bind(params, x, name=name, shape=shape, argument=1)
        dparams = jnp.einsum("nkp,nk->p", of_params, dy)
        dx = jnp.einsum("nkmd,nk->md", of_x, dy)
        if keeps_output:
            kept, made = (
                _function.bind(output, name=f"{name} kept", shape=x.shape)
                for output in (y, apply(params, x))
            )
            dx = dx + (kept - made)
        return dparams, dx

    def made(residuals: Any) -> Any:
        params, x, *_ = residuals
        return apply(params, x)

    return UnknownLayer(lambda key, x: None, apply, fwd, bwd, name, again=made if again else None)


def layer_of_two(name: str, width: Any) -> UnknownLayer:
    """Gives an unknown layer from (n, d) to (n, width), with a pair of vectors for parameters."""

    def apply(params: Any, x: Any) -> Any:
        return _function.bind(*params, x, name=name, shape=(x.shape[0], width))

    def fwd(params: Any, x: Any) -> Any:
        return apply(params, x), (params, x)

    def bwd(residuals: Any, dy: Any) -> Any:
        params, x = residuals
        shape = (x.shape[0], width)
        one, other, of_x = (
            _jacobian.bind(*params, x, name=name, shape=shape, argument=a) for a in range(3)
        )
        dparams = tuple(jnp.einsum("nkp,nk->p", of, dy) for of in (one, other))
        return dparams, jnp.einsum("nkmd,nk->md", of_x, dy)

    return UnknownLayer(lambda key, x: None, apply, fwd, bwd, name)


def loss(name: str) -> UnknownRule:
    """Gives an unknown loss: from outputs and targets, both (n, ...), one number for each row."""

    def primal(outputs: Any, targets: Any) -> Any:
        return _function.bind(outputs, targets, name=name, shape=(outputs.shape[0],))

    def fwd(outputs: Any, targets: Any) -> Any:
        return primal(outputs, targets), (outputs, targets)

    def bwd(residuals: Any, dlosses: Any) -> Any:
        of_outputs, of_targets = (
            _jacobian.bind(*residuals, name=name, shape=dlosses.shape, argument=argument)
            for argument in (0, 1)
        )
        return (
            jnp.einsum("nmk,n->mk", of_outputs, dlosses),
            jnp.einsum("nmk,n->mk", of_targets, dlosses),
        )

    return UnknownRule(name, primal, fwd, bwd)
