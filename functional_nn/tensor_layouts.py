"""The layout that splits layers: pairs of dense layers, and attention by its heads."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from functional_nn.layers.layer import Layer
from functional_nn.layouts import MODEL

COLUMNS, ROWS = (None, MODEL), (MODEL, None)  # of a weight matrix (in, out)
FIRST = {"w": COLUMNS, "b": (MODEL,)}
SECOND = {"w": ROWS, "b": ()}
HEADS = {
    **{f"w{name}": COLUMNS for name in "qkv"},
    **{f"b{name}": (MODEL,) for name in "qkv"},
    "wo": ROWS,
    "bo": (),
}


def tensor_parallel(mesh: Mesh, net: Layer, params: Any) -> Any:
    r"""Gives the layout that splits pairs of dense layers, and heads, over the axis `"model"`.

    The first of two dense layers is split by columns and the second by rows,

    $$f(x W_1 + b_1) W_2 + b_2 = \sum_k f(x W_1^{(k)} + b_1^{(k)}) W_2^{(k)} + b_2,$$

    so that what lies between them is never gathered: one sum forward and one back. In the same way
    `functional_nn.multi_head_attention` is split by its heads, its last projection by rows. A dense
    layer without a partner, and every other array, stays whole.

    `functional_nn.serial` pairs its dense layers in their order; attention, or a combinator between
    two, parts them. `residual`, `parallel`, `repeat` and `tied` are opened, and so a
    `functional_nn.transformer` is split in all of its blocks. For `swiglu` between two dense
    layers, whose gates lie on other devices than what they gate, the partitioner moves some of it.

    Args:
      mesh: From `functional_nn.mesh`.
      net: The network.
      params: Its parameters, or their `jax.ShapeDtypeStruct`s.

    Raises:
      ValueError: The mesh does not divide the width between two dense layers, or the heads.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.serial(fnn.residual(fnn.multi_head_attention(2)), fnn.dense(6), fnn.dense(3))
      >>> x = jax.ShapeDtypeStruct((1, 3, 4), np.float32)
      >>> params = jax.eval_shape(net.init, jax.random.key(0), x)
      >>> attention, first, second = tensor_parallel(fnn.mesh(data=1), net, params)
      >>> attention["wo"].spec == PartitionSpec("model", None)
      True
      >>> first["w"].spec == PartitionSpec(None, "model"), second["b"].spec == PartitionSpec()
      (True, True)

    Reference:
      M. Shoeybi, M. Patwary, R. Puri et al., "Megatron-LM: Training Multi-Billion Parameter
      Language Models Using Model Parallelism", 2019, section 3.
    """
    parts = mesh.shape[MODEL]

    def whole(own: Any) -> Any:
        return jax.tree.map(lambda _: NamedSharding(mesh, PartitionSpec()), own)

    def split(own: Any, specs: dict[str, Any], stacked: int) -> Any:
        before = (None,) * stacked
        return {name: NamedSharding(mesh, PartitionSpec(*before, *specs[name])) for name in own}

    def in_order(net: Layer, own: Any, stacked: int, pairs: Iterator[Any]) -> Any:
        found = []
        for layer, theirs in zip(net.parts, own, strict=True):
            if layer.name == "serial":
                found.append(in_order(layer, theirs, stacked, pairs))
                continue
            spec = next(pairs)
            found.append(
                place(layer, theirs, stacked) if spec is None else split(theirs, spec, stacked)
            )
        return tuple(found)

    def place(layer: Layer, own: Any, stacked: int) -> Any:
        if layer.name == "serial":
            return in_order(layer, own, stacked, iter(_paired(_flat(layer, own), parts)))
        if layer.name in ("residual", "tied"):
            return place(layer.parts[0], own, stacked)
        if layer.name == "repeat":
            return place(layer.parts[0], own, stacked + 1)
        if layer.name == "parallel":
            return tuple(place(*both, stacked) for both in zip(layer.parts, own, strict=True))
        if layer.name == "multi_head_attention":
            _divides_heads(dict(layer.settings), parts)
            return split(own, HEADS, stacked)
        return whole(own)

    return place(net, params, 0)


def _flat(net: Layer, params: Any) -> Iterator[tuple[Layer, Any]]:
    """Gives the layers of a `serial`, and of those inside it, in order."""
    for layer, own in zip(net.parts, params, strict=True):
        if layer.name == "serial":
            yield from _flat(layer, own)
        else:
            yield layer, own


def _paired(layers: Iterator[tuple[Layer, Any]], parts: int) -> list[Any]:
    """Gives, of each layer, how it is split as one of a pair; `None` where it is none."""
    specs: list[Any] = []
    open_: tuple[int, int] | None = None  # the place of a first one, and its width
    for place, (layer, own) in enumerate(layers):
        specs.append(None)
        if layer.name != "dense":
            open_ = None if layer.parts or layer.name == "multi_head_attention" else open_
        elif open_ is None:
            open_ = place, np.shape(own["w"])[-1]
        else:
            first, width = open_
            _divides_width(width, parts)
            _divides_width(np.shape(own["w"])[-2], parts)  # a gate takes two for one
            specs[first], specs[place], open_ = FIRST, SECOND, None
    return specs


def _divides_width(width: int, parts: int) -> None:
    if width % parts:
        raise ValueError(
            f"The width between two dense layers must be a multiple of the {parts} parts of "
            f"the mesh's axis 'model'. Got {width}. Take another width or another mesh."
        )


def _divides_heads(told: dict[str, int], parts: int) -> None:
    if told["heads"] % parts or told["shared"] % parts:
        raise ValueError(
            f"The heads of attention, and those of its keys and values, must be multiples of the "
            f"{parts} parts of the mesh's axis 'model'. Got {told['heads']} and {told['shared']}. "
            "Take other numbers of heads or another mesh."
        )
