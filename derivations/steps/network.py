"""The letters of backpropagation, and what they stand for in any network.

Layer ℓ has J neurons, the one above K and the one below I. Of the cost nothing is known but what it
depends on, and of σ nothing at all.
"""

from collections.abc import Iterable
from typing import Any

import sympy
from sympy import Derivative, Symbol, exp

from derivations.steps.derivation import Definition, Depends, Derivation
from derivations.steps.entries import ranges
from derivations.steps.moves import derive
from derivations.steps.rules import Move
from derivations.textbook import THEOREMS
from derivations.textbook.backpropagation import L, ell
from derivations.textbook.notation import K, function, i, j, k, tensor, total

WIDTH_BELOW, WIDTH = sympy.symbols("I J", integer=True, positive=True)
_h = Symbol("h", integer=True)
COST = Symbol("C", real=True)
sigma, tanh_of = function("sigma"), function("tanh")

# One set of arrays for each layer: they have widths of their own.
below, here, above = {}, {}, {}
for _letter in ("z", "a", "b", "delta"):
    below[_letter], here[_letter], above[_letter] = (
        tensor(_letter, L, w) for w in (WIDTH_BELOW, WIDTH, K)
    )
WEIGHTS, WEIGHTS_ABOVE = tensor("W", L, WIDTH, WIDTH_BELOW), tensor("W", L, K, WIDTH)


def slope_at(z: Any, of: Any = sigma) -> Any:
    """Gives σ'(z)."""
    return Derivative(of(z), z)


def activation_of(layer: Any) -> Definition:
    """Gives a = σ(z) of a layer."""
    return Definition(here["a"][layer, j], sigma(here["z"][layer, j]))


def weighted_input(layer: Any) -> Definition:
    """Gives z of this layer, from the activations of the layer below."""
    inside = total(WEIGHTS[layer, j, _h] * below["a"][layer - 1, _h], _h, WIDTH_BELOW)
    return Definition(here["z"][layer, j], inside + here["b"][layer, j])


def sensitivity_of(z: Any, d: Any) -> Definition:
    """Gives δ = ∂C/∂z."""
    return Definition(d, Derivative(COST, z))


Z, DELTA = here["z"], here["delta"]
Z_ABOVE, DELTA_ABOVE = above["z"][ell + 1, k], above["delta"][ell + 1, k]
COST_OF_OUTPUTS = Definition(COST, Depends(((here["a"][L, k], (k,)),)))
COST_OF_LAYER = Definition(COST, Depends(((Z[ell, i], (i,)),)))
COST_OF_LAYER_ABOVE = Definition(COST, Depends(((Z_ABOVE, (k,)),)))
LAYER_ABOVE = Definition(
    Z_ABOVE,
    total(WEIGHTS_ABOVE[ell + 1, k, i] * here["a"][ell, i], i, WIDTH) + above["b"][ell + 1, k],
)
SOFTMAX_OUTPUT = Definition(here["a"][L, j], exp(Z[L, j]) / total(exp(Z[L, i]), i, WIDTH))


def written(
    name: str,
    subject: Any,
    moves: Iterable[Move],
    definitions: tuple[Definition, ...],
    title: str = "",
    conditions: tuple[str, ...] = (),
    lemmas: tuple[str, ...] = (),
) -> Derivation:
    """Gives a derivation; title and conditions are those of the theorem of its name, if any."""
    steps = derive(subject, moves)
    theorem = THEOREMS.get(name)
    return Derivation(
        name=name,
        title=title or (theorem.title if theorem else name),
        subject=subject,
        steps=steps,
        definitions=definitions,
        ranges=ranges(subject, *(s.expression for s in steps)),
        conditions=conditions or (theorem.conditions if theorem else ()),
        lemmas=lemmas,
    )
