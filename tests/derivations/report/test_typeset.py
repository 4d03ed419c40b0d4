"""Formulas: what is printed is what was meant, in MathML and in LaTeX."""

import math
import operator
import xml.etree.ElementTree as ET
from typing import Any

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Derivative, Eq

from derivations.report import boxes as b
from derivations.report.latex import latex, spelt
from derivations.report.mathml import mathml
from derivations.report.typeset import typeset
from derivations.textbook import ENTRIES, THEOREMS, derivative, pullback
from derivations.textbook.notation import equation

x, y = sympy.symbols("x y", real=True)


def formulas():
    """Every formula that a report of the catalogue prints."""
    for entry in ENTRIES.values():
        yield equation(entry.output, entry.definition)
        for argument in entry.arguments:
            partial = derivative(entry, argument)
            yield equation(Derivative(entry.output, partial.variable), partial.expression)
            yield pullback(entry, argument)
        for cited in entry.cited:
            yield cited.equation
            yield from cited.where
    for theorem in THEOREMS.values():
        yield from theorem.equations


DEFINITIONS = {
    "sigmoid": r"\sigma (x) = \frac{1}{1 + e^{- x}}",
    "relu": r"\mathrm{ReLU} (x) = \begin{cases} 0 & \text{if } x \le 0 \\ x & \text{otherwise} "
    r"\end{cases}",
    "softplus": r"\mathrm{softplus} (x) = \log (e^{x} + 1)",
    "softmax": r"s_{n k} = \frac{e^{x_{n k}}}{\sum_{j = 1}^{K} e^{x_{n j}}}",
    "half_squared_error": r"C_{n} = \sum_{k = 1}^{K} \frac{(f_{n k} - y_{n k})^{2}}{2}",
    "absolute_error": r"C_{n} = \sum_{k = 1}^{K} \lvert f_{n k} - y_{n k} \rvert",
    "softmax_cross_entropy": r"C_{n} = - \sum_{k = 1}^{K} y_{n k} \, \log "
    r"\left( \frac{e^{z_{n k}}}{\sum_{j = 1}^{K} e^{z_{n j}}} \right)",
    "dense": r"z_{n j} = \sum_{i = 1}^{D} x_{n i} \, w_{i j} + b_{j}",
}
CITED = {
    "sigmoid": r"\sigma' (x) = \sigma (x) \, (1 - \sigma (x))",
    "tanh": r"\tanh' (x) = 1 - \tanh^{2} (x)",
    "softmax": r"\frac{\partial s_{n k}}{\partial x_{n j}} = s_{n k} \, (\delta_{j k} - s_{n j})",
    "squared_error": r"\frac{\partial C_{n}}{\partial f_{n k}} = 2 \, (f_{n k} - y_{n k})",
    "dense": r"\frac{\partial C}{\partial x_{n i}} = "
    r"\sum_{j = 1}^{M} w_{i j} \, \frac{\partial C}{\partial z_{n j}}",
}
THEORY = {
    "chain_rule_case_1": r"\frac{\mathrm{d} z}{\mathrm{d} x} = "
    r"\frac{\mathrm{d} z}{\mathrm{d} y} \, \frac{\mathrm{d} y}{\mathrm{d} x}",
    "backpropagation_hidden": r"\delta_{j}^{\ell} = \sigma' (z_{j}^{\ell}) \, "
    r"\sum_{k = 1}^{K} W_{k j}^{\ell + 1} \, \delta_{k}^{\ell + 1}",
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_definitions_look_as_in_books(name):
    entry = ENTRIES[name]
    assert latex(equation(entry.output, entry.definition)) == DEFINITIONS[name]


@pytest.mark.parametrize("name", CITED)
def test_cited_derivatives_look_as_in_books(name):
    assert latex(ENTRIES[name].cited[0].equation) == CITED[name]


@pytest.mark.parametrize("name", THEORY)
def test_theorems_look_as_in_books(name):
    assert latex(THEOREMS[name].equations[0]) == THEORY[name]


def test_the_backward_pass_of_a_dense_layer():
    assert [latex(pullback(ENTRIES["dense"], a)) for a in ENTRIES["dense"].arguments] == [
        r"{\mathrm{d} x}_{n i} = \sum_{j = 1}^{M} {\mathrm{d} z}_{n j} \, w_{i j}",
        r"{\mathrm{d} w}_{i j} = \sum_{n = 1}^{N} x_{n i} \, {\mathrm{d} z}_{n j}",
        r"{\mathrm{d} b}_{j} = \sum_{n = 1}^{N} {\mathrm{d} z}_{n j}",
    ]


CHILDREN = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3, "munderover": 3}


