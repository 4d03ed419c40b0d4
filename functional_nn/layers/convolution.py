"""Convolution along one or two axes: one small set of weights, moved over all positions."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from functional_nn import checks
from functional_nn.layers.dense import sequence_squares
from functional_nn.layers.layer import Layer
from functional_nn.layers.windows import (
    Padding,
    Window,
    paddings,
    per_axis,
    positions_and_channels,
    some_position_left,
    whole_groups,
)
from functional_nn.rules import Rule


def convolution(x: jax.Array, w: jax.Array, b: jax.Array, window: Window) -> jax.Array:
    r"""The same affine map at every position, of what lies there and beside it.

    Along one axis, with stride `s`, dilation `d`, `l` zeros before the input, and `x` zero outside,

    $$y_{npo} = \sum_q \sum_c x_{n,\,ps + qd - l,\,c}\, w_{qco} + b_o.$$

    (It is a correlation, as everywhere in machine learning: the weights are not turned round.) With
    `δ`, the cotangent of `y`, an input gets something from every output that it went into,

    $$\frac{\partial \ell}{\partial x_{nic}} = \sum_{p,\,q\,:\;ps + qd - l = i}\; \sum_o
      \delta_{npo}\, w_{qco}, \quad
      \frac{\partial \ell}{\partial w_{qco}} = \sum_{n,\,p} x_{n,\,ps + qd - l,\,c}\, \delta_{npo},
      \quad \frac{\partial \ell}{\partial b_o} = \sum_{n,\,p} \delta_{npo}.$$

    The first is a convolution again: of `δ` with `s - 1` zeros between its entries, by the weights
    turned round; the second one is that of `x` by `δ`. With `g` groups, outputs `o` of a group see
    the channels `c` of their group alone. Smooth everywhere.

    Args:
      x: Examples, shape (n, positions..., c), any floating dtype.
      w: Weights, shape (taps..., c / g, o), same dtype.
      b: Biases, shape (o,), same dtype.
      window: Stride, padding, dilation and groups.

    Returns:
      `y`, shape (n, positions of y..., o), same dtype. The backward pass keeps `x` and `w`.

    Raises:
      ValueError: The shapes do not fit, or no position is left.
      TypeError: The dtypes differ or are not floating.

    Example:
      >>> x, w = jnp.float32([[[1], [2], [4]]]), jnp.float32([[[1]], [[-1]]])
      >>> window = Window((1,), "VALID", (1,), 1)
      >>> convolution(x, w, jnp.zeros(1, jnp.float32), window).tolist()
      [[[-1.0], [-2.0]]]

    Reference:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", section 9.5, equations 9.8 to 9.13.
    """
    _check_arguments(x, w, b, window)
    pads = window.pads(x.shape[1:-1], w.shape[:-2])
    y = lax.conv_general_dilated(
        x,
        w,
        window.stride,
        pads,
        rhs_dilation=window.dilation,
        dimension_numbers=_channels_last(x.ndim - 2),
        feature_group_count=window.groups,
    )
    return y + jnp.broadcast_to(b, y.shape)


def convolution_fwd(
    x: jax.Array, w: jax.Array, b: jax.Array, window: Window
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Evaluates `convolution` and keeps `x` and `w`."""
    return convolution(x, w, b, window), (x, w)


