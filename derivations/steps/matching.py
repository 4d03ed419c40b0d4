"""Where a definition fits: its left-hand side at other indices."""

from typing import Any

import sympy

LAYERS = frozenset({"ell", "L"})


def is_index(expression: Any) -> bool:
    """Tells whether an expression is an index letter: a whole number that is no size or layer."""
    return (
        isinstance(expression, sympy.Symbol)
        and bool(expression.is_integer)
        and not expression.is_positive
        and expression.name not in LAYERS
    )


def is_layer(expression: Any) -> bool:
    """Tells whether an index counts layers, such as `ell + 1`."""
    names = {symbol.name for symbol in expression.atoms(sympy.Symbol)}
    return bool(names) and names <= LAYERS


def match(pattern: Any, expression: Any) -> dict[Any, Any] | None:
    """Gives what the index letters and dummies of a pattern stand for in an expression.

    Example:
      >>> from derivations.textbook.notation import K, N, j, k, n, tensor
      >>> match(tensor("s", N, K)[n, k], tensor("s", N, K)[n, j])
      {n: n, k: j}
    """
    found: dict[Any, Any] = {}
    return found if _match(pattern, expression, found) else None


def _match(pattern: Any, expression: Any, found: dict[Any, Any]) -> bool:
    if is_index(pattern):
        return is_index(expression) and found.setdefault(pattern, expression) == expression
    if isinstance(pattern, sympy.Dummy):
        return found.setdefault(pattern, expression) == expression
    if not pattern.args:
        return bool(pattern == expression)
    if pattern.func != expression.func or len(pattern.args) != len(expression.args):
        return False
    pairs = zip(pattern.args, expression.args, strict=True)
    return all(_match(p, e, found) for p, e in pairs)
