"""Every derivation is proved, and a derivation with one wrong step is not."""

# SymPy's annotations lose what its objects can do.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false

from typing import Any

import pytest
import sympy
from sympy import IndexedBase

from derivations.steps import (
    REASONS,
    Definition,
    Step,
    derivation,
    derivations_of,
    find,
    groups,
    names,
    proved,
)
from derivations.steps.matching import is_layer
from derivations.steps.rules import RULES
from derivations.textbook import ENTRIES, THEOREMS, expanded, pullback
from derivations.textbook.layers import LAYERS
from derivations.textbook.losses import LOSSES
from derivations.textbook.normalization import NORMALIZATION
from derivations.textbook.regularization import REGULARIZATION
from derivations.textbook.sequences import SEQUENCES
from derivations.verdict import Verdict


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_every_derivation_is_proved_step_by_step(name):
    proof = proved(derivation(name))
    assert len(proof.steps) == len(derivation(name).steps) > 0
    assert [step.verdict for step in proof.steps] == [Verdict.PROVED] * len(proof.steps)
    assert proof.verdict is Verdict.PROVED


def inside(expression, change):
    """Changes an expression, or what it is the limit of."""
    if isinstance(expression, sympy.Limit):
        return sympy.Limit(change(expression.args[0]), *expression.args[1:])
    return change(expression)


def transposed(expression):
    """Swaps the indices of the first array that has two of them."""
    for entry in sympy.preorder_traversal(expression):
        if isinstance(entry, sympy.Indexed):
            layers = [i for i in entry.indices if is_layer(i)]
            others = [i for i in entry.indices if not is_layer(i)]
            if len(others) == 2:
                array: Any = entry.base
                return expression.xreplace({entry: array[(*layers, *reversed(others))]})
    return None


BREAKS = {
    "sign": lambda e: inside(e, lambda part: -part),
    "factor": lambda e: inside(e, lambda part: 2 * part),
    "summand": lambda e: inside(e, lambda part: part + 1),
    "index": transposed,
}


def broken(name, kind):
    """Gives a place in a derivation, another for each kind, and what is wrong there."""
    steps = derivation(name).steps
    order = range(len(steps))
    for place in [*order[-1 - list(BREAKS).index(kind) :: -1], *order]:
        expression = BREAKS[kind](steps[place].expression)
        if expression is not None:
            return place, expression
    return None


BROKEN = [
    pytest.param(name, *found, id=f"{name}-{kind}")
    for name in names()
    for kind in BREAKS
    if (found := broken(name, kind))
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "place", "expression"), BROKEN)
def test_a_broken_step_is_found_there_and_nowhere_else(name, place, expression):
    right = derivation(name)
    steps = list(right.steps)
    steps[place] = steps[place]._replace(expression=expression)
    proof = proved(right._replace(steps=tuple(steps), lemmas=()))
    wrong = [i for i, step in enumerate(proof.steps) if step.verdict is not Verdict.PROVED]
    assert wrong == [i for i in (place, place + 1) if i < len(steps)]
    assert proof.verdict is Verdict.UNDECIDED
    assert all(proof.steps[i].reason for i in wrong)


def follows(name, expression, reason="lemma"):
    """Whether an expression is proved equal to where a derivation arrives."""
    found = derivation(name)
    more = (*found.steps, Step(expression, reason))
    return proved(found._replace(steps=more, lemmas=())).steps[-1].verdict is Verdict.PROVED


BACKWARD = {
    "softmax": ("softmax", 0),
    **{f"{entry.name}_pullback": (entry.name, 0) for entry in LOSSES},
    **{
        f"{name}_{argument.name}": (name, place)
        for name in ("dense", "prelu", "glu", "swiglu", "layer_norm", "rms_norm")
        for place, argument in enumerate(ENTRIES[name].arguments)
    },
}


@pytest.mark.parametrize("name", BACKWARD)
def test_a_backward_pass_is_what_the_textbook_derives(name):
    entry, argument = BACKWARD[name]
    derived = pullback(ENTRIES[entry], ENTRIES[entry].arguments[argument])
    assert derivation(name).subject == derived.lhs
    assert follows(name, derived.rhs)
    assert not follows(name, -derived.rhs)


@pytest.mark.parametrize("entry", [e for e in ENTRIES.values() if not e.indices])
def test_a_scalar_derivative_is_what_the_textbook_derives(entry):
    (argument,) = entry.arguments
    derived = pullback(entry, argument).rhs / sympy.Symbol("dy", real=True)
    assert follows(entry.name, derived)
    assert not follows(entry.name, 1 + derived)


PRINTED_AS_PASSES = (ENTRIES["attention"], ENTRIES["linear_cross_entropy"])


