"""The four equations of backpropagation and their induction over depth, for any widths.

Layer ℓ has J neurons, the one above K and the one below I. Of the cost nothing is known but what it
depends on, and of σ nothing at all. A derivation speaks of one layer, whichever it is: so the
induction is one step, from layer ℓ + 1 to layer ℓ, and its base is the output layer.
"""

from collections.abc import Iterable
from typing import Any

import sympy
from sympy import Derivative, Dummy, Symbol, exp

from derivations.steps.derivation import Definition, Depends, Derivation
from derivations.steps.entries import OF_ENTRIES, given, ranges
from derivations.steps.identities import common_factor
from derivations.steps.moves import (
    along_paths,
    delta,
    derive,
    everywhere,
    multiplied_out,
    named,
    sums_split,
    unfold,
)
from derivations.steps.rules import Move, differentiate
from derivations.textbook import ENTRIES, THEOREMS
from derivations.textbook.backpropagation import L, ell
from derivations.textbook.notation import K, equation, function, i, j, k, tensor, total

_I, _J = sympy.symbols("I J", integer=True, positive=True)
_h = Symbol("h", integer=True)
_C = Symbol("C", real=True)
_sigma, _tanh = function("sigma"), function("tanh")

# One set of arrays for each layer: they have widths of their own.
_below, _here, _above = {}, {}, {}
for _letter in ("z", "a", "b", "delta"):
    _below[_letter], _here[_letter], _above[_letter] = (tensor(_letter, L, w) for w in (_I, _J, K))
_W, _W_above = tensor("W", L, _J, _I), tensor("W", L, K, _J)


_KNOWN = {known.name: known for known in OF_ENTRIES}


def _slope(z: Any, of: Any = _sigma) -> Any:
    return Derivative(of(z), z)


def _activation(layer: Any) -> Definition:
    return Definition(_here["a"][layer, j], _sigma(_here["z"][layer, j]))


def _weighted(layer: Any) -> Definition:
    """Gives z of this layer, from the activations of the layer below."""
    inside = total(_W[layer, j, _h] * _below["a"][layer - 1, _h], _h, _I)
    return Definition(_here["z"][layer, j], inside + _here["b"][layer, j])


def _sensitivity(z: Any, d: Any) -> Definition:
    return Definition(d, Derivative(_C, z))


_Z, _D = _here["z"], _here["delta"]
_Z1, _D1 = _above["z"][ell + 1, k], _above["delta"][ell + 1, k]
_OF_OUTPUTS = Definition(_C, Depends(((_here["a"][L, k], (k,)),)))
_OF_THIS = Definition(_C, Depends(((_Z[ell, i], (i,)),)))
_OF_NEXT = Definition(_C, Depends(((_Z1, (k,)),)))
_NEXT = Definition(
    _Z1,
    total(_W_above[ell + 1, k, i] * _here["a"][ell, i], i, _J) + _above["b"][ell + 1, k],
)
_SOFTMAX = Definition(_here["a"][L, j], exp(_Z[L, j]) / total(exp(_Z[L, i]), i, _J))


def _derivation(
    name: str,
    subject: Any,
    moves: Iterable[Move],
    definitions: tuple[Definition, ...],
    title: str = "",
    conditions: tuple[str, ...] = (),
    lemmas: tuple[str, ...] = (),
) -> Derivation:
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


def _output() -> Derivation:
    of = _sensitivity(_Z[L, j], _D[L, j])
    activation = _activation(L)
    moves = [
        unfold(of),
        along_paths(_C, _here["a"][L, k], k, _J),
        unfold(activation),
        differentiate,
        delta,
    ]
    return _derivation("backpropagation_output", of.lhs, moves, (of, _OF_OUTPUTS, activation))


def _hidden() -> Derivation:
    of, above = _sensitivity(_Z[ell, j], _D[ell, j]), _sensitivity(_Z1, _D1)
    moves = [unfold(of), *_through_the_next(named(above, "definition"))]
    definitions = (of, above, _OF_NEXT, _NEXT, _activation(ell))
    return _derivation("backpropagation_hidden", of.lhs, moves, definitions)


