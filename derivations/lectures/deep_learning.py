"""Deep learning: from the single neuron to multi-layer networks."""

from typing import Any

import sympy
from sympy import KroneckerDelta, Rational, Symbol, exp, log

from derivations.lectures.claim import Altered, Claim, Kind, Lecture, Part, Role
from derivations.lectures.counting import (
    Depth,
    Folding,
    Saddle,
    Swap,
    paths,
    permuted,
    pieces,
    saddle,
    work_of_backpropagation,
)
from derivations.lectures.example import Example, Number, by_textbook, dense, digits
from derivations.lectures.geometry import Circle, Hidden, circle, polar, representation
from derivations.lectures.letters import K, d, eq, i, j, k, total
from derivations.lectures.networks import Batch, layers_of, mean_loss, rule_is
from derivations.lectures.parts import equation, example, number
from derivations.lectures.regions import REGIONS, region
from derivations.textbook.notation import tensor

LECTURE = Lecture("003", "Deep learning: single neuron, single layer and multi-layer networks")

x = Symbol("x", real=True)
_f, _y, _b = Symbol("f(x)", real=True), Symbol("y", real=True), Symbol("b")
_L, _w = Symbol("L"), tensor("w", K)
_xs = tensor("x", K)
_tau = sympy.Function("tau")

_fin = tensor("f_in", K)
_t = tensor("tau", K)
SOFTMAX = (eq(_t[k], exp(_fin[k]) / total(exp(_fin[i]), i, K)),)

FAR = Example(digits("1 1000 2"), ("softmax",), ((1, digits("0.000 1.000 0.000")),))

HIDDEN = dense("3 -9 2\n11 -2 7\n-6 3 -4\n6 -1 5", "5 2 -1 1")
_X = digits("-3 1 5")
ONE_OUT = Example(
    _X, (HIDDEN, "sigmoid", dense("3 -12 8 1", "6"), "sigmoid"),
    ((1, digits("-3 2 0 7")), (2, digits("0.05 0.88 0.50 _")), (3, digits("0.57")),
     (4, digits("0.64"))),
)  # fmt: skip
ALL_ROUNDED = ONE_OUT._replace(printed=((2, digits("0.05 0.88 0.50 0.99")),))
CUT = ONE_OUT._replace(printed=((2, digits("_ 0.88 0.50 0.99")),), truncated=True)
THREE_OUT = Example(
    _X, (HIDDEN, "sigmoid", dense("3 -12 8 1\n2 -3 9 1\n-5 1 -1 7", "6 0 -8"), "softmax"),
    ((3, digits("0.57 2.95 -0.86")), (4, digits("0.083 0.897 0.020"))),
)  # fmt: skip
DEEP = Example(
    digits("7 1 -4"),
    (
        dense("13 -9 2\n-8 0 3\n4 -1 5\n-3 12 7", "5 -2 2 11"), "relu",
        dense("1 0 -4 1\n0 11 2 -14\n-1 5 -2 16\n0 -9 -3 4", "-5 3 1 -8"), "relu",
        dense("1 -2 -18 -7\n3 -4 8 0\n-2 1 21 5\n2 -2 11 -13", "4 -6 1 -17"), "relu",
        dense("9 3 -1 -4\n-8 -2 14 3\n13 2 -9 -1", "-1 -4 -30"), "softmax",
    ),
    ((1, digits("79 -70 9 -26")), (3, digits("38 21 -96 -35")), (5, digits("0 24 -54 17")),
     (7, digits("3 -1 1")), (8, digits("0.866 0.015 0.117"))),
    truncated=True,
)  # fmt: skip
DEEP_ROUNDED = DEEP._replace(printed=((8, digits("0.867 0.016 0.117")),), truncated=False)


def loss(text: str, formula: Any, gradient: Any, wrong: Any, what: str) -> Part:
    """A loss with its derivative in f."""
    return equation(
        text, eq(d(_L, _f), gradient), (what, eq(d(_L, _f), wrong)), given=(eq(_L, formula),)
    )


