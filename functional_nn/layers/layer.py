"""A layer, or a whole network: how it starts, what it computes, and its backward pass."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Layer(NamedTuple):
    """A function with parameters, and its hand-written backward pass.

    A layer holds no state: parameters are a plain pytree of arrays that goes in and comes out. For
    `y = f(params, x)`, `bwd` turns the cotangent `dy` of the output into those of both arguments.

    Attributes:
      init: `init(key, x) -> params`; `x` is a batch, such as (n, d), or its `jax.ShapeDtypeStruct`,
        of which only the shape and the dtype are used.
      apply: `apply(params, x) -> y`, plain JAX: what `jax.grad` differentiates by itself.
      fwd: `fwd(params, x) -> (y, residuals)`, the forward pass that keeps what `bwd` needs.
      bwd: `bwd(residuals, dy) -> (dparams, dx)`.
      name: The layer's name, such as `"dense"`.
      parts: The layers of a combinator, in order; empty for a leaf.
      squares: `squares(residuals, dy) -> (squares, dx)`, what `functional_nn.per_example` is built
        on: `bwd` with the squared norm of each example's own `dparams`, shape (n,), in place of
        their sum over the batch. `None` where it is not known; a layer in which the examples of a
        batch meet cannot have it.
      example: `example(residuals, dy, n) -> dparams`: what `bwd` gives for the parameters if the
        batch is its example `n` alone, whose number may be traced. It is asked of a layer that
        shares a parameter with another (`functional_nn.tied`); `None` where it is not known.
      again: `again(residuals) -> y` makes the output anew from what `bwd` keeps anyway, for a layer
        of which that is cheap: the layer after it then need not keep its input. `None` otherwise.
      through: For a combinator, `through(visit) -> bwd`: its way back through its parts with
        `visit(part)` in place of each part's `bwd`. What a visit finds in place of `dparams` stands
        in the result where the parameters of the part stand in those of the combinator, stacked
        where they are. With `lambda part: part.bwd` it is `bwd`. `None` for a leaf.
      random: Whether `apply` and `fwd` take a random key as well, `key=None`. Without one a layer
        draws nothing, as in a network that is used.
      settings: What a combinator was told besides its layers, and attention of its heads, by name.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> import functional_nn as fnn
      >>> layer = fnn.dense(2)
      >>> x = jnp.ones((5, 3), jnp.float32)
      >>> params = layer.init(jax.random.key(0), x)
      >>> y, residuals = layer.fwd(params, x)
      >>> dparams, dx = layer.bwd(residuals, jnp.ones_like(y))
      >>> dparams["w"].shape, dparams["b"].tolist(), dx.shape
      ((3, 2), [5.0, 5.0], (5, 3))
    """

    init: Callable[..., Any]
    apply: Callable[..., Any]
    fwd: Callable[..., Any]
    bwd: Callable[..., Any]
    name: str
    parts: tuple["Layer", ...] = ()
    squares: Callable[..., Any] | None = None
    again: Callable[..., Any] | None = None
    random: bool = False
    settings: tuple[tuple[str, Any], ...] = ()
    through: Callable[..., Any] | None = None
    example: Callable[..., Any] | None = None


def back(
    layer: Layer, visit: Callable[[Layer], Callable[..., Any]], leaf: Layer | None = None
) -> Callable[..., Any]:
    """Gives the way back through a network down to its leaves, each visited instead of `bwd`.

    Args:
      layer: A layer; combinators are opened, as many as there are inside each other.
      visit: `visit(leaf) -> (residuals, dy) -> (found, dx)`.
      leaf: A combinator that is not opened.

    Returns:
      A function of the network's `(residuals, dy)` that gives what was found, in the structure of
      the network's parameters, and `dx`.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> import functional_nn as fnn
      >>> net = fnn.serial(fnn.tanh, fnn.serial(fnn.sigmoid))
      >>> x = jnp.zeros((1, 1), jnp.float32)
      >>> y, residuals = net.fwd(net.init(jax.random.key(0), x), x)
      >>> named = lambda leaf: lambda kept, dy: (leaf.name, leaf.bwd(kept, dy)[1])
      >>> found, dx = back(net, named)(residuals, jnp.ones_like(y))
      >>> found, dx.item()
      (('tanh', ('sigmoid',)), 0.25)
    """
    if layer is leaf or layer.through is None:
        return visit(layer)
    return layer.through(lambda part: back(part, visit, leaf))
