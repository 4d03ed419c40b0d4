"""The last layer of a classifier and its loss, as one operation."""

from typing import Any

from sympy import exp, log

from derivations.textbook.entry import Argument, Cited, Entry
from derivations.textbook.layers import cost
from derivations.textbook.notation import K, M, N, equation, j, k, n, s, t, tensor, total
from derivations.textbook.sources import bishop, goodfellow, wijmans

_x, _w, _y = tensor("x", N, K), tensor("w", M, K), tensor("y", N, M)
_l, _p = tensor("l", N), tensor("p", N, M)


def _logit(of: Any) -> Any:
    return total(_x[n, k] * _w[of, k], k, K)


_partition = total(exp(_logit(s)), s, M)

# The derivative of a cost in a logit. The targets of a row sum to one, or to zero if it is ignored.
_of_logit = cost(_l[n]) * (_p[n, j] * total(_y[n, t], t, M) - _y[n, j])
_where = (equation(_p[n, j], exp(_logit(j)) / _partition),)

LINEAR_CROSS_ENTROPY = Entry(
    name="linear_cross_entropy",
    title="Softmax cross-entropy of a linear layer",
    description=(
        "The softmax cross-entropy whose logits are the products of a row x with the row of "
        "weights w of each class. The target y is 1 at the label's class, else 0; a row whose "
        "label is no class is ignored."
    ),
    arguments=(
        Argument("x", _x, (n, k)),
        Argument("w", _w, (j, k)),
        Argument("labels", _y, (n, j)),
    ),
    indices=(n,),
    output=_l[n],
    definition=total(_y[n, j] * (log(_partition) - _logit(j)), j, M),
    cited=(
        Cited(
            equation(cost(_w[j, k]), total(_of_logit * _x[n, k], n, N)),
            bishop("section 4.3.4, eq. 4.109, before Σ y = 1 is used"),
            where=_where,
        ),
        Cited(
            equation(cost(_x[n, k]), total(_of_logit * _w[j, k], j, M)),
            goodfellow("section 6.5.6, the product with the transposed weights"),
            where=_where,
        ),
    ),
    source=wijmans("section 4"),
)
