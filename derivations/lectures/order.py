"""In which order the layers of a network may be updated."""

from typing import NamedTuple

from sympy import Symbol

from derivations.lectures.claim import Finding
from derivations.lectures.identity import Identity, holds
from derivations.lectures.letters import Network, Q, d, eq, j, k, q, slope, total

_net = Network("a^{l-1} W^l b^l z^l a^l W^{l+1} b^{l+1} z^{l+1}", "sigma", "C")
_tau = Symbol("tau")


class UpdateOrder(NamedTuple):
    """Whether δ of a layer is taken from the weights above it as they were before their update."""

    from_old: bool


def updates(order: UpdateOrder) -> Finding:
    """Settles whether a step that takes δ^l from W^{l+1} in this order descends the gradient."""
    above = d(_net.cost, _net.z1[q])
    weights = _net.w1[q, j]
    if not order.from_old:
        weights -= _tau * above * _net.a[j]
    delta = slope(_net.f, _net.z[j]) * total(weights * above, q, Q)
    stepped = _net.w[j, k] - _tau * delta * _net.a0[k]
    descended = _net.w[j, k] - _tau * d(_net.cost, _net.w[j, k])
    return holds(Identity(eq(stepped, descended), _net.given))
