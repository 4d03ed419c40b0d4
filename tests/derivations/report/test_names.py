"""The letters of lectures, with the numbers of layers and steps above them."""

from typing import Any

import pytest
import sympy
from sympy import Derivative, Function, IndexedBase, Subs, Symbol

from derivations.lectures import CLAIMS
from derivations.lectures.identity import Identity
from derivations.report.latex import latex
from derivations.report.mathml import mathml
from derivations.report.names import name_box

t, w = sympy.symbols("t w", real=True)
j, n = (Symbol(name, integer=True) for name in "jn")


def entry(name: str) -> Any:
    base: Any = IndexedBase(name)
    return base[j]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sigma", r"\sigma"),
        ("y_1", "y_{1}"),
        ("f_in", r"f_{\mathrm{in}}"),
        ("W^{[l+1]}", "W^{[l + 1]}"),
        ("s_1^{(4)}", "s_{1}^{(4)}"),
        ("a^l", "a^{l}"),
        ("a^{l-1}", "a^{l - 1}"),
        ("theta^0", r"\theta^{0}"),
        ("L(theta^1)", r"L (\theta^{1})"),
        ("y(t)", "y (t)"),
        ("z'", "z'"),
        ("z''", "z''"),
        ("Deltax", r"\Delta x"),
        ("dx", r"\mathrm{d} x"),
        ("loss", r"\mathrm{loss}"),
    ],
)
def test_a_name_is_set_as_it_is_read(name, expected):
    assert latex(Symbol(name)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (entry("z^{[l]}"), "z_{j}^{[l]}"),
        (entry("z_in^{(2)}"), r"z_{\mathrm{in} , j}^{(2)}"),
        (Symbol("x_1^{(4)}") ** 2, "(x_{1}^{(4)})^{2}"),
        (entry("z^{l}") ** 2, "(z_{j}^{l})^{2}"),
        (sympy.tanh(t), r"\tanh (t)"),
        (
            Derivative(Function("loss")(n, w), w),
            r"\frac{\partial}{\partial w} (\mathrm{loss}_{n} (w))",
        ),
        (Derivative(Function("C")(n, w), w), r"\frac{\partial C_{n}}{\partial w}"),
        (
            Subs(Derivative(Symbol("y(t)"), t), t, 0),
            r"\left[ \frac{\mathrm{d} y (t)}{\mathrm{d} t} \right]_{t = 0}",
        ),
    ],
    ids=str,
)
def test_an_expression_in_such_letters(expression, expected):
    assert latex(expression) == expected


def test_fences_that_do_not_match_are_refused():
    with pytest.raises(TypeError, match=r"fences that match. Got '\[l\)'"):
        name_box("a^{[l)}")


def test_fences_grow_with_what_is_tall_alone():
    assert 'stretchy="false">(' in mathml(Function("f")(t))
    assert 'stretchy="true">(' in mathml(Function("f")(1 / t))


def test_every_equation_of_the_ledger_can_be_set():
    equations = [
        equation
        for claim in CLAIMS.values()
        for part in claim.parts
        if isinstance(part.data, Identity)
        for equation in (part.data.equation, *part.data.given)
    ]
    assert len(equations) > 100
    for equation in equations:
        assert "^{^" not in latex(equation)
        assert "<mi></mi>" not in mathml(equation)
