"""Gated linear units: values that pass as far as a gate, computed beside them, lets them.

A large value may bring back into the range of the floats what a nearly closed gate alone takes out
of it: far out the exponential is taken of half the gate, and the value stands between the two.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from functional_nn.activations.silus import exponentials, silu_bwd
from functional_nn.precision import rounded_once
from functional_nn.rules import Rule

_Pair = tuple[jax.Array, jax.Array]


@rounded_once
def glu(values: ArrayLike, gate: ArrayLike) -> jax.Array:
    r"""The gated linear unit.

    $$f(v, g) = v\,\sigma(g), \qquad
      \frac{\partial f}{\partial v} = \sigma(g), \quad
      \frac{\partial f}{\partial g} = v\,\sigma'(g).$$

    Smooth everywhere. The layer `functional_nn.glu` takes both from one array: the first half of
    the last axis are the values, the second half the gates.

    Args:
      values: `v`, any shape, any floating dtype.
      gate: `g`, same shape and dtype.

    Returns:
      `v σ(g)`, same shape and dtype. The backward pass keeps both arguments.

    Raises:
      TypeError: `values` does not have a floating-point dtype.

    Accuracy:
      float32: 4 ulp, and so both derivatives. bfloat16 and float16: 0.502 ulp.

    Example:
      >>> glu(jnp.float32(3.0), jnp.float32(0.0)).item()
      1.5

    Reference:
      Y. N. Dauphin, A. Fan, M. Auli, D. Grangier, "Language Modeling with Gated Convolutional
      Networks", ICML 2017, section 2, equation 1.
    """
    values, gate = jnp.asarray(values), jnp.asarray(gate)
    far, w, e = exponentials(gate)
    return values * jnp.where(gate < 0, w, 1) * jnp.where(far, w, 1) / (1 + e)


def glu_fwd(values: ArrayLike, gate: ArrayLike) -> tuple[jax.Array, _Pair]:
    """Evaluates `glu` and keeps its arguments."""
    return glu(values, gate), (jnp.asarray(values), jnp.asarray(gate))


@rounded_once
def glu_bwd(residuals: _Pair, dy: jax.Array) -> _Pair:
    """Gives `(dy σ(g), dy v σ'(g))`."""
    values, gate = residuals
    far, w, e = exponentials(-jnp.abs(gate))
    return glu(dy, gate), dy * values * w * jnp.where(far, w, 1) / (1 + e * (2 + e))


@rounded_once
def swiglu(values: ArrayLike, gate: ArrayLike) -> jax.Array:
    r"""The gated linear unit with a sigmoid linear unit for a gate.

    $$f(v, g) = v\,s(g), \quad s(g) = g\,\sigma(g), \qquad
      \frac{\partial f}{\partial v} = s(g), \quad
      \frac{\partial f}{\partial g} = v\,s'(g).$$

    Smooth everywhere. The layer `functional_nn.swiglu` takes both from one array: the first half of
    the last axis are the values, the second half the gates.

    Args:
      values: `v`, any shape, any floating dtype.
      gate: `g`, same shape and dtype.

    Returns:
      `v g σ(g)`, same shape and dtype. The backward pass keeps both arguments.

    Raises:
      TypeError: `values` does not have a floating-point dtype.

    Accuracy:
      float32: 5 ulp, and so both derivatives. bfloat16 and float16: 0.502 ulp.

    Example:
      >>> round(swiglu(jnp.float32(2.0), jnp.float32(1.0)).item(), 6)
      1.462117

    Reference:
      N. Shazeer, "GLU Variants Improve Transformer", 2020, section 2, equation 5.
    """
    values, gate = jnp.asarray(values), jnp.asarray(gate)
    far, w, e = exponentials(gate)
    y = values * (gate * jnp.where(gate < 0, w, 1)) * jnp.where(far, w, 1) / (1 + e)
    return jnp.where(jnp.isfinite(gate), y, values * jnp.maximum(gate, -0.0))


def swiglu_fwd(values: ArrayLike, gate: ArrayLike) -> tuple[jax.Array, _Pair]:
    """Evaluates `swiglu` and keeps its arguments."""
    return swiglu(values, gate), (jnp.asarray(values), jnp.asarray(gate))


@rounded_once
def swiglu_bwd(residuals: _Pair, dy: jax.Array) -> _Pair:
    """Gives `(dy s(g), dy v s'(g))`."""
    values, gate = residuals
    return swiglu(dy, gate), silu_bwd(gate, dy * values)[0]


GLU = Rule("glu", glu, glu_fwd, glu_bwd)
SWIGLU = Rule("swiglu", swiglu, swiglu_fwd, swiglu_bwd)
