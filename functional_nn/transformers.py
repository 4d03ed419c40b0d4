"""The transformer as a decoder over tokens: what it predicts of each token is the next one."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import checks
from functional_nn.branches import residual, tied
from functional_nn.combinators import serial
from functional_nn.layers.dense import dense_layer, readout
from functional_nn.layers.elementwise import gelu_tanh
from functional_nn.layers.embedding import embedding_layer, learned_positions_layer
from functional_nn.layers.gates import swiglu
from functional_nn.layers.heads import multi_head_attention
from functional_nn.layers.layer import Layer
from functional_nn.layers.normalization import layer_norm_layer, rms_norm_layer
from functional_nn.repetition import repeat

_DEVIATION = 0.02  # of the weights that a network starts with


def transformer(
    vocabulary: int,
    *,
    width: int,
    heads: int,
    blocks: int,
    context: int | None = None,
    arrangement: str = "gpt2",
    dtype: Any = jnp.float32,
) -> Layer:
    r"""Makes a decoder: from tokens to the logits of the token after each of them.

    With the row `e` of each token and the normalisation `n`,

    $$x_0 = e(t), \quad
      u_l = x_{l-1} + \text{attention}_l(n(x_{l-1})), \quad
      x_l = u_l + \text{mlp}_l(n(u_l)), \quad
      z = n(x_L) W^\top.$$

    Attention is causal: the logits of a token hang on it and on those before it.

    Two arrangements are in use:

    - `"gpt2"`: a learned row for each position is added to that of the token, `n` is `layer_norm`,
      `mlp` is dense, `gelu_tanh`, dense with `4 width` units between, and `W` is the table of `e`.
    - `"rotary"`: queries and keys are turned by the angles of their positions, `n` is `rms_norm`,
      `mlp` is dense, `swiglu`, dense with `8/3 width` units between, and `W` is a table of its own.

    The blocks are a `repeat`: the forward pass keeps the input of each, and the backward pass makes
    the rest again, a block at a time. Attention works by blocks of positions. For the loss without
    the logits of all tokens see `readout_objective`.

    Args:
      vocabulary: The number of tokens.
      width: The length of the row that stands for a token.
      heads: The number of heads of each attention; it divides `width`.
      blocks: The number of blocks `L`.
      context: The number of positions of the longest sequence, for `"gpt2"`; the other has no
        longest one.
      arrangement: `"gpt2"` or `"rotary"`.
      dtype: Of the parameters, and so of the logits.

    Returns:
      The network, from tokens (B, T) to logits (B, T, vocabulary): a `serial` of embedding,
      positions, blocks, normalisation and readout; `"gpt2"` inside a `tied`. Weights start with a
      deviation of 0.02, the last ones before each sum with `0.02 / √(2 L)`, and biases at 0.

    Raises:
      ValueError: A number is not positive and whole, `heads` does not divide `width` (into even
        parts, for `"rotary"`), `arrangement` is another word, or `context` is missing or not asked
        for; from the network, a sequence longer than `context`, or a concrete token outside the
        vocabulary. Inside a traced function the logits of such a token are NaN, and all after it.
      TypeError: From the network, tokens that are not whole numbers.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.transformer(256, width=16, heads=2, blocks=3, context=8)
      >>> tokens = jnp.int32([[72, 101, 108, 108, 111]])
      >>> params = jax.eval_shape(net.init, jax.random.key(0), tokens)  # or net.init(...)
      >>> jax.eval_shape(net.apply, params, tokens).shape
      (1, 5, 256)

    Reference:
      A. Radford, J. Wu, R. Child, D. Luan, D. Amodei, I. Sutskever, "Language Models are
      Unsupervised Multitask Learners", 2019, section 2.3; H. Touvron et al., "LLaMA: Open and
      Efficient Foundation Language Models", 2023, section 2.2.
    """
    for name, number in {"width": width, "heads": heads, "blocks": blocks}.items():
        checks.count(name, number)
    checks.choice("arrangement", arrangement, ("gpt2", "rotary"))
    checks.transformer_sizes(arrangement, width, heads, context)
    embedding = embedding_layer(vocabulary, width, dtype=dtype)
    last = readout(vocabulary, w_init=_normal(1))
    if context is None:
        block = _block(rms_norm_layer(), width, heads, blocks, rotary=True)
        return serial(embedding, repeat(block, blocks), rms_norm_layer(), last)
    block = _block(layer_norm_layer(), width, heads, blocks, rotary=False)
    positions = learned_positions_layer(context)
    net = serial(embedding, positions, repeat(block, blocks), layer_norm_layer(), last)
    return tied(net, (0, "table"), (4, "table"))


def _block(norm: Layer, width: int, heads: int, blocks: int, *, rotary: bool) -> Layer:
    """Gives attention and a perceptron, each of a normalised row and added to the row itself."""
    # So that the sum of all 2 L branches does not grow with their number.
    share = 1 / math.sqrt(2 * blocks)
    attention = multi_head_attention(heads, rotary=rotary)

    def init(key: jax.Array, x: Any) -> dict[str, jax.Array]:
        params = attention.init(key, x)
        return params | {"wo": share * params["wo"]}

    if rotary:
        units = 8 * width // 3
        first, activation = dense_layer(2 * units, w_init=_normal(1)), swiglu
    else:
        first, activation = dense_layer(4 * width, w_init=_normal(1)), gelu_tanh
    second = dense_layer(width, w_init=_normal(share))
    return serial(
        residual(serial(norm, attention._replace(init=init))),
        residual(serial(norm, first, activation, second)),
    )


def _normal(share: float) -> Any:
    return jax.nn.initializers.normal(share * _DEVIATION)
