"""The derivatives of the catalogue: activations, losses and layers."""

from collections.abc import Iterable
from typing import Any

import sympy
from sympy import Derivative, KroneckerDelta, Sum

from derivations.steps.derivation import Definition, Derivation
from derivations.steps.identities import (
    common_factor,
    completed,
    fraction_expanded,
    log_of_quotient,
    one_minus_sigmoid,
    split,
)
from derivations.steps.matching import is_index
from derivations.steps.moves import (
    changed,
    delta,
    derive,
    everywhere,
    fold,
    multiplied_out,
    sums_split,
    unfold,
)
from derivations.steps.rules import Move, differentiate
from derivations.textbook import ENTRIES, Argument, Entry, pullback
from derivations.textbook.normalization import GROUP_NORM, NORMALIZATION
from derivations.textbook.regularization import REGULARIZATION
from derivations.textbook.sequences import SEQUENCES

# Letters for the output, where its own are those of the argument.
_OTHER = {
    name: sympy.Symbol(other, integer=True) for name, other in zip("nijkst", "mhqjwu", strict=True)
}


def gradient(entry: Entry, before: Iterable[Move] = (), after: Iterable[Move] = ()) -> Derivation:
    """Derives the output in the first argument, as the book that is cited first prints it."""
    cited = entry.cited[0]
    subject = cited.equation.lhs
    output = Definition(entry.output, entry.definition)
    short = [Definition(where.lhs, where.rhs) for where in cited.where]
    moves = [unfold(output), *before, differentiate, delta, *after, *map(fold, short)]
    if cited.hypothesis is not None:
        moves += [sums_split, delta, everywhere("hypothesis", given(cited.hypothesis))]
    steps = derive(subject, moves)
    return Derivation(
        name="softmax_jacobian" if entry.name == "softmax" else entry.name,
        title=f"{entry.title}: its derivative",
        subject=subject,
        steps=steps,
        definitions=(output, *short),
        ranges=ranges(subject, *(s.expression for s in steps)),
        conditions=(cited.condition,) if cited.condition else (),
        hypothesis=cited.hypothesis,
    )


def printed(entry: Entry) -> Move:
    """Gives the move to the form that the book prints, which is proved equal like any step."""
    return changed("arranged", lambda _: entry.cited[0].equation.rhs)


def pulled(entry: Entry, argument: Argument) -> Move:
    """Gives the move to the backward pass that SymPy derives, which is proved equal as well."""
    return changed("arranged", lambda _: pullback(entry, argument).rhs)


def in_targets(entry: Entry, before: Iterable[Move]) -> Derivation:
    """Derives a loss in its targets."""
    subject: Any = Derivative(entry.output, entry.arguments[1].entry)
    output = Definition(entry.output, entry.definition)
    cited = entry.cited[0]
    short = [Definition(where.lhs, where.rhs) for where in cited.where]
    steps = derive(subject, [unfold(output), *before, differentiate, delta])
    return Derivation(
        name=f"{entry.name}_targets",
        title=f"{entry.title}: its derivative in the targets",
        subject=subject,
        steps=steps,
        definitions=(output, *short),
        ranges=ranges(subject, *(s.expression for s in steps)),
        conditions=(cited.condition,) if cited.condition and cited.hypothesis is None else (),
    )


def backward(
    entry: Entry, lemma: Derivation, argument: Argument, after: Iterable[Move]
) -> Derivation:
    """Derives the backward pass of an operation on rows from its derivative within a row."""
    start = _pulled(entry, argument)
    known = [s.expression for s in lemma.steps if s.reason != "hypothesis"][-1]
    moves = [
        unfold(start, "chain_rule_paths"),
        everywhere("own_row", _own_row),
        delta,
        unfold(Definition(lemma.subject, known), "lemma"),
        *after,
    ]
    name = entry.name if entry.name == "softmax" else f"{lemma.name}_pullback"
    return _backward(name, entry, start, moves, lemma.definitions, (lemma.name,), lemma.conditions)


def layer(entry: Entry, argument: Argument, after: Iterable[Move] = ()) -> Derivation:
    """Derives the backward pass of a layer for one of its arguments, from its definition."""
    start = _pulled(entry, argument)
    output = Definition(entry.output, entry.definition)
    moves = [unfold(start, "chain_rule_paths"), unfold(output), differentiate, delta, *after]
    return _backward(f"{entry.name}_{argument.name}", entry, start, moves, (output,))


def _backward(
    name: str,
    entry: Entry,
    start: Definition,
    moves: Iterable[Move],
    definitions: tuple[Definition, ...],
    lemmas: tuple[str, ...] = (),
    conditions: tuple[str, ...] = (),
) -> Derivation:
    steps = derive(start.lhs, moves)
    return Derivation(
        name=name,
        title=f"{entry.title}: the backward pass, {start.lhs.base.label}",
        subject=start.lhs,
        steps=steps,
        definitions=(start, *definitions),
        ranges=ranges(start.lhs, *(s.expression for s in steps)),
        conditions=tuple(c for c in conditions if "sum to one" not in c),
        lemmas=lemmas,
    )


