"""The chain rule and the backpropagation equations, with concrete functions put in."""

# SymPy's annotations lose what its objects can do.
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false, reportCallIssue=false
# pyright: reportArgumentType=false, reportOperatorIssue=false

import re

import pytest
import sympy
from sympy import Derivative, Indexed, Sum, symbols

from derivations.textbook import ENTRIES, THEOREMS


def holds(equation, known):
    """Whether both sides agree once every derivative in the equation has its known value."""
    sides = [side.xreplace(known) for side in equation.args]
    assert not any(side.has(Derivative) for side in sides)
    return sympy.simplify(sides[0] - sides[1]) == 0


def test_chain_rule_along_one_path():
    (equation,) = THEOREMS["chain_rule_case_1"].equations
    x, y, z = symbols("x y z", real=True)
    inner, outer = sympy.sin(x), y**3
    known = {
        Derivative(z, x): sympy.diff(outer.subs(y, inner), x),
        Derivative(z, y): sympy.diff(outer, y).subs(y, inner),
        Derivative(y, x): sympy.diff(inner, x),
    }
    assert holds(equation, known)


def test_chain_rule_along_two_paths():
    (equation,) = THEOREMS["chain_rule_case_2"].equations
    s, x, y = symbols("s x y", real=True)
    z = equation.lhs.expr
    first, second, outer = sympy.sin(s), sympy.exp(s), x**2 * y
    put = {x: first, y: second}
    known = {
        Derivative(z, s): sympy.diff(outer.subs(put), s),
        Derivative(z, x): sympy.diff(outer, x).subs(put),
        Derivative(z, y): sympy.diff(outer, y).subs(put),
        Derivative(x, s): sympy.diff(first, s),
        Derivative(y, s): sympy.diff(second, s),
    }
    assert holds(equation, known)


@pytest.mark.parametrize("paths", [1, 2, 4])
def test_chain_rule_along_many_paths(paths):
    (equation,) = THEOREMS["chain_rule_paths"].equations
    s, z = equation.lhs.variables[0], equation.lhs.expr
    body, (m, _, size) = equation.rhs.function, equation.rhs.limits[0]
    x = next(iter(body.atoms(Indexed))).base
    values = [sympy.cos(number * s) for number in range(1, paths + 1)]
    slots = [sympy.Symbol(f"x{number}") for number in range(1, paths + 1)]
    outer = sum(number * slot**2 for number, slot in enumerate(slots, 1)) + slots[0] * slots[-1]
    put = dict(zip(slots, values, strict=True))
    right = sum(
        body.subs(m, number).xreplace(
            {
                Derivative(z, x[number]): sympy.diff(outer, slot).subs(put),
                Derivative(x[number], s): sympy.diff(value, s),
            }
        )
        for number, (slot, value) in enumerate(put.items(), 1)
    )
    assert size.name == "M"
    assert sympy.simplify(sympy.diff(outer.subs(put), s) - right) == 0


def test_backpropagation_equations_on_a_small_network():
    """Two layers of two neurons: the equations give what SymPy derives from the whole cost."""
    neurons, last = (1, 2), 2
    sigma = sympy.tanh
    base = {name: sympy.IndexedBase(name, real=True) for name in ("W", "b", "a", "z", "delta")}
    weight, bias, activation = base["W"], base["b"], base["a"]
    put = {activation[0, q]: activation[0, q] for q in neurons}
    for layer in (1, last):
        for q in neurons:
            below = (weight[layer, q, r] * put[activation[layer - 1, r]] for r in neurons)
            put[base["z"][layer, q]] = sum(below) + bias[layer, q]
            put[activation[layer, q]] = sigma(put[base["z"][layer, q]])
    cost = sum(q * put[activation[last, q]] ** 2 for q in neurons)

    def sensitivity(layer, q):
        # The derivative in z is the one in the bias, which only shifts z.
        return sympy.diff(cost, bias[layer, q])

    def value(expression):
        expression = expression.replace(sympy.Function("sigma", real=True), sigma)
        for factor in expression.atoms(Derivative):
            of, by = factor.expr, factor.variables[0]
            if of.is_Symbol and by.base == activation:
                found = 2 * by.indices[1] * put[by]
            else:
                found = sympy.diff(cost if of.is_Symbol else of, by)
            expression = expression.xreplace({factor: found})
        expression = expression.doit()
        for entry in expression.atoms(Indexed):
            if entry.base == base["delta"]:
                expression = expression.xreplace({entry: sensitivity(*entry.indices)})
        return expression.xreplace(put)

    numbers = {}
    for entry in sorted(cost.free_symbols, key=str):
        if isinstance(entry, Indexed):
            numbers[entry] = sympy.Rational(1 + sum(map(int, re.findall(r"\d", str(entry)))), 7)

    ell, size = sympy.Symbol("ell", integer=True), sympy.Symbol("K", integer=True, positive=True)
    output = sympy.Symbol("L", integer=True, positive=True)
    j, k = sympy.symbols("j k", integer=True)
    cases = {
        "backpropagation_output": [{output: last}],
        "backpropagation_hidden": [{ell: 1, size: 2}],
        "backpropagation_biases": [{ell: 1}, {ell: 2}],
        "backpropagation_weights": [{ell: 1, k: 1}, {ell: 2, k: 2}],
    }
    for name, choices in cases.items():
        (equation,) = THEOREMS[name].equations
        for choice in choices:
            for q in neurons:
                left, right = (
                    value(
                        side.xreplace({s: sympy.Integer(v) for s, v in (choice | {j: q}).items()})
                    )
                    for side in equation.args
                )
                assert float(left.subs(numbers)) == pytest.approx(float(right.subs(numbers)))


def test_every_entry_and_theorem_says_where_it_stands():
    for name, entry in ENTRIES.items():
        assert name == entry.name
        assert entry.cited
        for source in (entry.source, *(cited.source for cited in entry.cited)):
            assert all(source)
    for name, theorem in THEOREMS.items():
        assert name == theorem.name
        assert theorem.conditions
        assert all(theorem.source)


def test_sums_are_spelled_the_same_way_everywhere():
    for entry in ENTRIES.values():
        for part in entry.definition.atoms(Sum):
            for _, low, high in part.limits:
                assert low == 1
                assert high.name in {"N", "D", "M", "K", "S", "T"}
