"""Normalisation: each row by its own statistics, and groups of channels by theirs.

The derivatives are printed as a backward pass. For a row they are those of batch normalisation,
read along the row instead of along the batch.
"""

from typing import Any

from sympy import Rational, sqrt

from derivations.textbook.entry import Argument, Cited, Entry
from derivations.textbook.layers import cost
from derivations.textbook.notation import D, K, M, N, equation, i, j, k, n, s, t, tensor, total
from derivations.textbook.sources import ba, ioffe, wu, zhang_sennrich

_EPSILON = Rational(1, 100_000)

_x, _g, _b, _y = tensor("x", N, K), tensor("g", K), tensor("b", K), tensor("y", N, K)
_ROW = Argument("x", _x, (n, k))
_SCALE = Argument("scale", _g, (k,))
_BIAS = Argument("bias", _b, (k,))


def _mean(body: Any, index: Any) -> Any:
    return total(body, index, K) / K


_centred = _x[n, k] - _mean(_x[n, s], s)
_deviation = sqrt(_mean((_x[n, t] - _mean(_x[n, s], s)) ** 2, t) + _EPSILON)
_rms = sqrt(_mean(_x[n, s] ** 2, s) + _EPSILON)


def _of_row(normal: Any, deviation: Any, mean: Any) -> Any:
    """Gives the derivative of a cost in one entry of a row that was normalised."""
    d = _g[k] * cost(_y[n, k])
    along = _mean(_g[j] * cost(_y[n, j]) * normal.xreplace({k: j}), j)
    return (d - mean - normal * along) / deviation


LAYER_NORM = Entry(
    name="layer_norm",
    title="Layer normalisation",
    description=(
        "Each row is brought to mean 0 and variance 1, whatever the rows beside it, then scaled "
        "and shifted by learned numbers, one of each a column."
    ),
    arguments=(_ROW, _SCALE, _BIAS),
    indices=(n, k),
    output=_y[n, k],
    definition=_g[k] * _centred / _deviation + _b[k],
    cited=(
        Cited(
            equation(
                cost(_x[n, k]),
                _of_row(_centred / _deviation, _deviation, _mean(_g[j] * cost(_y[n, j]), j)),
            ),
            ioffe("section 3, the equations of the backward pass put together, along a row"),
        ),
        Cited(
            equation(cost(_g[k]), total(cost(_y[n, k]) * _centred / _deviation, n, N)),
            ioffe("section 3, the equations of the backward pass"),
        ),
        Cited(
            equation(cost(_b[k]), total(cost(_y[n, k]), n, N)),
            ioffe("section 3, the equations of the backward pass"),
        ),
    ),
    source=ba("section 3, eq. 3 and 4, with 1/100000 added to the variance"),
)

RMS_NORM = Entry(
    name="rms_norm",
    title="Normalisation by the root mean square",
    description="Each row is brought to a mean square of 1, then scaled by learned numbers.",
    arguments=(_ROW, _SCALE),
    indices=(n, k),
    output=_y[n, k],
    definition=_g[k] * _x[n, k] / _rms,
    cited=(
        Cited(
            equation(cost(_g[k]), total(cost(_y[n, k]) * _x[n, k] / _rms, n, N)),
            zhang_sennrich("section 4.2, the gradient of the gain"),
        ),
    ),
    source=zhang_sennrich("section 4, eq. 4, with 1/100000 added to the mean square"),
)

# One example a block: i counts its positions, j the groups of channels and k the channels of one.
_u = tensor("x", N, D, M, K)
_v = tensor("y", N, D, M, K)
_gain, _shift = tensor("g", M, K), tensor("b", M, K)


def _mean_of_group(body: Any) -> Any:
    return total(total(body, s, D), t, K) / (D * K)


_group_mean = _mean_of_group(_u[n, s, j, t])
# The variance as the mean square less the square of the mean: one pair of letters is enough.
_group_deviation = sqrt(_mean_of_group(_u[n, s, j, t] ** 2) - _group_mean**2 + _EPSILON)

GROUP_NORM = Entry(
    name="group_norm",
    title="Group normalisation",
    description=(
        "The channels of an example stand in groups. Each group, over all positions, is brought "
        "to mean 0 and variance 1, then scaled and shifted by learned numbers, one a channel."
    ),
    arguments=(
        Argument("x", _u, (n, i, j, k)),
        Argument("scale", _gain, (j, k)),
        Argument("bias", _shift, (j, k)),
    ),
    indices=(n, i, j, k),
    output=_v[n, i, j, k],
    definition=_gain[j, k] * (_u[n, i, j, k] - _group_mean) / _group_deviation + _shift[j, k],
    cited=(
        Cited(
            equation(cost(_shift[j, k]), total(total(cost(_v[n, i, j, k]), i, D), n, N)),
            ioffe("section 3, the equations of the backward pass, one shift a channel"),
        ),
    ),
    source=wu("section 3.1, eq. 1, 2 and 7"),
)

NORMALIZATION = (LAYER_NORM, RMS_NORM, GROUP_NORM)
