"""Losses: one number an example, summed over the K components of its row."""

from sympy import Abs, Derivative, Expr, Integer, Mul, exp, log, sign

from derivations.textbook.entry import Argument, Cited, Entry, Source
from derivations.textbook.notation import K, N, equation, j, k, n, tensor, total
from derivations.textbook.sources import bishop, hastie, rumelhart

# f: what the network says; z: the same before its last activation; y: what is right.
_f, _z, _y = tensor("f", N, K), tensor("z", N, K), tensor("y", N, K)
_p = tensor("p", N, K)
_C = tensor("C", N)

_ERRORS = (Argument("outputs", _f, (n, k)), Argument("targets", _y, (n, k)))
_LOGITS = (Argument("logits", _z, (n, k)), Argument("targets", _y, (n, k)))


def _gradient(
    entry: Expr, value: Expr, source: Source, condition: str = "", where=(), hypothesis=None
) -> Cited:
    formula = equation(Derivative(_C[n], entry), value)
    return Cited(formula, source, condition, where, hypothesis)


HALF_SQUARED_ERROR = Entry(
    name="half_squared_error",
    title="Half the squared error",
    description="The quadratic cost, halved so that its derivative is the error itself.",
    arguments=_ERRORS,
    indices=(n,),
    output=_C[n],
    definition=total((_f[n, k] - _y[n, k]) ** 2 / 2, k, K),
    cited=(_gradient(_f[n, k], _f[n, k] - _y[n, k], rumelhart("equation 4")),),
    source=rumelhart("equation 3"),
)

SQUARED_ERROR = Entry(
    name="squared_error",
    title="Squared error",
    description="The quadratic cost without the factor of one half.",
    arguments=_ERRORS,
    indices=(n,),
    output=_C[n],
    definition=total((_f[n, k] - _y[n, k]) ** 2, k, K),
    cited=(
        _gradient(_f[n, k], Mul(2, _f[n, k] - _y[n, k], evaluate=False), bishop("section 1.5.5")),
    ),
    source=bishop("section 1.5.5"),
)

ABSOLUTE_ERROR = Entry(
    name="absolute_error",
    title="Absolute error",
    description="The sum of the distances: an outlier pulls no harder than any other error.",
    arguments=_ERRORS,
    indices=(n,),
    output=_C[n],
    definition=total(Abs(_f[n, k] - _y[n, k]), k, K),
    cited=(
        _gradient(
            _f[n, k],
            sign(_f[n, k] - _y[n, k]),
            hastie("section 10.10, table 10.2"),
            condition="f ≠ y in this component",
        ),
    ),
    source=hastie("section 10.6"),
)

# Plain helpers of z: the definitions below are written out, so that nothing is hidden in a name.
_sigmoid = 1 / (1 + exp(-_z[n, k]))
_softmax = exp(_z[n, k]) / total(exp(_z[n, j]), j, K)

SIGMOID_CROSS_ENTROPY = Entry(
    name="sigmoid_cross_entropy",
    title="Sigmoid cross-entropy",
    description=(
        "The negative log-likelihood of K independent yes-or-no answers y, when a sigmoid turns "
        "the logits z into their probabilities."
    ),
    arguments=_LOGITS,
    indices=(n,),
    output=_C[n],
    definition=-total(_y[n, k] * log(_sigmoid) + (1 - _y[n, k]) * log(1 - _sigmoid), k, K),
    cited=(
        _gradient(
            _z[n, k],
            _p[n, k] - _y[n, k],
            bishop("section 5.2, eq. 5.18"),
            where=(equation(_p[n, k], _sigmoid),),
        ),
    ),
    source=bishop("section 5.2, eq. 5.23"),
)

SOFTMAX_CROSS_ENTROPY = Entry(
    name="softmax_cross_entropy",
    title="Softmax cross-entropy",
    description=(
        "The negative log-likelihood of the right class, when a softmax turns the logits z into "
        "probabilities. The targets y are a distribution over the classes; an integer label c is "
        "the one-hot row with y = 1 at class c and 0 elsewhere."
    ),
    arguments=_LOGITS,
    indices=(n,),
    output=_C[n],
    definition=-total(_y[n, k] * log(_softmax), k, K),
    cited=(
        _gradient(
            _z[n, k],
            _p[n, k] - _y[n, k],
            bishop("section 4.3.4, eq. 4.109"),
            condition="the targets of a row sum to one, Σ y = 1",
            hypothesis=equation(total(_y[n, j], j, K), Integer(1)),
            where=(equation(_p[n, k], _softmax),),
        ),
        _gradient(
            _z[n, k],
            _p[n, k] * total(_y[n, j], j, K) - _y[n, k],
            bishop("section 4.3.4, eq. 4.109 before Σ y = 1 is used"),
            where=(equation(_p[n, k], _softmax),),
        ),
    ),
    source=bishop("section 4.3.4, eq. 4.108"),
)

LOSSES = (
    HALF_SQUARED_ERROR,
    SQUARED_ERROR,
    ABSOLUTE_ERROR,
    SIGMOID_CROSS_ENTROPY,
    SOFTMAX_CROSS_ENTROPY,
)
