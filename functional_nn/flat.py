"""Parameters as a flat dictionary of named arrays, and back: the form in which they are stored."""

import hashlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.multihost_utils import process_allgather


class Damaged(ValueError):
    """A file that is not what was saved."""


def flatten_params(tree: Any) -> dict[str, Any]:
    """Gives the arrays of a pytree by name, such as `"0.w"`, in the order of `jax.tree.leaves`.

    A name is the path to the array: indices, keys and attributes, joined by dots.

    Args:
      tree: Any pytree, such as parameters or a `TrainState`.

    Returns:
      A dictionary of the leaves themselves; nothing is copied.

    Raises:
      ValueError: Two arrays would have one name, because a key holds a dot.

    Example:
      >>> import functional_nn as fnn
      >>> net = fnn.mlp([2, 3, 4])
      >>> params = net.init(jax.random.key(0), jnp.ones((1, 2), jnp.float32))
      >>> {name: array.shape for name, array in fnn.flatten_params(params).items()}
      {'0.b': (3,), '0.w': (2, 3), '2.b': (4,), '2.w': (3, 4)}
    """
    flat: dict[str, Any] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        name = jax.tree_util.keystr(path, simple=True, separator=".")
        if name in flat:
            raise ValueError(
                "Every array of a pytree must have a name of its own. "
                f"Got {name!r} twice. Use keys without dots."
            )
        flat[name] = leaf
    return flat


def unflatten_params(flat: Mapping[str, Any], like: Any) -> Any:
    """Puts named arrays into a pytree: the inverse of `flatten_params`.

    Args:
      flat: The arrays by name, in any order.
      like: A pytree with the structure, shapes and dtypes that the result has to have: parameters,
        or what `jax.eval_shape` gives for them.

    Returns:
      The pytree, with the arrays of `flat` as they are.

    Raises:
      ValueError: Arrays are missing, extra, or of another shape or dtype; all of them are named.

    Example:
      >>> params = [{"w": jnp.ones((2, 3), jnp.float32), "b": jnp.zeros(3, jnp.float32)}]
      >>> same = unflatten_params(flatten_params(params), params)
      >>> jax.tree.structure(same) == jax.tree.structure(params)
      True
      >>> unflatten_params({"0.w": jnp.ones((2, 4), jnp.float32)}, params)
      Traceback (most recent call last):
      ...
      ValueError: The arrays must be those of the given structure. Got: 0.b is missing (expected
      float32[3]); 0.w is float32[2,4] (expected float32[2,3]). Build the network that they come
      from.
    """
    expected = flatten_params(like)
    wrong = [
        f"{name} is missing (expected {typed(want)})"
        if name not in flat
        else f"{name} is {typed(flat[name])} (expected {typed(want)})"
        for name, want in expected.items()
        if name not in flat or typed(flat[name]) != typed(want)
    ]
    wrong += [f"{name} is not expected" for name in flat if name not in expected]
    if wrong:
        raise ValueError(
            "The arrays must be those of the given structure. "
            f"Got: {'; '.join(wrong)}. Build the network that they come from."
        )
    return jax.tree.unflatten(jax.tree.structure(like), [flat[name] for name in expected])


def digest(array: Any) -> str:
    """Gives the sha256 of an array's dtype, shape and bytes, however it lies in memory.

    Example:
      >>> a = np.arange(6.0).reshape(2, 3)
      >>> digest(a.T) == digest(np.ascontiguousarray(a.T)) != digest(a)
      True
    """
    host = np.ascontiguousarray(on_host(array)).reshape(np.shape(array))
    sha = hashlib.sha256(typed(host).encode())
    sha.update(host.reshape(-1).view(np.uint8))  # pyright: ignore[reportArgumentType]
    return sha.hexdigest()


def on_host(array: Any) -> np.ndarray:
    """Gives the whole of an array, also of one that is spread over several processes."""
    here = not isinstance(array, jax.Array) or array.is_fully_addressable
    if not here and not array.is_fully_replicated:
        array = process_allgather(array, tiled=True)
    return np.asarray(array)


def typed(array: Any) -> str:
    """Gives an array's dtype and shape in a word, such as `"float32[2,3]"`."""
    dtype = array.dtype if hasattr(array, "dtype") else jnp.result_type(array)
    return f"{dtype}[{','.join(map(str, np.shape(array)))}]"
