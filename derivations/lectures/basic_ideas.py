"""Neural Network (Basic Ideas): from one neuron to backpropagation."""

from sympy import Symbol

from derivations.lectures.chapter_3_4 import output_layer, softmax_output
from derivations.lectures.claim import Altered, Claim, Kind, Lecture, Part, Role
from derivations.lectures.decisions import (
    XOR,
    Table,
    by_one_layer,
    by_two_layers,
    one_hot_decisions,
    threshold_layer,
)
from derivations.lectures.descent import descends, falls_when_small, gradient_descent, large_step
from derivations.lectures.example import Example, dense, digits
from derivations.lectures.letters import N, Network, d, eq, j, k, n, slope, total
from derivations.lectures.networks import Orientation, layers_of, network_check, weight_shape
from derivations.lectures.parts import equation, example
from derivations.textbook.notation import function

LECTURE = Lecture("000", "Neural Network (Basic Ideas)")

net = Network("a^{l-1} W^l b^l z^l a^l W^{l+1} b^{l+1} z^{l+1}", "sigma", "l")
cost, z, a, w = net.cost, net.z, net.a, net.w

_sigma = Symbol("z")
FIRST = dense("1 -2\n-1 1", "1 0")
MATRIX = Example(
    digits("1 -1"), (FIRST, "sigmoid"), ((1, digits("4 -2")), (2, digits("0.98 0.12")))
)
DRAWN = Example(
    digits("1 -1"),
    (
        FIRST, "sigmoid", dense("2 -1\n-2 -1", "0 0"), "sigmoid",
        dense("3 -1\n-1 4", "-2 2"), "sigmoid",
    ),
    ((6, digits("0.62 0.83")),),
)  # fmt: skip
AT_ZERO = DRAWN._replace(x=digits("0 0"), printed=((6, digits("0.51 0.85")),))

# Chain rule: what depends on what.
_x, _y, _z, _s, _l = (Symbol(c) for c in ("x", "y", "z", "s", "l"))
_g, _h, _k = function("g"), function("h"), function("k")
CASE_1 = (eq(_y, _g(_x)), eq(_z, _h(_y)))
CASE_2 = (eq(_x, _g(_s)), eq(_y, _h(_s)), eq(_z, _k(_x, _y)))

# A neuron z with two neurons z', z'' above it.
_w3, _w4, _b3, _b4 = (Symbol(c) for c in ("w_3", "w_4", "b_3", "b_4"))
_z1, _z2, _a = Symbol("z'"), Symbol("z''"), Symbol("a")
_f = function("sigma")
TWO_ABOVE = (
    eq(_a, _f(_z)), eq(_z1, _w3 * _a + _b3), eq(_z2, _w4 * _a + _b4),
    eq(_l, function("l")(_z1, _z2)),
)  # fmt: skip
_above = _w3 * d(_l, _z1) + _w4 * d(_l, _z2)

# A sum over examples.
_C, _L, _w = function("C"), Symbol("L"), Symbol("w")
SUM = (eq(_L, total(_C(n, _w), n, N)),)

