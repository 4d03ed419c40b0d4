"""Activation functions: the classic ones of a scalar, and the softmax of a row."""

from sympy import Derivative, KroneckerDelta, Piecewise, exp, log

from derivations.textbook.entry import Argument, Cited, Entry
from derivations.textbook.notation import K, N, equation, function, j, k, n, tensor, total, x
from derivations.textbook.sources import bishop, goodfellow

_SCALAR = (Argument("x", x),)

_id = function("id")(x)
IDENTITY = Entry(
    name="identity",
    title="Identity",
    description="The output as it comes: the activation of the last layer of a regression.",
    arguments=_SCALAR,
    indices=(),
    output=_id,
    definition=x,
    cited=(Cited(equation(Derivative(_id, x), 1), bishop("section 5.1")),),
    source=bishop("section 5.1"),
)

_sigma = function("sigma")(x)
SIGMOID = Entry(
    name="sigmoid",
    title="Logistic sigmoid",
    description="Maps the real line to (0, 1): the probability of a yes, given its log-odds x.",
    arguments=_SCALAR,
    indices=(),
    output=_sigma,
    definition=1 / (1 + exp(-x)),
    cited=(
        Cited(
            equation(Derivative(_sigma, x), _sigma * (1 - _sigma)),
            bishop("section 4.3.2, eq. 4.88"),
        ),
    ),
    source=bishop("section 4.2, eq. 4.59"),
)

# Undefined functions of these names: SymPy's own tanh would rewrite itself, and its derivative is
# to come from the exponentials.
_tanh = function("tanh")(x)
TANH = Entry(
    name="tanh",
    title="Hyperbolic tangent",
    description="Maps the real line to (-1, 1), odd about zero.",
    arguments=_SCALAR,
    indices=(),
    output=_tanh,
    definition=(exp(x) - exp(-x)) / (exp(x) + exp(-x)),
    cited=(Cited(equation(Derivative(_tanh, x), 1 - _tanh**2), bishop("section 5.3.2")),),
    source=bishop("section 5.3.2"),
)

_relu = function("ReLU")(x)
RELU = Entry(
    name="relu",
    title="Rectified linear unit",
    description="Passes what is positive and stops the rest. It has a kink at zero.",
    arguments=_SCALAR,
    indices=(),
    output=_relu,
    definition=Piecewise((0, x <= 0), (x, True)),
    cited=(
        Cited(
            equation(Derivative(_relu, x), Piecewise((0, x < 0), (1, x > 0))),
            goodfellow("sections 6.3 and 6.3.1"),
            condition="x ≠ 0",
        ),
    ),
    source=goodfellow("section 6.3.1"),
)

_softplus = function("softplus")(x)
SOFTPLUS = Entry(
    name="softplus",
    title="Softplus",
    description="A smooth version of the rectified linear unit, with the sigmoid as its slope.",
    arguments=_SCALAR,
    indices=(),
    output=_softplus,
    definition=log(1 + exp(x)),
    cited=(
        Cited(equation(Derivative(_softplus, x), 1 / (1 + exp(-x))), goodfellow("section 3.10")),
    ),
    source=goodfellow("section 3.10"),
)

_log_sigmoid = function("logsigmoid")(x)
LOG_SIGMOID = Entry(
    name="log_sigmoid",
    title="Logarithm of the sigmoid",
    description="The log-probability of a yes, given its log-odds x.",
    arguments=_SCALAR,
    indices=(),
    output=_log_sigmoid,
    definition=log(1 / (1 + exp(-x))),
    cited=(
        Cited(
            equation(Derivative(_log_sigmoid, x), 1 / (1 + exp(x))),
            goodfellow("section 3.10, from log σ(x) = −ζ(−x) and ζ′(x) = σ(x)"),
        ),
    ),
    source=goodfellow("section 3.10"),
)

_x = tensor("x", N, K)
_s = tensor("s", N, K)
SOFTMAX = Entry(
    name="softmax",
    title="Softmax",
    description="Turns each row of scores into a probability distribution over its K components.",
    arguments=(Argument("x", _x, (n, k)),),
    indices=(n, k),
    output=_s[n, k],
    definition=exp(_x[n, k]) / total(exp(_x[n, j]), j, K),
    cited=(
        Cited(
            equation(Derivative(_s[n, k], _x[n, j]), _s[n, k] * (KroneckerDelta(k, j) - _s[n, j])),
            bishop("section 4.3.4, eq. 4.106"),
        ),
    ),
    source=bishop("section 4.2, eq. 4.62"),
)

ACTIVATIONS = (IDENTITY, SIGMOID, TANH, RELU, SOFTPLUS, LOG_SIGMOID, SOFTMAX)
