"""Functions that people use, to be checked with JAX's own derivative: right by construction.

`ZOO` is the table. Whoever adds an entry runs the test and writes down what is not proved, and why.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax, nn


class Animal(NamedTuple):
    """A function, with example arguments.

    Attributes:
      function: Takes the arguments.
      arguments: Their shapes and dtypes.
      undecided: If it is not proved today: a part of the reason.
      sizes: For which sizes it is checked.
      slow: Whether it is left to the nightly run.
    """

    function: Callable[..., Any]
    arguments: tuple[jax.ShapeDtypeStruct, ...]
    undecided: str = ""
    sizes: Literal["all", "given"] = "all"
    slow: bool = False


def real(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def labels(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.int32)


def truths(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.bool_)


NEW = jax.__version_info__ >= (0, 12)
VECTOR, ROWS = (real(3),), (real(2, 3),)
PAIR, PAIRS = (real(3), real(3)), (real(2, 3), real(2, 3))
LABELLED = (real(2, 3), labels(2))
QKV = (real(3, 2), real(3, 2), real(3, 2))

# --- jax.nn -------------------------------------------------------------------------------------

ACTIVATIONS = {
    name: Animal(getattr(nn, name), VECTOR)
    for name in (
        "celu", "elu", "gelu", "hard_sigmoid", "hard_silu", "hard_tanh", "identity", "leaky_relu",
        "log_sigmoid", "log_softmax", "logmeanexp", "logsumexp", "mish", "relu", "relu6", "selu",
        "sigmoid", "silu", "soft_sign", "softmax", "softplus", "sparse_plus", "sparse_sigmoid",
        "squareplus", "tanh",
    )
}  # fmt: skip
ACTIVATIONS |= {
    "gelu_exact": Animal(  # JAX 0.12 drops the second derivative where it underflows
        lambda x: nn.gelu(x, approximate=False), VECTOR, "the normal forms differ" if NEW else ""
    ),
    "glu": Animal(nn.glu, (real(2, 4),)),
    "log1mexp": Animal(nn.log1mexp, VECTOR, "no rational point"),
    "standardize": Animal(nn.standardize, VECTOR, slow=True),
    "one_hot": Animal(lambda w, y: nn.one_hot(y, 3) @ w, (real(3, 2), labels(4))),
    "dot_product_attention": Animal(
        nn.dot_product_attention, (real(1, 2, 1, 2),) * 3, sizes="given", slow=True
    ),
    "dot_product_attention_causal": Animal(
        lambda q, k, v: nn.dot_product_attention(q, k, v, is_causal=True),
        (real(1, 2, 1, 2),) * 3,
        sizes="given",
        slow=True,
    ),
}

# --- optax --------------------------------------------------------------------------------------

_LOSSES = {
    "cosine_distance": PAIRS,
    "cosine_similarity": PAIRS,
    "generalized_kl_divergence": PAIRS,
    "hinge_loss": PAIR,
    "huber_loss": PAIR,
    "kl_divergence": PAIRS,
    "kl_divergence_with_log_targets": PAIRS,
    "l2_loss": PAIR,
    "log_cosh": PAIR,
    "multiclass_hinge_loss": LABELLED,
    "multiclass_perceptron_loss": LABELLED,
    "multiclass_sparsemax_loss": LABELLED,
    "ntxent": LABELLED,
    "perceptron_loss": PAIR,
    "poly_loss_cross_entropy": PAIRS,
    "ranking_softmax_loss": PAIRS,
    "safe_softmax_cross_entropy": PAIRS,
    "sigmoid_binary_cross_entropy": PAIR,
    "sigmoid_focal_loss": PAIR,
    "softmax_cross_entropy": PAIRS,
    "softmax_cross_entropy_with_integer_labels": LABELLED,
    "sparsemax_loss": PAIR,
    "squared_error": PAIR,
    "triplet_margin_loss": (*PAIRS, real(2, 3)),
}
_OPEN = {
    "ntxent": "an infinite value or NaN",
    "sigmoid_focal_loss": "an infinite value or NaN",
    "triplet_margin_loss": "no rational point",
}
_SLOW = {
    "cosine_distance",
    "cosine_similarity",
    "multiclass_sparsemax_loss",
    "ntxent",
    "sigmoid_focal_loss",
    "triplet_margin_loss",
}
LOSSES = {
    name: Animal(getattr(optax.losses, name), arguments, _OPEN.get(name, ""), slow=name in _SLOW)
    for name, arguments in _LOSSES.items()
}
LOSSES |= {
    "binary_dice_loss": Animal(optax.losses.binary_dice_loss, PAIR),
    "dice_loss": Animal(optax.losses.dice_loss, PAIRS, slow=True),
    "smooth_labels": Animal(lambda y: optax.losses.smooth_labels(y, 0.1), ROWS),
}

# --- normalisation ------------------------------------------------------------------------------


def normalised(x, scale, shift, axis):
    mean = jnp.mean(x, axis, keepdims=True)
    variance = jnp.var(x, axis, keepdims=True)
    return (x - mean) / jnp.sqrt(variance + 1e-5) * scale[None, :] + shift[None, :]


def rms_norm(x, scale):
    return x * lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + 1e-6) * scale[None, :]


AFFINE = (real(2, 3), real(3), real(3))
NORMS = {
    "layer_norm": Animal(lambda x, a, b: normalised(x, a, b, 1), AFFINE),
    "batch_norm": Animal(lambda x, a, b: normalised(x, a, b, 0), AFFINE),
    "rms_norm": Animal(rms_norm, (real(2, 3), real(3))),
}

# --- convolution and pooling --------------------------------------------------------------------


def convolved(**settings: Any) -> Callable[..., Any]:
    def function(x, w):
        layout = {3: ("NWC", "WIO", "NWC"), 4: ("NHWC", "HWIO", "NHWC")}[x.ndim]
        return lax.conv_general_dilated(x, w, dimension_numbers=layout, **settings)

    return function


def pooled(start: float, function: Any, window: tuple[int, ...], strides: tuple[int, ...]):
    def pool(x):
        return lax.reduce_window(x, np.asarray(start, x.dtype), function, window, strides, "SAME")

    return pool


def _convolution(x: tuple[int, ...], w: tuple[int, ...], **settings: Any) -> Animal:
    return Animal(convolved(**settings), (real(*x), real(*w)), sizes="given")


WINDOWS = {
    "conv1d": _convolution((1, 4, 2), (2, 2, 2), window_strides=(1,), padding="VALID"),
    "conv1d_strided": _convolution((2, 5, 1), (3, 1, 2), window_strides=(2,), padding="SAME"),
    "conv1d_padded": _convolution((1, 3, 2), (2, 2, 1), window_strides=(1,), padding=[(2, 1)]),
    "conv1d_dilated": _convolution(
        (1, 4, 1), (2, 1, 2), window_strides=(1,), padding=[(1, 2)], rhs_dilation=(2,)
    ),
    "conv1d_groups": _convolution(
        (1, 3, 4), (2, 2, 4), window_strides=(1,), padding="SAME", feature_group_count=2
    ),
    "conv1d_transposed": _convolution(
        (1, 3, 1), (2, 1, 2), window_strides=(1,), padding=[(1, 1)], lhs_dilation=(2,)
    ),
    "conv2d": _convolution((1, 3, 3, 2), (2, 2, 2, 1), window_strides=(1, 1), padding="VALID"),
    "conv2d_strided": _convolution(
        (1, 3, 4, 1), (2, 2, 1, 2), window_strides=(2, 1), padding="SAME"
    ),
    "conv1d_at_small_sizes": Animal(
        convolved(window_strides=(1,), padding="VALID"), (real(1, 3, 1), real(2, 1, 1)), slow=True
    ),
    "average_pool": Animal(
        lambda x: pooled(0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1))(x) / 4,
        (real(1, 4, 4, 1),),
        sizes="given",
    ),
    "max_pool": Animal(pooled(-np.inf, lax.max, (1, 2), (1, 2)), (real(1, 4),), slow=True),
    "max_pool_overlapping": Animal(
        pooled(-np.inf, lax.max, (1, 2), (1, 1)), (real(1, 3),), slow=True
    ),
}

# --- attention, embedding, recurrence -----------------------------------------------------------


def attention(q, k, v, mask=None):
    scores = q @ k.T / 2
    if mask is not None:
        scores = jnp.where(mask, scores, -jnp.inf)
    return nn.softmax(scores, axis=-1) @ v


def causal(q, k, v):
    place = jnp.arange(q.shape[0])
    return attention(q, k, v, place[:, None] >= place[None, :])


def lower(q, k, v):
    return attention(q, k, v, jnp.tril(jnp.ones((q.shape[0], k.shape[0]), bool)))


def padded(q, k, v, kept):
    return nn.softmax(jnp.where(kept[None, :], q @ k.T, -1e30), axis=-1) @ v


def recurrent(w, state, rows):
    return lax.scan(lambda h, row: (jnp.tanh(w * h + row), None), state, rows)[0]


def hidden(w, u, state, rows):
    return lax.scan(lambda h, row: (jnp.tanh(w @ h + u @ row), None), state, rows)[0]


SEQUENCES = {
    "attention": Animal(attention, QKV),
    "attention_causal": Animal(causal, QKV, slow=True),
    "attention_tril": Animal(lower, QKV, slow=True),
    "attention_padded": Animal(padded, (*QKV, truths(3)), slow=True),
    "embedding": Animal(lambda w, y: w[y], (real(4, 2), labels(3))),
    "embedding_take": Animal(lambda w, y: jnp.take(w, y, axis=0), (real(4, 2), labels(3))),
    "rnn": Animal(recurrent, (real(), real(), real(3)), slow=True),
    "rnn_matrix": Animal(hidden, (real(2, 2), real(2, 2), real(2), real(3, 2)), slow=True),
    "repeated": Animal(lambda x: lax.fori_loop(0, 3, lambda i, a: jnp.sin(a) + i, x), VECTOR),
    "remat": Animal(jax.checkpoint(lambda x: jnp.sin(jnp.exp(x))), VECTOR),
    "branched": Animal(lambda x: lax.cond(x > 0, jnp.sin, lambda x: x * x, x), (real(),)),
}

# --- cumulative, sorted, moved ------------------------------------------------------------------

ORDER = jnp.array([2, 0, 1])
AXES = {
    "cumsum": Animal(jnp.cumsum, VECTOR),
    "cumsum_reversed": Animal(lambda x: lax.cumsum(x, axis=1, reverse=True), ROWS),
    "cumprod": Animal(jnp.cumprod, VECTOR),
    "cummax": Animal(lambda x: lax.cummax(x), VECTOR, slow=True),
    "cumlogsumexp": Animal(lambda x: lax.cumlogsumexp(x), VECTOR, "no rational point", slow=True),
    "logsumexp": Animal(lambda x: jax.scipy.special.logsumexp(x, axis=-1), ROWS),
    "max": Animal(lambda x: jnp.max(x, axis=-1), ROWS),
    "prod": Animal(jnp.prod, VECTOR),
    "norm": Animal(jnp.linalg.norm, VECTOR),
    "sort_of_a_constant": Animal(lambda x: lax.sort((ORDER, x), num_keys=1)[1], VECTOR),
    "sort": Animal(jnp.sort, VECTOR, slow=True),
    "argsort": Animal(lambda x: x[jnp.argsort(-x)], VECTOR, slow=True),
    "median": Animal(jnp.median, VECTOR, slow=True),
    "top_k": Animal(lambda x: lax.top_k(x, 2)[0], VECTOR, slow=True),
    "first": Animal(lambda x: x[0], VECTOR),
    "last": Animal(lambda x: x[-1], VECTOR),
    "but_first": Animal(lambda x: x[1:], VECTOR),
    "known_places": Animal(lambda x: x[ORDER], VECTOR),
    "set": Animal(lambda x, y: x.at[0].set(y), (real(3), real())),
    "flip": Animal(jnp.flip, VECTOR),
    "roll": Animal(lambda x: jnp.roll(x, 1), VECTOR),
    "concatenate": Animal(lambda x, y: jnp.concatenate([x, y]), (real(2), real(3))),
    "stack": Animal(lambda x, y: jnp.stack([x, y]), PAIR),
    "split": Animal(lambda x: jnp.split(x, 2), (real(4),)),
    "pad": Animal(lambda x: jnp.pad(x, 1), VECTOR),
    "diagonal": Animal(jnp.diagonal, (real(2, 2),)),
    "heads": Animal(
        lambda x, w: (x @ w).reshape(x.shape[0], 2, 2).transpose(1, 0, 2),
        (real(3, 2), real(2, 4)),
        sizes="given",
    ),
    "interpolation": Animal(
        lambda x: jnp.interp(x, jnp.array([0.0, 1.0, 2.0]), jnp.array([0.0, 1.0, 4.0])),
        VECTOR,
        slow=True,
    ),
}

# --- jax.numpy ----------------------------------------------------------------------------------

_OF_ONE = (
    "abs", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "average", "cbrt",
    "ceil", "cos", "cosh", "diff", "exp", "exp2", "expm1", "floor", "gradient", "log", "log10",
    "log1p", "log2", "mean", "nanmean", "ptp", "reciprocal", "round", "sin", "sinc", "sinh",
    "sqrt", "square", "std", "tan", "trapezoid", "var",
)  # fmt: skip
_OF_TWO = (
    "arctan2", "convolve", "cross", "hypot", "kron", "logaddexp", "logaddexp2", "maximum",
    "minimum", "outer", "power", "vdot",
)  # fmt: skip
_LEFT = {"sinc": "no point was found" if NEW else "", "std": "a division by zero"}
_LONG = {"convolve", "hypot", "kron", "maximum", "minimum", "ptp", "sinc"}
FUNCTIONS = {
    name: Animal(getattr(jnp, name), arguments, _LEFT.get(name, ""), slow=name in _LONG)
    for names, arguments in ((_OF_ONE, VECTOR), (_OF_TWO, PAIR))
    for name in names
}
FUNCTIONS |= {
    "clip": Animal(lambda x: jnp.clip(x, -1, 1), VECTOR),
    "where": Animal(lambda x, y: jnp.where(x > 0, x * y, y), PAIR),
    "trace": Animal(jnp.trace, (real(2, 2),)),
    "tril": Animal(jnp.tril, (real(2, 2),)),
    "einsum": Animal(lambda a, b: jnp.einsum("ij,kj->ik", a, b), (real(2, 3), real(4, 3))),
    "covariance": Animal(jnp.cov, ROWS, slow=True),
    "powers": Animal(lambda x: jnp.vander(x, 3), VECTOR),
}

ZOO: dict[str, Animal] = {
    f"{family}.{name}": animal
    for family, animals in (
        ("nn", ACTIVATIONS),
        ("optax", LOSSES),
        ("norm", NORMS),
        ("window", WINDOWS),
        ("sequence", SEQUENCES),
        ("axis", AXES),
        ("jnp", FUNCTIONS),
    )
    for name, animal in animals.items()
}
