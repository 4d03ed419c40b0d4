"""The dtypes of element-wise functions: short floats are computed in single precision."""

import functools
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
    changes.

    Args:
      function: A function of floating-point arrays of one dtype, by position.

    Returns:
      The function, with every array of its result in the dtype of its arguments.

    Raises:
      TypeError: An argument does not have a floating-point dtype.

    Example:
      >>> @rounded_once
      ... def tripled(x):
      ...     return x + x + x
      >>> tripled(jnp.bfloat16(1.34)).dtype
      dtype(bfloat16)
    """

    @functools.wraps(function)
    def wide(*args: Any, **options: Any) -> Any:
        for array in args:
            floating("x", array)
        arrays = [jnp.asarray(array) for array in args]
        dtype = jnp.result_type(*arrays)
        if jnp.finfo(dtype).bits >= 32:
            return function(*arrays, **options)
        result = function(*(array.astype(jnp.float32) for array in arrays), **options)
        return jax.tree.map(lambda array: array.astype(dtype), result)

    return wide  # pyright: ignore[reportReturnType]
