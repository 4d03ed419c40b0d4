"""Every primitive that is read is held against JAX in one of the tables."""

from derivations import abstract as abstract  # registers the unknown functions
from derivations.primitives import PRIMITIVES, REFUSED

from .. import test_primitives
from . import test_axes, test_control, test_functions, test_places

# Unknown functions have no values; the theorems on combinators are tested in test_composition.py.
WITHOUT_VALUES = {"unknown_function", "unknown_jacobian"}
# What this version of JAX does not emit, or not for numbers that can be read.
NOT_DRAWN = {"closed_call", "empty", "empty2", "eq_to", "le_to", "lt_to", "real",
             "sharding_constraint"}  # fmt: skip
TABLES = (test_primitives, test_axes, test_control, test_functions, test_places)


def test_every_primitive_has_a_case():
    held = {primitive for table in TABLES for primitive in table.CASES}
    assert held | WITHOUT_VALUES | NOT_DRAWN == set(PRIMITIVES)


def test_what_is_refused_is_not_read():
    assert not set(REFUSED) & set(PRIMITIVES)
