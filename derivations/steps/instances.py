"""Backpropagation where more is known: of the activation, the cost, or who reads a neuron."""

from typing import Any

import sympy
from sympy import Derivative, Dummy

from derivations.steps.backpropagation import HIDDEN, OUTPUT
from derivations.steps.derivation import Definition, Depends, Derivation
from derivations.steps.entries import OF_ENTRIES, given
from derivations.steps.identities import common_factor
from derivations.steps.moves import (
    along_paths,
    delta,
    everywhere,
    multiplied_out,
    named,
    sums_split,
    unfold,
)
from derivations.steps.network import (
    COST,
    COST_OF_LAYER_ABOVE,
    COST_OF_OUTPUTS,
    DELTA,
    DELTA_ABOVE,
    LAYER_ABOVE,
    SOFTMAX_OUTPUT,
    WEIGHTS,
    WIDTH,
    Z_ABOVE,
    Z,
    activation_of,
    here,
    sensitivity_of,
    sigma,
    slope_at,
    tanh_of,
    weighted_input,
    written,
)
from derivations.steps.rules import differentiate
from derivations.textbook import ENTRIES, THEOREMS
from derivations.textbook.backpropagation import L, ell
from derivations.textbook.notation import equation, i, j, k, tensor, total

_KNOWN = {known.name: known for known in OF_ENTRIES}


def _output_weights() -> Derivation:
    activation, weighted = activation_of(L), weighted_input(L)
    moves = [
        along_paths(COST, here["a"][L, i], i, WIDTH),
        unfold(activation),
        differentiate,
        unfold(weighted),
        differentiate,
        delta,
    ]
    return written(
        "backpropagation_output_weights",
        Derivative(COST, WEIGHTS[L, j, k]),
        moves,
        (COST_OF_OUTPUTS, activation, weighted),
        "Gradient of the last layer's weights",
        THEOREMS["backpropagation_output"].conditions,
    )


def _output_squared() -> Derivation:
    y = tensor("y", WIDTH)
    of, activation = sensitivity_of(Z[L, j], DELTA[L, j]), activation_of(L)
    cost = Definition(COST, total((here["a"][L, k] - y[k]) ** 2, k, WIDTH))
    moves = [
        unfold(Definition(OUTPUT.subject, OUTPUT.result), "lemma"),
        unfold(cost),
        differentiate,
        delta,
    ]
    return written(
        "backpropagation_output_squared",
        of.lhs,
        moves,
        (of, cost, activation),
        "Sensitivity of the output layer for the squared error",
        OUTPUT.conditions,
        (OUTPUT.name,),
    )


def _softmax_jacobian() -> Definition:
    """Gives what was derived for a softmax, in the letters of the output layer."""
    known = _KNOWN["softmax_jacobian"]
    letters = {"s": here["a"], "x": Z}

    def renamed(expression: Any) -> Any:
        return expression.replace(
            lambda e: isinstance(e, sympy.Indexed),
            lambda e: letters[str(e.base.label)][L, e.indices[-1]],
        )

    return Definition(renamed(known.subject), renamed(known.result))


def _output_softmax() -> Derivation:
    of = sensitivity_of(Z[L, j], DELTA[L, j])
    jacobian = _softmax_jacobian()
    moves = [
        unfold(of),
        along_paths(COST, here["a"][L, k], k, WIDTH),
        unfold(jacobian, "lemma"),
        sums_split,
        delta,
        common_factor(here["a"][L, j]),
    ]
    return written(
        "backpropagation_output_softmax",
        of.lhs,
        moves,
        (of, COST_OF_OUTPUTS, SOFTMAX_OUTPUT),
        "Sensitivity of an output layer with a softmax: every output depends on every z",
        ("C is differentiable in the outputs",),
        ("softmax_jacobian",),
    )


def _output_cross_entropy(softmax: Derivation) -> Derivation:
    y, a = tensor("y", WIDTH), here["a"]
    cost = Definition(COST, -total(y[k] * sympy.log(a[L, k]), k, WIDTH))
    hypothesis = equation(total(y[i], i, WIDTH), sympy.Integer(1))
    moves = [
        unfold(Definition(softmax.subject, softmax.result), "lemma"),
        unfold(cost),
        differentiate,
        delta,
        multiplied_out,
        everywhere("hypothesis", given(hypothesis)),
    ]
    found = written(
        "backpropagation_output_cross_entropy",
        softmax.subject,
        moves,
        (sensitivity_of(Z[L, j], DELTA[L, j]), cost, SOFTMAX_OUTPUT),
        "Sensitivity of an output layer with a softmax and the cross-entropy",
        ("the targets sum to one, Σ y = 1",),
        (softmax.name,),
    )
    return found._replace(hypothesis=hypothesis)


def _hidden_tanh() -> Derivation:
    t = Dummy("t", real=True)
    tanh = ENTRIES["tanh"]
    (x,) = (a.symbol for a in tanh.arguments)
    definition = Definition(tanh_of(t), tanh.definition.xreplace({x: t}))
    activation = Definition(here["a"][ell, j], tanh_of(Z[ell, j]))
    known = HIDDEN.result.xreplace({slope_at(Z[ell, j]): slope_at(Z[ell, j], tanh_of)})
    of, of_above = sensitivity_of(Z[ell, j], DELTA[ell, j]), sensitivity_of(Z_ABOVE, DELTA_ABOVE)
    slope = _KNOWN["tanh"].result.xreplace({x: Z[ell, j]})
    moves = [
        unfold(Definition(HIDDEN.subject, known), "lemma"),
        everywhere("lemma", lambda e: slope if e == slope_at(Z[ell, j], tanh_of) else None),
        named(activation, "folded"),
    ]
    return written(
        "backpropagation_hidden_tanh",
        of.lhs,
        moves,
        (of, of_above, COST_OF_LAYER_ABOVE, LAYER_ABOVE, activation, definition),
        "Sensitivity of a hidden layer of tanh neurons",
        HIDDEN.conditions[-1:],
        (HIDDEN.name, "tanh"),
    )


def _two_neurons() -> Derivation:
    """One neuron that two others read: the case that is drawn most often."""
    z, a, z1, z2, w1, w2, b1, b2 = sympy.symbols("z a z_1 z_2 w_1 w_2 b_1 b_2", real=True)
    activation = Definition(a, sigma(z))
    first, second = Definition(z1, w1 * a + b1), Definition(z2, w2 * a + b2)
    cost = Definition(COST, Depends(((z1, ()), (z2, ()))))
    along = Derivative(COST, z1) * Derivative(z1, a) + Derivative(COST, z2) * Derivative(z2, a)
    moves = [
        named(
            Definition(Derivative(COST, a) * Derivative(a, z), Derivative(COST, z)),
            "chain_rule_case_1",
        ),
        unfold(activation),
        named(Definition(along, Derivative(COST, a)), "chain_rule_case_2"),
        unfold(first),
        unfold(second),
        differentiate,
    ]
    return written(
        "backpropagation_two_neurons",
        Derivative(COST, z),
        moves,
        (cost, first, second, activation),
        "Sensitivity of a neuron that two others read",
        THEOREMS["backpropagation_hidden"].conditions[1:2],
    )


_SOFTMAX = _output_softmax()

INSTANCES = (
    _two_neurons(),
    _output_weights(),
    _output_squared(),
    _SOFTMAX,
    _output_cross_entropy(_SOFTMAX),
    _hidden_tanh(),
)
