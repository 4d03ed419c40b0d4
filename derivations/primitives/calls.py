"""Functions that are called: read as what is inside them."""

from typing import Any

from derivations import graph as g
from derivations.lift import Array, Lifting
from derivations.primitives.registry import elementwise, reads


@reads("jit", "closed_call", "remat2", "composite")
def _call(lifting: Lifting, eqn: Any, *operands: Array) -> list[Array]:
    inner = eqn.params["jaxpr"] if "jaxpr" in eqn.params else eqn.params["call_jaxpr"]
    if hasattr(inner, "consts"):
        return lifting.closed(inner, operands)
    return lifting.jaxpr(inner, [], operands)


@reads("custom_jvp_call", "custom_vjp_call")
def _custom_call(lifting: Lifting, eqn: Any, *operands: Array) -> list[Array]:
    inner = eqn.params["call_jaxpr"]
    name = eqn.params.get("name") or _function_name(inner)
    if name == "exp_neg_sq":
        # JAX 0.12 computes e^(-x^2) by manipulating bits, which has no meaning over the reals.
        lifting.assumptions.add("JAX's kernel exp_neg_sq is exp(-x^2)")
        square = elementwise(lambda a: g.exp(g.neg(g.power(a, 2))))
        return [square(lifting, eqn, *operands)]
    return lifting.closed(inner, operands)


def _function_name(closed: Any) -> str:
    info = getattr(closed.jaxpr, "debug_info", None)
    return getattr(info, "func_name", "") or ""


@reads("optimization_barrier", "device_put")
def _barrier(_: Lifting, eqn: Any, *operands: Array) -> list[Array]:
    return list(operands)