def _through_the_next(naming: Move) -> list[Move]:
    return [
        along_paths(_C, _Z1, k, K),
        naming,
        unfold(_NEXT),
        unfold(_activation(ell)),
        differentiate,
        delta,
    ]


def _parameters(name: str, variable: Any) -> Derivation:
    of, weighted = _sensitivity(_Z[ell, i], _D[ell, i]), _weighted(ell)
    moves = [
        along_paths(_C, _Z[ell, i], i, _J),
        named(of, "definition"),
        unfold(weighted),
        differentiate,
        delta,
    ]
    subject = Derivative(_C, variable)
    return _derivation(name, subject, moves, (of, _OF_THIS, weighted))


def _induction() -> Derivation:
    """The δ here is what the algorithm computes: it is shown to be the derivative."""
    hypothesis = _sensitivity(_Z1, _D1)
    computed = Definition(
        _D[ell, j], total(_W_above[ell + 1, k, j] * _D1, k, K) * _slope(_Z[ell, j])
    )
    moves = [*_through_the_next(named(hypothesis, "induction")), named(computed, "definition")]
    return _derivation(
        "backpropagation_induction",
        Derivative(_C, _Z[ell, j]),
        moves,
        (computed, hypothesis, _OF_NEXT, _NEXT, _activation(ell)),
        "Backpropagation: the δ that it computes is ∂C/∂z in every layer (induction over depth)",
        (
            *THEOREMS["backpropagation_hidden"].conditions,
            "base: in the output layer the δ computed is ∂C/∂z, by BP1",
            "induction hypothesis: the δ computed for layer ℓ + 1 is ∂C/∂z there",
            "so it is in layers L, L − 1, ..., 1, whatever the depth L and the widths",
        ),
        ("backpropagation_output",),
    )


def _output_weights() -> Derivation:
    activation, weighted = _activation(L), _weighted(L)
    moves = [
        along_paths(_C, _here["a"][L, i], i, _J),
        unfold(activation),
        differentiate,
        unfold(weighted),
        differentiate,
        delta,
    ]
    return _derivation(
        "backpropagation_output_weights",
        Derivative(_C, _W[L, j, k]),
        moves,
        (_OF_OUTPUTS, activation, weighted),
        "Gradient of the last layer's weights",
        THEOREMS["backpropagation_output"].conditions,
    )


def _output_squared(output: Derivation) -> Derivation:
    y = tensor("y", _J)
    of, activation = _sensitivity(_Z[L, j], _D[L, j]), _activation(L)
    cost = Definition(_C, total((_here["a"][L, k] - y[k]) ** 2, k, _J))
    moves = [
        unfold(Definition(output.subject, output.result), "lemma"),
        unfold(cost),
        differentiate,
        delta,
    ]
    return _derivation(
        "backpropagation_output_squared",
        of.lhs,
        moves,
        (of, cost, activation),
        "Sensitivity of the output layer for the squared error",
        output.conditions,
        (output.name,),
    )


def _softmax_jacobian() -> Definition:
    """Gives what was derived for a softmax, in the letters of the output layer."""
    known = _KNOWN["softmax_jacobian"]
    letters = {"s": _here["a"], "x": _Z}

    def renamed(expression: Any) -> Any:
        return expression.replace(
            lambda e: isinstance(e, sympy.Indexed),
            lambda e: letters[str(e.base.label)][L, e.indices[-1]],
        )

    return Definition(renamed(known.subject), renamed(known.result))


def _output_softmax() -> Derivation:
    of = _sensitivity(_Z[L, j], _D[L, j])
    jacobian = _softmax_jacobian()
    moves = [
        unfold(of),
        along_paths(_C, _here["a"][L, k], k, _J),
        unfold(jacobian, "lemma"),
        sums_split,
        delta,
        common_factor(_here["a"][L, j]),
    ]
    return _derivation(
        "backpropagation_output_softmax",
        of.lhs,
        moves,
        (of, _OF_OUTPUTS, _SOFTMAX),
        "Sensitivity of an output layer with a softmax: every output depends on every z",
        ("C is differentiable in the outputs",),
        ("softmax_jacobian",),
    )


