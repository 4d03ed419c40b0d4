"""The dense layer: every output is a weighted sum of all inputs, plus a bias."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import checks
from functional_nn.layers.layer import Layer
from functional_nn.rules import Rule


def dense(x: jax.Array, w: jax.Array, b: jax.Array) -> jax.Array:
    r"""The affine map of each row of `x`.

    $$z_{no} = \sum_i x_{ni} w_{io} + b_o.$$

    With `δ = ∂ℓ/∂z`, the cotangent of the output,

    $$\frac{\partial \ell}{\partial x_{ni}} = \sum_o \delta_{no} w_{io}, \quad
      \frac{\partial \ell}{\partial w_{io}} = \sum_n x_{ni} \delta_{no}, \quad
      \frac{\partial \ell}{\partial b_o} = \sum_n \delta_{no}.$$

    Smooth everywhere.

    Args:
      x: Rows, shape (..., in), any floating dtype.
      w: Weights, shape (in, out), same dtype.
      b: Biases, shape (out,), same dtype.

    Returns:
      `z`, shape (..., out), same dtype. The backward pass keeps `x`, which is the output of the
      layer before, and `w`, which is a parameter: nothing is stored that is not there anyway.

    Raises:
      ValueError: The shapes do not fit.
      TypeError: The dtypes differ or are not floating.

    Example:
      >>> x, w, b = jnp.float32([[1.0, -1.0]]), jnp.float32([[1, -1], [-2, 1]]), jnp.float32([1, 0])
      >>> dense(x, w, b).tolist()
      [[4.0, -2.0]]

    Reference:
      D. E. Rumelhart, G. E. Hinton, R. J. Williams, "Learning representations by back-propagating
      errors", Nature 323, 1986, equations 1, 6 and 7; C. M. Bishop, "Pattern Recognition and
      Machine Learning", section 5.3.1.
    """
    checks.dense_arguments(x, w, b)
    z = jnp.matmul(x, w)
    return z + jnp.broadcast_to(b, z.shape)


def dense_fwd(
    x: jax.Array, w: jax.Array, b: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Evaluates `dense` and keeps `x` and `w`."""
    return dense(x, w, b), (x, w)


