"""Loops of a known number of steps, written out; and branches, all of them read."""

from collections.abc import Sequence
from typing import Any

from derivations import graph as g
from derivations.lift import Array, Lifting, Unsupported, dim_of, number_of
from derivations.primitives.conditions import picked
from derivations.primitives.parts import row, stacked
from derivations.primitives.registry import kind_at, reads, shape_of

MOST_STEPS = 1_000


@reads("scan")
def _scan(lifting: Lifting, eqn: Any, *operands: Array) -> list[Array]:
    length = number_of(dim_of(eqn.params["length"]))
    if length > MOST_STEPS:
        raise Unsupported(f"a loop of {length} steps")
    first, last = operand_groups(eqn.params, len(operands))
    consts, carry, xs = operands[:first], list(operands[first:last]), operands[last:]
    steps = range(length)
    written: dict[int, list[Array]] = {}
    for step in reversed(steps) if eqn.params["reverse"] else steps:
        outs = lifting.closed(eqn.params["jaxpr"], [*consts, *carry, *(row(x, step) for x in xs)])
        carry, written[step] = outs[: len(carry)], outs[len(carry) :]
    return carry + [
        _rows(eqn, len(carry) + i, [written[step][i] for step in steps])
        for i in range(len(eqn.outvars) - len(carry))
    ]


def operand_groups(params: Any, count: int) -> tuple[int, int]:
    """Gives where the carry and the rows begin among the operands; 0.12 keeps a tree for it."""
    if "num_consts" in params:
        first = params["num_consts"]
        return first, first + params["num_carry"]
    consts, carry, _ = map(list, params["ft_in"].update(range(count)).unpack())
    return len(consts), len(consts) + len(carry)


def _rows(eqn: Any, output: int, rows: Sequence[Array]) -> Array:
    shape = shape_of(eqn, output)
    if rows:
        return stacked(shape, 0, rows)
    return Array(shape, kind_at(eqn, output), lambda at: g.ZERO)


@reads("while")
def _while(lifting: Lifting, eqn: Any, *operands: Array) -> list[Array]:
    first, second = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    of_test, of_body = operands[:first], operands[first : first + second]
    carry = list(operands[first + second :])
    for _ in range(MOST_STEPS + 1):
        (test,) = lifting.closed(eqn.params["cond_jaxpr"], [*of_test, *carry])
        if test.at() is g.FALSE:
            return carry
        if test.at() is not g.TRUE:
            raise Unsupported("a loop whose end depends on the inputs")
        carry = lifting.closed(eqn.params["body_jaxpr"], [*of_body, *carry])
    raise Unsupported(f"a loop of more than {MOST_STEPS} steps")


@reads("cond")
def _cond(lifting: Lifting, eqn: Any, which: Array, *operands: Array) -> list[Array]:
    number = which.at()
    branches = eqn.params["branches"]
    if which.kind == "int" and number.op == "const":
        taken = branches[max(0, min(int(number.data), len(branches) - 1))]
        return lifting.closed(taken, operands)
    outcomes = [lifting.closed(branch, operands) for branch in branches]

    def output(i: int) -> Array:
        cases = [outs[i] for outs in outcomes]
        return Array(
            shape_of(eqn, i),
            cases[0].kind,
            lambda at: picked(number, tuple(c.at(*at) for c in cases), which.kind),
        )

    return list(map(output, range(len(eqn.outvars))))


@reads("platform_index")
def _platform_index(lifting: Lifting, eqn: Any) -> Array:
    platforms = eqn.params["platforms"]
    lifting.assumptions.add("the code for CPUs is the code that runs")
    named = [i for i, names in enumerate(platforms) if names is not None and "cpu" in names]
    default = [i for i, names in enumerate(platforms) if names is None]
    place = (named or default)[0]
    return Array((), "int", lambda at: g.const(place))
