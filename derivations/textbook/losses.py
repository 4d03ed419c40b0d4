"""Losses: one number an example, summed over the K components of its row."""

from sympy import Abs, Derivative, Expr, Integer, Mul, Piecewise, Rational, exp, log, sign

from derivations.textbook.entry import Argument, Cited, Entry, Source
from derivations.textbook.notation import K, N, equation, j, k, n, tensor, total
from derivations.textbook.sources import bishop, hastie, rumelhart, shalev_shwartz, szegedy

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

_error = _f[n, k] - _y[n, k]
HUBER_LOSS = Entry(
    name="huber_loss",
    title="Huber loss",
    description="The squared error, halved, up to an error of 1, and the absolute error beyond.",
    arguments=_ERRORS,
    indices=(n,),
    output=_C[n],
    definition=total(
        Piecewise((_error**2 / 2, Abs(_error) <= 1), (Abs(_error) - Rational(1, 2), True)), k, K
    ),
    cited=(
        _gradient(
            _f[n, k],
            Piecewise((_error, Abs(_error) <= 1), (sign(_error), True)),
            hastie("section 10.10, table 10.2"),
        ),
    ),
    source=hastie("section 10.6, eq. 10.23, halved, for a bound of 1"),
)

_margin = _y[n, k] * _f[n, k]
HINGE_LOSS = Entry(
    name="hinge_loss",
    title="Hinge loss",
    description=(
        "The loss of a support vector machine, for answers y of -1 and 1: what is missing to a "
        "margin of 1."
    ),
    arguments=_ERRORS,
    indices=(n,),
    output=_C[n],
    definition=total(Piecewise((1 - _margin, _margin < 1), (0, True)), k, K),
    cited=(
        _gradient(
            _f[n, k],
            Piecewise((-_y[n, k], _margin < 1), (0, True)),
            shalev_shwartz("section 14.2.1, example 14.2"),
            condition="y f ≠ 1 in this component",
        ),
    ),
    source=hastie("section 12.3.2, eq. 12.25"),
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

_smoothed = Rational(9, 10) * _y[n, k] + 1 / (10 * K)
SMOOTHED_SOFTMAX_CROSS_ENTROPY = Entry(
    name="smoothed_softmax_cross_entropy",
    title="Softmax cross-entropy with label smoothing",
    description=(
        "The softmax cross-entropy, with a tenth of every target spread over all K classes, so "
        "that no logit has to grow without end."
    ),
    arguments=_LOGITS,
    indices=(n,),
    output=_C[n],
    definition=-total(_smoothed * log(_softmax), k, K),
    cited=(
        _gradient(
            _z[n, k],
            _p[n, k] - _smoothed,
            szegedy("section 7"),
            condition="the targets of a row sum to one, Σ y = 1",
            hypothesis=equation(total(_y[n, j], j, K), Integer(1)),
            where=(equation(_p[n, k], _softmax),),
        ),
    ),
    source=szegedy("section 7"),
)

KL_DIVERGENCE = Entry(
    name="kl_divergence",
    title="Kullback-Leibler divergence",
    description=(
        "How far the softmax of the logits z is from a distribution y over the classes: the "
        "cross-entropy less the entropy of y."
    ),
    arguments=_LOGITS,
    indices=(n,),
    output=_C[n],
    definition=total(_y[n, k] * (log(_y[n, k]) - log(_softmax)), k, K),
    cited=(
        _gradient(
            _z[n, k],
            _p[n, k] - _y[n, k],
            bishop("section 4.3.4, eq. 4.109, as the entropy of y does not depend on z"),
            condition="the targets of a row sum to one, Σ y = 1",
            hypothesis=equation(total(_y[n, j], j, K), Integer(1)),
            where=(equation(_p[n, k], _softmax),),
        ),
    ),
    source=bishop("section 1.6.1, eq. 1.113"),
)

LOSSES = (
    HALF_SQUARED_ERROR,
    SQUARED_ERROR,
    ABSOLUTE_ERROR,
    HUBER_LOSS,
    HINGE_LOSS,
    SIGMOID_CROSS_ENTROPY,
    SOFTMAX_CROSS_ENTROPY,
    SMOOTHED_SOFTMAX_CROSS_ENTROPY,
    KL_DIVERGENCE,
)
