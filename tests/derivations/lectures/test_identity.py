"""Equations of lectures: how their letters are read, and when one is proved or refuted."""

import pytest
import sympy
from sympy import Symbol

from derivations.lectures.claim import Status
from derivations.lectures.identity import Identity, holds
from derivations.lectures.letters import K, M, Network, d, eq, i, j, k, slope, total
from derivations.textbook.notation import function, tensor

net = Network("a0 W b z a W1 b1 z1", "f", "C")


def status(equation, given=(), hypothesis=None):
    return holds(Identity(equation, given, hypothesis)).status


def test_a_derivative_in_a_letter_takes_it_for_a_variable():
    x, y, z = Symbol("x"), Symbol("y"), Symbol("z")
    given = (eq(y, x**2), eq(z, y**3 + x))
    assert status(eq(d(z, y), 3 * x**4), given) is Status.PROVED
    # In x, everything that x reaches moves.
    assert status(eq(d(z, x), 6 * x**5 + 1), given) is Status.PROVED
    assert status(eq(d(z, x), 3 * x**4), given) is Status.REFUTED


def test_an_unknown_function_of_an_open_index_stays_inside_its_sum():
    """Σ_j W_ij f(z_j) is not f(z) Σ_j W_ij: the function's argument depends on the bound index."""
    w, z, y = tensor("W", M, K), tensor("z", K), tensor("y", M)
    f = function("f")
    given = (eq(y[i], total(w[i, k] * f(z[k]), k, K)),)
    assert status(eq(y[i], total(w[i, j] * f(z[j]), j, K)), given) is Status.PROVED
    assert status(eq(y[i], total(w[i, j], j, K) * f(z[1])), given) is Status.REFUTED


def test_a_refutation_names_the_functions_that_it_took():
    found = holds(Identity(net.hidden(2), net.given))
    assert found.status is Status.REFUTED
    assert any("unknown functions" in line for line in found.lines)
    assert found.witness is not None
    assert found.witness.found != found.witness.expected


def test_a_sum_from_zero_has_a_term_of_its_own():
    w, x = tensor("w", K), tensor("x", K)
    from_zero = sympy.Sum(w[i] * x[i], (i, 0, K))
    plain = total(w[i] * x[i], i, K)
    assert status(eq(from_zero, plain + w[0]), (eq(x[0], 1),)) is Status.PROVED
    assert status(eq(from_zero, plain), (eq(x[0], 1),)) is Status.REFUTED


def test_a_hypothesis_is_used_and_named():
    y, f = tensor("y", K), Symbol("f")
    statement = eq(f * total(y[j], j, K), f)
    assert status(statement) is Status.REFUTED
    found = holds(Identity(statement, (), eq(total(y[j], j, K), sympy.Integer(1))))
    assert found.status is Status.PROVED
    assert "with ∑_(j=1..K) y_j = 1" in found.scope


@pytest.mark.parametrize(
    "statement",
    [
        eq(d(net.cost, net.w[j, k]), net.a0[j] * d(net.cost, net.z[j])),  # j runs over two axes
        eq(sympy.gamma(Symbol("x")), sympy.gamma(Symbol("x")) + 0 * Symbol("x") + 1),
    ],
)
def test_what_cannot_be_read_is_undecided(statement):
    found = holds(Identity(statement, net.given))
    assert found.status is Status.UNDECIDED
    assert found.reason


def test_the_next_layer_may_have_any_width():
    found = holds(Identity(net.hidden(), net.given))
    assert found.scope == "all sizes K, M, Q; any functions C_above, f"
    wrong = eq(
        d(net.cost, net.z[j]),
        slope(net.f, net.z[j]) * net.w1[1, j] * d(net.cost, net.z1[1]),
    )
    assert status(wrong, net.given) is Status.REFUTED
