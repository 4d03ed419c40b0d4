"""The four equations of backpropagation and their induction over depth, for any widths.

A derivation speaks of one layer, whichever it is: so the induction is one step, from layer ℓ + 1 to
layer ℓ, and its base is the output layer.
"""

from typing import Any

from sympy import Derivative

from derivations.steps.derivation import Definition, Derivation
from derivations.steps.moves import along_paths, delta, named, unfold
from derivations.steps.network import (
    COST,
    COST_OF_LAYER,
    COST_OF_LAYER_ABOVE,
    COST_OF_OUTPUTS,
    DELTA,
    DELTA_ABOVE,
    LAYER_ABOVE,
    WEIGHTS,
    WEIGHTS_ABOVE,
    WIDTH,
    Z_ABOVE,
    Z,
    activation_of,
    here,
    sensitivity_of,
    slope_at,
    weighted_input,
    written,
)
from derivations.steps.rules import Move, differentiate
from derivations.textbook import THEOREMS
from derivations.textbook.backpropagation import L, ell
from derivations.textbook.notation import K, i, j, k, total


def _output() -> Derivation:
    of = sensitivity_of(Z[L, j], DELTA[L, j])
    activation = activation_of(L)
    moves = [
        unfold(of),
        along_paths(COST, here["a"][L, k], k, WIDTH),
        unfold(activation),
        differentiate,
        delta,
    ]
    return written("backpropagation_output", of.lhs, moves, (of, COST_OF_OUTPUTS, activation))


def _hidden() -> Derivation:
    of, of_above = sensitivity_of(Z[ell, j], DELTA[ell, j]), sensitivity_of(Z_ABOVE, DELTA_ABOVE)
    moves = [unfold(of), *_through_the_next(named(of_above, "definition"))]
    definitions = (of, of_above, COST_OF_LAYER_ABOVE, LAYER_ABOVE, activation_of(ell))
    return written("backpropagation_hidden", of.lhs, moves, definitions)


def _through_the_next(naming: Move) -> list[Move]:
    return [
        along_paths(COST, Z_ABOVE, k, K),
        naming,
        unfold(LAYER_ABOVE),
        unfold(activation_of(ell)),
        differentiate,
        delta,
    ]


def _parameters(name: str, variable: Any) -> Derivation:
    of, weighted = sensitivity_of(Z[ell, i], DELTA[ell, i]), weighted_input(ell)
    moves = [
        along_paths(COST, Z[ell, i], i, WIDTH),
        named(of, "definition"),
        unfold(weighted),
        differentiate,
        delta,
    ]
    subject = Derivative(COST, variable)
    return written(name, subject, moves, (of, COST_OF_LAYER, weighted))


def _induction() -> Derivation:
    """The δ here is what the algorithm computes: it is shown to be the derivative."""
    hypothesis = sensitivity_of(Z_ABOVE, DELTA_ABOVE)
    computed = Definition(
        DELTA[ell, j], total(WEIGHTS_ABOVE[ell + 1, k, j] * DELTA_ABOVE, k, K) * slope_at(Z[ell, j])
    )
    moves = [*_through_the_next(named(hypothesis, "induction")), named(computed, "definition")]
    return written(
        "backpropagation_induction",
        Derivative(COST, Z[ell, j]),
        moves,
        (computed, hypothesis, COST_OF_LAYER_ABOVE, LAYER_ABOVE, activation_of(ell)),
        "Backpropagation: the δ that it computes is ∂C/∂z in every layer (induction over depth)",
        (
            *THEOREMS["backpropagation_hidden"].conditions,
            "base: in the output layer the δ computed is ∂C/∂z, by BP1",
            "induction hypothesis: the δ computed for layer ℓ + 1 is ∂C/∂z there",
            "so it is in layers L, L − 1, ..., 1, whatever the depth L and the widths",
        ),
        ("backpropagation_output",),
    )


OUTPUT, HIDDEN = _output(), _hidden()

BACKPROPAGATION = (
    OUTPUT,
    HIDDEN,
    _parameters("backpropagation_biases", here["b"][ell, j]),
    _parameters("backpropagation_weights", WEIGHTS[ell, j, k]),
    _induction(),
)
