"""Arrays that an operation takes: shapes, dtypes, and whole numbers in range."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from functional_nn.precision import floating


def dense_arguments(x: Any, w: Any, b: Any) -> None:
    """Refuses a dense layer's arguments unless they are `(..., in)`, `(in, out)` and `(out,)`."""
    floating("x", x)
    if jnp.ndim(w) != 2 or jnp.shape(b) != jnp.shape(w)[1:]:
        raise ValueError(
            "A dense layer needs w of shape (in, out) and b of shape (out,). "
            f"Got w of shape {jnp.shape(w)} and b of shape {jnp.shape(b)}. "
            "Make both with the layer's init."
        )
    if jnp.ndim(x) < 1 or jnp.shape(x)[-1] != jnp.shape(w)[0]:
        raise ValueError(
            "The last axis of x must be as long as the first axis of w. "
            f"Got x of shape {jnp.shape(x)} and w of shape {jnp.shape(w)}. "
            "Reshape x to rows of features, or initialise the layer with this x."
        )
    same_dtype(x=x, w=w, b=b)


def scaled_rows(x: Any, **parameters: Any) -> None:
    """Refuses rows `(..., K)` unless each parameter has one number a column, shape `(K,)`."""
    floating("x", x)
    for name, parameter in parameters.items():
        if jnp.ndim(x) < 1 or jnp.shape(parameter) != jnp.shape(x)[-1:]:
            raise ValueError(
                f"{name} must hold one number for each entry of the last axis of x. "
                f"Got x of shape {jnp.shape(x)} and {name} of shape {jnp.shape(parameter)}. "
                "Make the parameters with the layer's init, from this x."
            )
    same_dtype(x=x, **parameters)


def grouped(x: Any, scale: Any, bias: Any) -> None:
    """Refuses examples `(..., P, G, C)` unless both parameters are `(G, C)`."""
    floating("x", x)
    for name, parameter in (("scale", scale), ("bias", bias)):
        if jnp.ndim(x) < 3 or jnp.shape(parameter) != jnp.shape(x)[-2:]:
            raise ValueError(
                f"{name} must have the shape (G, C) of the groups of x, (..., P, G, C). "
                f"Got x of shape {jnp.shape(x)} and {name} of shape {jnp.shape(parameter)}. "
                "Cut the channels of x into groups, or use the layer functional_nn.group_norm."
            )
    same_dtype(x=x, scale=scale, bias=bias)


def groups(number: int, x: Any, name: str = "groups", what: str = "channels") -> None:
    """Refuses channels, the last axis of a batch, that a number of groups does not divide."""
    if len(x.shape) < 2 or x.shape[-1] % number:
        raise ValueError(
            f"{name} must divide the number of {what}, the last axis of x of shape (N, ..., K). "
            f"Got {number} for x of shape {tuple(x.shape)}. "
            f"Give the layer before a multiple of {number} outputs."
        )


def whole(name: str, array: Any) -> None:
    """Refuses an array that is not of an integer dtype."""
    if not jnp.issubdtype(jnp.result_type(array), jnp.integer):
        raise TypeError(
            f"{name} must be whole numbers. Got {jnp.result_type(array)}. "
            f"Convert them, for instance with {name}.astype(jnp.int32)."
        )


def tokens(table: Any, numbers: Any) -> None:
    """Refuses a table that is not `(V, K)`, and concrete tokens outside it."""
    floating("table", table)
    whole("tokens", numbers)
    if jnp.ndim(table) != 2:
        raise ValueError(
            "table must have shape (V, K), a row for each token. "
            f"Got table of shape {jnp.shape(table)}. Make it with the layer's init."
        )
    if isinstance(numbers, Tracer) or jnp.size(numbers) == 0:
        return
    values, vocabulary = np.asarray(numbers), jnp.shape(table)[0]
    outside = (values < 0) | (values >= vocabulary)
    if outside.any():
        first = tuple(int(i) for i in np.argwhere(outside)[0])
        raise ValueError(
            f"Every token must lie in [0, {vocabulary}), the vocabulary. "
            f"Got {values[first]} at tokens[{', '.join(map(str, first))}]. "
            "Encode the text with this vocabulary, or make the table larger."
        )


def sequences(x: Any, table: Any) -> None:
    """Refuses sequences `(..., T, K)` unless the table has shape `(T, K)`."""
    floating("x", x)
    if jnp.ndim(x) < 2 or jnp.shape(table) != jnp.shape(x)[-2:]:
        raise ValueError(
            "The table of positions must have the shape (T, K) of a sequence. "
            f"Got x of shape {jnp.shape(x)} and table of shape {jnp.shape(table)}. "
            "Use the layer functional_nn.learned_positions for shorter sequences."
        )
    same_dtype(x=x, table=table)


def length(longest: int, x: Any) -> None:
    """Refuses a sequence that is longer than the table of positions."""
    if len(x.shape) < 2 or x.shape[-2] > longest:
        raise ValueError(
            f"A sequence must not be longer than the table of positions, {longest}. "
            f"Got x of shape {tuple(x.shape)}, (N, T, K). "
            "Cut the sequence, or make the layer with a larger length."
        )


def rotated(first: Any, second: Any, angles: Any) -> None:
    """Refuses coordinates `(..., T, K)` of unlike shapes, or angles of another than `(T, K)`."""
    floating("first", first)
    floating("angles", angles)
    same_dtype(first=first, second=second)
    shape = jnp.shape(first)
    if len(shape) < 2 or jnp.shape(second) != shape or jnp.shape(angles) != shape[-2:]:
        raise ValueError(
            "Rotary positions turn pairs of coordinates, each of shape (..., T, K), by angles of "
            f"shape (T, K). Got coordinates of shape {shape} and {jnp.shape(second)}, and angles "
            f"of shape {jnp.shape(angles)}. Make the angles with "
            "functional_nn.rotary_angles(T, 2 K)."
        )


