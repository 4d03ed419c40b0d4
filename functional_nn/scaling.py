"""Loss scaling: passes in float16 of which small gradients do not vanish."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from functional_nn import checks
from functional_nn.backprop import Objective, averaged, value_and_grad

LARGEST = 2.0**15
"""The largest scale: it is the cotangent of the mean loss, and float16 ends at 65504."""

PERIOD = 2000
"""After how many steps without an overflow the scale is doubled."""


class LossScale(NamedTuple):
    """The scale of a training, which becomes as large as its gradients let it.

    Attributes:
      scale: What the loss is multiplied by before it is differentiated, a float32 scalar.
      good: The number of steps since it was changed, an int32 scalar.
    """

    scale: jax.Array
    good: jax.Array


def initial(scale: float) -> LossScale:
    """Gives the scale to start from."""
    return LossScale(jnp.float32(scale), jnp.int32(0))


def adjusted(old: LossScale, finite: jax.Array) -> LossScale:
    """Gives the scale after a step: halved where it overflowed, doubled after many that did not.

    Example:
      >>> adjusted(initial(8.0), jnp.bool_(False)).scale.item()
      4.0
      >>> adjusted(LossScale(jnp.float32(8.0), jnp.int32(PERIOD - 1)), jnp.bool_(True)).scale.item()
      16.0

    Reference:
      P. Micikevicius, S. Narang, J. Alben et al., "Mixed Precision Training", ICLR 2018,
      section 3.2.
    """
    good = jnp.where(finite, old.good + 1, 0)
    grown = good == PERIOD
    scale = jnp.where(finite, old.scale, jnp.maximum(old.scale / 2, 1.0))
    scale = jnp.where(grown, jnp.minimum(scale * 2, LARGEST), scale)
    return LossScale(scale, jnp.where(grown, 0, good))


def unless_overflown(
    before: Any, after: Any, loss: jax.Array, finite: jax.Array
) -> tuple[Any, jax.Array]:
    """Gives the state after a step: but for the scale the one before, if a gradient overflowed.

    The loss is that of the batch all the same; at the scale 1, which cannot be halved, it is NaN.
    """
    scale = adjusted(before.loss_scale, finite)
    state = either(finite, after._replace(loss_scale=scale), before._replace(loss_scale=scale))
    return state, jnp.where(finite | (before.loss_scale.scale > 1), loss, jnp.nan)


def either(first: jax.Array, a: Any, b: Any) -> Any:
    """Gives one of two pytrees, as a boolean says."""
    return jax.tree.map(lambda a, b: jnp.where(first, a, b), a, b)


def met(state: Any, *arrays: Any) -> tuple[Any, ...]:
    """Gives the parameters of a state, and arrays, as the passes meet them."""
    both = (state.params, *arrays)
    return both if state.loss_scale is None else half(both)


def half(tree: Any) -> Any:
    """Gives a pytree with its floating arrays in float16."""

    def cast(array: Any) -> jax.Array:
        floating = jnp.issubdtype(jnp.result_type(array), jnp.floating)
        return jnp.asarray(array, jnp.float16) if floating else jnp.asarray(array)

    return jax.tree.map(cast, tree)


def scaled(objective: Objective, gradients: str, microbatches: int) -> Callable[..., Any]:
    r"""Gives `(params, x, y, scale, key) -> (loss, grads)`, the passes of which run in float16.

    A mean loss `J` has the cotangent `s` in place of 1, so that all that the backward pass holds is
    `s` times as large, and is divided at the end, in the parameters' own dtype:

    $$\nabla J = \tfrac1s \nabla (s J).$$

    A power of two rounds nothing; only what float16 cannot hold is gained, or lost to an overflow.
    The loss is not multiplied itself, so it does not overflow.

    Args:
      objective: From `functional_nn.objective`.
      gradients: `"backprop"` or `"autodiff"`.
      microbatches: As of `functional_nn.value_and_grad`.

    Reference:
      P. Micikevicius, S. Narang, J. Alben et al., "Mixed Precision Training", ICLR 2018,
      section 3.2.
    """
    checks.count("microbatches", microbatches)

    def both(params: Any, x: Any, y: Any, scale: jax.Array, *own: Any) -> tuple[jax.Array, Any]:
        def by_hand(params: Any, x: Any, y: Any, *own: Any) -> tuple[jax.Array, Any]:
            rule = objective.loss

            def bwd(residuals: Any, dlosses: jax.Array) -> Any:
                return rule.bwd(residuals, dlosses * scale.astype(dlosses.dtype))

            steeper = objective._replace(loss=rule._replace(bwd=bwd))
            return value_and_grad(steeper)(params, x, y, *own)

        def automatic(params: Any, x: Any, y: Any, *own: Any) -> tuple[jax.Array, Any]:
            loss, pull = jax.vjp(lambda params: objective(params, x, y, *own), params)
            return loss, pull(scale.astype(loss.dtype))[0]

        differentiate = by_hand if gradients == "backprop" else automatic
        loss, steep = averaged(differentiate, microbatches)(half(params), *half((x, y)), *own)

        def shallow(param: jax.Array, grad: jax.Array) -> jax.Array:
            return grad.astype(param.dtype) / scale.astype(param.dtype)

        return loss.astype(jnp.float32), jax.tree.map(shallow, params, steep)

    return both
