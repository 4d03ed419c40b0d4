"""Group normalisation: the channels of an example in groups, each by its own statistics."""

from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import checks
from functional_nn.layers.layer import Layer
from functional_nn.layers.normalization import EPSILON
from functional_nn.precision import widened
from functional_nn.rules import Rule

_OF_GROUP = (-3, -1)  # the positions, and the channels of a group


def group_norm(
    x: jax.Array, scale: jax.Array, bias: jax.Array, *, epsilon: float = EPSILON
) -> jax.Array:
    r"""Group normalisation, of channels that stand in their groups already.

    With the mean `μ_{nj}` of group `j` of example `n`, over its positions `p` and channels `c`, and
    the reciprocal `r_{nj}` of its deviation,

    $$r_{nj} = \Big(\epsilon + \frac1{PC} \sum_{p,c} (x_{npjc} - \mu_{nj})^2\Big)^{-1/2}, \quad
      \hat x_{npjc} = (x_{npjc} - \mu_{nj})\, r_{nj}, \qquad
      y_{npjc} = g_{jc} \hat x_{npjc} + b_{jc}.$$

    With `δ` the cotangent of `y` and `d = g δ`, `E` being the mean over a group,

    $$\frac{\partial \ell}{\partial x} = r (d - \mathrm E[d] - \hat x\, \mathrm E[d \hat x]), \quad
      \frac{\partial \ell}{\partial g_{jc}} = \sum_{n,p} \delta_{npjc} \hat x_{npjc}, \quad
      \frac{\partial \ell}{\partial b_{jc}} = \sum_{n,p} \delta_{npjc}.$$

    Smooth everywhere. The layer `functional_nn.group_norm` cuts the last axis into groups.

    Args:
      x: Examples, shape (..., P, G, C): positions, groups, channels of a group; any floating dtype.
      scale: `g`, shape (G, C), same dtype.
      bias: `b`, shape (G, C), same dtype.
      epsilon: `ε`, positive: what is added to the variance.

    Returns:
      `y`, shape and dtype of `x`. The backward pass keeps `x`, two numbers a group, and the
      parameters.

    Raises:
      ValueError: The shapes do not fit.
      TypeError: The dtypes differ or are not floating.

    Example:
      >>> x = jnp.float32([[[1.0, 3.0], [0.0, 8.0]]])  # one position, two groups of two channels
      >>> one, zero = jnp.ones((2, 2), jnp.float32), jnp.zeros((2, 2), jnp.float32)
      >>> group_norm(x, one, zero).round(3).tolist()
      [[[-1.0, 1.0], [-1.0, 1.0]]]

    Reference:
      Y. Wu, K. He, "Group Normalization", ECCV 2018, section 3.1, equations 1, 2 and 7.
    """
    return group_norm_fwd(x, scale, bias, epsilon=epsilon)[0]


