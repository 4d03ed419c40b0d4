"""Normalisation of each row by its own statistics: layer normalisation, and by the mean square.

The statistics are taken in at least single precision, whatever the dtype of the rows. The backward
passes keep the input, which is the output of the layer before, and one or two numbers a row; from
these the output is made again where a layer after it needs it.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import checks
from functional_nn.layers.layer import Layer
from functional_nn.precision import widened
from functional_nn.rules import Rule

EPSILON = 1e-5


def layer_norm(
    x: jax.Array, scale: jax.Array, bias: jax.Array, *, epsilon: float = EPSILON
) -> jax.Array:
    r"""Layer normalisation: each row brought to mean 0 and variance 1, then scaled and shifted.

    With the row's mean `μ_n` and the reciprocal of its deviation `r_n`,

    $$\mu_n = \frac1K \sum_k x_{nk}, \quad
      r_n = \Big(\epsilon + \frac1K \sum_k (x_{nk} - \mu_n)^2\Big)^{-1/2}, \quad
      \hat x_{nk} = (x_{nk} - \mu_n)\, r_n, \qquad
      y_{nk} = g_k \hat x_{nk} + b_k.$$

    With `δ` the cotangent of `y` and `d_{nk} = g_k δ_{nk}`,

    $$\frac{\partial \ell}{\partial x_{nk}} = r_n \Big(d_{nk} - \frac1K \sum_j d_{nj}
        - \hat x_{nk} \frac1K \sum_j d_{nj} \hat x_{nj}\Big), \quad
      \frac{\partial \ell}{\partial g_k} = \sum_n \delta_{nk} \hat x_{nk}, \quad
      \frac{\partial \ell}{\partial b_k} = \sum_n \delta_{nk}.$$

    Smooth everywhere.

    Args:
      x: Rows, shape (..., K), any floating dtype.
      scale: `g`, shape (K,), same dtype.
      bias: `b`, shape (K,), same dtype.
      epsilon: `ε`, positive: what is added to the variance.

    Returns:
      `y`, shape and dtype of `x`. The backward pass keeps `x`, two numbers a row, and the
      parameters.

    Raises:
      ValueError: The shapes do not fit.
      TypeError: The dtypes differ or are not floating.

    Example:
      >>> x, one, zero = (jnp.float32(row) for row in ([[1, 3]], [1, 1], [0, 0]))
      >>> layer_norm(x, one, zero).round(3).tolist()
      [[-1.0, 1.0]]

    Reference:
      J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer Normalization", 2016, section 3, equation 4.
    """
    return layer_norm_fwd(x, scale, bias, epsilon=epsilon)[0]


def layer_norm_fwd(
    x: jax.Array, scale: jax.Array, bias: jax.Array, *, epsilon: float = EPSILON
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Evaluates `layer_norm` and keeps its arguments, `μ` and `r`."""
    checks.scaled_rows(x, scale=scale, bias=bias)
    x = jnp.asarray(x)
    rows = widened(x)
    mean = jnp.mean(rows, axis=-1, keepdims=True)
    centred = rows - mean
    inverse = jax.lax.rsqrt(jnp.mean(centred * centred, axis=-1, keepdims=True) + epsilon)
    residuals = (x, mean, inverse, jnp.asarray(scale), jnp.asarray(bias))
    return layer_norm_again(residuals), residuals


def layer_norm_again(residuals: tuple[jax.Array, ...]) -> jax.Array:
    """Gives the output `g x̂ + b` from the residuals."""
    x, mean, inverse, scale, bias = residuals
    normal = (widened(x) - mean) * inverse
    y = normal * _along(scale, normal) + _along(bias, normal)
    return y.astype(x.dtype)


