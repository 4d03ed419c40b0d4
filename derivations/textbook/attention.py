"""Attention: a weighted mean of values, by how well the keys fit the query."""

from typing import Any

from sympy import exp, sqrt

from derivations.textbook.entry import Argument, Cited, Entry
from derivations.textbook.layers import cost
from derivations.textbook.notation import K, M, N, S, T, equation, j, k, n, r, s, t, tensor, total
from derivations.textbook.sources import dao, vaswani

_q, _k, _v = tensor("q", N, T, K), tensor("k", N, S, K), tensor("v", N, S, M)
_m, _o, _p = tensor("m", N, T, S), tensor("o", N, T, M), tensor("p", N, T, S)


def _shown(key: Any) -> Any:
    """Gives what a key weighs for a query, before the weights of a row are made to sum to one."""
    return _m[n, t, key] * exp(total(_q[n, t, k] * _k[n, key, k], k, K) / sqrt(K))


_weight = _shown(s) / total(_shown(r), r, S)

# The derivative of a cost in a score, with D of the paper written as the product of o and do.
_of_score = _p[n, t, s] * total(cost(_o[n, t, j]) * (_v[n, s, j] - _o[n, t, j]), j, M) / sqrt(K)
_where = (equation(_p[n, t, s], _weight),)

ATTENTION = Entry(
    name="attention",
    title="Scaled dot-product attention",
    description=(
        "For each query a weighted mean of the values. The weights are a softmax of the products "
        "of the query with the keys, over those that the mask m shows, 1 where it does and else "
        "0. Each query sees at least one key."
    ),
    arguments=(
        Argument("q", _q, (n, t, k)),
        Argument("k", _k, (n, s, k)),
        Argument("v", _v, (n, s, j)),
        Argument("mask", _m, (n, t, s), truth=True),
    ),
    indices=(n, t, j),
    output=_o[n, t, j],
    definition=total(_shown(s) * _v[n, s, j], s, S) / total(_shown(r), r, S),
    cited=(
        Cited(
            equation(cost(_v[n, s, j]), total(_p[n, t, s] * cost(_o[n, t, j]), t, T)),
            dao("appendix B.2"),
            where=_where,
        ),
        Cited(
            equation(cost(_q[n, t, k]), total(_of_score * _k[n, s, k], s, S)),
            dao("appendix B.2, with scaled scores"),
            where=_where,
        ),
        Cited(
            equation(cost(_k[n, s, k]), total(_of_score * _q[n, t, k], t, T)),
            dao("appendix B.2, with scaled scores"),
            where=_where,
        ),
    ),
    source=vaswani("section 3.2.1, eq. 1, over the keys that are not masked (section 3.2.3)"),
)
