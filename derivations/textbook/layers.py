"""Layers with parameters."""

from sympy import Derivative, Expr, Symbol

from derivations.textbook.entry import Argument, Cited, Entry
from derivations.textbook.notation import D, M, N, equation, i, j, n, tensor, total
from derivations.textbook.sources import bishop, goodfellow, nielsen

_x, _w, _b, _z = tensor("x", N, D), tensor("w", D, M), tensor("b", M), tensor("z", N, M)

# A layer's derivative is printed as a backward pass, of a cost C that depends on x, w and b only
# through the layer's output z.
_C = Symbol("C", real=True)


def cost(entry: Expr) -> Derivative:
    """Gives the derivative of a cost in an entry of an array."""
    return Derivative(_C, entry)


DENSE = Entry(
    name="dense",
    title="Dense layer",
    description=(
        "Each output is a weighted sum of all inputs plus a bias. The batch holds one example a "
        "row; read as columns, it is the form W a + b with W the transpose of w."
    ),
    arguments=(
        Argument("x", _x, (n, i)),
        Argument("w", _w, (i, j)),
        Argument("b", _b, (j,)),
    ),
    indices=(n, j),
    output=_z[n, j],
    definition=total(_x[n, i] * _w[i, j], i, D) + _b[j],
    cited=(
        Cited(
            equation(cost(_x[n, i]), total(_w[i, j] * cost(_z[n, j]), j, M)),
            goodfellow("section 6.5.6"),
        ),
        Cited(
            equation(cost(_w[i, j]), total(_x[n, i] * cost(_z[n, j]), n, N)),
            goodfellow("section 6.5.6"),
        ),
        Cited(
            equation(cost(_b[j]), total(cost(_z[n, j]), n, N)),
            nielsen("chapter 2, equation BP3, summed over the batch"),
        ),
    ),
    source=bishop("section 5.1, eq. 5.2"),
)

LAYERS = (DENSE,)