def layer_norm_bwd(
    residuals: tuple[jax.Array, ...], dy: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Gives `(dx, dscale, dbias)` from the cotangent `dy`."""
    x, mean, inverse, scale, bias = residuals
    dy = widened(dy)
    normal = (widened(x) - mean) * inverse
    d = dy * _along(scale, normal)
    # A row's mean and deviation hang on all its entries: each takes its share of δ back.
    of_mean = jnp.mean(d, axis=-1, keepdims=True)
    of_deviation = jnp.mean(d * normal, axis=-1, keepdims=True)
    dx = inverse * (d - of_mean - normal * of_deviation)
    rows = tuple(range(dy.ndim - 1))
    dscale, dbias = jnp.sum(dy * normal, axis=rows), jnp.sum(dy, axis=rows)
    return dx.astype(x.dtype), dscale.astype(scale.dtype), dbias.astype(bias.dtype)


def layer_norm_squares(
    residuals: tuple[jax.Array, ...], dy: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Gives the squared norm of each example's own `(dscale, dbias)`, and `dx`."""
    x, mean, inverse, *_ = residuals
    normal = (widened(x) - mean) * inverse
    total = own_squares(widened(dy) * normal) + own_squares(widened(dy))
    return total.astype(dy.dtype), layer_norm_bwd(residuals, dy)[0]


def own_squares(cotangents: jax.Array) -> jax.Array:
    """Gives `‖Σ_t d_nt‖²` for each example `n`, from `d` of shape (n, ..., K)."""
    own = jnp.sum(cotangents, axis=tuple(range(1, cotangents.ndim - 1)))
    return jnp.sum(own * own, axis=-1)


def rms_norm(x: jax.Array, scale: jax.Array, *, epsilon: float = EPSILON) -> jax.Array:
    r"""Normalisation by the root mean square: each row brought to a mean square of 1, then scaled.

    $$r_n = \Big(\epsilon + \frac1K \sum_k x_{nk}^2\Big)^{-1/2}, \quad
      \hat x_{nk} = x_{nk}\, r_n, \qquad y_{nk} = g_k \hat x_{nk}.$$

    With `δ` the cotangent of `y` and `d_{nk} = g_k δ_{nk}`,

    $$\frac{\partial \ell}{\partial x_{nk}} = r_n \Big(d_{nk}
        - \hat x_{nk} \frac1K \sum_j d_{nj} \hat x_{nj}\Big), \quad
      \frac{\partial \ell}{\partial g_k} = \sum_n \delta_{nk} \hat x_{nk}.$$

    Smooth everywhere.

    Args:
      x: Rows, shape (..., K), any floating dtype.
      scale: `g`, shape (K,), same dtype.
      epsilon: `ε`, positive: what is added to the mean square.

    Returns:
      `y`, shape and dtype of `x`. The backward pass keeps `x`, one number a row, and `g`.

    Raises:
      ValueError: The shapes do not fit.
      TypeError: The dtypes differ or are not floating.

    Example:
      >>> rms_norm(jnp.float32([[2.0, 2.0]]), jnp.ones(2, jnp.float32)).round(3).tolist()
      [[1.0, 1.0]]

    Reference:
      B. Zhang, R. Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019, section 4,
      equation 4.
    """
    return rms_norm_fwd(x, scale, epsilon=epsilon)[0]


def rms_norm_fwd(
    x: jax.Array, scale: jax.Array, *, epsilon: float = EPSILON
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Evaluates `rms_norm` and keeps its arguments and `r`."""
    checks.scaled_rows(x, scale=scale)
    x = jnp.asarray(x)
    rows = widened(x)
    inverse = jax.lax.rsqrt(jnp.mean(rows * rows, axis=-1, keepdims=True) + epsilon)
    residuals = (x, inverse, jnp.asarray(scale))
    return rms_norm_again(residuals), residuals


def rms_norm_again(residuals: tuple[jax.Array, ...]) -> jax.Array:
    """Gives the output `g x̂` from the residuals."""
    x, inverse, scale = residuals
    normal = widened(x) * inverse
    return (normal * _along(scale, normal)).astype(x.dtype)


def rms_norm_bwd(residuals: tuple[jax.Array, ...], dy: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Gives `(dx, dscale)` from the cotangent `dy`."""
    x, inverse, scale = residuals
    dy = widened(dy)
    normal = widened(x) * inverse
    d = dy * _along(scale, normal)
    dx = inverse * (d - normal * jnp.mean(d * normal, axis=-1, keepdims=True))
    dscale = jnp.sum(dy * normal, axis=tuple(range(dy.ndim - 1)))
    return dx.astype(x.dtype), dscale.astype(scale.dtype)


def rms_norm_squares(
    residuals: tuple[jax.Array, ...], dy: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Gives the squared norm of each example's own `dscale`, and `dx`."""
    x, inverse, _ = residuals
    total = own_squares(widened(dy) * widened(x) * inverse)
    return total.astype(dy.dtype), rms_norm_bwd(residuals, dy)[0]


def _along(parameter: jax.Array, rows: jax.Array) -> jax.Array:
    return jnp.broadcast_to(widened(parameter), rows.shape)


LAYER_NORM = Rule("layer_norm", layer_norm, layer_norm_fwd, layer_norm_bwd, layer_norm_again)
RMS_NORM = Rule("rms_norm", rms_norm, rms_norm_fwd, rms_norm_bwd, rms_norm_again)


def layer_norm_layer(*, epsilon: float = EPSILON) -> Layer:
    """Makes a layer normalisation over the last axis.

    The parameters are `{"scale": (K,), "bias": (K,)}` in the dtype of the input that `init` sees;
    they start at 1 and 0.

    Args:
      epsilon: What is added to the variance, positive.

    Returns:
      The layer; its backward pass is `layer_norm_bwd`.

    Raises:
      ValueError: `epsilon` is not positive.

    Example:
      >>> layer = layer_norm_layer()
      >>> x = jnp.float32([[1.0, 3.0]])
      >>> layer.apply(layer.init(jax.random.key(0), x), x).round(3).tolist()
      [[-1.0, 1.0]]

    Reference:
      J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer Normalization", 2016, section 3.
    """
    checks.positive("epsilon", epsilon)

    def fwd(params: dict[str, jax.Array], x: jax.Array) -> tuple[jax.Array, Any]:
        return layer_norm_fwd(x, params["scale"], params["bias"], epsilon=epsilon)

    return scaled_layer(LAYER_NORM, fwd, ("scale", "bias"), layer_norm_squares)


def rms_norm_layer(*, epsilon: float = EPSILON) -> Layer:
    """Makes a normalisation by the root mean square over the last axis.

    The parameters are `{"scale": (K,)}` in the dtype of the input that `init` sees; it starts at 1.

    Args:
      epsilon: What is added to the mean square, positive.

    Returns:
      The layer; its backward pass is `rms_norm_bwd`.

    Raises:
      ValueError: `epsilon` is not positive.

    Example:
      >>> layer = rms_norm_layer()
      >>> x = jnp.float32([[2.0, 2.0]])
      >>> layer.apply(layer.init(jax.random.key(0), x), x).round(3).tolist()
      [[1.0, 1.0]]

    Reference:
      B. Zhang, R. Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019, section 4.
    """
    checks.positive("epsilon", epsilon)

    def fwd(params: dict[str, jax.Array], x: jax.Array) -> tuple[jax.Array, Any]:
        return rms_norm_fwd(x, params["scale"], epsilon=epsilon)

    return scaled_layer(RMS_NORM, fwd, ("scale",), rms_norm_squares)


def scaled_layer(
    rule: Rule,
    fwd: Callable[[Any, jax.Array], tuple[jax.Array, Any]],
    names: tuple[str, ...],
    squares: Callable[..., Any],
) -> Layer:
    """Makes the layer of a rule of rows with a scale, starting at 1, and perhaps a bias, at 0."""
    start = {"scale": jnp.ones, "bias": jnp.zeros}

    def init(key: jax.Array, x: Any) -> dict[str, jax.Array]:
        del key
        checks.floating("x", x)
        return {name: start[name](x.shape[-1:], jnp.result_type(x)) for name in names}

    def apply(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
        return fwd(params, x)[0]

    def bwd(residuals: Any, dy: jax.Array) -> tuple[dict[str, jax.Array], jax.Array]:
        dx, *cotangents = rule.bwd(residuals, dy)
        return dict(zip(names, cotangents, strict=True)), dx

    return Layer(init, apply, fwd, bwd, rule.name, squares=squares, again=rule.again)