def _pulled(entry: Entry, argument: Argument) -> Definition:
    """Gives dx[a] = Σ_b dy[b] ∂y[b]/∂x[a], which is what a backward pass computes."""
    own = argument.entry
    other = {i: _other(i, entry) if i in argument.indices else i for i in entry.indices}
    output, cotangent = entry.output.xreplace(other), entry.cotangent.xreplace(other)
    sizes = entry.cotangent.base.shape
    limits = [(other[i], 1, size) for i, size in zip(entry.indices, sizes, strict=True)]
    result = pullback(entry, argument).lhs
    return Definition(result, Sum(cotangent * Derivative(output, own), *limits))


def _other(index: Any, entry: Entry) -> Any:
    """Gives a letter for an index of the output that the entry does not use already."""
    letter = _OTHER[index.name]
    return sympy.Symbol("l", integer=True) if letter in entry.indices else letter


def _own_row(expression: Any) -> Any:
    if not isinstance(expression, Derivative):
        return None
    of: Any = expression.expr
    one, other = of.indices[0], expression.variables[0].indices[0]
    if one == other:
        return None
    return KroneckerDelta(one, other) * expression.xreplace({one: other})


def given(hypothesis: Any) -> Any:
    """Gives the rule that puts in what a sum is known to be."""

    def rule(expression: Any) -> Any:
        if not isinstance(expression, Sum) or len(expression.limits) != 1:
            return None
        ((index, *_),) = expression.limits
        ((letter, *_),) = hypothesis.lhs.limits
        same = expression.xreplace({index: letter}) == hypothesis.lhs
        return hypothesis.rhs if same else None

    return rule


def ranges(*expressions: Any) -> dict[Any, Any]:
    """Gives the size that each index runs over, as the shapes of the arrays tell."""
    found: dict[Any, Any] = {}
    for expression in expressions:
        for entry in expression.atoms(sympy.Indexed):
            for index, size in zip(entry.indices, entry.base.shape or (), strict=False):
                if is_index(index):
                    found.setdefault(index, size)
    return found


def _of_entries() -> tuple[Derivation, ...]:
    e = ENTRIES
    sigmoid, tanh, softmax = (
        Definition(e[n].output, e[n].definition) for n in ("sigmoid", "tanh", "softmax")
    )
    jacobian = gradient(e["softmax"], after=(split, fold(softmax), common_factor(softmax.lhs)))
    arranged: dict[str, tuple[Move, ...]] = {
        "log_sigmoid": (log_of_quotient,),
        "silu": (),
        "mish": (),
        "gelu": (),
        "gelu_tanh": (),
        "elu": (),
        "celu": (),
        "selu": (),
        "soft_sign": (),
        "squareplus": (),
        "relu6": (),
        "leaky_relu": (),
        "hard_tanh": (),
        "hard_sigmoid": (),
        "hard_silu": (),
    }
    before: dict[str, tuple[Move, ...]] = {
        "half_squared_error": (),
        "squared_error": (),
        "absolute_error": (),
        "huber_loss": (),
        "hinge_loss": (),
        "sigmoid_cross_entropy": (one_minus_sigmoid, log_of_quotient),
        "softmax_cross_entropy": (log_of_quotient,),
        "smoothed_softmax_cross_entropy": (log_of_quotient,),
        "kl_divergence": (log_of_quotient,),
    }
    after: dict[str, tuple[Move, ...]] = {
        "sigmoid_cross_entropy": (fraction_expanded, completed, multiplied_out),
        "softmax_cross_entropy": (multiplied_out,),
        "smoothed_softmax_cross_entropy": (multiplied_out,),
        "kl_divergence": (multiplied_out,),
    }
    losses = [gradient(e[name], moves, after.get(name, ())) for name, moves in before.items()]
    x = e["softmax"].arguments[0]
    return (
        gradient(e["identity"]),
        gradient(e["sigmoid"], after=(completed, fold(sigmoid))),
        gradient(e["tanh"], after=(split, fold(tanh))),
        gradient(e["relu"]),
        gradient(e["softplus"], after=(fraction_expanded,)),
        *(gradient(e[name], before, (printed(e[name]),)) for name, before in arranged.items()),
        jacobian,
        backward(e["softmax"], jacobian, x, (sums_split, delta, common_factor(softmax.lhs))),
        *losses,
        *(backward(e[d.name], d, e[d.name].arguments[0], ()) for d in losses),
        *(in_targets(e[name], moves) for name, moves in before.items()),
        *(gradient(e[name], (), (printed(e[name]),)) for name in ("prelu", "glu", "swiglu")),
        *(
            layer(e[name], argument, (pulled(e[name], argument),))
            for name in ("prelu", "glu", "swiglu")
            for argument in e[name].arguments
        ),
        *(layer(e["dense"], argument) for argument in e["dense"].arguments),
        *(
            layer(entry, argument)
            for entry in (*SEQUENCES, *REGULARIZATION)
            for argument in entry.arguments
            if argument.name != "tokens" and not argument.truth  # those have no derivative
        ),
        *(
            layer(entry, argument, (pulled(entry, argument),))
            for entry in NORMALIZATION
            for argument in entry.arguments
            if argument.name != "x" or entry is not GROUP_NORM  # the same as for one row
        ),
        *(
            layer(e[name], argument, (pulled(e[name], argument),))
            for name in ("attention", "linear_cross_entropy")
            for argument in e[name].arguments
            if argument.name != "labels" and not argument.truth
        ),
    )


OF_ENTRIES = _of_entries()