@pytest.mark.parametrize(
    "entry",
    [
        e
        for e in ENTRIES.values()
        if e not in (*LAYERS, *NORMALIZATION, *SEQUENCES, *REGULARIZATION, *PRINTED_AS_PASSES)
    ],
)
def test_the_last_step_is_what_the_book_prints(entry):
    name = "softmax_jacobian" if entry.name == "softmax" else entry.name
    cited = entry.cited[0]
    assert derivation(name).subject == cited.equation.lhs
    assert follows(name, expanded(entry, cited))
    assert follows(name, cited.equation.rhs)


def bare(expression):
    """Forgets the widths of the layers, which the textbook leaves open."""

    def array(entry: Any) -> Any:
        return IndexedBase(str(entry.base.label), real=True)

    return expression.replace(lambda e: isinstance(e, sympy.Indexed), lambda e: array(e)[e.indices])


@pytest.mark.parametrize("name", [name for name in THEOREMS if name.startswith("backprop")])
def test_an_equation_of_backpropagation_comes_out_as_it_is_printed(name):
    (equation,) = THEOREMS[name].equations
    assert bare(derivation(name).subject) == equation.lhs
    assert bare(derivation(name).result) == equation.rhs


@pytest.mark.parametrize("name", [name for name in THEOREMS if name.startswith("chain")])
def test_a_case_of_the_chain_rule_comes_out_as_it_is_printed(name):
    (equation,) = THEOREMS[name].equations
    assert derivation(name).subject == equation.lhs
    assert derivation(name).result == equation.rhs


def test_the_chain_rule_does_not_rest_on_a_rule_of_differentiation():
    for found in find("chain_rule"):
        assert not {step.reason for step in found.steps} & {reason for reason, _ in RULES}


def test_reasons_come_from_the_table_and_the_table_has_no_others():
    used = {step.reason for name in names() for step in derivation(name).steps}
    assert used <= set(REASONS)
    assert set(REASONS) == used | {reason for reason, _ in RULES}
    assert all(REASONS.values())


def test_the_hypothesis_counts_for_the_step_that_names_it_alone():
    found = derivation("softmax_cross_entropy")
    *steps, last = found.steps
    assert last.reason == "hypothesis"
    silent = found._replace(steps=(*steps, last._replace(reason="folded")))
    assert proved(silent).steps[-1].verdict is Verdict.UNDECIDED


def test_a_limit_is_its_value_only_for_what_is_continuous():
    found = derivation("chain_rule_case_1")
    outcomes = proved(found._replace(continuous=frozenset())).steps
    (place,) = (i for i, step in enumerate(found.steps) if step.reason == "limit")
    assert [i for i, o in enumerate(outcomes) if o.verdict is not Verdict.PROVED] == [place]
    assert "continuous" in outcomes[place].reason


def test_the_induction_fails_without_its_hypothesis():
    found = derivation("backpropagation_induction")
    (place,) = (i for i, step in enumerate(found.steps) if step.reason == "induction")
    delta = next(
        iter(d for d in found.definitions if "ell + 1" in str(d.lhs) and "delta" in str(d.lhs))
    )
    without = tuple(d for d in found.definitions if d is not delta)
    outcomes = proved(found._replace(definitions=without)).steps
    assert outcomes[place].verdict is Verdict.UNDECIDED
    assert found.lemmas == ("backpropagation_output",)


def test_another_definition_proves_other_steps():
    found = derivation("sigmoid")
    x = sympy.Symbol("x", real=True)
    (definition,) = found.definitions
    other = Definition(definition.lhs, 1 / (1 + sympy.exp(x)))
    assert proved(found._replace(definitions=(other,))).verdict is Verdict.UNDECIDED


def test_what_cannot_be_read_is_undecided_with_a_reason():
    found = derivation("sigmoid")
    x = sympy.Symbol("x", real=True)
    broken = found._replace(steps=(Step(sympy.gamma(x), "definition"),))
    (outcome,) = proved(broken).steps
    assert outcome.verdict is Verdict.UNDECIDED
    assert "gamma" in outcome.reason


def test_a_lemma_that_is_not_proved_counts(monkeypatch):
    from derivations.steps import table

    lemma = derivation("softmax_jacobian")
    wrong = lemma._replace(steps=(*lemma.steps, Step(-lemma.result, "lemma")))
    monkeypatch.setitem(table.DERIVATIONS, "softmax_jacobian", wrong)
    proof = proved(derivation("softmax"))
    assert {step.verdict for step in proof.steps} == {Verdict.PROVED}
    assert proof.verdict is Verdict.UNDECIDED


def test_every_operation_and_theorem_has_its_derivations():
    for name in (*ENTRIES, *THEOREMS, *groups()):
        assert find(name), name
    assert [d.name for d in find("softmax")] == ["softmax_jacobian", "softmax"]
    assert find("no such thing") == ()


def test_an_operation_has_all_that_is_derived_of_it_and_nothing_else():
    of_operations = [d.name for name in ENTRIES for d in derivations_of(name)]
    assert len(set(of_operations)) == len(of_operations)
    assert not [n for n in set(names()) - set(of_operations) if n.startswith(tuple(ENTRIES))]
