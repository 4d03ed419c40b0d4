"""`repeat`: a loop of n equal blocks, proved for every n by induction on what its loops carry.

The code is traced at a symbolic n with a block of which nothing is known. Forward it must be one
loop over the rows of the parameters, `x_{l+1}, k_l = F(p_l, x_l)`; backward one loop over the same
rows in reverse, `c_l, d_l = B(c_{l+1}, p_l, k_l)`, that starts from `c_n = (x_n, dy)`. The claim
for every l is `c_l = (x_l, dx_l)`, where `dx_l` is the cotangent of `x_l` by the chain rule. At
l = n it holds by what the loop starts from; from l + 1 to l it is one step of both loops on
arbitrary `p`, `x` and cotangent, which the index calculus settles, and `d_l` with it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import export
from jax.extend.core import jaxpr_as_fun

from derivations import abstract, clock
from derivations.graph import Node
from derivations.lift import Unsupported
from derivations.primitives.loops import operand_groups
from derivations.same_code import same_code
from derivations.theorems import floats, is_cotangent, lifts, of_passes, proved, same_entries
from derivations.trace import double_precision
from derivations.verdict import Obligation, Verdict


def repetition(net: Any, params: Any, x: Any, deadline: float) -> Obligation:
    """Gives the theorem of `repeat` for a layer that bears its name.

    Args:
      net: The layer; its parts are its blocks.
      params: Its parameters, or their shapes.
      x: A batch, or its shape.
      deadline: When to give up, by `clock.now`.
    """
    from derivations import catalog

    start = clock.now()
    count, block = len(net.parts), net.parts[0]
    base = Obligation(
        "composition",
        f"{count} equal blocks in a loop have a right backward pass, if the block's is right",
        Verdict.PROVED,
        ground="over the reals, by induction over the number of blocks: index calculus on one step "
        "of the loops, on an unknown block",
        assumptions=(
            "the block's backward pass is right, as its own line says",
            "a loop of JAX runs its body once for each row, in order",
        ),
    )
    where = same_code(net, catalog.scanned(block, count), params, x, stacked=True)
    if where:
        return proved(
            base._replace(scope=f"any block, any number of blocks, {where}"),
            lambda: _claims(net),
            start,
            deadline,
        )
    where = same_code(net, catalog.grouped(block, count), params, x, stacked=True)
    if where:
        base = base._replace(
            scope=f"any block, {count} blocks, {where}",
            details=("in groups: a repetition of repetitions, then the blocks that are left over",),
        )
        return proved(base, lambda: _group_claims(net, params, x), start, deadline)
    reason = "the traced code is not that of repeat on this block"
    return base._replace(verdict=Verdict.UNDECIDED, reason=reason)


class _Loop(NamedTuple):
    """A loop of the traced code; what goes in and comes out are variables of that code."""

    backwards: bool
    carry: Sequence[Any]
    rows: Sequence[Any]
    body: Any
    carried: Sequence[Any]
    made: Sequence[Any]


def _claims(net: Any) -> list[tuple[Node, Node]]:
    """The step of the induction, for blocks that keep their output and for blocks that do not."""
    claims = []
    for keeps_output in (False, True):
        n, p, b, d = export.symbolic_shape("n, p, b, d")
        unknown = abstract.layer("f", d, keeps_output=keeps_output)
        block = type(net)(*unknown[:5])
        claims += _step(block, *_programs(block, n, p, b, d), (p, b, d))
    return claims


def _programs(block: Any, n: Any, p: Any, b: Any, d: Any) -> tuple[Any, Any]:
    """Gives the traced code of `apply`, and of `fwd` and `bwd` together."""
    from derivations import catalog

    whole = catalog.scanned(block, n)

    def both(params: Any, x: Any, dy: Any) -> Any:
        y, residuals = whole.fwd(params, x)
        return y, *whole.bwd(residuals, dy)

    with double_precision():
        params, x = floats(n, p), floats(b, d)
        return jax.make_jaxpr(whole.apply)(params, x), jax.make_jaxpr(both)(params, x, x)


def _step(block: Any, plain: Any, both: Any, sizes: Any) -> list[tuple[Node, Node]]:
    params, x = plain.jaxpr.invars
    (alone,) = _loops(plain, 1)
    _require(not alone.backwards and [*alone.carry] == [x] and [*alone.rows] == [params])
    _require(plain.jaxpr.outvars == [*alone.carried])

    params, x, dy = both.jaxpr.invars
    forward, back = _loops(both, 2)
    _require(not forward.backwards and back.backwards)
    _require([*forward.carry] == [x] and [*forward.rows] == [params])
    (y,) = forward.carried
    given = {params: 0, **{kept: 1 + i for i, kept in enumerate(forward.made)}}
    _require({*back.carry} == {y, dy} and len(back.carry) == 2 and {*back.rows} <= {*given})
    _require(both.jaxpr.outvars == [y, *back.made, back.carried[back.carry.index(dy)]])

    def steps(p: Any, x: Any, cotangent: Any) -> list[Any]:
        (after_alone,) = jaxpr_as_fun(alone.body)(x, p)
        after, *kept = jaxpr_as_fun(forward.body)(x, p)
        carry = [after if start is y else cotangent for start in back.carry]
        rows = [[p, *kept][given[row]] for row in back.rows]
        *before, dp = jaxpr_as_fun(back.body)(*carry, *rows)
        return [after_alone, after, *before, dp]

    p, b, d = sizes
    avals, names = [floats(p), floats(b, d), floats(b, d)], ["p", "x", "cotangent"]
    (truth,) = lifts(lambda p, x, _: [block.apply(p, x)], avals, names)
    after_alone, after, *before, dp = lifts(steps, avals, names)
    (given_x,) = lifts(lambda p, x, _: [x], avals, names)
    claims = [same_entries(after_alone, truth), same_entries(after, truth)]
    for start, carried in zip(back.carry, before, strict=True):
        input_again = start is y
        claims.append(
            same_entries(carried, given_x)
            if input_again
            else is_cotangent(carried, truth, "cotangent", "x")
        )
    return [*claims, is_cotangent(dp, truth, "cotangent", "p")]


def _loops(closed: Any, count: int) -> list[_Loop]:
    """Takes apart code that is nothing but loops."""
    _require(not closed.consts and len(closed.jaxpr.eqns) == count)
    return [_loop(eqn) for eqn in closed.jaxpr.eqns]


def _loop(eqn: Any) -> _Loop:
    _require(eqn.primitive.name == "scan" and str(eqn.params["length"]) == "n")
    first, last = operand_groups(eqn.params, len(eqn.invars))
    _require(first == 0)
    carry, rows = eqn.invars[:last], eqn.invars[last:]
    carried, made = eqn.outvars[:last], eqn.outvars[last:]
    return _Loop(eqn.params["reverse"], carry, rows, eqn.params["jaxpr"], carried, made)


def _require(condition: bool) -> None:
    if not condition:
        raise Unsupported("the traced code is not one loop forward and one back over the blocks")


def _group_claims(net: Any, params: Any, x: Any) -> list[tuple[Node, Node]]:
    """Groups are repetitions too, one after the other: the same induction, and `serial` for two.

    That leaves the parameters: every row goes into one place, and comes back to its own.
    """
    from derivations import catalog

    count, block = len(net.parts), net.parts[0]
    split, join = catalog.groups(count)
    rows = jnp.arange(count)
    _require_places(split(rows), join(split(rows)), rows)
    (many, size), *rest = [part.shape for part in split(rows)]
    serial, scanned = catalog.COMBINATORS["serial"], catalog.scanned
    inside = serial(scanned(scanned(block, size), many), *[scanned(block, *n) for n in rest])

    def bwd(residuals: Any, dy: Any) -> Any:
        dparams, dx = inside.bwd(residuals, dy)
        return join(dparams), dx

    rebuilt = net._replace(
        apply=lambda params, x: inside.apply(split(params), x),
        fwd=lambda params, x: inside.fwd(split(params), x),
        bwd=bwd,
    )
    if not same_code(net, rebuilt, params, x, stacked=True):
        raise Unsupported("the traced code is not that of the groups")
    names = ["params1", "params2", "x", "cotangent"]
    n, p1, p2, d = export.symbolic_shape("n, p1, p2, d")
    unknown = [type(net)(*abstract.layer(f"f{i}", d)[:5]) for i in (1, 2)]
    pair = serial(*unknown)

    def pulled(p: Any, q: Any, x: Any, ct: Any) -> list[Any]:
        dparams, dx = pair.bwd(pair.fwd((p, q), x)[1], ct)
        return [*dparams, dx]

    return _claims(net) + of_passes(
        lambda p, q, x, _: [pair.apply((p, q), x)],
        lambda p, q, x, _: [pair.fwd((p, q), x)[0]],
        pulled,
        [floats(p1), floats(p2), floats(n, d), floats(n, d)],
        names,
        names[:-1],
        "cotangent",
    )


def _require_places(parts: Any, again: Any, rows: Any) -> None:
    places = np.concatenate([np.ravel(part) for part in jax.tree.leaves(parts)])
    if not np.array_equal(np.sort(places), rows) or not np.array_equal(again, rows):
        raise Unsupported("a block's parameters do not come back to their place")
