"""`mlp`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn


def test_layers_in_order():
    names = [layer.name for layer in fnn.mlp([4, 3, 3, 2], activation=fnn.tanh).parts]
    assert names == ["dense", "tanh", "dense", "tanh", "dense"]
    assert [layer.name for layer in fnn.mlp([4, 2]).parts] == ["dense"]


def test_forward_pass_of_the_lecture(dtype):
    """f([1, -1]) = [0.62, 0.83] and f([0, 0]) = [0.51, 0.85], with a sigmoid after each layer."""
    weights = [[[1, -2], [-1, 1]], [[2, -1], [-2, -1]], [[3, -1], [-1, 4]]]
    biases = [[1, 0], [0, 0], [-2, 2]]
    net = fnn.serial(fnn.mlp([2, 2, 2, 2]), fnn.sigmoid)
    dense = [
        {"w": jnp.asarray(w, dtype).T, "b": jnp.asarray(b, dtype)}
        for w, b in zip(weights, biases, strict=True)
    ]
    params = ((dense[0], (), dense[1], (), dense[2]), ())
    x = jnp.asarray([[1.0, -1.0], [0.0, 0.0]], dtype)
    np.testing.assert_allclose(net.apply(params, x), [[0.62, 0.83], [0.51, 0.85]], atol=0.005)


def test_bad_widths():
    with pytest.raises(ValueError, match=r"widths must name .* Got \[3\]. For example"):
        fnn.mlp([3])
    with pytest.raises(ValueError, match="Every width must be a positive whole number. Got 0"):
        fnn.mlp([3, 0, 2])
    with pytest.raises(ValueError, match="Every width must be a positive whole number. Got -1"):
        fnn.mlp([-1, 2])


def test_input_of_another_width(dtype):
    net = fnn.mlp([256, 30, 10])
    with pytest.raises(ValueError, match=r"input, 256. Got x of shape \(5, 64\).*\[64, 30, 10\]"):
        net.init(jax.random.key(0), jnp.ones((5, 64), dtype))


def test_unknown_activation():
    with pytest.raises(TypeError, match=r"Got 'sigmod'. Did you mean functional_nn.sigmoid\? Pass"):
        fnn.mlp([2, 3, 2], activation="sigmod")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="activation must be a layer. Got .*. Pass a layer such as"):
        fnn.mlp([2, 3, 2], activation=jnp.tanh)  # pyright: ignore[reportArgumentType]