BERNOULLI = -(_y * log(_f) + (1 - _y) * log(1 - _f))
_z = Symbol("z", real=True)
_after = (eq(_f, 1 / (1 + exp(-_z))), eq(_L, BERNOULLI))

CLAIMS = (
    Claim(
        "003.1", LECTURE, "A single neuron", Kind.IDENTITY,
        "f(x) = τ(wᵀx + b); with x_0 = 1 and w_0 = b it is τ(wᵀx)",
        (
            equation(
                "τ(Σ_{i=0..p} w_i x_i) = τ(Σ_{i=1..p} w_i x_i + b) with x_0 = 1, w_0 = b",
                eq(_tau(sympy.Sum(_w[i] * _xs[i], (i, 0, K))),
                   _tau(total(_w[i] * _xs[i], i, K) + _b)),
                ("b twice", eq(_tau(sympy.Sum(_w[i] * _xs[i], (i, 0, K))),
                               _tau(total(_w[i] * _xs[i], i, K) + 2 * _b))),
                given=(eq(_xs[0], 1), eq(_w[0], _b)),
            ),
        ),
    ),
    Claim(
        "003.2", LECTURE, "Activation functions", Kind.IDENTITY,
        "sigmoid 1/(1 + e^{−x}), tanh (e^x − e^{−x})/(e^x + e^{−x}), ReLU max(0, x), identity x",
        (
            rule_is("sigmoid", 1 / (1 + exp(-x)), ("the sign of x", 1 / (1 + exp(x)))),
            rule_is("tanh", (exp(x) - exp(-x)) / (exp(x) + exp(-x)),
                    ("a sign", (exp(x) + exp(-x)) / (exp(x) - exp(-x)))),
            rule_is("relu", sympy.Max(0, x), ("max(1, x)", sympy.Max(1, x))),
            rule_is("identity", x, ("twice x", 2 * x)),
        ),
    ),
    Claim(
        "003.3", LECTURE, "A single neuron: optimization", Kind.IDENTITY,
        "R_emp = 1/n Σ L(y, f(x)); L2 loss ½ (y − f)², L1 loss |y − f|, Bernoulli loss "
        "−(y log f + (1 − y) log(1 − f))",
        (
            loss("½ (y − f)²: the derivative in f is f − y", (_y - _f) ** 2 / 2, _f - _y, _y - _f,
                 "the sign"),
            loss("|y − f|: the derivative in f is sign(f − y), f ≠ y", sympy.Abs(_y - _f),
                 sympy.sign(_f - _y), sympy.sign(_y - _f), "the sign"),
            loss("−(y log f + (1 − y) log(1 − f)): the derivative in f is (f − y)/(f (1 − f))",
                 BERNOULLI, (_f - _y) / (_f * (1 - _f)), _f - _y, "without the denominator"),
            equation(
                "after a sigmoid, f = σ(z), the derivative in z is f − y",
                eq(d(_L, _z), _f - _y), ("y − f", eq(d(_L, _z), _y - _f)), given=_after,
            ),
            Part("fnn.objective is 1/n Σ L(y, f(x))", Batch(1), mean_loss,
                 (Altered("the sum", Batch(0)),)),
        ),
        conditions=("of the L1 loss: f ≠ y", "of the Bernoulli loss: 0 < f < 1"),
        derivation="sigmoid_cross_entropy",
    ),
    Claim(
        "003.4", LECTURE, "Motivation", Kind.PROPERTY,
        "a single neuron does poorly on points inside and around a circle, and separates them "
        "after the change to polar coordinates",
        (
            Part("in Cartesian coordinates", Circle(polar=False), circle,
                 (Altered("in polar coordinates", Circle(polar=True)),)),
            Part("in polar coordinates", Circle(polar=True), polar,
                 (Altered("in Cartesian coordinates", Circle(polar=False)),)),
        ),
    ),
    Claim(
        "003.5", LECTURE, "Single hidden layer networks: example", Kind.EXAMPLE,
        "x = (−3, 1, 5): z_in = (−3, 2, 0, 7), z_out = (.05, .88, .50, .99), f_in = 0.57, "
        "f_out = 0.64",
        (
            *example("z_in, z_out of the first three neurons, f_in and f_out, rounded", ONE_OUT,
                     ("a digit of f_in", ONE_OUT._replace(printed=((3, digits("0.58")),))),
                     ("a digit of z_in", ONE_OUT._replace(printed=((1, digits("-3 2 1 7")),)))),
            *example("z_out of the fourth neuron, its digits cut off", CUT,
                     ("rounded", CUT._replace(truncated=False))),
            Part("z_out = (.05, .88, .50, .99), all of them rounded", ALL_ROUNDED, by_textbook,
                 (Altered("the fourth as it is rounded, 1.00", ALL_ROUNDED._replace(
                     printed=((2, digits("0.05 0.88 0.50 1.00")),))),), Role.UNCONDITIONED),
        ),
        note="σ(7) = 0.99908…: .99 is cut off (rounded it is 1.00), while .05 for 0.0474… is "
        "rounded; f_in = 0.57 comes from the exact z_out (from the printed digits it is 0.58)",
    ),
    Claim(
        "003.6", LECTURE, "Single hidden layer networks: example", Kind.ERRATUM,
        "f_out = 1/(1 + e^{f_in}) = 1/(1 + e^{0.57}) = 0.64",
        (
            number("1/(1 + e^{0.57}) = 0.64", Number(1 / (1 + exp(Rational(57, 100))), "0.64"),
                   ("0.36", Number(1 / (1 + exp(Rational(57, 100))), "0.36")),
                   role=Role.PRINTED),
            number("1/(1 + e^{−0.57}) = 0.64", Number(1 / (1 + exp(-Rational(57, 100))), "0.64"),
                   ("0.36", Number(1 / (1 + exp(-Rational(57, 100))), "0.36")),
                   role=Role.CORRECTED),
        ),
    ),
    Claim(
        "003.7", LECTURE, "Multi-class classification", Kind.IDENTITY,
        "τ_k(f_in) = exp(f_in,k)/Σ_k' exp(f_in,k'); ∂τ/∂f_in = diag(τ) − τ τᵀ; "
        "τ((1, 1000, 2)) ≈ (0, 1, 0)",
        (
            equation(
                "∂τ_k/∂f_in,j = δ_kj τ_k − τ_k τ_j, for any g",
                eq(d(_t[k], _fin[j]), KroneckerDelta(k, j) * _t[k] - _t[k] * _t[j]),
                ("a plus", eq(d(_t[k], _fin[j]), KroneckerDelta(k, j) * _t[k] + _t[k] * _t[j])),
                ("the diagonal alone", eq(d(_t[k], _fin[j]), KroneckerDelta(k, j) * _t[k])),
                given=SOFTMAX,
            ),
            *example(
                "τ((1, 1000, 2)) = (0.000, 1.000, 0.000), without overflow",
                FAR,
                ("the first is picked", FAR._replace(printed=((1, digits("1.000 0.000 0.000")),))),
            ),
        ),
        derivation="softmax_jacobian",
    ),
    Claim(
        "003.8", LECTURE, "Multi-class classification: example", Kind.EXAMPLE,
        "the same hidden layer with three outputs and a softmax: f_in = (0.57, 2.95, −0.86), "
        "f = (0.083, 0.897, 0.020)",
        example("f_in and f, rounded", THREE_OUT,
                ("a digit", THREE_OUT._replace(printed=((4, digits("0.083 0.896 0.020")),)))),
        note="the lecture's own numbers are lost in its pictures: these are computed from its "
        "weights",
    ),
    Claim(
        "003.9", LECTURE, "Feedforward neural networks: example", Kind.EXAMPLE,
        "x = (7, 1, −4), three ReLU layers and a softmax: f_in = (3, −1, 1), "
        "f = (0.866, 0.015, 0.117)",
        (
            *(p._replace(role=Role.CONDITIONED) for p in example(
                "all z_in, f_in, and f with its digits cut off", DEEP,
                ("a digit", DEEP._replace(printed=((8, digits("0.866 0.015 0.118")),))),
                ("an entry of z_in", DEEP._replace(printed=((5, digits("0 24 54 17")),))))),
            *example("f rounded: (0.867, 0.016, 0.117)", DEEP_ROUNDED,
                     ("as printed", DEEP_ROUNDED._replace(printed=DEEP.printed[-1:]))),
            Part("f = (0.866, 0.015, 0.117), rounded",
                 DEEP_ROUNDED._replace(printed=DEEP.printed[-1:]),
                 by_textbook,
                 (Altered("cut off", DEEP),), Role.UNCONDITIONED),
        ),
        conditions=("the digits are cut off, not rounded",),
    ),
    Claim(
        "003.10", LECTURE, "Feedforward neural networks", Kind.PROPERTY,
        "an MLP is a series of affine maps, each wrapped in a nonlinear activation, "
        "R^N → R^M, for any number of hidden layers",
        (layers_of((3, 4, 2)), layers_of((2, 3, 3, 3, 2))),
    ),
    Claim(
        "003.11", LECTURE, "Booleans over the reals", Kind.PROPERTY,
        "a network of threshold units fires exactly inside a coloured region: a half-plane, a "
        "convex polygon, a union of polygons, a region with a hole",
        tuple(map(region, REGIONS)),
        note="the border belongs to a half-plane, a polygon and a union, and not to a hole",
    ),
    Claim(
        "003.12", LECTURE, "Representation learning", Kind.PROPERTY,
        "hidden layers learn a representation in which the classes become separable",
        (Part("XOR is linearly separable in the trained hidden layer of a 2-4-1 network",
              Hidden(trained=True), representation,
              (Altered("in the input itself", Hidden(trained=False)),)),),
    ),
    Claim(
        "003.13", LECTURE, "Backprop: gradient descent", Kind.PROPERTY,
        "a loss landscape has many local minima and saddle points",
        (
            Part("L(u, v) = ½ (u v − 1)² has a saddle at 0: gradient 0, eigenvalues −1 and 1 of "
                 "the Hessian", Saddle(1), saddle,
                 (Altered("of ½ (u v + 0)²: eigenvalues 0", Saddle(0)),)),
            Part("exchanging two hidden units changes no output: every minimum comes in h! copies",
                 Swap(both=True), permuted,
                 (Altered("exchanging the weights below alone", Swap(both=False)),)),
        ),
        note="the copies of a minimum are as good as it is; that others are worse is not claimed",
    ),
    Claim(
        "003.14", LECTURE, "Backprop: gradient descent", Kind.ERRATUM,
        "as the number of parameters grows with the depth, the computations become exponentially "
        "large",
        (
            Part("the operations of one gradient grow exponentially with the depth",
                 Depth("exponential"), work_of_backpropagation,
                 (Altered("linearly", Depth("linear")),), Role.PRINTED),
            Part("the operations of one gradient grow linearly with the depth",
                 Depth("linear"), work_of_backpropagation,
                 (Altered("exponentially", Depth("exponential")),), Role.CORRECTED),
            Part("the number of paths through the network grows exponentially with the depth",
                 Depth("exponential"), paths, (Altered("linearly", Depth("linear")),)),
        ),
    ),
    Claim(
        "003.15", LECTURE, "Why add more layers?", Kind.PROPERTY,
        "depth adds nonlinearity: a ReLU network folds space, and a deep one has exponentially "
        "more linear regions (Montúfar et al. 2014)",
        (
            Part("a tent map of two ReLU units, l times over, has 2^l linear pieces",
                 Folding(base=2), pieces, (Altered("l + 1", Folding(base=0)),)),
        ),
    ),
)  # fmt: skip
