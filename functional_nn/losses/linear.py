"""The last dense layer and its softmax cross-entropy as one operation, by chunks of classes.

The logits, a number for each row and class, are never held: a chunk of them is made, used and
forgotten, in both directions. Between the two passes there is one number a row, `log Σ exp`.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functional_nn import checks
from functional_nn.precision import widened
from functional_nn.rules import Rule


def linear_cross_entropy(
    x: jax.Array,
    w: jax.Array,
    labels: jax.Array,
    *,
    smoothing: float = 0.0,
    z_loss: float = 0.0,
    cap: float | None = None,
) -> jax.Array:
    r"""The cross-entropy after a dense layer without bias and a softmax: one class out of V.

    With the logits `z`, capped softly by `c` or not, and `L` the logarithm of their sum,

    $$z_{nv} = c \tanh\Big(\frac1c \sum_k x_{nk} w_{vk}\Big), \quad
      L_n = \log \sum_v e^{z_{nv}}, \quad
      \ell_n = L_n - (1 - s)\, z_{n y_n} - \frac sV \sum_v z_{nv} + \lambda L_n^2 .$$

    With `δ` the cotangent of `ℓ`,

    $$g_{nv} = \delta_n \Big((1 + 2 \lambda L_n)\, e^{z_{nv} - L_n} - (1 - s) [v = y_n]
        - \frac sV\Big) \Big(1 - \frac{z_{nv}^2}{c^2}\Big), \qquad
      \frac{\partial \ell}{\partial x_{nk}} = \sum_v g_{nv} w_{vk}, \quad
      \frac{\partial \ell}{\partial w_{vk}} = \sum_n g_{nv} x_{nk}.$$

    Smooth everywhere. A row with the label -1 is ignored: its loss is 0, and so are its cotangents.
    So is, where the labels' values are not known, a row with any other label that is no class.

    This is the plain form; the passes of the rule work by chunks.

    Args:
      x: Rows, shape (N, K), any floating dtype.
      w: A row of weights for each class, shape (V, K), as an embedding holds them; same dtype.
      labels: Whole numbers in [0, V), or -1 for a row that is ignored, shape (N,).
      smoothing: `s`, from 0 to 1: the part of each target that is spread over all classes.
      z_loss: `λ`, not negative: what large `L` costs.
      cap: `c`, positive: no logit is larger in size; `None` for no cap.

    Returns:
      The losses, shape (N,), same dtype.

    Raises:
      ValueError: The shapes do not fit, or a concrete label lies outside [-1, V).
      TypeError: The dtypes differ or are not floating, or the labels are not whole numbers.

    Example:
      >>> x, w = jnp.zeros((1, 2), jnp.float32), jnp.ones((4, 2), jnp.float32)
      >>> round(linear_cross_entropy(x, w, jnp.int32([2])).item(), 6)
      1.386294
      >>> linear_cross_entropy(x, w, jnp.int32([-1])).item()
      0.0

    Reference:
      E. Wijmans, B. Huval, A. Hertzberg, V. Koltun, P. Krähenbühl, "Cut Your Losses in
      Large-Vocabulary Language Models", ICLR 2025, section 4; for the smoothing, C. Szegedy, V.
      Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, "Rethinking the Inception Architecture for Computer
      Vision", CVPR 2016, section 7.
    """
    checks.linear_targets(x, w, labels)
    x, w, labels = jnp.asarray(x), jnp.asarray(w), jnp.asarray(labels)
    products = widened(x) @ widened(w).T
    z = _capped(products, cap)
    # The shift cancels, so its derivative is not followed. The largest logit is that of the largest
    # product.
    shift = jax.lax.stop_gradient(_capped(jnp.max(products, axis=-1, keepdims=True), cap))
    logarithm = jnp.log(jnp.sum(jnp.exp(z - shift), axis=-1)) + shift[:, 0]
    classes = jax.lax.broadcasted_iota(labels.dtype, z.shape, 1)
    of_label = jnp.sum(jnp.where(classes == labels[:, None], z, 0), axis=-1)
    of_all = jnp.sum(z, axis=-1)
    return _loss(logarithm, of_label, of_all, w.shape[0], labels, smoothing, z_loss).astype(x.dtype)


def linear_cross_entropy_fwd(
    x: jax.Array,
    w: jax.Array,
    labels: jax.Array,
    *,
    smoothing: float = 0.0,
    z_loss: float = 0.0,
    cap: float | None = None,
    chunk: int | None = 512,
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Evaluates `linear_cross_entropy` by chunks; keeps its arguments and `L`, a number a row."""
    checks.linear_targets(x, w, labels)
    x, w, labels = jnp.asarray(x), jnp.asarray(w), jnp.asarray(labels)
    rows = widened(x)
    start = (
        jnp.full(rows.shape[:1], -jnp.inf, rows.dtype),
        *(jnp.zeros(rows.shape[:1], rows.dtype) for _ in range(3)),
    )

    def step(carry: Any, first: Any, size: int) -> Any:
        largest, total, of_label, of_all = carry
        part = widened(jax.lax.dynamic_slice_in_dim(w, first, size))
        products = rows @ part.T
        z = _capped(products, cap)
        new = jnp.maximum(largest, _capped(jnp.max(products, axis=-1), cap))
        e = jnp.exp(z - new[:, None])
        # What was summed against the smaller maximum is brought to the new one.
        total = total * jnp.exp(largest - new) + jnp.sum(e, axis=-1)
        own = jnp.where(_hit(labels, first, size), z, 0)
        return new, total, of_label + jnp.sum(own, axis=-1), of_all + jnp.sum(z, axis=-1)

    largest, total, of_label, of_all = _over_chunks(step, start, w.shape[0], chunk)
    logarithm = largest + jnp.log(total)
    loss = _loss(logarithm, of_label, of_all, w.shape[0], labels, smoothing, z_loss)
    return loss.astype(x.dtype), (x, w, labels, logarithm)


