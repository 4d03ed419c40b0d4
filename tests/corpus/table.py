"""The whole corpus: the tables of right and wrong rules, filled by the families."""

from . import (
    activations,
    arithmetic,
    attention,
    batch,
    contract,
    convolution,
    cross_entropy,
    dense,
    doors,
    gelu,
    hyperparameters,
    losses,
    normalisation,
    piecewise,
    places,
    sequences,
    softmax,
)
from .entry import RIGHT, WRONG, Entry

FAMILIES = (
    arithmetic,
    dense,
    activations,
    gelu,
    piecewise,
    softmax,
    losses,
    cross_entropy,
    normalisation,
    batch,
    attention,
    places,
    sequences,
    convolution,
    contract,
    hyperparameters,
    doors,
)


def right_rule_of(wrong: Entry) -> Entry | None:
    """Gives the right rule that stands beside a wrong one."""
    return next((r for r in RIGHT if r.operation.primal is wrong.operation.primal), None)


__all__ = ["FAMILIES", "RIGHT", "WRONG", "right_rule_of"]
