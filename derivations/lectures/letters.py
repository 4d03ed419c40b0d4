"""The letters of one layer of a network and the next, for equations of any widths."""

from typing import Any

import sympy
from sympy import Derivative, Eq, Sum, Symbol

from derivations.textbook.notation import function, tensor

i, j, k, m, n, q = sympy.symbols("i j k m n q", integer=True)
N, M, K, Q = sympy.symbols("N M K Q", integer=True, positive=True)


def eq(left: Any, right: Any) -> Any:
    """Gives `left = right`, as it is written."""
    return Eq(left, right, evaluate=False)


def d(of: Any, by: Any) -> Any:
    """Gives a derivative, as it is written."""
    return Derivative(of, by)


def total(body: Any, index: Any, size: Any) -> Any:
    """Gives a sum from one."""
    return Sum(body, (index, 1, size))


def slope(function: Any, at: Any) -> Any:
    """Gives f'(z)."""
    return d(function(at), at)


class Network:
    """Layer l with K inputs and M neurons, and layer l + 1 with Q; all above it is unknown.

    Attributes:
      a0: The activations of layer l - 1.
      w: The weights of layer l, w[j, k] from neuron k to neuron j.
      b: Its biases.
      z: Its weighted inputs.
      a: Its activations.
      w1: The weights of layer l + 1; `b1` its biases, `z1` its weighted inputs.
      cost: The cost, an unknown function of z1 and so of everything below.
      given: What each of these stands for.
      last: The same if layer l is the last one: the cost is a function of a.
    """

    def __init__(self, names: str, activation: str, cost: str, *, slope_of: Any = None):
        a0, w, b, z, a, w1, b1, z1 = names.split()
        self.a0, self.w, self.b = (
            tensor(a0, K), tensor(w, M, K), tensor(b, M),
        )  # fmt: skip
        self.z, self.a = tensor(z, M), tensor(a, M)
        self.w1, self.b1, self.z1 = (
            tensor(w1, Q, M), tensor(b1, Q), tensor(z1, Q),
        )  # fmt: skip
        self.f = slope_of or function(activation)
        self.cost = Symbol(cost)
        layer = (
            eq(self.z[j], total(self.w[j, k] * self.a0[k], k, K) + self.b[j]),
            eq(self.a[j], self.f(self.z[j])),
        )
        above = function(f"{cost}_above")
        self.given = (
            *layer,
            eq(self.z1[q], total(self.w1[q, j] * self.a[j], j, M) + self.b1[q]),
            eq(self.cost, above(self.z1)),
        )
        self.last = (*layer, eq(self.cost, function(cost)(self.a)))

    def hidden(self, factor: Any = 1) -> Any:
        """Gives f'(z_j) Σ_q w_qj ∂C/∂z_q, for the derivative of the cost in z_j."""
        above = total(self.w1[q, j] * d(self.cost, self.z1[q]), q, Q)
        return eq(d(self.cost, self.z[j]), factor * slope(self.f, self.z[j]) * above)
