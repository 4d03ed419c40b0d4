"""STOR566, lecture 6: neural networks (Yao Li)."""

from typing import Any

import sympy
from sympy import Symbol, exp, log

from derivations.lectures.claim import Altered, Claim, Kind, Lecture, Part, Role
from derivations.lectures.example import Example, dense, digits
from derivations.lectures.letters import K, Network, Q, d, eq, i, j, k, q, slope, total
from derivations.lectures.memory import Memory, Saving, memory_grows, saved
from derivations.lectures.networks import composed, layers_of, network_check
from derivations.lectures.parts import equation, example
from derivations.lectures.regions import region
from derivations.lectures.runs import Training, trained
from derivations.textbook.notation import function, tensor

LECTURE = Lecture("002", "STOR566: Introduction to Deep Learning, Lecture 6", "Yao Li")

NAMES = "x^{(l-1)} w^{(l)} b^{(l)} s^{(l)} x^{(l)} w^{(l+1)} b^{(l+1)} s^{(l+1)}"
net = Network(NAMES, "theta", "e")


def tanh(s: object) -> object:
    """The activation of the lecture's worked derivation."""
    return sympy.tanh(s)


curved = Network(NAMES, "tanh", "e", slope_of=tanh)
e, s, x, w = net.cost, net.z, net.a, net.w

# One neuron, with the bias beside a sum from zero, and without.
_w, _x, _b, _s = (
    tensor("w", K),
    tensor("x", K),
    Symbol("b"),
    Symbol("s"),
)
_biased = total(_w[i] * _x[i], i, K) + _b
_from_zero = sympy.Sum(_w[i] * _x[i], (i, 0, K))
BIAS = (eq(_s, _biased), eq(_x[0], 1), eq(_w[0], _b))

EXERCISE = Example(
    digits("1.5 -1.0 1.3"),
    (
        dense("0.3 0.4 0.2\n0.3 0.5 0.2\n0.8 1.0 -1.0", "0 0 0"), "relu",
        dense("0 -1.2 0.5\n0.9 1.0 0", "0 0"), "relu",
        dense("-1.0 1.0", "0"), "relu",
    ),
    ((1, digits("0.31 0.21 -1.1")), (3, digits("-0.252 0.489")), (6, digits("0.489"))),
)  # fmt: skip

# The last layer: one neuron, square loss.
_y, _x1, _s1, _e = Symbol("y"), Symbol("x_1^{(L)}"), Symbol("s_1^{(L)}"), Symbol("e")
_theta = function("theta")
SQUARE = (eq(_x1, _theta(_s1)), eq(_e, (_x1 - _y) ** 2))

# The drawn net: two tanh neurons, three, and one.
TWO: Any = sympy.Integer(2)
THREE: Any = sympy.Integer(3)
_x2, _s2 = tensor("x^{(2)}", TWO), tensor("s^{(2)}", TWO)
_x3, _s3 = tensor("x^{(3)}", THREE), tensor("s^{(3)}", THREE)
_w3, _w4 = tensor("w^{(3)}", TWO, THREE), tensor("w^{(4)}", THREE)
_x4, _s4 = Symbol("x_1^{(4)}"), Symbol("s_1^{(4)}")
DRAWN = (
    eq(_x2[i], sympy.tanh(_s2[i])),
    eq(_s3[j], total(_w3[i, j] * _x2[i], i, 2)),
    eq(_x3[j], sympy.tanh(_s3[j])),
    eq(_s4, total(_w4[j] * _x3[j], j, 3)),
    eq(_x4, sympy.tanh(_s4)),
    eq(_e, (_x4 - _y) ** 2),
)
_d4 = d(_e, _s4)


def _third(n: int) -> Part:
    right = (1 - _x3[n] ** 2) * _d4 * _w4[n]
    other = _w4[n % 3 + 1]
    return equation(
        f"δ_{n}^(3) = (1 − (x_{n}^(3))²) δ_1^(4) w_{n}1^(4)", eq(d(_e, _s3[n]), right),
        ("another weight", eq(d(_e, _s3[n]), (1 - _x3[n] ** 2) * _d4 * other)), given=DRAWN,
    )  # fmt: skip


def _second(n: int) -> Part:
    def right(power: int, row: int) -> object:
        return (1 - _x2[n] ** power) * total(d(_e, _s3[j]) * _w3[row, j], j, 3)

    return equation(
        f"δ_{n}^(2) = (1 − (x_{n}^(2))²) Σ_j δ_j^(3) w_{n}j^(3)", eq(d(_e, _s2[n]), right(2, n)),
        ("x for x²", eq(d(_e, _s2[n]), right(1, n))),
        ("the other row of weights", eq(d(_e, _s2[n]), right(2, 3 - n))), given=DRAWN,
    )  # fmt: skip