CLAIMS = (
    Claim(
        "000.1", LECTURE, "What is the function we are looking for?", Kind.PROPERTY,
        "classification is f: R^N → R^M; a 16 × 16 image of ink is a vector of 256, a digit a "
        "one-hot vector of 10, and the decision the index of the largest output",
        (one_hot_decisions((16, 16), 10),),
    ),
    Claim(
        "000.2", LECTURE, "Single Neuron; A Layer of Neuron", Kind.PROPERTY,
        "a single neuron maps R^N → R and decides two classes by a threshold; a layer of ten "
        "decides ten classes",
        (threshold_layer(1, 2), threshold_layer(10, 10)),
    ),
    Claim(
        "000.3", LECTURE, "Limitation of Single Layer", Kind.PROPERTY,
        "no single layer with a threshold gives the table 00 → no, 01 → yes, 10 → yes, 11 → no; "
        "one hidden layer does",
        (
            Part("w·x + b ≥ 0 on 01 and 10, and < 0 on 00 and 11, has no solution", XOR,
                 by_one_layer,
                 (Altered("the table of OR", Table("0111")), Altered("of AND", Table("0001")))),
            Part("hidden units for 01 and for 10, and one unit for either: gives it", XOR,
                 by_two_layers, (Altered("the table of OR", Table("0111")),)),
        ),
    ),
    Claim(
        "000.4", LECTURE, "Notation", Kind.ERRATUM,
        "w_ij^l goes from neuron j of layer l − 1 to neuron i of layer l; W^l is N_{l−1} × N_l",
        (
            Part("W^l of shape N_{l−1} × N_l, with z^l = W^l a^{l−1} + b^l",
                 Orientation("in, out"), weight_shape,
                 (Altered("N_l × N_{l−1}", Orientation("out, in")),), Role.PRINTED),
            Part("W^l of shape N_l × N_{l−1}, with z^l = W^l a^{l−1} + b^l",
                 Orientation("out, in"), weight_shape,
                 (Altered("N_{l−1} × N_l", Orientation("in, out")),), Role.CORRECTED),
        ),
    ),
    Claim(
        "000.5", LECTURE, "Relations between Layer Outputs", Kind.IDENTITY,
        "z_i^l = Σ_j w_ij^l a_j^{l−1} + b_i^l; together z^l = W^l a^{l−1} + b^l, a^l = σ(z^l)",
        (layers_of(("K", "M")),),
    ),
    Claim(
        "000.6", LECTURE, "Matrix Operation", Kind.EXAMPLE,
        "σ(z) = 1/(1 + e^{−z}), and σ([[1, −2], [−1, 1]] [1, −1]ᵀ + [1, 0]ᵀ) = [0.98, 0.12]",
        example(
            "z = [4, −2], a = [0.98, 0.12]", MATRIX,
            ("a digit", MATRIX._replace(printed=((2, digits("0.98 0.13")),))),
            ("the input's sign", MATRIX._replace(x=digits("-1 1"))),
        ),
    ),
    Claim(
        "000.7", LECTURE, "Fully Connect Feedforward Network", Kind.EXAMPLE,
        "the drawn network gives f([1, −1]) = [0.62, 0.83] and f([0, 0]) = [0.51, 0.85]",
        (
            *example("f([1, −1]) = [0.62, 0.83]", DRAWN,
                     ("a digit", DRAWN._replace(printed=((6, digits("0.62 0.84")),)))),
            *example("f([0, 0]) = [0.51, 0.85]", AT_ZERO,
                     ("a digit", AT_ZERO._replace(printed=((6, digits("0.52 0.85")),)))),
        ),
        note="the drawing with the weights is lost; the weights here give both outputs: "
        "W1 = [[1, −2], [−1, 1]], b1 = [1, 0]; W2 = [[2, −1], [−2, −1]], b2 = [0, 0]; "
        "W3 = [[3, −1], [−1, 4]], b3 = [−2, 2]",
    ),
    Claim(
        "000.8", LECTURE, "Neural Network", Kind.ALGORITHM,
        "y = f(x) = σ(W^L … σ(W^2 σ(W^1 x + b^1) + b^2) … + b^L)",
        (layers_of((4, 3, 2)), layers_of((2, 2, 3, 2, 2))),
    ),
    Claim(
        "000.9", LECTURE, "Total Loss; Backpropagation", Kind.IDENTITY,
        "L(θ) = Σ_n l^n(θ), hence ∂L/∂w = Σ_n ∂l^n/∂w",
        (
            equation(
                "∂L/∂w = Σ_n ∂C^n/∂w, for any number of examples",
                eq(d(_L, _w), total(d(_C(n, _w), _w), n, N)),
                ("the mean", eq(d(_L, _w), total(d(_C(n, _w), _w), n, N) / N)),
                given=SUM,
            ),
        ),
    ),
    Claim(
        "000.10", LECTURE, "Gradient Descent", Kind.ALGORITHM,
        "θ^1 = θ^0 − η ∇L(θ^0); for a small enough η the loss falls",
        (falls_when_small(), descends(), large_step(), gradient_descent()),
        conditions=("η is small enough, and ∇L(θ^0) is not zero",),
    ),
    Claim(
        "000.11", LECTURE, "Chain Rule, case 1", Kind.IDENTITY,
        "y = g(x), z = h(y): dz/dx = dz/dy dy/dx",
        (
            equation(
                "dz/dx = dz/dy dy/dx, for any g and h", eq(d(_z, _x), d(_z, _y) * d(_y, _x)),
                ("a sum for the product", eq(d(_z, _x), d(_z, _y) + d(_y, _x))), given=CASE_1,
            ),
        ),
        conditions=("g is differentiable at x, and h at g(x)",),
        derivation="chain_rule_case_1",
    ),
    Claim(
        "000.12", LECTURE, "Chain Rule, case 2", Kind.IDENTITY,
        "x = g(s), y = h(s), z = k(x, y): dz/ds = ∂z/∂x dx/ds + ∂z/∂y dy/ds",
        (
            equation(
                "dz/ds = ∂z/∂x dx/ds + ∂z/∂y dy/ds, for any g, h and k",
                eq(d(_z, _s), d(_z, _x) * d(_x, _s) + d(_z, _y) * d(_y, _s)),
                ("one path alone", eq(d(_z, _s), d(_z, _x) * d(_x, _s))),
                ("a minus", eq(d(_z, _s), d(_z, _x) * d(_x, _s) - d(_z, _y) * d(_y, _s))),
                given=CASE_2,
            ),
        ),
        conditions=("g and h are differentiable at s, and k at (g(s), h(s))",),
        derivation="chain_rule_case_2",
    ),
    Claim(
        "000.13", LECTURE, "Backpropagation – Forward pass", Kind.IDENTITY,
        "∂z/∂w is the value of the input that the weight connects; ∂l/∂w = ∂z/∂w ∂l/∂z",
        (
            equation("∂z_j/∂w_jk = a_k", eq(d(z[j], w[j, k]), net.a0[k]),
                     ("the square", eq(d(z[j], w[j, k]), net.a0[k] ** 2)), given=net.given),
            equation("∂l/∂w_jk = ∂z_j/∂w_jk ∂l/∂z_j",
                     eq(d(cost, w[j, k]), d(z[j], w[j, k]) * d(cost, z[j])),
                     ("∂l/∂a for ∂l/∂z", eq(d(cost, w[j, k]), d(z[j], w[j, k]) * d(cost, a[j]))),
                     given=net.given),
        ),
        derivation="backpropagation_weights",
    ),
    Claim(
        "000.14", LECTURE, "Backpropagation – Backward pass", Kind.IDENTITY,
        "∂l/∂z = σ'(z) [w_3 ∂l/∂z' + w_4 ∂l/∂z'']",
        (
            equation(
                "∂l/∂a = ∂z'/∂a ∂l/∂z' + ∂z''/∂a ∂l/∂z''",
                eq(d(_l, _a), d(_z1, _a) * d(_l, _z1) + d(_z2, _a) * d(_l, _z2)),
                ("the first path alone", eq(d(_l, _a), d(_z1, _a) * d(_l, _z1))),
                given=TWO_ABOVE,
            ),
            equation(
                "∂l/∂z = σ'(z) [w_3 ∂l/∂z' + w_4 ∂l/∂z'']",
                eq(d(_l, _z), slope(_f, _z) * _above),
                ("w_3 and w_4 exchanged",
                 eq(d(_l, _z), slope(_f, _z) * (_w4 * d(_l, _z1) + _w3 * d(_l, _z2)))),
                ("σ(z) for σ'(z)", eq(d(_l, _z), _f(_z) * _above)),
                given=TWO_ABOVE,
            ),
        ),
        derivation="backpropagation_two_neurons",
    ),
    Claim(
        "000.15", LECTURE, "Backpropagation – Backward pass, case 1: output layer", Kind.IDENTITY,
        "∂l/∂z' = ∂y_1/∂z' ∂l/∂y_1",
        (
            output_layer("∂l/∂z_j = ∂y_j/∂z_j ∂l/∂y_j", net, role=Role.CONDITIONED),
            *softmax_output("∂l/∂z_j = ∂y_j/∂z_j ∂l/∂y_j", "z", "y", "l"),
        ),
        conditions=("the output activation acts element by element",),
        derivation="backpropagation_output_softmax",
    ),
    Claim(
        "000.16", LECTURE, "Backpropagation – Backward pass, case 2; Summary", Kind.ALGORITHM,
        "compute ∂l/∂z from the output layer backwards, recursively; then ∂l/∂w = a ∂l/∂z for "
        "every w",
        (
            equation("∂l/∂z_j = σ'(z_j) Σ_q w_qj ∂l/∂z_q, whatever lies above", net.hidden(),
                     ("a factor 2", net.hidden(2)), given=net.given),
            equation("∂l/∂w_jk = a_k ∂l/∂z_j", eq(d(cost, w[j, k]), net.a0[k] * d(cost, z[j])),
                     ("a sign", eq(d(cost, w[j, k]), -net.a0[k] * d(cost, z[j]))),
                     given=net.given),
            network_check((2, 3, 3, 2), "sigmoid"),
        ),
        derivation="backpropagation_induction",
    ),
)  # fmt: skip