def mask(x: Any, keep: Any) -> None:
    """Refuses a mask that is not a truth value for each entry."""
    floating("x", x)
    if jnp.result_type(keep) != jnp.bool_:
        raise TypeError(
            f"keep must hold truth values. Got {jnp.result_type(keep)}. Compare: keep > 0."
        )
    if jnp.shape(keep) != jnp.shape(x):
        raise ValueError(
            "x and keep must have the same shape. "
            f"Got x of shape {jnp.shape(x)} and keep of shape {jnp.shape(keep)}. "
            "Broadcast the mask to x."
        )


def attended(q: Any, k: Any, v: Any, mask: Any) -> None:
    """Refuses arguments that are not `(..., T, K)`, `(..., S, K)`, `(..., S, J)`, `(..., T, S)`."""
    floating("q", q)
    shapes = [jnp.shape(a) for a in (q, k, v, mask)]
    if (
        any(len(shape) < 2 for shape in shapes)
        or len({shape[:-2] for shape in shapes}) > 1
        or shapes[0][-1] != shapes[1][-1]
        or shapes[1][-2] != shapes[2][-2]
        or shapes[3][-2:] != (shapes[0][-2], shapes[1][-2])
    ):
        raise ValueError(
            "Attention needs q of shape (..., T, K), k of shape (..., S, K), v of shape "
            "(..., S, J) and a mask of shape (..., T, S). "
            f"Got q of shape {shapes[0]}, k of shape {shapes[1]}, v of shape {shapes[2]} and a "
            f"mask of shape {shapes[3]}. Broadcast the mask to the scores."
        )
    same_dtype(q=q, k=k, v=v)
    if jnp.result_type(mask) != jnp.bool_:
        raise TypeError(
            f"mask must hold truth values. Got {jnp.result_type(mask)}. Compare: mask > 0."
        )


def heads(q: Any, k: Any, v: Any, lengths: Any) -> None:
    """Refuses arguments unless `(B, H, T, K)`, `(B, Hk, S, K)`, `(B, Hk, S, J)` and `(B,)`."""
    floating("q", q)
    queries, keys, values, counts = (jnp.shape(a) for a in (q, k, v, lengths))
    if (
        not len(queries) == len(keys) == len(values) == 4
        or not queries[:1] == keys[:1] == values[:1] == counts
        or queries[-1] != keys[-1]
        or keys[1:3] != values[1:3]
    ):
        raise ValueError(
            "Attention of several heads needs q of shape (B, H, T, K), k of shape (B, Hk, S, K), "
            "v of shape (B, Hk, S, J) and lengths of shape (B,). "
            f"Got q of shape {queries}, k of shape {keys}, v of shape {values} and lengths of "
            f"shape {counts}. Put the heads before the positions."
        )
    if queries[1] % keys[1]:
        raise ValueError(
            "The heads of the keys must divide those of the queries. "
            f"Got {keys[1]} for {queries[1]}. Let as many queries share each head of keys."
        )
    same_dtype(q=q, k=k, v=v)
    if not jnp.issubdtype(jnp.result_type(lengths), jnp.integer):
        raise TypeError(
            f"lengths must be whole numbers. Got {jnp.result_type(lengths)}. "
            "Count the keys that are no padding."
        )


def divided(x: Any, heads: int) -> None:
    """Refuses what is not `(B, T, D)` with a width that the heads divide."""
    floating("x", x)
    if jnp.ndim(x) != 3 or jnp.shape(x)[-1] % heads:
        raise ValueError(
            f"x must have shape (B, T, D), and its {heads} heads must divide D. "
            f"Got x of shape {jnp.shape(x)}. Use a width that is a multiple of {heads}."
        )


def halves(name: str, x: Any) -> None:
    """Refuses an array whose last axis cannot be halved."""
    floating("x", x)
    if jnp.ndim(x) < 1 or jnp.shape(x)[-1] % 2:
        raise ValueError(
            f"The last axis of x must hold as many values as gates, that is, have an even length. "
            f"Got x of shape {jnp.shape(x)}. Give the layer before {name} twice as many outputs."
        )


def same_dtype(**arrays: Any) -> None:
    """Refuses arrays of different dtypes, so that no result is silently wider than a parameter."""
    dtypes = {name: jnp.result_type(array) for name, array in arrays.items()}
    if len(set(dtypes.values())) > 1:
        names = list(dtypes)
        raise TypeError(
            f"{', '.join(names[:-1])} and {names[-1]} must have the same dtype. "
            f"Got {', '.join(f'{name} of {dtype}' for name, dtype in dtypes.items())}. "
            "Convert one with .astype."
        )


def weights(x: Any, w: Any, *, layer: bool = False) -> None:
    """Refuses weights that do not fit rows of features: (d,) for one unit, (d, K) for a layer."""
    floating("x", x)
    if jnp.ndim(w) not in ((2,) if layer else (1, 2)):
        shapes = (
            "(d, K), one column a class" if layer else "(d,) for one unit or (d, K) for a layer"
        )
        raise ValueError(
            f"w must have shape {shapes}. Got w of shape {jnp.shape(w)}. "
            "Reshape it, or stack the units' weights with jnp.stack(units, axis=1)."
        )
    if jnp.ndim(x) < 1 or jnp.shape(x)[-1] != jnp.shape(w)[0]:
        raise ValueError(
            "The last axis of x must be as long as the first axis of w. "
            f"Got x of shape {jnp.shape(x)} and w of shape {jnp.shape(w)}. "
            "Where w has a bias, pass with_bias(x)."
        )
    same_dtype(x=x, w=w)
