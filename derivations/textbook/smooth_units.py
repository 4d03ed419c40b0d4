"""Smooth activations: linear units that gate their input, gates, and two without exponentials."""

from sympy import Abs, Derivative, KroneckerDelta, Rational, erf, exp, log, pi, sqrt

from derivations.textbook.entry import Argument, Cited, Entry
from derivations.textbook.notation import K, N, equation, function, j, k, n, tensor, x
from derivations.textbook.sources import (
    barron_squareplus,
    dauphin,
    elfwing,
    glorot_tanh,
    hendrycks,
    misra,
    shazeer,
)

_SCALAR = (Argument("x", x),)
_sigmoid = 1 / (1 + exp(-x))

_silu = function("silu")(x)
SILU = Entry(
    name="silu",
    title="Sigmoid linear unit",
    description="The input times its sigmoid, also called swish. Its least value is at -1.278.",
    arguments=_SCALAR,
    indices=(),
    output=_silu,
    definition=x * _sigmoid,
    cited=(
        Cited(
            equation(Derivative(_silu, x), _sigmoid * (1 + x * (1 - _sigmoid))),
            elfwing("section 2, eq. 5"),
        ),
    ),
    source=elfwing("section 2, eq. 4"),
)

_mish = function("mish")(x)
_softplus = log(1 + exp(x))
_omega = 4 * (x + 1) + 4 * exp(2 * x) + exp(3 * x) + exp(x) * (4 * x + 6)
MISH = Entry(
    name="mish",
    title="Mish",
    description="The input times the hyperbolic tangent of its softplus.",
    arguments=_SCALAR,
    indices=(),
    output=_mish,
    definition=x * (exp(_softplus) - exp(-_softplus)) / (exp(_softplus) + exp(-_softplus)),
    cited=(
        Cited(
            equation(Derivative(_mish, x), exp(x) * _omega / (2 * exp(x) + exp(2 * x) + 2) ** 2),
            misra("section 3"),
        ),
    ),
    source=misra("section 1"),
)

_gelu = function("GELU")(x)
GELU = Entry(
    name="gelu",
    title="Gaussian error linear unit",
    description="The input times the probability that a standard normal number lies below it.",
    arguments=_SCALAR,
    indices=(),
    output=_gelu,
    definition=x * (1 + erf(x / sqrt(2))) / 2,
    cited=(
        Cited(
            equation(
                Derivative(_gelu, x),
                (1 + erf(x / sqrt(2))) / 2 + x * exp(-(x**2) / 2) / sqrt(2 * pi),
            ),
            hendrycks("section 2, differentiated"),
        ),
    ),
    source=hendrycks("section 2"),
)

# tanh u written with the sigmoid, 1 + tanh u = 2 σ(2u): SymPy's own tanh would rewrite itself.
_u2 = 2 * sqrt(2 / pi) * (x + Rational(44715, 1000000) * x**3)
_gate = 1 / (1 + exp(-_u2))

_gelu_tanh = function("GELU")(x)
GELU_TANH = Entry(
    name="gelu_tanh",
    title="Gaussian error linear unit with a hyperbolic tangent",
    description="The Gaussian error linear unit with a hyperbolic tangent for the error function.",
    arguments=_SCALAR,
    indices=(),
    output=_gelu_tanh,
    definition=x * _gate,
    cited=(
        Cited(
            equation(Derivative(_gelu_tanh, x), _gate + x * _gate * (1 - _gate) * _u2.diff(x)),
            hendrycks("section 2, differentiated"),
        ),
    ),
    source=hendrycks("section 2"),
)

_soft_sign = function("softsign")(x)
SOFT_SIGN = Entry(
    name="soft_sign",
    title="Soft sign",
    description="Like the hyperbolic tangent, with tails of 1/x in place of exponential ones.",
    arguments=_SCALAR,
    indices=(),
    output=_soft_sign,
    definition=x / (1 + Abs(x)),
    cited=(
        Cited(
            equation(Derivative(_soft_sign, x), 1 / (1 + Abs(x)) ** 2),
            glorot_tanh("section 2, differentiated"),
        ),
    ),
    source=glorot_tanh("section 2"),
)

_squareplus = function("squareplus")(x)
SQUAREPLUS = Entry(
    name="squareplus",
    title="Squareplus",
    description="A smooth rectifier from a square root, with the slope of softplus at 0.",
    arguments=_SCALAR,
    indices=(),
    output=_squareplus,
    definition=(x + sqrt(x**2 + 4)) / 2,
    cited=(
        Cited(
            equation(Derivative(_squareplus, x), (1 + x / sqrt(x**2 + 4)) / 2),
            barron_squareplus("eq. 2"),
        ),
    ),
    source=barron_squareplus("eq. 1"),
)

_v, _g, _y = tensor("v", N, K), tensor("g", N, K), tensor("y", N, K)
_PAIR = (Argument("values", _v, (n, k)), Argument("gate", _g, (n, k)))
_open = 1 / (1 + exp(-_g[n, k]))
GLU = Entry(
    name="glu",
    title="Gated linear unit",
    description="Values that pass as far as the sigmoid of a gate lets them.",
    arguments=_PAIR,
    indices=(n, k),
    output=_y[n, k],
    definition=_v[n, k] * _open,
    cited=(
        Cited(
            equation(
                Derivative(_y[n, k], _g[n, j]),
                KroneckerDelta(j, k) * _v[n, k] * _open * (1 - _open),
            ),
            dauphin("section 3, eq. 3, in the gate"),
        ),
    ),
    source=dauphin("section 2, eq. 1"),
)

SWIGLU = Entry(
    name="swiglu",
    title="Gated linear unit with a sigmoid linear unit",
    description="Values times the sigmoid linear unit of a gate.",
    arguments=_PAIR,
    indices=(n, k),
    output=_y[n, k],
    definition=_v[n, k] * _g[n, k] * _open,
    cited=(
        Cited(
            equation(
                Derivative(_y[n, k], _g[n, j]),
                KroneckerDelta(j, k) * _v[n, k] * _open * (1 + _g[n, k] * (1 - _open)),
            ),
            shazeer("section 2, eq. 5, differentiated in the gate"),
        ),
    ),
    source=shazeer("section 2, eq. 5"),
)

SMOOTH_UNITS = (SILU, MISH, GELU, GELU_TANH, SOFT_SIGN, SQUAREPLUS, GLU, SWIGLU)
