"""Networks: each layer is proved once, each combinator once, and so every network made of them.

The combinator is run on layers of which nothing is known (`abstract.py`), as many as the network
has, and what its backward pass computes is proved to be the chain rule. That the network is that
combinator of its parts is seen by comparing the traced code of both.
"""

from typing import Any, cast

import jax
from jax import export

from derivations import abstract, clock
from derivations.induction import repetition
from derivations.same_code import row, same_code, same_jaxpr
from derivations.single import check_rule
from derivations.theorems import floats, of_passes, proved
from derivations.unknown import unknown
from derivations.verdict import Obligation, Report, Verdict


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
    if net.name == "repeat":
        report = check_network(net.parts[0], row(params), x, budget=budget)
        each = f"1.-{len(net.parts)}. {net.parts[0].name}"
        theorem = repetition(net, params, x, clock.now() + budget)
        return Report(net.name, "network", (theorem,), (report._replace(subject=each),))
    parts = []
    for i, (part, own, given) in enumerate(inside(net, params, x), 1):
        report = check_network(part, own, given, budget=budget)
        parts.append(report._replace(subject=f"{i}. {part.name}"))
    if dict(net.settings).get("join") == "concatenate":
        # Where outputs lie side by side there is no theorem for all widths: it is settled as a
        # whole, as one layer.
        whole = check_rule(net, params, x, budget=budget)
        return Report(net.name, "network", whole.obligations, tuple(parts))
    theorem = _joined(net, params, x, clock.now() + budget)
    return Report(net.name, "network", (theorem,), tuple(parts))


def inside(net: Any, params: Any, x: Any) -> list[tuple[Any, Any, Any]]:
    """Gives the parts of a network, each with its parameters and its input, or their shapes."""
    if net.name == "residual":
        return [(net.parts[0], params, x)]
    if net.name == "tied":
        from derivations.catalog import shared

        return [(net.parts[0], shared(params, **dict(net.settings)), x)]
    if net.name == "parallel":
        return [(part, own, x) for part, own in zip(net.parts, params, strict=True)]
    found = []
    for part, own in zip(net.parts, params, strict=True):
        found.append((part, own, x))
        x = jax.eval_shape(part.apply, own, x)
    return found


def check_objective(objective: Any, params: Any, x: Any, y: Any, *, budget: float = 30.0) -> Report:
    """Checks a network with its loss: the network, the loss, and the gradient of the mean loss."""
    net = check_network(objective.net, params, x, budget=budget)
    outputs = jax.eval_shape(objective.net.apply, params, x)
    loss = check_rule(objective.loss, outputs, y, budget=budget)
    theorem = _mean_loss(objective, params, x, y, clock.now() + budget)
    return Report("objective", "network", (*net.obligations, theorem), (*net.parts, loss))


def _joined(net: Any, params: Any, x: Any, deadline: float) -> Obligation:
    from derivations.catalog import COMBINATORS

    start = clock.now()
    many = "1 layer" if len(net.parts) == 1 else f"{len(net.parts)} layers"
    base = Obligation(
        "composition",
        f"{net.name} of {many} has a right backward pass, if each layer's is right",
        Verdict.PROVED,
        ground="over the reals, by index calculus on unknown layers",
        scope=f"any {many}, all sizes",
        assumptions=("each layer's backward pass is right, as its own line says",),
    )
    combinator = COMBINATORS.get(net.name)
    if combinator is None:
        reason = f"{net.name!r} is not a combinator of the catalogue"
        return base._replace(verdict=Verdict.UNDECIDED, reason=reason)
    settings = dict(net.settings)
    where = same_code(net, combinator(*net.parts, **settings), params, x)
    if not where:
        reason = f"the traced code is not that of {net.name} on these parts"
        return base._replace(verdict=Verdict.UNDECIDED, reason=reason)
    made = unknown(combinator, net, params)
    base = base._replace(scope=f"{made.scope}, {where}")
    whole = made.whole
    names = [*(f"params{i + 1}" for i in range(len(made.parameters))), "x", "cotangent"]
    avals = [floats(p) for p in made.parameters]
    avals += [floats(made.batch, made.into), floats(made.batch, made.out)]

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

    return proved(
        base,
        lambda: of_passes(primal, value, pulled, avals, names, names[:-1], "cotangent"),
        start,
        deadline,
    )


def _mean_loss(objective: Any, params: Any, x: Any, y: Any, deadline: float) -> Obligation:
    """The gradient of the mean loss of an unknown network with an unknown loss."""
    from derivations import catalog

    start = clock.now()
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
    if not same_jaxpr(*(jax.make_jaxpr(f)(params, x, y) for f in (objective, rebuilt))):
        reason = "the traced code is not the mean loss of this network"
        return base._replace(verdict=Verdict.UNDECIDED, reason=reason)
    n, d, k, p = export.symbolic_shape("n, d, k, p")
    net, loss = abstract.layer("f", k), abstract.loss("l")
    joined = catalog.objective(cast(Any, net), cast(Any, loss))
    hand_written = catalog.value_and_grad(joined)
    avals = [floats(p), floats(n, d), floats(n, k)]
    return proved(
        base,
        lambda: of_passes(
            lambda params, x, y: [joined(params, x, y)],
            lambda params, x, y: [hand_written(params, x, y)[0]],
            lambda params, x, y: [hand_written(params, x, y)[1]],
            avals,
            ["params", "x", "y"],
            ["params"],
            "",
        ),
        start,
        deadline,
    )
