"""Derivations as they are printed."""

import json

import pytest
import sympy

from derivations.report.latex import latex
from derivations.report.mathml import mathml
from derivations.report.plain import plain
from derivations.steps import Step, derivation, names, proved, show
from derivations.steps.notation import NOTATIONS, printed

HIDDEN = {
    "code": "σ′(z_j^ℓ) ∑_(k=1..K) w_jk^(ℓ + 1) δ_k^(ℓ + 1)",
    "lecture-000": "σ′(z_j^ℓ) ∑_(k=1..K) w_kj^(ℓ + 1) δ_k^(ℓ + 1)",
    "lecture-001": "f′(z_j^[ℓ]) ∑_(k=1..K) w_kj^[ℓ + 1] δ_k^[ℓ + 1]",
    "lecture-002": "θ′(s_j^(ℓ)) ∑_(k=1..K) w_jk^(ℓ + 1) δ_k^(ℓ + 1)",
    "lecture-003": "τ′(z_(in,j)^(ℓ)) ∑_(k=1..K) W_jk^(ℓ + 1) δ_k^(ℓ + 1)",
    "lecture-004": "σ′(z_j^ℓ) ∑_(k=1..K) w_kj^(ℓ + 1) δ_k^(ℓ + 1)",
}


def words(text):
    """The factors of a product in any order."""
    return sorted(text.replace("∑_(k=1..K)", "").split())


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_formula_in_each_notation(notation):
    found = plain(
        printed(derivation("backpropagation_hidden").result, "backpropagation_hidden", notation)
    )
    assert words(found) == words(HIDDEN[notation])


def test_the_letters_of_other_derivations():
    def shown(name, notation):
        found = derivation(name)
        subject, result = (printed(e, name, notation) for e in (found.subject, found.result))
        return f"{plain(subject)} = {plain(result)}"

    assert shown("sigmoid", "lecture-001") == "f′(z) = f(z) (1 − f(z))"
    assert shown("softmax_cross_entropy", "lecture-002") == "∂L_n/∂f_nk = p_nk − y_nk"
    assert shown("softmax_jacobian", "lecture-003") == "∂τ_nk/∂f_(in,nj) = τ_nk (δ_jk − τ_nj)"
    assert shown("dense_w", "code") == "dw_ij = ∑_(n=1..N) x_ni dz_nj"
    assert shown("dense_b", "lecture-004") == "∂C/∂b_j = ∑_(n=1..N) ∂C/∂z_nj"
    last = shown("backpropagation_output_weights", "lecture-003")
    assert last.startswith("∂R/∂U_kj^(L) = ")
    two = shown("backpropagation_two_neurons", "lecture-000")
    assert two == "dl/dz = σ′(z) (w_1 dl/dz_1 + w_2 dl/dz_2)"


def letters(expression):
    arrays = {str(e.base.label) for e in expression.atoms(sympy.Indexed)}
    functions = {f.func.__name__ for f in expression.atoms(sympy.core.function.AppliedUndef)}
    return arrays, functions - {"[]", "()"}


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("name", names())
def test_no_notation_writes_two_letters_as_one(name, notation):
    for step in derivation(name).steps:
        if any(len(letter) == 2 for letter in letters(step.expression)[0]):
            continue  # dx, which becomes a derivative in x
        before = letters(step.expression)
        after = letters(printed(step.expression, name, notation))
        for one, other in zip(before, after, strict=True):
            # W of the last layer alone may have another letter than that of the others.
            assert len(one) == len(other)


@pytest.mark.slow
@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("name", names())
def test_every_step_can_be_printed(name, notation):
    for step in derivation(name).steps:
        expression = printed(step.expression, name, notation)
        for written in (plain(expression), latex(expression), mathml(expression)):
            assert written


def test_the_text_has_a_mark_and_a_reason_for_each_step():
    found = derivation("sigmoid")
    text = show.text(found, proved(found))
    assert text.startswith("Logistic sigmoid: its derivative (sigmoid): ✓ PROVED\n    σ′(x)\n")
    assert text.count("  ✓ = ") == len(found.steps)
    assert "  ✓ = d/dx(1/(1 + e^(−x)))  [by definition]" in text


def test_a_step_that_is_not_proved_is_shown_so():
    found = derivation("sigmoid")
    wrong = found._replace(steps=(*found.steps, Step(-found.result, "folded")))
    proof = proved(wrong)
    text = show.text(wrong, proof)
    assert "? UNDECIDED" in text.splitlines()[0]
    assert "  ? = −σ(x) (1 − σ(x))" in text
    assert "UNDECIDED: the normal forms differ" in text
    assert "? (the normal forms differ)" in show.markdown(wrong, proof)
    assert "(UNDECIDED)" in show.in_latex(wrong, proof)
    assert show.data(wrong, proof)["steps"][-1]["verdict"] == "UNDECIDED"


def test_the_conditions_and_lemmas_are_told():
    text = show.text(derivation("relu"), proved(derivation("relu")))
    assert "condition: x ≠ 0" in text
    found = derivation("backpropagation_induction")
    proof = proved(found)
    assert "rests on backpropagation_output: ✓ PROVED" in show.text(found, proof)
    data = json.loads(json.dumps(show.data(found, proof)))
    assert data["lemmas"] == {"backpropagation_output": "PROVED"}
    assert "`backpropagation_output`" in show.markdown(found, proof)


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_the_latex_is_plain_ascii(name):
    found = derivation(name)
    proof = proved(found._replace(lemmas=()))
    for notation in NOTATIONS:
        assert show.in_latex(found, proof, notation).isascii()
