"""Functions that are called, loops and branches: what is inside them is executed."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from derivations.lift import Unsupported
from derivations.modular.execute import closed, opened
from derivations.modular.functions import negative_square_exponential
from derivations.modular.registry import reads, shape_of
from derivations.modular.structure import joined
from derivations.modular.trial import Trial
from derivations.modular.value import Value

MOST_STEPS = 10_000


@reads("jit", "pjit", "closed_call", "remat2", "checkpoint", "composite")
def _call(trial: Trial, eqn: Any, *operands: Value) -> list[Value]:
    inner = eqn.params["jaxpr"] if "jaxpr" in eqn.params else eqn.params["call_jaxpr"]
    if hasattr(inner, "consts"):
        return closed(trial, inner, operands)
    return opened(trial, inner, [], operands)


@reads("custom_jvp_call", "custom_vjp_call")
def _custom_call(trial: Trial, eqn: Any, *operands: Value) -> list[Value]:
    inner = eqn.params["call_jaxpr"]
    name = eqn.params.get("name") or getattr(inner.jaxpr.debug_info, "func_name", "")
    if name == "exp_neg_sq":
        # JAX 0.12 computes e^(-x²) by manipulating bits, which has no meaning over the reals.
        trial.assumptions.add("JAX's kernel exp_neg_sq is exp(-x^2)")
        return [negative_square_exponential(trial, *operands)]
    return closed(trial, inner, operands)


@reads("call_hi_primitive")
def _expanded(trial: Trial, eqn: Any, *operands: Value) -> list[Value]:
    function = eqn.params["_prim"]

    def run(*arrays: Any) -> list[Any]:
        return jax.tree.leaves(function.expand(*jax.tree.unflatten(function.in_tree, arrays)))

    avals = (jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in eqn.invars)
    return closed(trial, jax.make_jaxpr(run)(*avals), operands)


@reads(
    "optimization_barrier",
    "device_put",
    "copy",
    "copy_p",
    "stop_gradient",
    "name",
    "reduce_precision",
    "sharding_constraint",
    "real",
)
def _as_it_is(_: Trial, __: Any, *operands: Value) -> list[Value]:
    return list(operands)


@reads("platform_index")
def _platform_index(trial: Trial, eqn: Any) -> Value:
    platforms = eqn.params["platforms"]
    trial.assumptions.add("the code for CPUs is the code that runs")
    named = [i for i, names in enumerate(platforms) if names is not None and "cpu" in names]
    default = [i for i, names in enumerate(platforms) if names is None]
    return Value(np.asarray((named or default)[0], np.int32))


@reads("cond")
def _cond(trial: Trial, eqn: Any, which: Value, *operands: Value) -> list[Value]:
    branches = eqn.params["branches"]
    place = min(max(int(which.shadow), 0), len(branches) - 1)
    return closed(trial, branches[place], operands)


@reads("while")
def _while(trial: Trial, eqn: Any, *operands: Value) -> list[Value]:
    first, second = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    of_test, of_body = operands[:first], operands[first : first + second]
    carry = list(operands[first + second :])
    for _ in range(MOST_STEPS + 1):
        (test,) = closed(trial, eqn.params["cond_jaxpr"], [*of_test, *carry])
        if not test.shadow:
            return carry
        carry = closed(trial, eqn.params["body_jaxpr"], [*of_body, *carry])
    raise Unsupported(f"a loop of more than {MOST_STEPS} steps")


@reads("scan")
def _scan(trial: Trial, eqn: Any, *operands: Value) -> list[Value]:
    length, p = eqn.params["length"], eqn.params
    if length > MOST_STEPS:
        raise Unsupported(f"a loop of {length} steps")
    first, last = _parts(p, len(operands))
    consts, carry, xs = operands[:first], list(operands[first:last]), operands[last:]
    written: dict[int, list[Value]] = {}
    for step in reversed(range(length)) if p["reverse"] else range(length):
        rows = [x.moved(lambda a, i=step: a[i], trial.atom) for x in xs]
        outs = closed(trial, p["jaxpr"], [*consts, *carry, *rows])
        carry, written[step] = outs[: len(carry)], outs[len(carry) :]
    stacks = [
        _stacked(trial, eqn, len(carry) + i, [written[step][i] for step in range(length)])
        for i in range(len(eqn.outvars) - len(carry))
    ]
    return carry + stacks


def _parts(params: Any, count: int) -> tuple[int, int]:
    """Gives where the carry and the rows begin among the operands; 0.12 keeps a tree for it."""
    if "num_consts" in params:
        first = params["num_consts"]
        return first, first + params["num_carry"]
    consts, carry, _ = map(list, params["ft_in"].update(range(count)).unpack())
    return len(consts), len(consts) + len(carry)


def _stacked(trial: Trial, eqn: Any, output: int, rows: Sequence[Value]) -> Value:
    if not rows:
        return trial.constant(np.zeros(shape_of(eqn, output), eqn.outvars[output].aval.dtype))
    return joined(trial, list(rows), lambda xs: np.stack(xs))