def group_norm_fwd(
    x: jax.Array, scale: jax.Array, bias: jax.Array, *, epsilon: float = EPSILON
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Evaluates `group_norm` and keeps its arguments, `μ` and `r`."""
    checks.grouped(x, scale, bias)
    x = jnp.asarray(x)
    wide = widened(x)
    mean = jnp.mean(wide, axis=_OF_GROUP, keepdims=True)
    centred = wide - mean
    variance = jnp.mean(centred * centred, axis=_OF_GROUP, keepdims=True)
    residuals = (x, mean, jax.lax.rsqrt(variance + epsilon), jnp.asarray(scale), jnp.asarray(bias))
    return group_norm_again(residuals), residuals


def group_norm_again(residuals: tuple[jax.Array, ...]) -> jax.Array:
    """Gives the output `g x̂ + b` from the residuals."""
    x, mean, inverse, scale, bias = residuals
    normal = (widened(x) - mean) * inverse
    return (normal * _everywhere(scale, normal) + _everywhere(bias, normal)).astype(x.dtype)


def group_norm_bwd(
    residuals: tuple[jax.Array, ...], dy: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Gives `(dx, dscale, dbias)` from the cotangent `dy`."""
    x, mean, inverse, scale, bias = residuals
    dy = widened(dy)
    normal = (widened(x) - mean) * inverse
    d = dy * _everywhere(scale, normal)
    of_mean = jnp.mean(d, axis=_OF_GROUP, keepdims=True)
    of_deviation = jnp.mean(d * normal, axis=_OF_GROUP, keepdims=True)
    dx = inverse * (d - of_mean - normal * of_deviation)
    rest = tuple(range(dy.ndim - 2))
    dscale, dbias = jnp.sum(dy * normal, axis=rest), jnp.sum(dy, axis=rest)
    return dx.astype(x.dtype), dscale.astype(scale.dtype), dbias.astype(bias.dtype)


def group_norm_squares(
    residuals: tuple[jax.Array, ...], dy: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Gives the squared norm of each example's own `(dscale, dbias)`, and `dx`."""
    x, mean, inverse, *_ = residuals
    wide = widened(dy)
    own = (jnp.sum(a, axis=1) for a in (wide * (widened(x) - mean) * inverse, wide))
    total = sum(jnp.sum(a * a, axis=(1, 2)) for a in own)
    return jnp.asarray(total, dy.dtype), group_norm_bwd(residuals, dy)[0]


def _everywhere(parameter: jax.Array, like: jax.Array) -> jax.Array:
    return jnp.broadcast_to(widened(parameter), like.shape)


GROUP_NORM = Rule("group_norm", group_norm, group_norm_fwd, group_norm_bwd, group_norm_again)


def group_norm_layer(groups: int, *, epsilon: float = EPSILON) -> Layer:
    """Makes a group normalisation of the channels, which are the last axis.

    The parameters are `{"scale": (K,), "bias": (K,)}` in the dtype of the input that `init` sees;
    they start at 1 and 0. With one group an example is normalised as a whole, with as many groups
    as channels each channel by itself.

    Args:
      groups: The number of groups, which divides the number of channels.
      epsilon: What is added to the variance, positive.

    Returns:
      The layer, from (N, ..., K) to the same shape; its backward pass is `group_norm_bwd`.

    Raises:
      ValueError: `groups` is not a positive whole number, or `epsilon` not positive; from the
        layer, channels that `groups` does not divide.

    Example:
      >>> layer = group_norm_layer(2)
      >>> x = jnp.float32([[[1.0, 3.0, 0.0, 8.0]]])
      >>> layer.apply(layer.init(jax.random.key(0), x), x).round(3).tolist()
      [[[-1.0, 1.0, -1.0, 1.0]]]

    Reference:
      Y. Wu, K. He, "Group Normalization", ECCV 2018, section 3.1.
    """
    checks.count("groups", groups)
    checks.positive("epsilon", epsilon)

    def cut(x: jax.Array) -> jax.Array:
        checks.groups(groups, x)
        return jnp.reshape(x, (x.shape[0], -1, groups, x.shape[-1] // groups))

    def init(key: jax.Array, x: Any) -> dict[str, jax.Array]:
        del key
        checks.floating("x", x)
        checks.groups(groups, x)
        dtype = jnp.result_type(x)
        return {"scale": jnp.ones(x.shape[-1:], dtype), "bias": jnp.zeros(x.shape[-1:], dtype)}

    def apply(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
        return fwd(params, x)[0]

    def fwd(params: dict[str, jax.Array], x: jax.Array) -> tuple[jax.Array, Any]:
        own = (jnp.reshape(params[name], (groups, -1)) for name in ("scale", "bias"))
        y, (_, *kept) = group_norm_fwd(cut(x), *own, epsilon=epsilon)
        return jnp.reshape(y, x.shape), (x, *kept)

    def bwd(residuals: Any, dy: jax.Array) -> tuple[dict[str, jax.Array], jax.Array]:
        x, *kept = residuals
        dx, dscale, dbias = group_norm_bwd((cut(x), *kept), cut(dy))
        return {"scale": jnp.ravel(dscale), "bias": jnp.ravel(dbias)}, jnp.reshape(dx, x.shape)

    def squares(residuals: Any, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        x, *kept = residuals
        total, dx = group_norm_squares((cut(x), *kept), cut(dy))
        return total, jnp.reshape(dx, x.shape)

    def again(residuals: Any) -> jax.Array:
        x, *kept = residuals
        return jnp.reshape(group_norm_again((cut(x), *kept)), x.shape)

    return Layer(init, apply, fwd, bwd, "group_norm", squares=squares, again=again)
