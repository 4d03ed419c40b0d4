"""The saddle of a linear network and the twins of its minima, exactly."""

import re

import pytest
import sympy as sp

from derivations import landscape
from derivations.landscape import linear_network_at_origin, permutation_differences


def test_eigenvalues_are_the_singular_values_with_both_signs():
    target = sp.Matrix([[3, 0], [4, 5]])  # singular values √5 and 3√5
    found = linear_network_at_origin(target, hidden=2)
    small, large = sp.sqrt(5), 3 * sp.sqrt(5)
    assert found.eigenvalues == {small: 2, -small: 2, large: 2, -large: 2}
    assert found.kind == "saddle"
    assert found.gradient.is_zero_matrix


def test_more_inputs_than_outputs_leave_flat_directions():
    found = linear_network_at_origin(sp.Matrix([[1, 0, 0]]), hidden=1)
    assert found.eigenvalues == {-1: 1, 1: 1, 0: 2}


def test_nothing_to_learn_is_no_saddle():
    assert linear_network_at_origin(sp.zeros(2, 1), hidden=1).kind == "degenerate"


def test_orders_of_hidden_units_are_one_function():
    differences = permutation_differences(2, 4, 3)
    assert len(differences) == 3
    assert all(difference.is_zero_matrix for difference in differences)


def test_a_swap_of_one_side_alone_is_another_function():
    first, second = sp.Matrix(2, 2, sp.symbols("u:4")), sp.Matrix([sp.symbols("v:2")])
    swapped = landscape.one_hidden_layer(sp.Matrix([[0, 1], [1, 0]]) * first, second)
    difference = (swapped - landscape.one_hidden_layer(first, second)).expand()
    assert not difference.is_zero_matrix


@pytest.mark.parametrize(
    ("target", "hidden", "message"),
    [
        (sp.Matrix([[1]]), 0, "at least one hidden unit. Got 0"),
        (sp.Matrix([[0.5]]), 1, "exact numbers"),
        (sp.Matrix([[sp.Symbol("t")]]), 1, "exact numbers"),
    ],
)
def test_bad_input(target, hidden, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        linear_network_at_origin(target, hidden)
