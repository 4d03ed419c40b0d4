"""Products of matrices and tensors."""

from typing import Any

from derivations import graph as g
from derivations.graph import At, Node
from derivations.lift import Array, Lifting, Unsupported
from derivations.primitives import whole
from derivations.primitives.registry import as_numbers, dtype_of, kind_at, reads, shape_of, summed


@reads("dot_general")
def _dot_general(lifting: Lifting, eqn: Any, a: Array, b: Array) -> Array:
    (contract_a, contract_b), (batch_a, batch_b) = eqn.params["dimension_numbers"]
    free_a = [i for i in range(len(a.shape)) if i not in (*contract_a, *batch_a)]
    free_b = [i for i in range(len(b.shape)) if i not in (*contract_b, *batch_b)]
    kind = kind_at(eqn)
    if kind == "bool":
        raise Unsupported("arithmetic of truth values")
    a, b = as_numbers(a), as_numbers(b)

    def at(position: tuple[At, ...]) -> Node:
        batch = position[: len(batch_a)]
        left = position[len(batch_a) : len(batch_a) + len(free_a)]
        right = position[len(batch_a) + len(free_a) :]

        def product(*bound: At) -> Node:
            at_a = dict(zip((*batch_a, *free_a, *contract_a), (*batch, *left, *bound), strict=True))
            at_b = dict(
                zip((*batch_b, *free_b, *contract_b), (*batch, *right, *bound), strict=True)
            )
            return g.mul(
                a.at(*(at_a[i] for i in range(len(a.shape)))),
                b.at(*(at_b[i] for i in range(len(b.shape)))),
            )

        result = summed(lifting, [a.shape[i] for i in contract_a], product)
        return whole.within(lifting, result, dtype_of(eqn)) if kind == "int" else result

    return Array(shape_of(eqn), kind, at)