def convolution_bwd(
    window: Window, residuals: tuple[jax.Array, jax.Array], dy: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Gives `(dx, dw, db)` from the cotangent `dy`."""
    x, w = residuals
    dw = _weights_cotangent(x, w.shape, dy, window)
    db = jnp.sum(dy, axis=tuple(range(dy.ndim - 1)))
    return _input_cotangent(x.shape, w, dy, window), dw, db


def _input_cotangent(
    shape: tuple[int, ...], w: jax.Array, dy: jax.Array, window: Window
) -> jax.Array:
    """Gives `dx`: `dy`, spread out by the stride, by the weights turned round."""
    *taps, inputs, outputs = w.shape
    axes, groups = len(taps), window.groups
    turned = jnp.flip(w, axis=tuple(range(axes)))
    by_group = jnp.reshape(turned, (*taps, inputs, groups, outputs // groups))
    to_inputs = jnp.moveaxis(by_group, axes, -1)  # (taps, group, output of it, input of it)
    back = jnp.reshape(
        jnp.swapaxes(to_inputs, axes, axes + 1), (*taps, outputs // groups, groups * inputs)
    )
    reach, pads = window.reach(taps), []
    for i, (low, _) in enumerate(window.pads(shape[1:-1], taps)):
        spread = (dy.shape[i + 1] - 1) * window.stride[i] + 1
        pads.append((reach[i] - low, shape[i + 1] - spread + low))
    return lax.conv_general_dilated(
        dy,
        back,
        (1,) * axes,
        pads,
        lhs_dilation=window.stride,
        rhs_dilation=window.dilation,
        dimension_numbers=_channels_last(axes),
        feature_group_count=groups,
    )


def _weights_cotangent(
    x: jax.Array, shape: tuple[int, ...], dy: jax.Array, window: Window
) -> jax.Array:
    """Gives `dw`: `x` by `dy`, summed over the examples; channels take the place of examples."""
    *taps, _, _ = shape
    axes = len(taps)
    reach, pads = window.reach(taps), []
    for i, (low, _) in enumerate(window.pads(x.shape[1:-1], taps)):
        spread = (dy.shape[i + 1] - 1) * window.stride[i] + 1
        pads.append((low, reach[i] + spread - x.shape[i + 1] - low))
    space = tuple(range(1, axes + 1))
    return lax.conv_general_dilated(
        x,
        dy,
        window.dilation,
        pads,
        rhs_dilation=window.stride,
        dimension_numbers=lax.ConvDimensionNumbers(
            lhs_spec=(axes + 1, 0, *space),
            rhs_spec=(axes + 1, 0, *space),
            out_spec=(axes, axes + 1, *range(axes)),
        ),
        batch_group_count=window.groups,
    )


def convolution_squares(
    window: Window, residuals: tuple[jax.Array, jax.Array], dy: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Gives the squared norm of each example's own `(dw, db)`, and `dx`.

    Seen from one position, a convolution is a dense layer on the patch that lies there: an example
    is a sequence of patches, and each group of channels a layer of its own.

    Reference:
      G. Rochette, A. Manoel, E. W. Tramel, "Efficient Per-Example Gradient Computations in
      Convolutional Neural Networks", 2019, section 3.
    """
    x, w = residuals
    taps, groups = w.shape[:-2], window.groups
    patches = lax.conv_general_dilated_patches(
        x,
        taps,
        window.stride,
        window.pads(x.shape[1:-1], taps),
        rhs_dilation=window.dilation,
        dimension_numbers=_channels_last(len(taps)),
    )

    def by_group(a: jax.Array) -> jax.Array:
        rows = jnp.reshape(a, (a.shape[0], -1, groups, a.shape[-1] // groups))
        return jnp.reshape(jnp.swapaxes(rows, 1, 2), (-1, rows.shape[1], rows.shape[3]))

    squares = sequence_squares(by_group(patches), by_group(dy))
    dx = _input_cotangent(x.shape, w, dy, window)
    return jnp.sum(jnp.reshape(squares, (x.shape[0], groups)), axis=1), dx


def convolution_rule(window: Window, name: str = "convolution") -> Rule:
    """Gives the rule of `convolution` for one way of moving."""
    return Rule(
        name,
        lambda x, w, b: convolution(x, w, b, window),
        lambda x, w, b: convolution_fwd(x, w, b, window),
        lambda residuals, dy: convolution_bwd(window, residuals, dy),
    )


_glorot_uniform = jax.nn.initializers.glorot_uniform()


def _layer(
    name: str,
    axes: int,
    features: int,
    taps: int | Sequence[int],
    stride: int | Sequence[int],
    padding: Padding,
    dilation: int | Sequence[int],
    groups: int,
    w_init: Callable[..., Any],
) -> Layer:
    checks.width("features", features)
    checks.width("groups", groups)
    whole_groups(groups, features=features)
    taps = per_axis("taps", taps, axes)
    window = Window(
        per_axis("stride", stride, axes),
        paddings(padding, axes),
        per_axis("dilation", dilation, axes),
        groups,
    )
    rule = convolution_rule(window, name)

    def init(key: jax.Array, x: Any) -> dict[str, jax.Array]:
        positions_and_channels(x, axes)
        whole_groups(groups, channels=x.shape[-1])
        dtype = jnp.result_type(x)
        return {
            "w": w_init(key, (*taps, x.shape[-1] // groups, features), dtype),
            "b": jnp.zeros((features,), dtype),
        }

    def apply(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
        return rule.primal(x, params["w"], params["b"])

    def fwd(params: dict[str, jax.Array], x: jax.Array) -> tuple[jax.Array, Any]:
        return rule.fwd(x, params["w"], params["b"])

    def bwd(residuals: Any, dy: jax.Array) -> tuple[dict[str, jax.Array], jax.Array]:
        dx, dw, db = rule.bwd(residuals, dy)
        return {"w": dw, "b": db}, dx

    def squares(residuals: Any, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        return convolution_squares(window, residuals, dy)

    return Layer(init, apply, fwd, bwd, name, squares=squares)


def conv1d(
    features: int,
    taps: int,
    *,
    stride: int = 1,
    padding: Padding = "SAME",
    dilation: int = 1,
    groups: int = 1,
    w_init: Callable[..., Any] = _glorot_uniform,
) -> Layer:
    """Makes a layer that convolves along one axis: inputs (n, length, c), outputs (n, length, o).

    The parameters are `{"w": (taps, c / groups, features), "b": (features,)}` in the dtype of the
    input that `init` sees. For what it computes and its backward pass see `convolution`.

    Args:
      features: The number of channels of the output, `o`.
      taps: How many neighbouring positions an output sees.
      stride: How far apart the outputs lie, in positions of the input.
      padding: Zeros at the ends: `"SAME"` (a stride of 1 keeps the length), `"VALID"` (none), a
        number for both ends, or `[(before, after)]`.
      dilation: How far apart the taps lie, in positions.
      groups: Into how many groups the channels fall; an output sees the channels of its group.
      w_init: Draws the weights: any of `jax.nn.initializers`. The biases start at 0.

    Returns:
      The layer; its backward pass is `convolution_bwd`.

    Raises:
      ValueError: A number is not a positive whole number, or the groups do not divide the channels.

    Example:
      >>> layer = conv1d(4, taps=3, stride=2)
      >>> x = jax.ShapeDtypeStruct((1, 10, 2), jnp.float32)
      >>> params = jax.eval_shape(layer.init, jax.random.key(0), x)
      >>> params["w"].shape, jax.eval_shape(layer.apply, params, x).shape
      ((3, 2, 4), (1, 5, 4))
    """
    return _layer("conv1d", 1, features, taps, stride, padding, dilation, groups, w_init)


def conv2d(
    features: int,
    taps: int | tuple[int, int],
    *,
    stride: int | tuple[int, int] = 1,
    padding: Padding = "SAME",
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    w_init: Callable[..., Any] = _glorot_uniform,
) -> Layer:
    """Makes a layer that convolves images: inputs (n, rows, columns, c), outputs (n, ..., o).

    As `conv1d`, along two axes; a single number holds for both.

    Args:
      features: The number of channels of the output, `o`.
      taps: How many neighbouring rows and columns an output sees.
      stride: How far apart the outputs lie.
      padding: Zeros at the edges: `"SAME"`, `"VALID"`, a number, or one pair for each axis.
      dilation: How far apart the taps lie.
      groups: Into how many groups the channels fall. As many as channels: each by itself.
      w_init: Draws the weights: any of `jax.nn.initializers`. The biases start at 0.

    Returns:
      The layer; its backward pass is `convolution_bwd`.

    Raises:
      ValueError: A number is not a positive whole number, or the groups do not divide the channels.

    Example:
      >>> layer = conv2d(8, taps=3)
      >>> x = jax.ShapeDtypeStruct((1, 28, 28, 1), jnp.float32)
      >>> params = jax.eval_shape(layer.init, jax.random.key(0), x)
      >>> params["w"].shape, jax.eval_shape(layer.apply, params, x).shape
      ((3, 3, 1, 8), (1, 28, 28, 8))
    """
    return _layer("conv2d", 2, features, taps, stride, padding, dilation, groups, w_init)


def _channels_last(axes: int) -> lax.ConvDimensionNumbers:
    space = tuple(range(1, axes + 1))
    return lax.ConvDimensionNumbers(
        lhs_spec=(0, axes + 1, *space),
        rhs_spec=(axes + 1, axes, *range(axes)),
        out_spec=(0, axes + 1, *space),
    )


def _check_arguments(x: jax.Array, w: jax.Array, b: jax.Array, window: Window) -> None:
    axes = len(window.stride)
    positions_and_channels(x, axes)
    if w.ndim != axes + 2 or b.shape != w.shape[-1:]:
        raise ValueError(
            "A convolution needs w of shape (taps..., channels / groups, features) and b of shape "
            f"(features,). Got w of shape {w.shape} and b of shape {b.shape}. "
            "Make both with the layer's init."
        )
    if x.shape[-1] != w.shape[-2] * window.groups:
        raise ValueError(
            "The weights must see all channels of their group. "
            f"Got x of shape {x.shape} and w of shape {w.shape} for {window.groups} groups. "
            "Initialise the layer with this x."
        )
    checks.same_dtype(x=x, w=w, b=b)
    covered = [r + 1 for r in window.reach(w.shape[:-2])]
    some_position_left(x, covered, window.pads(x.shape[1:-1], w.shape[:-2]))
