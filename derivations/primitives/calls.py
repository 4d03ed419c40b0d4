"""Functions that are called: read as what is inside them."""

from typing import Any

import jax

from derivations import graph as g
from derivations.lift import Array, Lifting
from derivations.primitives.registry import elementwise, reads

# How the library names what it approximates in single precision. What is read is double precision,
# where it is the formula that the approximation stands for.
APPROXIMATION = "approximation_of_"


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
    if name.startswith(APPROXIMATION):
        function = name.removeprefix(APPROXIMATION)
        lifting.assumptions.add(f"{function} is approximated in single precision")
    return lifting.closed(inner, operands)


@reads("call_hi_primitive")
def _expanded(lifting: Lifting, eqn: Any, *operands: Array) -> list[Array]:
    """JAX 0.12 keeps some functions (searchsorted) in one piece, with the code they stand for."""
    function = eqn.params["_prim"]

    def run(*arrays: Any) -> list[Any]:
        return jax.tree.leaves(function.expand(*jax.tree.unflatten(function.in_tree, arrays)))

    with jax.enable_x64(True):
        inner = jax.make_jaxpr(run)(
            *(jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in eqn.invars)
        )
    return lifting.closed(inner, operands)


def _function_name(closed: Any) -> str:
    info = getattr(closed.jaxpr, "debug_info", None)
    return getattr(info, "func_name", "") or ""


@reads("optimization_barrier", "device_put")
def _barrier(_: Lifting, eqn: Any, *operands: Array) -> list[Array]:
    return list(operands)
