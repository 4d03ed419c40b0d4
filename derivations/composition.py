"""Networks: each layer is proved once, each combinator once, and so every network made of them.

The combinator is run on layers of which nothing is known (`abstract.py`), as many as the network
has, and what its backward pass computes is proved to be the chain rule. That the network is that
combinator of its parts is seen by comparing the traced code of both.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from derivations import abstract
from derivations import graph as g
from derivations.differentiate import derivative
from derivations.equality import equal
from derivations.graph import At, Index, Node
from derivations.lift import Array, Assumptions, Unsupported
from derivations.single import check_rule
from derivations.trace import Shapes, double_precision, lifted, symbolic
from derivations.verdict import Obligation, Report, Verdict

TRACED_FLOAT = jnp.float64


def check_network(net: Any, params: Any, x: Any, *, budget: float = 30.0) -> Report:
    """Checks a layer that was built from others: each part, and the theorem that joins them.

    Args:
      net: A layer with parts.
      params: Its parameters, or their shapes.
      x: A batch, or its shape.
      budget: Seconds for each part.
    """
    if not getattr(net, "parts", ()):
        return check_rule(net, params, x, budget=budget)
    parts = []
    given = x
    for i, (part, own) in enumerate(zip(net.parts, params, strict=True)):
        report = check_network(part, own, given, budget=budget)
        given = jax.eval_shape(part.apply, own, given)
        parts.append(report._replace(subject=f"{i + 1}. {part.name}"))
    theorem = _serial(net, params, x, time.monotonic() + budget)
    return Report(net.name, "network", (theorem,), tuple(parts))


def check_objective(objective: Any, params: Any, x: Any, y: Any, *, budget: float = 30.0) -> Report:
    """Checks a network with its loss: the network, the loss, and the gradient of the mean loss."""
    net = check_network(objective.net, params, x, budget=budget)
    outputs = jax.eval_shape(objective.net.apply, params, x)
    loss = check_rule(objective.loss, outputs, y, budget=budget)
    theorem = _mean_loss(objective, params, x, y, time.monotonic() + budget)
    return Report("objective", "network", (*net.obligations, theorem), (*net.parts, loss))


def _serial(net: Any, params: Any, x: Any, deadline: float) -> Obligation:
    from derivations.catalog import COMBINATORS

    start = time.monotonic()
    count = len(net.parts)
    base = Obligation(
        "composition",
        f"{net.name} of {count} layers whose backward passes are right has a right one",
        Verdict.PROVED,
        ground="over the reals, by index calculus on unknown layers",
        scope=f"any {count} layers, all sizes",
        assumptions=("each layer's backward pass is right, as its own line says",),
    )
    combinator = COMBINATORS.get(net.name)
    if combinator is None:
        reason = f"{net.name!r} is not a combinator of the catalogue"
        return base._replace(verdict=Verdict.UNDECIDED, reason=reason)
    where = _same_code(net, combinator(*net.parts), params, x)
    if not where:
        reason = f"the traced code is not that of {net.name} on these parts"
        return base._replace(verdict=Verdict.UNDECIDED, reason=reason)
    base = base._replace(scope=f"any {count} layers, {where}")
    widths = export.symbolic_shape(", ".join(f"d{i}" for i in range(count + 1)))
    sizes = export.symbolic_shape(
        "n, " + ", ".join(f"p{i}" for i in range(1, count + 1)), scope=_scope(widths)
    )
    # An unknown layer keeps its input, so that where one can make its output again, the next one
    # gets the placeholder: the theorem is about the path that the network takes.
    unknown = _retyped(
        net,
        [
            abstract.layer(f"f{i}", width, again=part.again is not None)
            for i, (part, width) in enumerate(zip(net.parts, widths[1:], strict=True), 1)
        ],
    )
    whole = combinator(*unknown)
    n, *parameters = sizes
    names = [*(f"params{i + 1}" for i in range(count)), "x", "cotangent"]
    avals = [_float(p) for p in parameters] + [_float(n, widths[0]), _float(n, widths[-1])]

    def pulled(*arrays: Any) -> list[Any]:
        *own, data, ct = arrays
        _, residuals = whole.fwd(tuple(own), data)
        dparams, dx = whole.bwd(residuals, ct)
        return [*dparams, dx]

    def primal(*arrays: Any) -> list[Any]:
        *own, data, _ = arrays
        return [whole.apply(tuple(own), data)]

    def value(*arrays: Any) -> list[Any]:
        *own, data, _ = arrays
        return [whole.fwd(tuple(own), data)[0]]

    return _theorem(
        base, primal, value, pulled, avals, names, names[:-1], "cotangent", start, deadline
    )


def _mean_loss(objective: Any, params: Any, x: Any, y: Any, deadline: float) -> Obligation:
    """The gradient of the mean loss of an unknown network with an unknown loss."""
    from derivations import catalog

    start = time.monotonic()
    base = Obligation(
        "composition",
        "value_and_grad of the mean loss is its gradient, if the network's and the loss's backward "
        "passes are right",
        Verdict.PROVED,
        ground="over the reals, by index calculus on an unknown network and an unknown loss",
        scope="any network, any loss, all sizes",
        assumptions=("the network's and the loss's backward passes are right",),
    )
    rebuilt = catalog.objective(objective.net, objective.loss)
    if not _same_jaxpr(*(jax.make_jaxpr(f)(params, x, y) for f in (objective, rebuilt))):
        reason = "the traced code is not the mean loss of this network"
        return base._replace(verdict=Verdict.UNDECIDED, reason=reason)
    n, d, k, p = export.symbolic_shape("n, d, k, p")
    net, loss = abstract.layer("f", k), abstract.loss("l")
    joined = catalog.objective(cast(Any, net), cast(Any, loss))
    hand_written = catalog.value_and_grad(joined)
    avals = [_float(p), _float(n, d), _float(n, k)]
    return _theorem(
        base,
        lambda params, x, y: [joined(params, x, y)],
        lambda params, x, y: [hand_written(params, x, y)[0]],
        lambda params, x, y: [hand_written(params, x, y)[1]],
        avals, ["params", "x", "y"], ["params"], "", start, deadline,
    )  # fmt: skip


def _theorem(
    base: Obligation,
    primal: Callable[..., list[Any]],
    value: Callable[..., list[Any]],
    pulled: Callable[..., list[Any]],
    avals: Sequence[Any],
    names: Sequence[str],
    of: Sequence[str],
    cotangent: str,
    start: float,
    deadline: float,
) -> Obligation:
    """Proves that `pulled` is the chain rule for `primal`, and that both give the same value."""
    shapes = Shapes(tuple(avals), {}, base.scope)
    try:
        lifts = [lifted(f, shapes, names, Assumptions()) for f in (primal, value, pulled)]
        (output,), (same,), gradients = ([a for a in lift if a is not None] for lift in lifts)
        if len(gradients) != len(of):
            raise Unsupported(f"{len(gradients)} cotangents came, for {len(of)} arguments")
        at = _general(output)
        claims = [(same.at(*at), output.at(*at))]
        for name, gradient in zip(of, gradients, strict=True):
            where = _general(gradient)
            claims.append((gradient.at(*where), _chain_rule(output, at, cotangent, name, where)))
        for found, truth in claims:
            outcome = equal(found, truth, deadline=deadline)
            if not outcome.equal:
                return base._replace(
                    verdict=Verdict.UNDECIDED, reason=outcome.reason,
                    seconds=time.monotonic() - start,
                )  # fmt: skip
    except Exception as error:  # whatever a wrong combinator raises on unknown layers
        text = str(error).splitlines() or [type(error).__name__]
        return base._replace(verdict=Verdict.UNDECIDED, reason=text[0])
    return base._replace(seconds=time.monotonic() - start)


def _chain_rule(
    output: Array, at: tuple[At, ...], cotangent: str, name: str, where: tuple[At, ...]
) -> Node:
    term = derivative(output.at(*at), name, where)
    if cotangent:
        term = g.mul(g.entry(cotangent, at), term)
    for index in reversed(at):
        if isinstance(index, Index):
            term = g.total(index, term)
    return term


def _general(array: Array) -> tuple[At, ...]:
    return tuple(0 if d == 1 else Index("i", d) for d in array.shape)


def _float(*shape: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, TRACED_FLOAT)


def _scope(dims: Sequence[Any]) -> Any:
    return dims[0].scope


def _retyped(net: Any, unknown: Sequence[Any]) -> list[Any]:
    """Gives unknown layers as the type of layer that the combinator takes."""
    return [type(net)(u.init, u.apply, u.fwd, u.bwd, u.name, again=u.again) for u in unknown]


def _same_code(one: Any, other: Any, params: Any, x: Any) -> str:
    """Gives at which sizes two layers trace to the same code, forward and backward; or nothing."""
    leaves, tree = jax.tree.flatten((params, x))
    general = symbolic([_shape_of(leaf) for leaf in leaves], [f"a{i}" for i in range(len(leaves))])
    given = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in map(_shape_of, leaves)]
    try:
        if not _same_traces(one, other, *jax.tree.unflatten(tree, given)):
            return ""
    except Exception:  # one of the two cannot even be traced
        return ""
    try:
        everywhere = _same_traces(one, other, *jax.tree.unflatten(tree, list(general.avals)))
    except Exception:  # code of fixed sizes cannot be traced at symbolic ones
        return "the example's sizes"
    return "all sizes" if everywhere else ""


def _shape_of(leaf: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(jnp.shape(leaf), jnp.result_type(leaf))


def _same_traces(one: Any, other: Any, params: Any, x: Any) -> bool:
    def traces(layer: Any) -> list[Any]:
        def both(params: Any, x: Any, dy: Any) -> Any:
            y, residuals = layer.fwd(params, x)
            return y, layer.bwd(residuals, dy)

        with double_precision():
            out = jax.eval_shape(layer.apply, params, x)
            return [jax.make_jaxpr(layer.apply)(params, x), jax.make_jaxpr(both)(params, x, out)]

    return all(_same_jaxpr(a, b) for a, b in zip(traces(one), traces(other), strict=True))


def _same_jaxpr(a: Any, b: Any) -> bool:
    """Tells whether two closed jaxprs are the same text with the same captured numbers."""
    constants = zip(a.consts, b.consts, strict=False)
    return (
        str(a) == str(b)
        and len(a.consts) == len(b.consts)
        and all(np.array_equal(x, y, equal_nan=True) for x, y in constants)
    )
