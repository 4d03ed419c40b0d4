"""The landscape of a loss, exactly: a saddle of a linear network, and the symmetry of hidden units.

Both hold over symbols: SymPy differentiates and expands, and nothing is evaluated in floats.
"""

from typing import NamedTuple

import sympy as sp


class Critical(NamedTuple):
    """The loss of a two-layer linear network at the origin.

    Attributes:
      gradient: All of it, a column; zero, for the origin is critical.
      eigenvalues: Those of the Hessian, each with its multiplicity.
      kind: `"saddle"` where eigenvalues of both signs exist, else `"degenerate"`.
    """

    gradient: sp.Matrix
    eigenvalues: dict[sp.Expr, int]
    kind: str


def linear_network_at_origin(target: sp.Matrix, hidden: int) -> Critical:
    r"""Looks at `L(U, V) = ½ ‖T - V U‖²`, a two-layer linear network, where all weights are 0.

    The gradient is zero there, and the Hessian has the eigenvalues ±s for each singular value s of
    `T`, each once for each hidden unit: a saddle, unless `T = 0`.

    Args:
      target: T, shape (outputs, inputs), exact: the map that the network is to learn.
      hidden: The number of hidden units.

    Returns:
      `Critical(gradient, eigenvalues, kind)`, computed from L by differentiating.

    Raises:
      ValueError: There is no hidden unit, or `target` holds floats or symbols.

    Example:
      >>> found = linear_network_at_origin(sp.Matrix([[1]]), hidden=1)  # ½ (1 - v u)²
      >>> found.kind, found.eigenvalues
      ('saddle', {-1: 1, 1: 1})

    Reference:
      P. Baldi, K. Hornik, "Neural Networks and Principal Component Analysis: Learning from Examples
      without Local Minima", 1989.
    """
    target = sp.Matrix(target)
    if hidden < 1:
        raise ValueError(f"There must be at least one hidden unit. Got {hidden}.")
    if target.has(sp.Float) or target.free_symbols:
        raise ValueError(f"target must hold exact numbers. Got {target.tolist()}.")
    outputs, inputs = target.shape
    first = sp.Matrix(hidden, inputs, sp.symbols(f"u:{hidden * inputs}", real=True))
    second = sp.Matrix(outputs, hidden, sp.symbols(f"v:{outputs * hidden}", real=True))
    error = target - second * first
    loss = sum((entry**2 for entry in error), sp.Integer(0)) / 2
    weights = [*first, *second]
    origin = dict.fromkeys(weights, 0)
    gradient = sp.Matrix([sp.diff(loss, w) for w in weights]).subs(origin)
    hessian = sp.hessian(loss, weights).subs(origin)
    eigenvalues = hessian.eigenvals()
    both = any(v.is_negative for v in eigenvalues) and any(v.is_positive for v in eigenvalues)
    if not gradient.is_zero_matrix:
        raise AssertionError("the origin is critical for every target")
    return Critical(gradient, eigenvalues, "saddle" if both else "degenerate")


def permutation_differences(inputs: int, hidden: int, outputs: int) -> list[sp.Matrix]:
    r"""What changes when two hidden units change places: `V f(U x + b)`, for any f.

    Neighbouring swaps generate every permutation, so that zeros mean: all `hidden!` orders of the
    hidden units are the same function, and a minimum has as many twins.

    Returns:
      For each swap of neighbours, the outputs after it less the outputs before, over symbols: with
      the rows of U and b and the columns of V swapped.

    Example:
      >>> all(d.is_zero_matrix for d in permutation_differences(2, 3, 2))
      True

    Reference:
      C. M. Bishop, "Pattern Recognition and Machine Learning", section 5.1.1.
    """
    first = sp.Matrix(hidden, inputs + 1, sp.symbols(f"u:{hidden * (inputs + 1)}"))  # b is last
    second = sp.Matrix(outputs, hidden, sp.symbols(f"v:{outputs * hidden}"))
    differences = []
    for i in range(hidden - 1):
        swap = sp.eye(hidden)
        swap.row_swap(i, i + 1)
        swapped = one_hidden_layer(swap * first, second * swap.T)
        differences.append((swapped - one_hidden_layer(first, second)).expand())
    return differences


def one_hidden_layer(first: sp.Matrix, second: sp.Matrix) -> sp.Matrix:
    """Gives `V f(U x + b)` over the inputs x0, x1, ... and an unknown f; b is U's last column.

    Example:
      >>> one_hidden_layer(sp.Matrix([[2, 3]]), sp.Matrix([[5]]))[0]
      5*f(2*x0 + 3)
    """
    x = sp.Matrix([*sp.symbols(f"x:{first.cols - 1}"), 1])
    return second * (first * x).applyfunc(sp.Function("f"))
