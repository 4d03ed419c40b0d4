"""All derivations, by name."""

from derivations.steps.backpropagation import BACKPROPAGATION
from derivations.steps.chain_rule import CHAIN_RULE
from derivations.steps.derivation import Derivation
from derivations.steps.entries import OF_ENTRIES
from derivations.steps.instances import INSTANCES

DERIVATIONS: dict[str, Derivation] = {
    d.name: d for d in (*OF_ENTRIES, *CHAIN_RULE, *BACKPROPAGATION, *INSTANCES)
}


def derivation(name: str) -> Derivation:
    """Gives a derivation.

    Raises:
      KeyError: There is none of that name.

    Example:
      >>> derivation("sigmoid").result
      (1 - sigma(x))*sigma(x)
    """
    return DERIVATIONS[name]


def names() -> tuple[str, ...]:
    """Gives the names of all derivations."""
    return tuple(DERIVATIONS)


def find(name: str) -> tuple[Derivation, ...]:
    """Gives the derivation of that name, or all of an operation or group; else nothing.

    Example:
      >>> [d.name for d in find("dense")]
      ['dense_x', 'dense_w', 'dense_b']
    """
    if name in DERIVATIONS and name != "softmax":
        return (DERIVATIONS[name],)
    return tuple(d for d in DERIVATIONS.values() if d.name == name or _group(d.name) == name)


def derivations_of(operation: str) -> tuple[Derivation, ...]:
    """Gives all derivations of an operation: within a row, backward, and in the targets.

    Example:
      >>> [d.name for d in derivations_of("squared_error")]
      ['squared_error', 'squared_error_pullback', 'squared_error_targets']
    """
    own = [d for d in DERIVATIONS.values() if d.name.removeprefix(operation) in _PARTS]
    return tuple(own) or find(operation)


_PARTS = (
    *("", "_jacobian", "_pullback", "_targets", "_x", "_slope", "_values", "_gate"),
    *("_scale", "_bias", "_table", "_first", "_second", "_angles", "_w", "_b", "_q", "_k", "_v"),
)


def groups() -> tuple[str, ...]:
    """Gives the names that stand for several derivations."""
    return (
        *("softmax", "dense", "layer_norm", "rms_norm", "group_norm"),
        *("embedding", "learned_positions", "rotary", "dropout", "attention"),
        *("linear_cross_entropy", "chain_rule", "backpropagation"),
    )


def _group(name: str) -> str:
    return next((g for g in groups() if name in (g, f"{g}_jacobian") or _part(name, g)), "")


def _part(name: str, group: str) -> bool:
    return group != "softmax" and name.startswith(f"{group}_")
