"""What a gradient costs: paths against operations, and memory against the batch.

The derivative of a network's output is a sum over all paths from the input, exponentially many in
the depth. Backpropagation never lists them: its operations, counted in the traced program, grow
linearly.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend import core

# Primitives that move or name numbers and compute none.
_MOVES = frozenset(
    [
        "broadcast_in_dim",
        "reshape",
        "transpose",
        "squeeze",
        "slice",
        "concatenate",
        "convert_element_type",
        "copy",
        "stop_gradient",
        "iota",
    ]
)


def paths(widths: Sequence[int]) -> int:
    """The number of paths from the inputs to the outputs of a fully connected network.

    Args:
      widths: The number of units of each layer, inputs and outputs included.

    Returns:
      Their product: a path goes through one unit of each layer.

    Raises:
      ValueError: There are fewer than two widths, or one is below 1.

    Example:
      >>> [paths([10] * layers) for layers in (2, 3, 4)]
      [100, 1000, 10000]
    """
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(f"widths must be at least two, each at least 1. Got {list(widths)}.")
    return math.prod(widths)


def operations(function: Callable[..., Any], *args: Any) -> int:
    """The arithmetic operations of a function, counted from what JAX traces of it.

    A matrix product counts a multiplication and an addition for each term, a sum or a maximum one
    operation for each number that goes in, any other primitive one for each number that comes out;
    moving and reshaping are free. A compiler may find a cheaper program.

    Args:
      function: Any function that JAX can trace.
      *args: Example arguments; their shapes and dtypes matter.

    Raises:
      ValueError: The program holds a loop or a branch, the work of which is not in its text.

    Example:
      >>> import jax.numpy as jnp
      >>> operations(jnp.dot, jnp.ones((2, 3)), jnp.ones((3, 5)))  # 2 · 2 · 3 · 5
      60
    """
    return _count(jax.make_jaxpr(function)(*args).jaxpr)


def _count(jaxpr: core.Jaxpr) -> int:
    total = 0
    equation: Any  # an abstract value of JAX has a shape only where it is an array
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        if name in ("while", "scan", "cond"):
            raise ValueError(f"Loops and branches are not counted. Got the primitive {name}.")
        inner = [_open(value) for value in equation.params.values()]
        called = next((program for program in inner if program is not None), None)
        if called is not None:
            total += _count(called)
        elif name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            terms = math.prod(equation.invars[0].aval.shape[axis] for axis in contracted)
            total += 2 * terms * equation.outvars[0].aval.size
        elif name.startswith(("reduce_", "arg")):
            total += equation.invars[0].aval.size
        elif name not in _MOVES:
            total += sum(out.aval.size for out in equation.outvars)
    return total


def _open(value: Any) -> core.Jaxpr | None:
    """The program that a primitive calls, if this parameter of it is one."""
    if isinstance(value, core.ClosedJaxpr):
        return value.jaxpr
    return value if isinstance(value, core.Jaxpr) else None


def temporary_bytes(function: Callable[..., Any], *args: Any) -> int:
    """The memory that a compiled function takes beside its arguments and results, in bytes.

    This is the compiler's own figure for the machine at hand, a measurement.

    Args:
      function: Any function that JAX can compile.
      *args: Example arguments, arrays or `jax.ShapeDtypeStruct`s.

    Raises:
      NotImplementedError: The compiler tells no figure.

    Example:
      >>> import jax.numpy as jnp
      >>> temporary_bytes(lambda x: x + 1, jnp.ones(1000))
      0
    """
    analysis = jax.jit(function).lower(*args).compile().memory_analysis()
    if analysis is None:
        raise NotImplementedError("This compiler gives no analysis of memory.")
    return int(analysis.temp_size_in_bytes)
