"""Smooth linear units: the input, times how much of it passes."""

from sympy import Derivative, exp, log

from derivations.textbook.entry import Argument, Cited, Entry
from derivations.textbook.notation import equation, function, x
from derivations.textbook.sources import elfwing, misra

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

SMOOTH_UNITS = (SILU, MISH)
