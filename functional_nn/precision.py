"""The dtypes of functions: short floats are computed in single precision and rounded once."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

F = TypeVar("F", bound=Callable[..., Any])


def floating(name: str, array: Any) -> None:
    """Refuses an array that is not of a floating-point dtype."""
    dtype = jnp.result_type(array)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(
            f"{name} must have a floating-point dtype. Got {dtype}. "
            f"Convert it, for instance with {name}.astype(jnp.float32)."
        )


def rounded_once(function: F) -> F:
    """Lets a function of arrays compute in at least single precision, and round at the end.

    Every operation in bfloat16 or float16 rounds, and each rounding costs half a unit in the last
    place. With one rounding at the end the result is the nearest float of its dtype but for ties
    that the wider computation decides wrongly: at most 0.502 ulp. In float32 and float64 nothing
    changes, nor do integer arrays.

    Args:
      function: A function of arrays, by position, or of tuples of them. Its floating-point
        arguments have one dtype, and the first argument is one of them.

    Returns:
      The function, with every array of its result in the dtype of its arguments.

    Raises:
      TypeError: The first argument does not have a floating-point dtype.

    Example:
      >>> @rounded_once
      ... def tripled(x):
      ...     return x + x + x
      >>> tripled(jnp.bfloat16(1.34)).dtype
      dtype(bfloat16)
    """
    first = next(iter(inspect.signature(function).parameters))

    @functools.wraps(function)
    def wide(*args: Any, **options: Any) -> Any:
        arrays = jax.tree.map(jnp.asarray, args)
        leaves = jax.tree.leaves(arrays)
        floating(first, leaves[0])
        dtypes = {a.dtype for a in leaves if _is_float(a)}
        dtype = leaves[0].dtype
        if len(dtypes) > 1 or jnp.finfo(dtype).bits >= 32:
            return function(*arrays, **options)
        result = function(*jax.tree.map(lambda a: _converted(a, jnp.float32), arrays), **options)
        return jax.tree.map(lambda a: _converted(a, dtype), result)

    return wide  # pyright: ignore[reportReturnType]


def _is_float(array: jax.Array) -> bool:
    return jnp.issubdtype(array.dtype, jnp.floating)


def _converted(array: jax.Array, dtype: Any) -> jax.Array:
    return array.astype(dtype) if _is_float(array) else array


def widened(array: jax.Array) -> jax.Array:
    """Gives an array in at least single precision, in which sums and statistics are taken.

    Example:
      >>> widened(jnp.ones(3, jnp.bfloat16)).dtype
      dtype('float32')
    """
    short = jnp.finfo(array.dtype).bits < 32
    return array.astype(jnp.float32) if short else array
