"""Where numbers stop being finite: the layer in which the first one arises."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from functional_nn.backprop import Objective, loss_and_cotangent, require
from functional_nn.flat import flatten_params
from functional_nn.layers.layer import Layer


class Nonfinite(NamedTuple):
    """The first value that is not finite, in the order in which a step computes.

    Attributes:
      layer: The layer's place and name, such as `"2.dense"`, as in `functional_nn.flatten_params`;
        `"input"` or `"loss"` where it is none.
      what: `"data"`, `"activation"`, `"loss"`, `"sensitivity"` (the derivative with respect to the
        layer's input) or `"gradient"` (that with respect to its parameters).
      parameters: The parameters of this layer that are not finite themselves.
    """

    layer: str
    what: str
    parameters: tuple[str, ...] = ()

    def __str__(self) -> str:
        because = f", whose {', '.join(self.parameters)} is not finite" if self.parameters else ""
        return f"the {self.what} of layer {self.layer}{because}"


def first_nonfinite(objective: Objective, params: Any, x: jax.Array, y: jax.Array) -> Any:
    """Finds the layer in which the first value that is NaN or infinite arises.

    The passes are run layer by layer, uncompiled: the forward pass, the loss, the backward pass.
    Blocks of `serial` and `repeat` are opened.

    Args:
      objective: From `functional_nn.objective`.
      params: Its parameters.
      x: The inputs of a batch.
      y: Its targets.

    Returns:
      A `Nonfinite`, or `None` if everything is finite.

    Raises:
      TypeError: `objective` was not made by `functional_nn.objective`.

    Example:
      >>> import functional_nn as fnn, jax.numpy as jnp
      >>> net = fnn.mlp([2, 3, 4])
      >>> x, y = jnp.ones((5, 2), jnp.float32), jnp.zeros(5, jnp.int32)
      >>> params = net.init(jax.random.key(0), x)
      >>> params[2]["w"] = params[2]["w"].at[0, 0].set(jnp.nan)
      >>> J = fnn.objective(net, fnn.softmax_cross_entropy)
      >>> print(first_nonfinite(J, params, x, y))
      the activation of layer 2.dense, whose w is not finite

    Reference:
      C. M. Bishop, "Pattern Recognition and Machine Learning", section 5.3.1, for the passes.
    """
    require(objective)
    if not _finite((x, y)):
        return Nonfinite("input", "data")
    layers = list(_opened(objective.net, params, ""))
    residuals = []
    for name, layer, own in layers:
        x, residual = layer.fwd(own, x)
        residuals.append(residual)
        if not _finite(x):
            return Nonfinite(name, "activation", _bad(own))
    loss, dx = loss_and_cotangent(objective.loss, x, y)
    if not _finite(loss):
        return Nonfinite("loss", "loss")
    if not _finite(dx):
        return Nonfinite("loss", "sensitivity")
    for (name, layer, own), residual in zip(reversed(layers), reversed(residuals), strict=True):
        dparams, dx = layer.bwd(residual, dx)
        for what, value in (("gradient", dparams), ("sensitivity", dx)):
            if not _finite(value):
                return Nonfinite(name, what, _bad(own))
    return None


def save_batch(path: str | Path, params: Any, x: Any, y: Any) -> None:
    """Keeps a batch and the parameters that it met, as an npz file without pickle.

    The inputs are called `x`, the targets `y`, the parameters `params.` and their name. Dtypes that
    NumPy does not know (bfloat16) are widened to float32, which loses nothing.
    """
    arrays = {"x": x, "y": y} | {f"params.{name}": a for name, a in flatten_params(params).items()}
    with Path(path).open("wb") as file:
        np.savez(file, **{name: _plain(a) for name, a in arrays.items()})  # pyright: ignore[reportArgumentType]


def _opened(layer: Layer, params: Any, path: str) -> Iterator[tuple[str, Layer, Any]]:
    """Gives the leaves of `serial` and `repeat`, each with its place and parameters."""
    for place, part in enumerate(layer.parts if layer.name in ("serial", "repeat") else ()):
        own = params[place] if layer.name == "serial" else _sliced(params, place)
        yield from _opened(part, own, f"{path}{place}.")
    if not layer.parts or layer.name not in ("serial", "repeat"):
        yield f"{path}{layer.name}", layer, params


def _sliced(params: Any, place: int) -> Any:
    return jax.tree.map(lambda a: a[place], params)


def _finite(tree: Any) -> bool:
    leaves = (np.asarray(a) for a in jax.tree.leaves(tree) if not _is_exact(a))
    return all(np.isfinite(a).all() for a in leaves)


def _is_exact(array: Any) -> bool:
    return not jax.numpy.issubdtype(jax.numpy.result_type(array), jax.numpy.inexact)


def _bad(params: Any) -> tuple[str, ...]:
    return tuple(name for name, array in flatten_params(params).items() if not _finite(array))


def _plain(array: Any) -> np.ndarray:
    host = np.asarray(array)
    return host if host.dtype.kind != "V" else host.astype(np.float32)