@pytest.mark.parametrize("display", [True, False])
def test_mathml_is_well_formed(display):
    for formula in formulas():
        root = ET.fromstring(mathml(formula, display=display))
        assert root.tag == "math"
        for element in root.iter():
            if element.tag in CHILDREN:
                assert len(element) == CHILDREN[element.tag]
            assert element.tag != "mi" or element.text


def test_mathml_of_a_sum_and_of_cases():
    softmax, relu = ENTRIES["softmax"], ENTRIES["relu"]
    written = mathml(softmax.definition)
    assert "<munderover>" in written
    assert "<msub><mi>x</mi><mrow><mi>n</mi><mi>k</mi></mrow></msub>" in written
    assert '<mtable class="cases">' in mathml(relu.definition)
    assert "otherwise" in mathml(relu.definition)


def test_names_are_escaped():
    assert "&lt;b&gt;" in mathml(sympy.Symbol("<b>"))


@pytest.mark.parametrize(
    "unknown",
    [sympy.Integral(x, x), sympy.besselj(0, x), sympy.zoo, sympy.Matrix([1]), "x"],
    ids=lambda v: type(v).__name__,
)
def test_an_unknown_expression_is_refused(unknown):
    with pytest.raises(TypeError, match="known kinds of expressions"):
        latex(unknown)


def test_a_derivative_that_a_prime_would_misread_is_refused():
    function = sympy.Function("sigma", real=True)
    with pytest.raises(TypeError, match="prime"):
        latex(Derivative(function(2 * x), x))


def test_an_unknown_box_is_refused():
    with pytest.raises(TypeError, match="boxes"):
        spelt(object())
    with pytest.raises(TypeError, match="boxes"):
        mathml.__globals__["_write"](object())


def read(box: Any) -> str:
    """Reads a box as a person does, flat, so that a missing parenthesis changes the value."""
    match box:
        case b.Letter("e"):
            return "E"
        case b.Letter(text) | b.Word(text) | b.Number(text):
            return text
        case b.Operator(text):
            return {"−": "-", "\u2062": "*", "=": "=="}.get(text, text)
        case b.Row(boxes):
            return " ".join(map(read, boxes))
        case b.Fraction(top, bottom):
            return f"(({read(top)}) / ({read(bottom)}))"
        case b.Script(base, None, above):
            return f"{read(base)} ** ({read(above)})"
        case b.Fenced("|", body, _):
            return f"abs({read(body)})"
        case b.Fenced(_, body, _):
            return f"({read(body)})"
    raise AssertionError(box)


def unevaluated(function):
    return lambda *args: function(*args, evaluate=False)


leaves = st.sampled_from([x, y, sympy.Integer(2), sympy.Integer(-3), sympy.Rational(1, 2), x - y])
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(sympy.Add, inner, inner),
        st.builds(sympy.Mul, inner, inner),
        st.builds(unevaluated(sympy.Mul), st.sampled_from([x, sympy.Integer(-2)]), inner),
        st.builds(operator.sub, inner, inner),
        st.builds(lambda a: 1 / (1 + a**2), inner),
        st.builds(lambda a: a**2, inner),
        st.builds(lambda a: sympy.exp(-(a**2)), inner),
        st.builds(lambda a: sympy.log(2 + sympy.Abs(a)), inner),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(expressions)
def test_a_printed_formula_means_what_it_says(expression):
    known = {"x": 0.75, "y": -1.25, "E": math.e, "log": math.log, "abs": abs}
    expected = float(expression.subs({x: 0.75, y: -1.25}))
    found = eval(read(typeset(expression)), {"__builtins__": {}}, known)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_relations():
    assert latex(Eq(x, y, evaluate=False)) == "x = y"
    assert latex(sympy.Ne(x, y)) == r"x \ne y"
    assert latex(x >= y) == r"x \ge y"
