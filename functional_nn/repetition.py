"""`repeat`: a deep stack of equal blocks as one loop forward and one loop back."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import checks, keys
from functional_nn.combinators import serial
from functional_nn.layers.layer import Layer, back


def repeat(block: Layer, n: int, *, remat: str | None = None) -> Layer:
    r"""Composes `n` equal blocks, each with parameters of its own.

    For `x_{l+1} = f(p_l, x_l)`, `l = 0, ..., n-1`, and `y = x_n` the backward pass is the chain
    rule, from the last block to the first:

    $$d x_l = \Big(\frac{\partial f}{\partial x}(p_l, x_l)\Big)^{\!\top} d x_{l+1}, \qquad
      d p_l = \Big(\frac{\partial f}{\partial p}(p_l, x_l)\Big)^{\!\top} d x_{l+1}.$$

    Both passes are a `jax.lax.scan`, so what is compiled does not grow with `n`. The forward pass
    keeps the input of every block and nothing else, whatever the block keeps when it stands alone.
    The backward pass has that input, the parameters and the output of a block (the input of the
    next) at hand, and computes again what else its `bwd` asks for. What that costs is up to the
    block: for a dense layer before an activation that keeps its output, nothing; for an
    activation before a dense layer, the activation; else a matrix product as well.

    Args:
      block: Any layer whose output has the shape and dtype of its input.
      n: The number of blocks.
      remat: `"sqrt"` keeps the inputs of about `√n` groups of `√n` blocks, and runs the forward
        pass of a group again before it goes back through it: at most `3 √n` inputs at a time
        instead of `n`, for one more forward pass.

    Returns:
      A layer whose parameters are those of a block with a leading axis of length `n`.

    Raises:
      TypeError: `block` is not a `Layer`.
      ValueError: `n` is not a positive whole number or `remat` another word; from `init`, `apply`
        and `fwd`, a block whose output has another shape or dtype than its input, and parameters
        that are not stacked `n` high.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.serial(fnn.repeat(fnn.serial(fnn.dense(16), fnn.tanh), 64), fnn.dense(10))
      >>> x = jnp.ones((2, 16), jnp.float32)
      >>> params = net.init(jax.random.key(0), x)
      >>> params[0][0]["w"].shape, net.apply(params, x).shape
      ((64, 16, 16), (2, 10))

    Reference:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", section 6.5.2; for `remat`, T. Chen,
      B. Xu, C. Zhang, C. Guestrin, "Training Deep Nets with Sublinear Memory Cost", 2016,
      section 4.1.
    """
    checks.layer("repeat takes a layer", block)
    checks.count("n", n)
    if remat is None:
        return scanned(block, n)._replace(parts=(block,) * n)
    checks.choice("remat", remat, ("sqrt",))
    return grouped(block, n)


def scanned(block: Layer, n: Any) -> Layer:
    """Gives `repeat(block, n)` without looking at `n`, which may be a symbolic size."""

    def init(key: jax.Array, x: Any) -> Any:
        first = jax.eval_shape(block.init, key, x)
        checks.same_shape(block.name, x, jax.eval_shape(block.apply, first, x))
        return jax.vmap(lambda own: block.init(own, x))(jax.random.split(key, n))

    def drawn(key: jax.Array | None) -> jax.Array | None:
        return None if key is None or not block.random else jax.random.split(key, n)

    def apply(params: Any, x: jax.Array, *, key: jax.Array | None = None) -> jax.Array:
        def step(x: jax.Array, row: Any) -> tuple[jax.Array, None]:
            y = keys.applied(block, row[0], x, row[1])
            checks.same_shape(block.name, x, y)
            return y, None

        checks.stacked(params, n)
        return _forward(step, x, (params, drawn(key)), n)[0]

    def fwd(params: Any, x: jax.Array, *, key: jax.Array | None = None) -> tuple[jax.Array, Any]:
        def step(x: jax.Array, row: Any) -> tuple[jax.Array, jax.Array]:
            y, _ = keys.forward(block, row[0], x, row[1])
            checks.same_shape(block.name, x, y)
            return y, x

        checks.stacked(params, n)
        own_keys = drawn(key)
        y, inputs = _forward(step, x, (params, own_keys), n)
        return y, (params, own_keys, inputs, y)

    def through(visit: Callable[[Layer], Callable[..., Any]]) -> Callable[..., Any]:
        def reversed_scan(residuals: Any, dy: jax.Array) -> tuple[Any, jax.Array]:
            def step(after: Any, before: Any) -> tuple[Any, Any]:
                (y, dy), (own, key, x) = after, before
                found, dx = visit(block)(_residuals(block, own, x, y, key), dy)
                return (x, dx), found

            *rows, y = residuals
            (_, dx), found = jax.lax.scan(step, (y, dy), tuple(rows), reverse=True)
            return found, dx

        return reversed_scan

    def squares(residuals: Any, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        own, dx = through(checks.per_example)(residuals, dy)
        return jnp.sum(own, axis=0), dx

    bwd = through(lambda block: block.bwd)
    return Layer(
        init, apply, fwd, bwd, "repeat", squares=squares, random=block.random, through=through
    )


def _forward(step: Callable[..., Any], x: jax.Array, rows: Any, n: Any) -> tuple[Any, Any]:
    # The parameters say how many blocks there are, and a symbolic number only they can say.
    return jax.lax.scan(step, x, rows, length=None if jax.tree.leaves(rows) else n)


def _residuals(block: Layer, params: Any, x: jax.Array, y: jax.Array, key: jax.Array | None) -> Any:
    """Gives what the backward pass of a block needs, from its input and its output.

    The forward pass is written down again; the compiler drops of it what nobody asks for. Where
    the block keeps its own output, that is `y`, and not what would be computed again.
    """
    again, residuals = keys.forward(block, params, x, key)
    return jax.tree.map(lambda kept: y if kept is again else kept, residuals)


def grouped(block: Layer, n: int) -> Layer:
    """Gives `repeat(block, n, remat="sqrt")`: repetitions of a repetition, and what is left."""
    many, size, rest = sizes(n)
    net = serial(scanned(scanned(block, size), many), *[scanned(block, rest)] * (rest > 0))
    split, join = groups(n)

    def apply(params: Any, x: jax.Array, *, key: jax.Array | None = None) -> jax.Array:
        checks.stacked(params, n)
        return net.apply(split(params), x, key=key)

    def fwd(params: Any, x: jax.Array, *, key: jax.Array | None = None) -> tuple[jax.Array, Any]:
        checks.stacked(params, n)
        return net.fwd(split(params), x, key=key)

    def through(visit: Callable[[Layer], Callable[..., Any]]) -> Callable[..., Any]:
        def joined(residuals: Any, dy: jax.Array) -> tuple[Any, jax.Array]:
            found, dx = back(net, visit, block)(residuals, dy)
            return join(found), dx

        return joined

    bwd = through(lambda block: block.bwd)
    init, parts = scanned(block, n).init, (block,) * n
    return Layer(
        init, apply, fwd, bwd, "repeat", parts, net.squares, random=block.random, through=through
    )


def sizes(n: int) -> tuple[int, int, int]:
    """Gives the number of groups, the blocks in each, and those left over."""
    size = math.isqrt(n)
    return n // size, size, n % size


def groups(n: int) -> tuple[Callable[[Any], tuple[Any, ...]], Callable[[tuple[Any, ...]], Any]]:
    """Gives the functions from stacked parameters to those of the groups, and back."""
    many, size, rest = sizes(n)

    def split(params: Any) -> tuple[Any, ...]:
        inside = jax.tree.map(lambda p: p[: n - rest].reshape(many, size, *p.shape[1:]), params)
        return (inside, *[jax.tree.map(lambda p: p[n - rest :], params)] * (rest > 0))

    def join(params: tuple[Any, ...]) -> Any:
        inside, *outside = params
        inside = jax.tree.map(lambda p: p.reshape(n - rest, *p.shape[2:]), inside)
        return jax.tree.map(lambda *p: jnp.concatenate(p), inside, *outside)

    return split, join
