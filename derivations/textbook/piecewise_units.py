"""Activations in pieces: rectifiers, and their hard and exponential relatives."""

from sympy import Derivative, KroneckerDelta, Piecewise, Rational, exp

from derivations.textbook.entry import Argument, Cited, Entry
from derivations.textbook.notation import K, N, equation, function, j, k, n, tensor, x
from derivations.textbook.sources import (
    barron_celu,
    clevert,
    goodfellow,
    he,
    howard,
    klambauer,
    krizhevsky,
    maas,
)

_SCALAR = (Argument("x", x),)

_relu6 = function("ReLU6")(x)
RELU6 = Entry(
    name="relu6",
    title="Rectified linear unit, cut off at 6",
    description="Passes what lies between 0 and 6.",
    arguments=_SCALAR,
    indices=(),
    output=_relu6,
    definition=Piecewise((0, x <= 0), (6, x >= 6), (x, True)),
    cited=(
        Cited(
            equation(Derivative(_relu6, x), Piecewise((0, x < 0), (0, x > 6), (1, True))),
            krizhevsky("section 2, differentiated"),
            condition="x ≠ 0 and x ≠ 6",
        ),
    ),
    source=krizhevsky("section 2"),
)

_leaky_relu = function("LReLU")(x)
LEAKY_RELU = Entry(
    name="leaky_relu",
    title="Leaky rectified linear unit",
    description="Passes a hundredth of what is negative.",
    arguments=_SCALAR,
    indices=(),
    output=_leaky_relu,
    definition=Piecewise((x, x > 0), (x / 100, True)),
    cited=(
        Cited(
            equation(Derivative(_leaky_relu, x), Piecewise((1, x > 0), (Rational(1, 100), True))),
            maas("section 2, eq. 2, differentiated"),
            condition="x ≠ 0",
        ),
    ),
    source=maas("section 2, eq. 2"),
)

_x, _a, _y = tensor("x", N, K), tensor("a", K), tensor("y", N, K)
PRELU = Entry(
    name="prelu",
    title="Parametric rectified linear unit",
    description="A rectifier whose slope for negative inputs is learned, one for each feature.",
    arguments=(Argument("x", _x, (n, k)), Argument("slope", _a, (k,))),
    indices=(n, k),
    output=_y[n, k],
    definition=Piecewise((_x[n, k], _x[n, k] > 0), (_a[k] * _x[n, k], True)),
    cited=(
        Cited(
            equation(
                Derivative(_y[n, k], _a[j]),
                KroneckerDelta(j, k) * Piecewise((0, _x[n, k] > 0), (_x[n, k], True)),
            ),
            he("section 2.1, eq. 3"),
            condition="x ≠ 0 in this component",
        ),
    ),
    source=he("section 2.1, eq. 1"),
)

_hard_tanh = function("hardtanh")(x)
HARD_TANH = Entry(
    name="hard_tanh",
    title="Hard hyperbolic tangent",
    description="Cuts off at -1 and 1.",
    arguments=_SCALAR,
    indices=(),
    output=_hard_tanh,
    definition=Piecewise((-1, x <= -1), (1, x >= 1), (x, True)),
    cited=(
        Cited(
            equation(Derivative(_hard_tanh, x), Piecewise((0, x < -1), (0, x > 1), (1, True))),
            goodfellow("section 6.3.3, differentiated"),
            condition="x ≠ -1 and x ≠ 1",
        ),
    ),
    source=goodfellow("section 6.3.3"),
)

_hard_sigmoid = function("hsigmoid")(x)
HARD_SIGMOID = Entry(
    name="hard_sigmoid",
    title="Hard sigmoid",
    description="A straight line from 0 to 1, cut off at -3 and 3.",
    arguments=_SCALAR,
    indices=(),
    output=_hard_sigmoid,
    definition=Piecewise((0, x <= -3), (1, x >= 3), ((x + 3) / 6, True)),
    cited=(
        Cited(
            equation(
                Derivative(_hard_sigmoid, x),
                Piecewise((0, x < -3), (0, x > 3), (Rational(1, 6), True)),
            ),
            howard("section 5.2, differentiated"),
            condition="x ≠ -3 and x ≠ 3",
        ),
    ),
    source=howard("section 5.2"),
)

_hard_silu = function("hswish")(x)
HARD_SILU = Entry(
    name="hard_silu",
    title="Hard sigmoid linear unit",
    description="The input times its hard sigmoid, also called hard swish.",
    arguments=_SCALAR,
    indices=(),
    output=_hard_silu,
    definition=Piecewise((0, x <= -3), (x, x >= 3), (x * (x + 3) / 6, True)),
    cited=(
        Cited(
            equation(
                Derivative(_hard_silu, x),
                Piecewise((0, x < -3), (1, x > 3), ((2 * x + 3) / 6, True)),
            ),
            howard("section 5.2, differentiated"),
            condition="x ≠ -3 and x ≠ 3",
        ),
    ),
    source=howard("section 5.2"),
)

_elu = function("ELU")(x)
ELU = Entry(
    name="elu",
    title="Exponential linear unit",
    description="The identity for positive inputs; below, an exponential that ends at -1.",
    arguments=_SCALAR,
    indices=(),
    output=_elu,
    definition=Piecewise((x, x > 0), (exp(x) - 1, True)),
    cited=(
        Cited(
            equation(Derivative(_elu, x), Piecewise((1, x > 0), (_elu + 1, True))),
            clevert("section 3, eq. 15"),
        ),
    ),
    source=clevert("section 3, eq. 15"),
)

_celu = function("CELU")(x)
CELU = Entry(
    name="celu",
    title="Continuously differentiable exponential linear unit",
    description="The exponential linear unit with α in the exponent too; the same for α = 1.",
    arguments=_SCALAR,
    indices=(),
    output=_celu,
    definition=Piecewise((x, x > 0), (exp(x) - 1, True)),
    cited=(
        Cited(
            equation(Derivative(_celu, x), Piecewise((1, x > 0), (exp(x), True))),
            barron_celu("eq. 3"),
        ),
    ),
    source=barron_celu("eq. 2"),
)

_SCALE = Rational("1.0507009873554804934193349852946")
_ALPHA = Rational("1.6732632423543772848170429916717")

_selu = function("SELU")(x)
SELU = Entry(
    name="selu",
    title="Scaled exponential linear unit",
    description="Scaled such that a layer keeps a mean of 0 and a variance of 1.",
    arguments=_SCALAR,
    indices=(),
    output=_selu,
    definition=Piecewise((_SCALE * x, x > 0), (_SCALE * _ALPHA * (exp(x) - 1), True)),
    cited=(
        Cited(
            equation(
                Derivative(_selu, x), Piecewise((_SCALE, x > 0), (_SCALE * _ALPHA * exp(x), True))
            ),
            klambauer("eq. 2, differentiated"),
            condition="x ≠ 0",
        ),
    ),
    source=klambauer("eq. 2"),
)

PIECEWISE_UNITS = (
    RELU6,
    LEAKY_RELU,
    PRELU,
    HARD_TANH,
    HARD_SIGMOID,
    HARD_SILU,
    ELU,
    CELU,
    SELU,
)
