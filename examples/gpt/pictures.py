"""What each head of each block looks at, as pictures."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import functional_nn as fnn
from drawing import canvas, png
from functional_nn.layers.attention import scale, weights


def attention_maps(net: fnn.Layer, params: Any, tokens: np.ndarray, heads: int) -> list[np.ndarray]:
    """The weights of each block's heads, (heads, T, T), for one text of T bytes."""
    embedding, positions, repeated, *_ = net.parts[0].parts
    x = positions.apply(params[1], embedding.apply(params[0], jnp.asarray(tokens)[None]))
    maps = []
    for place, block in enumerate(repeated.parts):
        own = jax.tree.map(lambda a, place=place: a[place], params[2])
        norm, _ = block.parts[0].parts[0].parts
        rows = norm.apply(own[0][0], x)[0]
        q, k = (
            (rows @ own[0][1][f"w{name}"] + own[0][1][f"b{name}"][None])
            .reshape(len(tokens), heads, -1)
            .swapaxes(0, 1)
            for name in "qk"
        )
        seen = jnp.tri(len(tokens), dtype=bool)[None]
        scores = jnp.einsum("htk,hsk->hts", q, k) * scale(q)
        maps.append(np.asarray(weights(scores, jnp.broadcast_to(seen, scores.shape))))
        x = block.apply(own, x)
    return maps


def drawn(maps: list[np.ndarray], text: str) -> bytes:
    """A picture with a row of heads for each block. A line of a map is a byte that looks back."""
    heads, places = maps[0].shape[0], range(len(text))
    letters = [letter if letter.isprintable() else "·" for letter in text]
    figure, axes = canvas(heads, len(maps))
    for number, axis in enumerate(axes):
        block, head = divmod(number, heads)
        axis.imshow(maps[block][head], cmap="viridis", vmin=0, vmax=1)
        axis.set_title(f"block {block + 1}, head {head + 1}", fontsize=9)
        axis.set_xticks(places, letters, fontsize=6, family="monospace")
        axis.set_yticks(places, letters, fontsize=6, family="monospace")
    return png(figure)
