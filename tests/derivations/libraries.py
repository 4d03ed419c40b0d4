"""Rules that other libraries ship: found where they are defined, with example arguments.

`LIBRARIES` is the table. What is refuted there is confirmed by finite differences in the test.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..corpus.zoo import real


class Shipped(NamedTuple):
    """A rule of another library.

    Attributes:
      package: What has to be installed.
      module: Where the rule is defined.
      name: Its name there.
      arguments: Example arguments of what `use` makes of it.
      use: Fixes what is not differentiated: `use(rule) -> function of the arguments`.
      proved: Whether it is proved today.
      refuted: If it is not the derivative: why, in words.
    """

    package: str
    module: str
    name: str
    arguments: tuple[Any, ...]
    use: Callable[[Any], Callable[..., Any]] | None = None
    proved: bool = False
    refuted: str = ""

    def rule(self) -> Any:
        """Gives the rule itself, or the function that uses it, with the derivative it then has."""
        rule = importlib.import_module(self.module)
        for name in self.name.split("."):
            rule = getattr(rule, name)
        if self.use is None:
            return rule
        function = self.use(rule)
        used = jax.custom_jvp(function)
        used.defjvp(functools.partial(jax.jvp, function))
        return used


X, XY, XYZ = (real(3),), (real(3), real(3)), (real(3), real(3), real(3))
ROWS, SQUARE = (real(2, 3),), (real(3, 3),)
_SPECIAL = "jax._src.scipy.special"
_LINALG = "jax._src.numpy.linalg"


def _listed(*shipped: Shipped) -> dict[str, Shipped]:
    return {f"{s.package} {s.name}": s for s in shipped}


LIBRARIES = _listed(
    # --- jax.scipy.special and jax.numpy
    Shipped("jax", _SPECIAL, "logit", X, proved=True),
    Shipped("jax", _SPECIAL, "xlogy", XY, proved=True),
    Shipped("jax", _SPECIAL, "xlog1py", XY, proved=True),
    Shipped("jax", _SPECIAL, "zeta", XY),
    Shipped("jax", _SPECIAL, "log_ndtr", X, lambda rule: lambda x: rule(x, 3)),
    Shipped("jax", _SPECIAL, "expi", X),
    Shipped("jax", _SPECIAL, "expn", X, lambda rule: lambda x: rule(2, x)),
    Shipped("jax", _SPECIAL, "poch", XY),
    Shipped("jax", _SPECIAL, "hyp1f1", XYZ),
    Shipped("jax", "jax._src.lax.other", "logaddexp", XY, proved=True),
    Shipped("jax", "jax._src.lax.other", "logaddexp2", XY, proved=True),
    Shipped("jax", "jax.numpy", "sinc", X, lambda rule: rule),
    Shipped("jax", "jax.numpy", "i0", X, lambda rule: rule),
    Shipped("jax", _LINALG, "_det", SQUARE),
    Shipped("jax", _LINALG, "_slogdet_lu", SQUARE, lambda rule: lambda a: rule(a)[1]),
    Shipped("jax", _LINALG, "_pinv", SQUARE, lambda rule: lambda a: rule(a, 1e-6, False)),
    # --- optax
    Shipped(
        "optax", "optax._src.utils", "_scale_gradient", (real(3), 2.0),
        refuted="it scales the gradient, on purpose",
    ),
    Shipped("optax", "optax.projections._projections", "_projection_unit_simplex", X),
    Shipped(
        "optax", "optax.losses._classification", "weighted_logsoftmax", (real(2, 3), real(2, 3)),
        proved=True,
    ),
    # --- distrax
    Shipped("distrax", "distrax._src.utils.math", "multiply_no_nan", XY, proved=True),
    Shipped("distrax", "distrax._src.utils.math", "power_no_nan", XY),
    Shipped(
        "distrax", "distrax._src.distributions.von_mises", "_von_mises_cdf", XY,
        lambda rule: lambda x, concentration: rule(x, concentration, x.dtype),
    ),
    # --- jaxopt
    Shipped("jaxopt", "jaxopt._src.isotonic", "_isotonic_l2_pav", X),
    Shipped("jaxopt", "jaxopt._src.projection", "_projection_unit_simplex", X),
    Shipped(
        "jaxopt", "jaxopt._src.projection", "_projection_unit_sparse_simplex", X,
        lambda rule: lambda x: rule(x, 2, False),
    ),
    # --- lineax
    Shipped("lineax", "lineax._norm", "_two_norm", X),
    Shipped(
        "lineax", "lineax._norm", "_zero_grad_at_zero", (real(),),
        refuted="it is the identity, with the derivative 0 at 0, on purpose",
    ),
    # --- e3nn-jax
    Shipped(
        "e3nn_jax", "e3nn_jax._src.spherical_harmonics", "_custom_jvp_spherical_harmonics", X,
        lambda rule: lambda x: jnp.concatenate(
            [jnp.atleast_1d(y) for y in rule((0, 1, 2), x, "component", ("legendre", "dense"))]
        ),
    ),
    Shipped(
        "e3nn_jax", "e3nn_jax._src.utils.einsum", "einsum", (real(2, 3), real(3, 4)),
        lambda rule: lambda a, b: rule("ij,jk->ik", a, b),
        proved=True,
    ),
    # --- flax
    Shipped("flax", "flax.linen.activation", "relu", X, proved=True),
    Shipped("flax", "flax.linen.activation", "relu6", X, proved=True),
    Shipped(
        "flax", "flax.linen.fp8_ops", "out_dq", (real(), real(), real(2, 3)),
        lambda rule: lambda left, right, out: rule(out.dtype, left, right, out),
        refuted="it undoes a scaling and passes the cotangent through, on purpose",
    ),
)  # fmt: skip
