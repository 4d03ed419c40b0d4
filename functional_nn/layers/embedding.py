"""Embeddings: a learned row for each token, and one for each position."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import checks
from functional_nn.layers.layer import Layer
from functional_nn.precision import widened
from functional_nn.rules import Rule

_normal = jax.nn.initializers.normal(0.02)


def embedding(table: jax.Array, tokens: jax.Array) -> jax.Array:
    r"""The row of a table for each token.

    $$y_{nk} = w_{t_n k}, \qquad
      \frac{\partial \ell}{\partial w_{vk}} = \sum_n [t_n = v]\, \delta_{nk},$$

    with `δ` the cotangent of `y`: a token that comes twice brings both its cotangents. Linear in
    the table.

    A token outside the vocabulary is an error where its value is known. Inside a traced function it
    is not: there its row is NaN, so that it is seen, and it brings the table no cotangent. (JAX's
    own indexing takes the last row in silence.)

    Args:
      table: `w`, shape (V, K), any floating dtype.
      tokens: `t`, whole numbers in [0, V), any shape.

    Returns:
      `y`, shape (*tokens.shape, K), dtype of the table. The backward pass keeps the tokens, and of
      the table its shape alone.

    Raises:
      ValueError: The table does not have two axes, or a concrete token lies outside [0, V).
      TypeError: The tokens are not integers, or the table is not floating.

    Example:
      >>> table = jnp.float32([[1, 2], [3, 4], [5, 6]])
      >>> y, kept = embedding_fwd(table, jnp.int32([2, 0, 2]))
      >>> y.tolist(), embedding_bwd(kept, jnp.ones_like(y))[0].tolist()
      ([[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]], [[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]])

    Reference:
      Y. Bengio, R. Ducharme, P. Vincent, C. Jauvin, "A Neural Probabilistic Language Model", JMLR
      3, 2003, section 2.
    """
    checks.tokens(table, tokens)
    rows = jnp.asarray(table).at[jnp.asarray(tokens)]
    return rows.get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)


def embedding_fwd(table: jax.Array, tokens: jax.Array) -> tuple[jax.Array, tuple[Any, ...]]:
    """Evaluates `embedding` and keeps the tokens, and the table for its shape."""
    return embedding(table, tokens), (jnp.asarray(table), jnp.asarray(tokens))


def embedding_bwd(residuals: tuple[Any, ...], dy: jax.Array) -> tuple[jax.Array, None]:
    """Gives `dtable`, in which the cotangents of equal tokens are added up."""
    table, tokens = residuals
    start = jnp.zeros_like(widened(table))
    dtable = start.at[tokens].add(widened(dy), mode="drop", wrap_negative_indices=False)
    return dtable.astype(table.dtype), None


def embedding_squares(residuals: tuple[Any, ...], dy: jax.Array) -> tuple[jax.Array, None]:
    r"""Gives the squared norm of each example's own `dtable`.

    $$\Big\lVert \sum_t e_t \delta_t^\top \Big\rVert^2
      = \sum_{t,s} [\text{token}_t = \text{token}_s]\, \delta_t \cdot \delta_s.$$
    """
    _, tokens = residuals
    tokens = tokens.reshape(len(tokens), -1)
    dy = widened(dy).reshape(*tokens.shape, -1)
    same = tokens[:, :, None] == tokens[:, None, :]
    products = jnp.einsum("ntk,nsk->nts", dy, dy)
    return jnp.sum(jnp.where(same, products, 0), axis=(1, 2)).astype(dy.dtype), None


def learned_positions(x: jax.Array, table: jax.Array) -> jax.Array:
    r"""A learned row for each position, added to what stands there.

    $$y_{ntk} = x_{ntk} + p_{tk}, \qquad
      \frac{\partial \ell}{\partial x_{ntk}} = \delta_{ntk}, \quad
      \frac{\partial \ell}{\partial p_{tk}} = \sum_n \delta_{ntk}.$$

    Linear. The layer `functional_nn.learned_positions` takes sequences of any length up to that of
    its table.

    Args:
      x: Sequences, shape (..., T, K), any floating dtype.
      table: `p`, shape (T, K), same dtype.

    Returns:
      `y`, shape and dtype of `x`. The backward pass keeps nothing.

    Raises:
      ValueError: The shapes do not fit.
      TypeError: The dtypes differ or are not floating.

    Example:
      >>> x, table = jnp.zeros((1, 2, 1), jnp.float32), jnp.float32([[1.0], [2.0]])
      >>> learned_positions(x, table).tolist()
      [[[1.0], [2.0]]]

    Reference:
      J. Gehring, M. Auli, D. Grangier, D. Yarats, Y. N. Dauphin, "Convolutional Sequence to
      Sequence Learning", ICML 2017, section 3.1.
    """
    checks.sequences(x, table)
    return x + jnp.broadcast_to(table, jnp.shape(x))


def learned_positions_fwd(x: jax.Array, table: jax.Array) -> tuple[jax.Array, None]:
    """Evaluates `learned_positions`; there is nothing to keep."""
    return learned_positions(x, table), None


def learned_positions_bwd(_: None, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Gives `(dy, Σ_n dy)`: one table serves all sequences."""
    dtable = jnp.sum(widened(dy), axis=tuple(range(dy.ndim - 2)))
    return dy, dtable.astype(dy.dtype)


