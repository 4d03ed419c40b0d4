"""A differentiable operation and its hand-written backward pass, as one value."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax


class Rule(NamedTuple):
    """An operation with a hand-written derivative.

    For the operation `y = f(x_1, ..., x_n)`, `bwd` is its vector-Jacobian product: given what `fwd`
    kept and the cotangent `dy` of the output, it returns one cotangent per argument,

        dx_i = dy^T (∂f/∂x_i).

    Attributes:
      name: The operation's name, as in the registry and the reports.
      primal: `primal(*args) -> out`, plain JAX: what `jax.grad` differentiates by itself.
      fwd: `fwd(*args) -> (out, residuals)`, the forward pass that keeps what `bwd` needs.
      bwd: `bwd(residuals, cotangent) -> (dx_1, ..., dx_n)`; `None` for an argument that has no
        cotangent (integer labels).
      again: `again(residuals) -> out` makes the output anew from what `bwd` keeps anyway, where
        that is cheap; it gives the value of `primal`, perhaps rounded otherwise. `None` where it is
        not, or where the output itself is kept.

    Example:
      >>> import jax.numpy as jnp
      >>> square = Rule(
      ...     "square",
      ...     primal=lambda x: x * x,
      ...     fwd=lambda x: (x * x, x),
      ...     bwd=lambda x, dy: (2 * x * dy,),
      ... )
      >>> square(jnp.float32(3.0)).item()
      9.0
    """

    name: str
    primal: Callable[..., Any]
    fwd: Callable[..., Any]
    bwd: Callable[..., Any]
    again: Callable[..., Any] | None = None

    def __call__(self, *args: Any) -> Any:
        """Evaluates the primal."""
        return self.primal(*args)


def with_rule(rule: Rule) -> Callable[..., Any]:
    """Gives the operation as a `jax.custom_vjp` function: `jax.grad` then uses the rule.

    This is the one place where `jax.custom_vjp` is wired. The function works inside any JAX code
    (Equinox, Flax, Haiku or none), under `jit` and `vmap`. As with every `custom_vjp` function,
    forward-mode differentiation (`jax.jvp`) is not available; use `rule.primal` for that.

    Args:
      rule: The operation.

    Returns:
      A function of the arguments of `rule.primal`, with the same values.

    Example:
      >>> import jax
      >>> halved = Rule("halved", lambda x: x / 2, lambda x: (x / 2, None), lambda _, dy: (dy / 2,))
      >>> jax.grad(with_rule(halved))(3.0).item()
      0.5
    """
    function = jax.custom_vjp(rule.primal)
    function.defvjp(rule.fwd, rule.bwd)
    return function
