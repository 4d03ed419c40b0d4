"""Regularisation: what is left out at random."""

from sympy import Rational

from derivations.textbook.entry import Argument, Cited, Entry
from derivations.textbook.layers import cost
from derivations.textbook.notation import K, N, equation, k, n, tensor
from derivations.textbook.sources import goodfellow, srivastava

_x, _m, _y = tensor("x", N, K), tensor("m", N, K), tensor("y", N, K)
_HALF = Rational(1, 2)

DROPOUT = Entry(
    name="dropout",
    title="Dropout",
    description=(
        "Each entry is left out with a probability, here one half, and what stays is scaled up so "
        "that its mean is what it was. The mask m holds a 1 where an entry stays, else 0."
    ),
    arguments=(Argument("x", _x, (n, k)), Argument("keep", _m, (n, k), truth=True)),
    indices=(n, k),
    output=_y[n, k],
    definition=_m[n, k] * _x[n, k] / _HALF,
    cited=(
        Cited(
            equation(cost(_x[n, k]), _m[n, k] * cost(_y[n, k]) / _HALF),
            goodfellow("section 7.12, with the scaling during training"),
        ),
    ),
    source=srivastava("sections 4 and 10"),
)

REGULARIZATION = (DROPOUT,)
