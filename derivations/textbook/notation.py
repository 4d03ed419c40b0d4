"""The letters of the textbook, fixed once: indices, sizes and the one real variable.

An index runs from 1 to the size beside it: `n` counts the rows of a batch (1..N), `i` the inputs of
a layer (1..D), `j` its outputs (1..M) and `k` the classes or components of one row (1..K). Where a
second index over the classes is needed, it is `j`. In attention `t` counts the queries (1..T) and
`s` the keys (1..S); elsewhere `s` and `t` are bound letters alone, and `r` always is one.

SymPy's own annotations lose what its objects can do (an entry of an array is a `Tuple` to them), so
the helpers here that build expressions are declared to give `Any`.
"""

from typing import Any

import sympy

n, i, j, k = sympy.symbols("n i j k", integer=True)
r, s, t = sympy.symbols("r s t", integer=True)
N, D, M, K, S, T = sympy.symbols("N D M K S T", integer=True, positive=True)

x = sympy.Symbol("x", real=True)


def tensor(name: str, *shape: sympy.Symbol) -> Any:
    """Gives a real array with entries `name[...]` whose axes have the given sizes.

    Example:
      >>> tensor("x", N, K)[n, k]
      x[n, k]
    """
    return sympy.IndexedBase(name, shape=shape or None, real=True)


def function(name: str) -> Any:
    """Gives a real function that SymPy knows nothing else about, to be written `name(x)`."""
    return sympy.Function(name, real=True)


def total(body: Any, index: sympy.Symbol, size: sympy.Symbol) -> Any:
    """Gives the sum of `body` over `index` from 1 to `size`.

    Example:
      >>> total(tensor("y", N, K)[n, k], k, K)
      Sum(y[n, k], (k, 1, K))
    """
    return sympy.Sum(body, (index, 1, size))


def equation(left: Any, right: Any) -> Any:
    """Gives `left = right` as it is written, never decided."""
    return sympy.Eq(left, right, evaluate=False)
