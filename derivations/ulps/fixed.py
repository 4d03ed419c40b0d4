"""Operations of several arrays as functions of one number: all arguments but one are fixed.

What a loss costs an example with one output, or a gated unit a single entry, is a function of one
number like an activation, and is measured like one.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Fixed(NamedTuple):
    """An operation, with numbers for all of its arguments but one.

    Attributes:
      operation: Its name in the catalogue.
      free: Which argument is the variable.
      numbers: One for each argument; that of the free one is not used. They are short in binary,
        so that code and truth have the same.
      row: Whether each number becomes a row of one entry, as losses take them.
    """

    operation: str
    free: int
    numbers: tuple[float, ...]
    row: bool = False


FIXED: dict[str, Fixed] = {
    "prelu, x": Fixed("prelu", 0, (0, 0.1875)),
    "prelu, slope": Fixed("prelu", 1, (-1.375, 0)),
    "glu, values": Fixed("glu", 0, (0, -1.375)),
    "glu, gate": Fixed("glu", 1, (-1.375, 0)),
    "swiglu, values": Fixed("swiglu", 0, (0, -1.375)),
    "swiglu, gate": Fixed("swiglu", 1, (-1.375, 0)),
    "half_squared_error": Fixed("half_squared_error", 0, (0, 0.6875), row=True),
    "squared_error": Fixed("squared_error", 0, (0, 0.6875), row=True),
    "absolute_error": Fixed("absolute_error", 0, (0, 0.6875), row=True),
    "huber_loss": Fixed("huber_loss", 0, (0, 0.6875), row=True),
    "hinge_loss, yes": Fixed("hinge_loss", 0, (0, 1), row=True),
    "hinge_loss, no": Fixed("hinge_loss", 0, (0, -1), row=True),
    "sigmoid_cross_entropy, yes": Fixed("sigmoid_cross_entropy", 0, (0, 1), row=True),
    "sigmoid_cross_entropy, no": Fixed("sigmoid_cross_entropy", 0, (0, 0), row=True),
}


def fixed(rule: Any, name: str) -> Any:
    """Gives a rule as one of a single array, entry by entry.

    Args:
      rule: The `Rule` that `FIXED[name]` is of, or another one of the same arguments.
      name: Which arguments are fixed, and at what.

    Example:
      >>> from derivations.catalog import CATALOG
      >>> fixed(CATALOG["glu"].rule, "glu, gate")(jnp.float32(0.0)).item()
      -0.6875
    """
    way = FIXED[name]

    def arguments(x: jax.Array) -> list[jax.Array]:
        x = jnp.asarray(x)
        all_of_them = [
            x if i == way.free else jnp.full_like(x, n) for i, n in enumerate(way.numbers)
        ]
        return [a[..., None] for a in all_of_them] if way.row else all_of_them

    def bwd(residuals: Any, dy: jax.Array) -> tuple[jax.Array]:
        dx = rule.bwd(residuals, dy)[way.free]
        return (dx[..., 0] if way.row else dx,)

    return rule._replace(
        name=name,
        primal=lambda x: rule.primal(*arguments(x)),
        fwd=lambda x: rule.fwd(*arguments(x)),
        bwd=bwd,
        again=None,
    )
