"""What stands at the head of a network that reads sequences: tokens and their positions."""

from sympy import cos, sin

from derivations.textbook.entry import Argument, Cited, Entry
from derivations.textbook.layers import cost
from derivations.textbook.notation import D, K, N, equation, i, k, n, tensor, total
from derivations.textbook.sources import bengio, gehring, goodfellow, nielsen, su

_y = tensor("y", N, K)
_w, _t = tensor("w", D, K), tensor("t", N, D)

EMBEDDING = Entry(
    name="embedding",
    title="Embedding",
    description=(
        "The row of a table for each token: the product of the table with rows that hold a 1 at "
        "the token's place and 0 elsewhere."
    ),
    arguments=(Argument("table", _w, (i, k)), Argument("tokens", _t, (n, i))),
    indices=(n, k),
    output=_y[n, k],
    definition=total(_t[n, i] * _w[i, k], i, D),
    cited=(
        Cited(
            equation(cost(_w[i, k]), total(_t[n, i] * cost(_y[n, k]), n, N)),
            bengio("section 3.1, the update of the input features, summed over the batch"),
        ),
    ),
    source=bengio("section 2"),
)

_x, _p, _z = tensor("x", N, D, K), tensor("p", D, K), tensor("z", N, D, K)

LEARNED_POSITIONS = Entry(
    name="learned_positions",
    title="Learned positions",
    description="A learned row for each position, added to what stands there.",
    arguments=(Argument("x", _x, (n, i, k)), Argument("table", _p, (i, k))),
    indices=(n, i, k),
    output=_z[n, i, k],
    definition=_x[n, i, k] + _p[i, k],
    cited=(
        Cited(
            equation(cost(_p[i, k]), total(cost(_z[n, i, k]), n, N)),
            nielsen("chapter 2, equation BP3, summed over the batch: a position's row is a bias"),
        ),
    ),
    source=gehring("section 3.1"),
)

_a, _b, _angle = tensor("a", N, D, K), tensor("b", N, D, K), tensor("theta", D, K)

ROTARY = Entry(
    name="rotary",
    title="Rotary positions",
    description=(
        "The first coordinate of a pair of features that is turned by an angle of its position. "
        "The second one is that of the pair a quarter further back: b and -a for a and b."
    ),
    arguments=(
        Argument("first", _a, (n, i, k)),
        Argument("second", _b, (n, i, k)),
        Argument("angles", _angle, (i, k)),
    ),
    indices=(n, i, k),
    output=_z[n, i, k],
    definition=_a[n, i, k] * cos(_angle[i, k]) - _b[n, i, k] * sin(_angle[i, k]),
    cited=(
        Cited(
            equation(cost(_a[n, i, k]), cost(_z[n, i, k]) * cos(_angle[i, k])),
            goodfellow("section 6.5.2, the product with the transposed Jacobian"),
        ),
    ),
    source=su("section 3.4.2, eq. 34"),
)

SEQUENCES = (EMBEDDING, LEARNED_POSITIONS, ROTARY)