def dense_bwd(
    residuals: tuple[jax.Array, jax.Array], dz: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Gives `(dx, dw, db)` from the cotangent `dz`."""
    x, w = residuals
    rows = tuple(range(dz.ndim - 1))
    dx = dz @ w.T  # Σ_o δ_no w_io
    dw = jnp.tensordot(x, dz, axes=(rows, rows))  # Σ_n x_ni δ_no
    db = jnp.sum(dz, axis=rows)  # Σ_n δ_no: one b serves all rows
    return dx, dw, db


def dense_squares(
    residuals: tuple[jax.Array, jax.Array], dz: jax.Array
) -> tuple[jax.Array, jax.Array]:
    r"""Gives the squared norm of each example's own `(dw, db)`, and `dx`.

    One row an example, shape (n, in): `dw_n = x_n δ_nᵀ` has rank one, and

    $$\lVert \partial \ell_n / \partial w \rVert^2 + \lVert \partial \ell_n / \partial b \rVert^2
      = \lVert \delta_n \rVert^2 (1 + \lVert x_n \rVert^2).$$

    For sequences, shape (n, ..., in), see `sequence_squares`.

    Reference:
      I. Goodfellow, "Efficient Per-Example Gradient Computations", 2015, section 4.
    """
    x, w = residuals
    dx = dz @ w.T
    if dz.ndim == 2:
        return jnp.sum(dz * dz, axis=-1) * (1 + jnp.sum(x * x, axis=-1)), dx
    x, dz = (jnp.reshape(a, (a.shape[0], -1, a.shape[-1])) for a in (x, dz))
    return sequence_squares(x, dz), dx


def sequence_squares(x: jax.Array, dz: jax.Array) -> jax.Array:
    r"""Gives the squared norm of each example's own `(dw, db)` for sequences of rows.

    $$\Big\lVert \sum_t x_t \delta_t^\top \Big\rVert^2
      = \sum_{t,s} (x_t \cdot x_s)\,(\delta_t \cdot \delta_s).$$

    The left side is computed where `T (in + out) > in out`, else the right one, the Gram form: each
    needs fewer operations than the other there, and less memory.

    Args:
      x: Inputs, shape (n, T, in).
      dz: Cotangents of the outputs, shape (n, T, out).

    Reference:
      X. Li, F. Tramèr, P. Liang, T. Hashimoto, "Large Language Models Can Be Strong Differentially
      Private Learners", ICLR 2022, section 4 (ghost clipping).
    """
    db = jnp.sum(dz, axis=1)
    return weight_squares(x, dz) + jnp.sum(db * db, axis=-1)


def weight_squares(x: jax.Array, dz: jax.Array) -> jax.Array:
    """Gives the squared norm of each example's own `dw` alone, as `sequence_squares` does."""
    (_, steps, inputs), outputs = x.shape, dz.shape[-1]
    gram = steps * (inputs + outputs) <= inputs * outputs
    return gram_squares(x, dz) if gram else direct_squares(x, dz)


def gram_squares(x: jax.Array, dz: jax.Array) -> jax.Array:
    """Gives `Σ_ts (x_t·x_s)(δ_t·δ_s)` for each example."""
    inputs = jnp.einsum("nti,nsi->nts", x, x)
    outputs = jnp.einsum("nto,nso->nts", dz, dz)
    return jnp.sum(inputs * outputs, axis=(1, 2))


def direct_squares(x: jax.Array, dz: jax.Array) -> jax.Array:
    """Gives `‖Σ_t x_t δ_tᵀ‖²` for each example."""
    dw = jnp.einsum("nti,nto->nio", x, dz)
    return jnp.sum(dw * dw, axis=(1, 2))


DENSE = Rule("dense", dense, dense_fwd, dense_bwd)

_glorot_uniform = jax.nn.initializers.glorot_uniform()


def dense_layer(features: int, *, w_init: Callable[..., Any] = _glorot_uniform) -> Layer:
    """Makes a dense layer with `features` outputs.

    The parameters are `{"w": (in, out), "b": (out,)}` in the dtype of the input that `init` sees;
    `in` is the length of its last axis. `apply(params, x)` is `x @ w + b`.

    Args:
      features: The number of outputs.
      w_init: Draws the weights: any of `jax.nn.initializers`, such as
        `jax.nn.initializers.he_normal()` before a rectifier. The biases start at 0.

    Returns:
      The layer; its backward pass is `dense_bwd`.

    Raises:
      ValueError: `features` is not a positive whole number.

    Example:
      >>> layer = dense_layer(3)
      >>> params = layer.init(jax.random.key(0), jax.ShapeDtypeStruct((1, 4), jnp.float32))
      >>> params["w"].shape, params["b"].tolist()
      ((4, 3), [0.0, 0.0, 0.0])

    Reference:
      For the default initialiser: X. Glorot, Y. Bengio, "Understanding the difficulty of training
      deep feedforward neural networks", AISTATS 2010, section 4.2.1.
    """
    checks.width("features", features)

    def init(key: jax.Array, x: Any) -> dict[str, jax.Array]:
        checks.floating("x", x)
        dtype = jnp.result_type(x)
        return {
            "w": w_init(key, (x.shape[-1], features), dtype),
            "b": jnp.zeros((features,), dtype),
        }

    def apply(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
        return dense(x, params["w"], params["b"])

    def fwd(params: dict[str, jax.Array], x: jax.Array) -> tuple[jax.Array, Any]:
        return dense_fwd(x, params["w"], params["b"])

    def bwd(residuals: Any, dz: jax.Array) -> tuple[dict[str, jax.Array], jax.Array]:
        dx, dw, db = dense_bwd(residuals, dz)
        return {"w": dw, "b": db}, dx

    def example(residuals: Any, dz: jax.Array, n: Any) -> dict[str, jax.Array]:
        x, w = residuals
        return bwd((x[n], w), dz[n])[0]

    return Layer(init, apply, fwd, bwd, "dense", squares=dense_squares, example=example)


def readout(vocabulary: int, *, w_init: Callable[..., Any] = _glorot_uniform) -> Layer:
    """Makes a dense layer without a bias whose weights lie as those of an embedding do.

    The parameters are `{"table": (vocabulary, in)}` in the dtype of the input that `init` sees.
    `apply(params, x)` is `x @ table.T`: the logits of each token. With `functional_nn.tied` the
    table is that of an embedding.

    Args:
      vocabulary: The number of outputs.
      w_init: Draws the table.

    Returns:
      The layer, from (..., in) to (..., vocabulary).

    Raises:
      ValueError: `vocabulary` is not a positive whole number.

    Example:
      >>> layer = readout(5)
      >>> x = jnp.ones((2, 3), jnp.float32)
      >>> layer.apply(layer.init(jax.random.key(0), x), x).shape
      (2, 5)

    Reference:
      O. Press, L. Wolf, "Using the Output Embedding to Improve Language Models", EACL 2017,
      section 3.
    """
    checks.width("vocabulary", vocabulary)

    def init(key: jax.Array, x: Any) -> dict[str, jax.Array]:
        checks.floating("x", x)
        return {"table": w_init(key, (vocabulary, x.shape[-1]), jnp.result_type(x))}

    def apply(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
        return x @ params["table"].T

    def fwd(params: dict[str, jax.Array], x: jax.Array) -> tuple[jax.Array, Any]:
        return apply(params, x), (x, params["table"])

    def bwd(residuals: Any, dz: jax.Array) -> tuple[dict[str, jax.Array], jax.Array]:
        x, table = residuals
        rows = tuple(range(dz.ndim - 1))
        return {"table": jnp.tensordot(dz, x, axes=(rows, rows))}, dz @ table

    def squares(residuals: Any, dz: jax.Array) -> tuple[jax.Array, jax.Array]:
        x, table = residuals
        rows, own = (jnp.reshape(a, (a.shape[0], -1, a.shape[-1])) for a in (x, dz))
        return weight_squares(rows, own), dz @ table

    def example(residuals: Any, dz: jax.Array, n: Any) -> dict[str, jax.Array]:
        x, table = residuals
        return bwd((x[n], table), dz[n])[0]

    return Layer(init, apply, fwd, bwd, "readout", squares=squares, example=example)
