"""Whole networks, from layers and combinators."""

from collections.abc import Sequence
from typing import Any

import jax

from functional_nn import checks
from functional_nn.combinators import serial
from functional_nn.layers.convolution import conv2d
from functional_nn.layers.dense import dense_layer
from functional_nn.layers.elementwise import relu, sigmoid
from functional_nn.layers.flatten import flatten
from functional_nn.layers.layer import Layer
from functional_nn.layers.pooling import max_pool


def mlp(widths: Sequence[int], activation: Layer = sigmoid) -> Layer:
    r"""Makes a multi-layer perceptron: dense layers with an activation between them.

    $$a^0 = x, \quad z^l = a^{l-1} W^l + b^l, \quad a^l = f(z^l) \ (l < L), \quad y = z^L.$$

    After the last dense layer there is no activation, because the losses start from logits.

    Args:
      widths: The number of inputs, of units in each hidden layer, and of outputs.
      activation: The layer `f` between dense layers.

    Returns:
      The network, a `serial` of its layers.

    Raises:
      ValueError: Fewer than two widths, or one that is not a positive whole number; and from
        `init`, inputs that are not `widths[0]` wide.
      TypeError: `activation` is not a `Layer`.

    Example:
      >>> import jax.numpy as jnp
      >>> import functional_nn as fnn
      >>> net = fnn.mlp([256, 30, 10], activation=fnn.sigmoid)
      >>> [layer.name for layer in net.parts]
      ['dense', 'sigmoid', 'dense']
      >>> params = net.init(jax.random.key(0), jax.ShapeDtypeStruct((1, 256), jnp.float32))
      >>> params[0]["w"].shape, params[2]["w"].shape
      ((256, 30), (30, 10))

    Reference:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", chapter 6; C. M. Bishop, "Pattern
      Recognition and Machine Learning", section 5.1.
    """
    checks.layer("activation must be a layer", activation)
    widths = tuple(widths)
    if len(widths) < 2:
        raise ValueError(
            "widths must name at least the number of inputs and of outputs. "
            f"Got {list(widths)}. For example [256, 30, 10]."
        )
    for width in widths:
        checks.width("Every width", width)

    inputs, first, *rest = widths
    layers = [dense_layer(first)]
    for features in rest:
        layers += [activation, dense_layer(features)]
    net = serial(*layers)

    def init(key: jax.Array, x: Any) -> Any:
        if x.shape[-1] != inputs:
            raise ValueError(
                f"The rows of x must be as wide as the network's input, {inputs}. "
                f"Got x of shape {x.shape}. Reshape x, or make the network with "
                f"widths=[{', '.join(map(str, (x.shape[-1], first, *rest)))}]."
            )
        return net.init(key, x)

    return net._replace(init=init)


def convnet(
    channels: Sequence[int], classes: int, *, taps: int = 3, activation: Layer = relu
) -> Layer:
    r"""Makes a convolutional network for images: blocks that halve the image, then a dense layer.

    A block is a convolution that keeps the size, the activation, and `max_pool(2)`; after the last
    one the image is flattened. There is no activation after the dense layer, because the losses
    start from logits.

    Args:
      channels: The number of channels of each block.
      classes: The number of outputs.
      taps: The height and width of the windows of weights.
      activation: The layer after each convolution.

    Returns:
      The network, a `serial` of its layers, for images (n, rows, columns, channels).

    Raises:
      ValueError: No block, or a number that is not a positive whole number; from `init`, images
        that are too small to be halved once a block.
      TypeError: `activation` is not a `Layer`.

    Example:
      >>> import jax.numpy as jnp
      >>> import functional_nn as fnn
      >>> net = fnn.convnet([8, 16], classes=10)
      >>> [layer.name for layer in net.parts][:4]
      ['conv2d', 'relu', 'max_pool', 'conv2d']
      >>> x = jax.ShapeDtypeStruct((1, 8, 8, 1), jnp.float32)
      >>> params = jax.eval_shape(net.init, jax.random.key(0), x)
      >>> params[-1]["w"].shape
      (64, 10)

    Reference:
      Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-Based Learning Applied to Document
      Recognition", 1998, section II.
    """
    checks.layer("activation must be a layer", activation)
    if not channels:
        raise ValueError("channels must name at least one block. Got []. For example [8, 16].")
    layers = []
    for features in channels:
        layers += [conv2d(features, taps), activation, max_pool(2)]
    return serial(*layers, flatten, dense_layer(classes))
