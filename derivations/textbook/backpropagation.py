"""The four equations of backpropagation, entry by entry, for one example.

A layer `ell` computes z = W a + b from the activations a of the layer below, then a = σ(z). Its
sensitivity δ is the derivative of the cost C in z. The layer comes first among the indices:
`W[ell, j, k]` is the weight from neuron k of layer ell - 1 to neuron j of layer ell.
"""

from sympy import Derivative, Expr, Symbol

from derivations.textbook.entry import Theorem
from derivations.textbook.notation import K, equation, function, j, k, tensor, total
from derivations.textbook.sources import nielsen

ell = Symbol("ell", integer=True)
L = Symbol("L", integer=True, positive=True)

_C = Symbol("C", real=True)
_delta, _z, _a = tensor("delta"), tensor("z"), tensor("a")
_W, _b = tensor("W"), tensor("b")
_sigma = function("sigma")

_ELEMENTWISE = "the activation σ is element-wise: each a depends on its own z alone"


def _slope(layer: Expr) -> Derivative:
    return Derivative(_sigma(_z[layer, j]), _z[layer, j])


OUTPUT_LAYER = Theorem(
    name="backpropagation_output",
    title="Sensitivity of the output layer (BP1)",
    description="δ of the last layer L, from the derivative of the cost in the network's output.",
    equations=(equation(_delta[L, j], Derivative(_C, _a[L, j]) * _slope(L)),),
    conditions=(_ELEMENTWISE, "σ is differentiable at z, and C in the outputs"),
    source=nielsen("chapter 2, equation BP1"),
)

HIDDEN_LAYER = Theorem(
    name="backpropagation_hidden",
    title="Sensitivity of a hidden layer (BP2)",
    description="δ of layer ℓ, from the δ of the K neurons of the layer above.",
    equations=(
        equation(
            _delta[ell, j],
            total(_W[ell + 1, k, j] * _delta[ell + 1, k], k, K) * _slope(ell),
        ),
    ),
    conditions=(_ELEMENTWISE, "σ is differentiable at z", "a reaches C through layer ℓ + 1 alone"),
    source=nielsen("chapter 2, equation BP2"),
)

BIASES = Theorem(
    name="backpropagation_biases",
    title="Gradient of the biases (BP3)",
    description="A bias moves its own z one to one.",
    equations=(equation(Derivative(_C, _b[ell, j]), _delta[ell, j]),),
    conditions=("each bias is used once: it is not shared",),
    source=nielsen("chapter 2, equation BP3"),
)

WEIGHTS = Theorem(
    name="backpropagation_weights",
    title="Gradient of the weights (BP4)",
    description="What came in through the weight, times the sensitivity of where it goes.",
    equations=(equation(Derivative(_C, _W[ell, j, k]), _a[ell - 1, k] * _delta[ell, j]),),
    conditions=("each weight is used once: it is not shared",),
    source=nielsen("chapter 2, equation BP4"),
)

BACKPROPAGATION = (OUTPUT_LAYER, HIDDEN_LAYER, BIASES, WEIGHTS)