# Softmax and cross-entropy.
_f, _p, _t = (tensor(c, K) for c in "fpy")
_L = Symbol("L")
ENTROPY = (
    eq(_p[k], exp(_f[k]) / total(exp(_f[j]), j, K)),
    eq(_L, -total(_t[i] * log(_p[i]), i, K)),
)
_sums_to_one = eq(total(_t[j], j, K), sympy.Integer(1))

CLAIMS = (
    Claim(
        "002.1", LECTURE, "Another way to introduce nonlinearity", Kind.PROPERTY,
        "hyperplanes combine into a nonlinear hypothesis; a final single neuron predicts by "
        "sign(h(x))",
        (region("a convex polygon"), region("a union of polygons")),
    ),
    Claim(
        "002.2", LECTURE, "Formal Definitions", Kind.ERRATUM,
        "x_j^(l) = θ(Σ_{i=0..d^(l−1)} w_ij x_i^(l−1) + b_j)",
        (
            equation("s = Σ_{i=0..d} w_i x_i + b with x_0 = 1, w_0 = b: the bias is counted twice",
                     eq(_s, _from_zero + _b), ("without + b", eq(_s, _from_zero)),
                     given=BIAS, role=Role.PRINTED),
            equation("s = Σ_{i=1..d} w_i x_i + b", eq(_s, total(_w[i] * _x[i], i, K) + _b),
                     ("the sum from 0", eq(_s, _from_zero + _b)),
                     given=BIAS, role=Role.CORRECTED),
            equation("or s = Σ_{i=0..d} w_i x_i with x_0 = 1, w_0 = b, and no b",
                     eq(_s, _from_zero), ("with + b", eq(_s, _from_zero + _b)),
                     given=BIAS, role=Role.CORRECTED),
        ),
        conditions=("x_0 = 1 and w_0j = b_j, as the extended notation has it",),
    ),
    Claim(
        "002.3", LECTURE, "With the bias term", Kind.ALGORITHM,
        "h(x) = θ(W4 θ(W3 θ(W2 θ(W1 x + b1) + b2) + b3) + b4)",
        (layers_of((3, 4, 2, 3, 1)),),
    ),
    Claim(
        "002.4", LECTURE, "Example: Forward Pass Computation", Kind.EXAMPLE,
        "x = (1.5, −1.0, 1.3), ReLU, W1, W2, W3 as printed, no biases: h(x) = 0.489",
        example("[.31, .21, −1.1], [−.252, .489] and 0.489", EXERCISE,
                ("a digit", EXERCISE._replace(printed=((6, digits("0.488")),))),
                ("a sign", EXERCISE._replace(printed=((1, digits("0.31 0.21 1.1")),)))),
    ),
    Claim(
        "002.5", LECTURE, "Computing Gradient", Kind.IDENTITY,
        "∂s_j/∂w_ij = x_i; δ_i^(l−1) = Σ_j δ_j^(l) w_ij^(l) θ'(s_i^(l−1))",
        (
            equation("∂s_j^(l)/∂w_ij^(l) = x_i^(l−1)", eq(d(s[j], w[j, k]), net.a0[k]),
                     ("the square", eq(d(s[j], w[j, k]), net.a0[k] ** 2)), given=net.given),
            equation("δ_i^(l−1) = Σ_j δ_j^(l) w_ij^(l) θ'(s_i^(l−1))", net.hidden(),
                     ("a sign", net.hidden(-1)), given=net.given),
        ),
        note="the lecture writes w_ij from i to j; here as elsewhere the receiving neuron comes "
        "first",
        derivation="backpropagation_hidden",
    ),
    Claim(
        "002.6", LECTURE, "Computing Gradient", Kind.IDENTITY,
        "tanh: δ_i^(l−1) = (1 − (x_i^(l−1))²) Σ_j w_ij^(l) δ_j^(l)",
        (
            equation(
                "for tanh, of any widths",
                eq(d(curved.cost, curved.z[j]), (1 - curved.a[j] ** 2)
                   * total(curved.w1[q, j] * d(curved.cost, curved.z1[q]), q, Q)),
                ("1 − x", eq(d(curved.cost, curved.z[j]), (1 - curved.a[j])
                             * total(curved.w1[q, j] * d(curved.cost, curved.z1[q]), q, Q))),
                given=curved.given,
            ),
            network_check((3, 2, 2), "tanh"),
        ),
        derivation="backpropagation_hidden_tanh",
    ),
    Claim(
        "002.7", LECTURE, "Final layer; the drawn network", Kind.IDENTITY,
        "e = (x_1^(L) − y)²: δ_1^(L) = 2 (x_1^(L) − y) θ'(s_1^(L)), and the six deltas of the "
        "4-layer tanh net",
        (
            equation("δ_1^(L) = 2 (x_1^(L) − y) θ'(s_1^(L)), for any θ",
                     eq(d(_e, _s1), 2 * (_x1 - _y) * slope(_theta, _s1)),
                     ("without the 2", eq(d(_e, _s1), (_x1 - _y) * slope(_theta, _s1))),
                     given=SQUARE),
            equation("δ_1^(4) = 2 (x_1^(4) − y) (1 − (x_1^(4))²)",
                     eq(_d4, 2 * (_x4 - _y) * (1 - _x4**2)),
                     ("1 + x²", eq(_d4, 2 * (_x4 - _y) * (1 + _x4**2))), given=DRAWN),
            *(_third(n) for n in (1, 2, 3)),
            *(_second(n) for n in (1, 2)),
        ),
        derivation="backpropagation_output_squared",
    ),
    Claim(
        "002.8", LECTURE, "SGD for neural networks", Kind.ALGORITHM,
        "forward all x, backward all δ, w_ij ← w_ij − η x_i^(l−1) δ_j^(l)",
        (
            equation("x_i^(l−1) δ_j^(l) is the gradient in w_ij^(l)",
                     eq(d(e, w[j, k]), net.a0[k] * d(e, s[j])),
                     ("a factor 2", eq(d(e, w[j, k]), 2 * net.a0[k] * d(e, s[j]))),
                     given=net.given),
            Part("SGD on the rows of XOR brings the loss of a 2-4-1 network below a quarter",
                 Training(rate=0.3, steps=2000, online=True), trained,
                 (Altered("w + η x δ", Training(rate=-0.3, steps=2000, online=True)),)),
        ),
    ),
    Claim(
        "002.9", LECTURE, "Backpropagation", Kind.PROPERTY,
        "given the derivative of each basic function, the derivative of any composition follows "
        "automatically",
        composed(),
        conditions=("the derivative of each basic function is right",),
    ),
    Claim(
        "002.10", LECTURE, "Backpropagation", Kind.PROPERTY,
        "automatic differentiation stores every intermediate of each sample: memory grows with "
        "the batch",
        (
            Part("the memory that jax.grad of a network of eight layers takes grows in proportion "
                 "to the batch", Memory(power=1), memory_grows,
                 (Altered("not at all", Memory(power=0)),
                  Altered("with its square", Memory(power=2)))),
            Part("a rule that keeps one array a layer saves memory: with relu",
                 Saving("relu", 0.6), saved, (Altered("half as much", Saving("relu", 0.3)),)),
            Part("with softplus", Saving("softplus", 0.5), saved,
                 (Altered("half as much", Saving("softplus", 0.25)),)),
            Part("with silu", Saving("silu", 0.25), saved,
                 (Altered("half as much", Saving("silu", 0.125)),)),
            Part("with sigmoid jax.grad itself keeps one array a layer, and nothing is saved",
                 Saving("sigmoid", 1.25), saved,
                 (Altered("something is saved", Saving("sigmoid", 0.9)),)),
        ),
    ),
    Claim(
        "002.11", LECTURE, "Multiclass Classification; Multiclass loss", Kind.IDENTITY,
        "p_i = e^{f_i}/Σ_j e^{f_j}, L = −Σ_i y_i log p_i; ∂L/∂f = p − y",
        (
            equation("∂L/∂f_k = p_k − y_k, if Σ_i y_i = 1", eq(d(_L, _f[k]), _p[k] - _t[k]),
                     ("y − p", eq(d(_L, _f[k]), _t[k] - _p[k])),
                     ("p", eq(d(_L, _f[k]), _p[k])),
                     given=ENTROPY, hypothesis=_sums_to_one, role=Role.CONDITIONED),
            equation("∂L/∂f_k = p_k − y_k, for any y", eq(d(_L, _f[k]), _p[k] - _t[k]),
                     ("p_k Σ y − y_k",
                      eq(d(_L, _f[k]), _p[k] * total(_t[j], j, K) - _t[k])),
                     given=ENTROPY, role=Role.UNCONDITIONED),
            equation("∂L/∂f_k = p_k Σ_i y_i − y_k, for any y",
                     eq(d(_L, _f[k]), _p[k] * total(_t[j], j, K) - _t[k]),
                     ("p − y", eq(d(_L, _f[k]), _p[k] - _t[k])),
                     given=ENTROPY, role=Role.CORRECTED),
        ),
        conditions=("Σ_i y_i = 1",),
        derivation="softmax_cross_entropy",
    ),
)  # fmt: skip