def _output_cross_entropy(softmax: Derivation) -> Derivation:
    y, a = tensor("y", _J), _here["a"]
    cost = Definition(_C, -total(y[k] * sympy.log(a[L, k]), k, _J))
    hypothesis = equation(total(y[i], i, _J), sympy.Integer(1))
    moves = [
        unfold(Definition(softmax.subject, softmax.result), "lemma"),
        unfold(cost),
        differentiate,
        delta,
        multiplied_out,
        everywhere("hypothesis", given(hypothesis)),
    ]
    found = _derivation(
        "backpropagation_output_cross_entropy",
        softmax.subject,
        moves,
        (_sensitivity(_Z[L, j], _D[L, j]), cost, _SOFTMAX),
        "Sensitivity of an output layer with a softmax and the cross-entropy",
        ("the targets sum to one, Σ y = 1",),
        (softmax.name,),
    )
    return found._replace(hypothesis=hypothesis)


def _hidden_tanh(hidden: Derivation) -> Derivation:
    t = Dummy("t", real=True)
    tanh = ENTRIES["tanh"]
    (x,) = (a.symbol for a in tanh.arguments)
    definition = Definition(_tanh(t), tanh.definition.xreplace({x: t}))
    activation = Definition(_here["a"][ell, j], _tanh(_Z[ell, j]))
    known = hidden.result.xreplace({_slope(_Z[ell, j]): _slope(_Z[ell, j], _tanh)})
    of, above = _sensitivity(_Z[ell, j], _D[ell, j]), _sensitivity(_Z1, _D1)
    slope = _KNOWN["tanh"].result.xreplace({x: _Z[ell, j]})
    moves = [
        unfold(Definition(hidden.subject, known), "lemma"),
        everywhere("lemma", lambda e: slope if e == _slope(_Z[ell, j], _tanh) else None),
        named(activation, "folded"),
    ]
    return _derivation(
        "backpropagation_hidden_tanh",
        of.lhs,
        moves,
        (of, above, _OF_NEXT, _NEXT, activation, definition),
        "Sensitivity of a hidden layer of tanh neurons",
        hidden.conditions[-1:],
        (hidden.name, "tanh"),
    )


def _two_neurons() -> Derivation:
    """One neuron that two others read: the case that is drawn most often."""
    z, a, z1, z2, w1, w2, b1, b2 = sympy.symbols("z a z_1 z_2 w_1 w_2 b_1 b_2", real=True)
    activation = Definition(a, _sigma(z))
    first, second = Definition(z1, w1 * a + b1), Definition(z2, w2 * a + b2)
    cost = Definition(_C, Depends(((z1, ()), (z2, ()))))
    along = Derivative(_C, z1) * Derivative(z1, a) + Derivative(_C, z2) * Derivative(z2, a)
    moves = [
        named(
            Definition(Derivative(_C, a) * Derivative(a, z), Derivative(_C, z)), "chain_rule_case_1"
        ),
        unfold(activation),
        named(Definition(along, Derivative(_C, a)), "chain_rule_case_2"),
        unfold(first),
        unfold(second),
        differentiate,
    ]
    return _derivation(
        "backpropagation_two_neurons",
        Derivative(_C, z),
        moves,
        (cost, first, second, activation),
        "Sensitivity of a neuron that two others read",
        THEOREMS["backpropagation_hidden"].conditions[1:2],
    )


def _all() -> tuple[Derivation, ...]:
    output, hidden, softmax = _output(), _hidden(), _output_softmax()
    return (
        output,
        hidden,
        _parameters("backpropagation_biases", _here["b"][ell, j]),
        _parameters("backpropagation_weights", _W[ell, j, k]),
        _induction(),
        _two_neurons(),
        _output_weights(),
        _output_squared(output),
        softmax,
        _output_cross_entropy(softmax),
        _hidden_tanh(hidden),
    )


BACKPROPAGATION = _all()