EMBEDDING = Rule("embedding", embedding, embedding_fwd, embedding_bwd)
LEARNED_POSITIONS = Rule(
    "learned_positions", learned_positions, learned_positions_fwd, learned_positions_bwd
)


def embedding_layer(
    vocabulary: int,
    features: int,
    *,
    w_init: Callable[..., Any] = _normal,
    dtype: Any = jnp.float32,
) -> Layer:
    """Makes an embedding of tokens, the first layer of a network that reads them.

    The parameters are `{"table": (vocabulary, features)}`. Whole numbers have no cotangent: the
    `dx` of the backward pass is `None`.

    Args:
      vocabulary: The number of tokens.
      features: The length of a token's row.
      w_init: Draws the table.
      dtype: Of the table, and so of the output.

    Returns:
      The layer, from tokens (N, ...) to (N, ..., features); its backward pass is `embedding_bwd`.

    Raises:
      ValueError: `vocabulary` or `features` is not a positive whole number.

    Example:
      >>> layer = embedding_layer(256, 8)
      >>> tokens = jnp.int32([[72, 105]])
      >>> layer.apply(layer.init(jax.random.key(0), tokens), tokens).shape
      (1, 2, 8)

    Reference:
      Y. Bengio, R. Ducharme, P. Vincent, C. Jauvin, "A Neural Probabilistic Language Model", JMLR
      3, 2003, section 2; for the size of the first table, A. Radford et al., "Improving Language
      Understanding by Generative Pre-Training", 2018, section 4.1.
    """
    checks.width("vocabulary", vocabulary)
    checks.width("features", features)

    def init(key: jax.Array, x: Any) -> dict[str, jax.Array]:
        checks.whole("tokens", x)
        return {"table": w_init(key, (vocabulary, features), dtype)}

    def apply(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
        return embedding(params["table"], x)

    def fwd(params: dict[str, jax.Array], x: jax.Array) -> tuple[jax.Array, Any]:
        return embedding_fwd(params["table"], x)

    def bwd(residuals: Any, dy: jax.Array) -> tuple[dict[str, jax.Array], None]:
        dtable, dx = embedding_bwd(residuals, dy)
        return {"table": dtable}, dx

    def example(residuals: Any, dy: jax.Array, n: Any) -> dict[str, jax.Array]:
        table, tokens = residuals
        return bwd((table, tokens[n]), dy[n])[0]

    return Layer(init, apply, fwd, bwd, "embedding", squares=embedding_squares, example=example)


def learned_positions_layer(length: int, *, w_init: Callable[..., Any] = _normal) -> Layer:
    """Makes a layer that adds a learned row to each position of a sequence.

    The parameters are `{"table": (length, K)}` in the dtype of the input that `init` sees. Of a
    sequence of T the first T rows are used.

    Args:
      length: The number of positions of the longest sequence.
      w_init: Draws the table.

    Returns:
      The layer, from (N, T, K) to the same shape.

    Raises:
      ValueError: `length` is not a positive whole number; from the layer, a sequence that is
        longer.

    Example:
      >>> layer = learned_positions_layer(128)
      >>> x = jnp.zeros((1, 5, 8), jnp.float32)
      >>> params = layer.init(jax.random.key(0), x)
      >>> params["table"].shape, layer.apply(params, x).shape
      ((128, 8), (1, 5, 8))

    Reference:
      J. Gehring, M. Auli, D. Grangier, D. Yarats, Y. N. Dauphin, "Convolutional Sequence to
      Sequence Learning", ICML 2017, section 3.1.
    """
    checks.count("length", length)

    def init(key: jax.Array, x: Any) -> dict[str, jax.Array]:
        checks.floating("x", x)
        checks.length(length, x)
        return {"table": w_init(key, (length, x.shape[-1]), jnp.result_type(x))}

    def apply(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
        return fwd(params, x)[0]

    def fwd(params: dict[str, jax.Array], x: jax.Array) -> tuple[jax.Array, None]:
        checks.length(length, x)
        return learned_positions_fwd(x, params["table"][: x.shape[-2]])

    def bwd(_: None, dy: jax.Array) -> tuple[dict[str, jax.Array], jax.Array]:
        dx, dtable = learned_positions_bwd(None, dy)
        unused = ((0, length - len(dtable)), (0, 0))
        return {"table": jnp.pad(dtable, unused)}, dx

    def squares(_: None, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        wide = widened(dy)
        return jnp.sum(wide * wide, axis=(1, 2)).astype(dy.dtype), dy

    return Layer(init, apply, fwd, bwd, "learned_positions", squares=squares)