def linear_cross_entropy_bwd(
    residuals: tuple[jax.Array, ...],
    dloss: jax.Array,
    *,
    smoothing: float = 0.0,
    z_loss: float = 0.0,
    cap: float | None = None,
    chunk: int | None = 512,
) -> tuple[jax.Array, jax.Array, None]:
    """Gives `(dx, dw)` from the cotangent `dloss`; the labels have none."""
    x, w, labels, logarithm = residuals
    rows, classes = widened(x), w.shape[0]
    dloss = jnp.where(_ignored(labels, classes), 0, widened(dloss))
    of_logarithm = dloss * (1 + 2 * z_loss * logarithm)

    def step(carry: Any, first: Any, size: int) -> Any:
        dx, dw = carry
        part = widened(jax.lax.dynamic_slice_in_dim(w, first, size))
        z = _capped(rows @ part.T, cap)
        g = jnp.exp(z - logarithm[:, None]) * of_logarithm[:, None]
        g = g - jnp.where(_hit(labels, first, size), (1 - smoothing) * dloss[:, None], 0)
        if smoothing:
            g = g - (smoothing / classes) * dloss[:, None]
        if cap is not None:
            g = g * (1 - (z / cap) * (z / cap))
        # Each row of dw belongs to one chunk, and is written once.
        own = (g.T @ rows).astype(w.dtype)
        return dx + g @ part, jax.lax.dynamic_update_slice_in_dim(dw, own, first, axis=0)

    start = (jnp.zeros_like(rows), jnp.zeros_like(w))
    dx, dw = _over_chunks(step, start, classes, chunk)
    return dx.astype(x.dtype), dw, None


def _capped(z: jax.Array, cap: float | None) -> jax.Array:
    return z if cap is None else cap * jnp.tanh(z / cap)


def _hit(labels: jax.Array, first: Any, size: int) -> jax.Array:
    """Gives which class of a chunk is a row's label, shape (N, size)."""
    return labels.astype(jnp.int32)[:, None] == first + jnp.arange(size, dtype=jnp.int32)[None]


def _loss(
    logarithm: jax.Array,
    of_label: jax.Array,
    of_all: jax.Array,
    classes: Any,
    labels: jax.Array,
    smoothing: float,
    z_loss: float,
) -> jax.Array:
    loss = logarithm - (1 - smoothing) * of_label
    if smoothing:
        loss = loss - smoothing / classes * of_all
    if z_loss:
        loss = loss + z_loss * logarithm * logarithm
    return jnp.where(_ignored(labels, classes), 0, loss)


def _ignored(labels: jax.Array, classes: Any) -> jax.Array:
    """Gives which rows have a label that is no class."""
    return (labels < 0) | (labels >= classes)


def _over_chunks(step: Any, carry: Any, classes: int, chunk: int | None) -> Any:
    """Runs a step over chunks of classes, and once more over what is left."""
    if chunk is None:
        return step(carry, 0, classes)
    size = min(chunk, classes)
    whole, rest = divmod(classes, size)
    firsts = np.arange(whole, dtype=np.int32) * size
    carry, _ = jax.lax.scan(lambda c, first: (step(c, first, size), None), carry, firsts)
    return step(carry, jnp.int32(whole * size), rest) if rest else carry


def linear_cross_entropy_rule(
    *,
    smoothing: float = 0.0,
    z_loss: float = 0.0,
    cap: float | None = None,
    chunk: int | None = 512,
) -> Rule:
    """Gives the rule of `linear_cross_entropy`; its passes take `chunk` classes at a time.

    With `chunk=None` they take all of them at once: the logits are held, and the sizes may be
    symbols, so that the checker can speak for all of them.

    Raises:
      ValueError: `smoothing` is not from 0 to 1, `z_loss` negative, `cap` not positive, or `chunk`
        neither a positive whole number nor `None`.

    Example:
      >>> rule = linear_cross_entropy_rule(z_loss=1e-4, chunk=2)
      >>> x, w = jnp.zeros((1, 2), jnp.float32), jnp.ones((5, 2), jnp.float32)
      >>> loss, residuals = rule.fwd(x, w, jnp.int32([3]))
      >>> [d.shape for d in rule.bwd(residuals, loss)[:2]]
      [(1, 2), (5, 2)]
    """
    checks.fraction("smoothing", smoothing)
    checks.not_negative("z_loss", z_loss)
    if chunk is not None:
        checks.count("chunk", chunk)
    if cap is not None:
        checks.positive("cap", cap)
    options: dict[str, Any] = {"smoothing": smoothing, "z_loss": z_loss, "cap": cap}
    return Rule(
        "linear_cross_entropy",
        functools.partial(linear_cross_entropy, **options),
        functools.partial(linear_cross_entropy_fwd, **options, chunk=chunk),
        functools.partial(linear_cross_entropy_bwd, **options, chunk=chunk),
    )


LINEAR_CROSS_ENTROPY = linear_cross_entropy_rule(chunk=None)
