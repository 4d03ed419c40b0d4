"""Whether two layers are the same code: what was proved of one then holds of the other."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from derivations.trace import double_precision, symbolic


def same_code(one: Any, other: Any, params: Any, x: Any, *, stacked: bool = False) -> str:
    """Gives at which sizes two layers trace to the same code, forward and backward; or nothing.

    Args:
      one: A layer.
      other: The layer that it is compared with.
      params: Parameters, or their shapes.
      x: A batch, or its shape.
      stacked: Whether all sizes are to be those besides the first of every parameter.
    """
    params, x = jax.tree.map(_shape_of, (params, x))
    try:
        if not _same_traces(one, other, params, x):
            return ""
    except Exception:  # one of the two cannot even be traced
        return ""
    try:
        everywhere = _same_traces(one, other, *_at_all_sizes(params, x, stacked))
    except Exception:  # code of fixed sizes cannot be traced at symbolic ones
        return "the example's sizes"
    return "all sizes" if everywhere else ""


def _at_all_sizes(params: Any, x: Any, stacked: bool) -> Any:
    if stacked:
        general, data = _at_all_sizes(row(params), x, False)
        return jax.tree.map(
            lambda p, q: jax.ShapeDtypeStruct((p.shape[0], *q.shape), q.dtype), params, general
        ), data
    leaves, tree = jax.tree.flatten((params, x))
    avals = symbolic(leaves, [f"a{i}" for i in range(len(leaves))]).avals
    return jax.tree.unflatten(tree, list(avals))


def row(params: Any) -> Any:
    """Gives the shapes of the parameters of one block out of a stack."""
    shapes = jax.tree.map(_shape_of, params)
    return jax.tree.map(lambda p: jax.ShapeDtypeStruct(p.shape[1:], p.dtype), shapes)


def _shape_of(leaf: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(jnp.shape(leaf), jnp.result_type(leaf))


def _same_traces(one: Any, other: Any, params: Any, x: Any) -> bool:
    def traces(layer: Any) -> list[Any]:
        def both(params: Any, x: Any, dy: Any) -> Any:
            y, residuals = layer.fwd(params, x)
            return y, layer.bwd(residuals, dy)

        with double_precision():
            out = jax.eval_shape(layer.apply, params, x)
            return [jax.make_jaxpr(layer.apply)(params, x), jax.make_jaxpr(both)(params, x, out)]

    return all(same_jaxpr(a, b) for a, b in zip(traces(one), traces(other), strict=True))


def same_jaxpr(a: Any, b: Any) -> bool:
    """Tells whether two closed jaxprs are the same text with the same captured numbers."""
    constants = zip(a.consts, b.consts, strict=False)
    return (
        str(a) == str(b)
        and len(a.consts) == len(b.consts)
        and all(np.array_equal(x, y, equal_nan=True) for x, y in constants)
    )
