"""CE-477, machine learning: neural networks (Fatemeh Seyyedsalehi)."""

from fractions import Fraction
from typing import Any

import sympy
from sympy import Subs, Symbol, exp, log

from derivations.lectures.chapter_3_4 import stays_linear
from derivations.lectures.claim import Altered, Claim, Kind, Lecture, Part, Role
from derivations.lectures.learning import (
    AtZero,
    Criterion,
    Delta,
    Examples,
    Perceptron,
    Taylor,
    Templates,
    at_zero,
    criterion,
    delta_rule,
    library_adaline,
    library_perceptron,
    perceptron,
    second_order,
    templates,
)
from derivations.lectures.letters import K, M, N, Network, d, eq, i, j, k, m, n, slope, total
from derivations.lectures.networks import (
    MatrixForm,
    layers_of,
    linear_stack,
    matrix_form,
    network_check,
    rule_is,
)
from derivations.lectures.parts import equation
from derivations.lectures.regions import region
from derivations.lectures.runs import Training, trained
from derivations.textbook.notation import function, tensor

LECTURE = Lecture(
    "001", "Neural networks (CE-477 Machine Learning, CS-828 Theory of Machine Learning)",
    "Fatemeh Seyyedsalehi",
)  # fmt: skip

NAMES = "a^{[l-1]} W^{[l]} b^{[l]} z^{[l]} a^{[l]} W^{[l+1]} b^{[l+1]} z^{[l+1]}"
net = Network(NAMES, "f", "loss")
loss, z, a, w = net.cost, net.z, net.a, net.w

# One neuron of K inputs.
_w, _x = tensor("w", K), tensor("x", K)
_y, _eta, _J, _theta = Symbol("y"), Symbol("eta"), Symbol("J"), Symbol("theta")
_wx = total(_w[i] * _x[i], i, K)
PERCEPTRON = (eq(_J, -_wx * _y),)
ADALINE = (eq(_J, (_y - _wx) ** 2),)
_error = (_y - _wx) * _x[k]
_phi = function("phi")
_from_zero = sympy.Sum(_w[i] * _x[i], (i, 0, K))

_t, _f = Symbol("z", real=True), Symbol("f", real=True)


def activation(
    name: str, text: str, formula: Any, printed: Any, wrong: Any, what: str
) -> tuple[Part, Part]:
    """An activation's derivative: from its definition, and in the code that runs."""
    x = Symbol("x", real=True)
    coded = [sympy.sympify(e).xreplace({_f: formula}).xreplace({_t: x}) for e in (printed, wrong)]
    return (
        equation(text, eq(d(_f, _t), printed), (what, eq(d(_f, _t), wrong)),
                 given=(eq(_f, formula),)),
        rule_is(name, coded[0], (what, coded[1]), slope=True),
    )  # fmt: skip


# Paths from x to y.
_g, _in, _out = tensor("g", M), Symbol("x"), Symbol("y")
_G, _F = function("g"), function("f")
PATHS = (eq(_g[m], _G(m, _in)), eq(_out, _F(_g)))
_y1, _y2, _zz = Symbol("y_1"), Symbol("y_2"), Symbol("z")
TWO = (eq(_y1, function("g_1")(_in)), eq(_y2, function("g_2")(_in)), eq(_zz, _F(_y1, _y2)))

# A small step t Δx from x.
_xs, _dx, _moved = (tensor(c, M) for c in ("x", "Deltax", "p"))
_step, _y0, _y_t = Symbol("t"), Symbol("y"), Symbol("y(t)")
STEP = (
    eq(_moved[m], _xs[m] + _step * _dx[m]), eq(_y0, _F(_xs)), eq(_y_t, _F(_moved)),
)  # fmt: skip

# A sum over examples, with a weight w.
_h, _ww = function("loss"), Symbol("w")
SUM = (eq(_J, total(_h(n, _ww), n, N)),)

# A softmax on the last layer.
_a0, _W = tensor("a^{[L-1]}", K), tensor("W^{[L]}", M, K)
_zs, _as, _l = (
    tensor("z^{[L]}", M),
    tensor("a^{[L]}", M),
    Symbol("loss"),
)
SOFTMAX = (
    eq(_zs[j], total(_W[j, k] * _a0[k], k, K)),
    eq(_as[j], exp(_zs[j]) / total(exp(_zs[m]), m, M)),
    eq(_l, function("loss")(_as)),
)
_own_path = eq(d(_l, _W[j, i]), d(_l, _as[j]) * d(_as[j], _zs[j]) * _a0[i])
_all_paths = eq(
    d(_l, _W[j, i]), total(d(_l, _as[m]) * d(_as[m], _zs[j]), m, M) * _a0[i]
)  # fmt: skip

CLAIMS = (
    Claim(
        "001.1", LECTURE, "Binary threshold neurons; Single neuron", Kind.PROPERTY,
        "the McCulloch–Pitts neuron: a weighted sum, then a binary threshold; φ(wᵀx) is a linear "
        "decision boundary",
        (region("a half-plane"),),
    ),
    Claim(
        "001.2", LECTURE, "Reminder: Perceptron Learning Algorithm", Kind.ALGORITHM,
        "cycle through the examples; if sign(wᵀx) ≠ y then w ← w + y x: it stops on linearly "
        "separable data",
        (Part("it stops within (R/γ)² mistakes", Perceptron(), perceptron,
              (Altered("w − y x", Perceptron(-1)),)),
         Part("so does the library's perceptron", Examples(), library_perceptron,
              (Altered("one label turned over", Examples(flipped=1)),))),
        conditions=("the data are linearly separable, with margin γ, within a radius R",),
    ),
    Claim(
        "001.3", LECTURE, "Training of a single neuron", Kind.ERRATUM,
        "perceptron: J_n = −wᵀx y for a misclassified example, ∇J_n = −η x y",
        (
            equation("∇J_n = −η x y", eq(d(_J, _w[k]), -_eta * _x[k] * _y),
                     ("−x y", eq(d(_J, _w[k]), -_x[k] * _y)), given=PERCEPTRON, role=Role.PRINTED),
            equation("∇J_n = −x y: η belongs to the update w − η ∇J_n",
                     eq(d(_J, _w[k]), -_x[k] * _y), ("x y", eq(d(_J, _w[k]), _x[k] * _y)),
                     given=PERCEPTRON, role=Role.CORRECTED),
            Part("the gradient that the library's perceptron learns by is its criterion's",
                 Criterion("perceptron"), criterion,
                 (Altered("half of it", Criterion("perceptron", 0.5)),)),
        ),
    ),
    Claim(
        "001.4", LECTURE, "Training of a single neuron", Kind.ERRATUM,
        "ADALINE (Widrow–Hoff, LMS, delta rule): J_n = (y − wᵀx)², ∇J_n = −η (y − wᵀx) x",
        (
            equation("∇J_n = −η (y − wᵀx) x", eq(d(_J, _w[k]), -_eta * _error),
                     ("−2 (y − wᵀx) x", eq(d(_J, _w[k]), -2 * _error)),
                     given=ADALINE, role=Role.PRINTED),
            equation("∇J_n = −2 (y − wᵀx) x", eq(d(_J, _w[k]), -2 * _error),
                     ("without the 2", eq(d(_J, _w[k]), -_error)),
                     given=ADALINE, role=Role.CORRECTED),
            Part("the gradient that the library's adaline learns by is its criterion's",
                 Criterion("adaline"), criterion,
                 (Altered("half of it", Criterion("adaline", 0.5)),)),
        ),
    ),
    Claim(
        "001.5", LECTURE, "Perceptron vs. Delta Rule", Kind.PROPERTY,
        "the delta rule converges to the hypothesis of least squared error, on data that no "
        "hyperplane separates too, and serves regression",
        (
            Part("labels that no hyperplane separates: within 10 η of least squares, η = 1/1000",
                 Delta(0.001, labels=True), delta_rule,
                 (Altered("uphill", Delta(-0.001, labels=True)),
                  Altered("η = 3/2", Delta(1.5, labels=True)))),
            Part("regression: within 10 η of least squares, η = 1/1000",
                 Delta(0.001, labels=False), delta_rule,
                 (Altered("uphill", Delta(-0.001, labels=False)),)),
            Part("the library's ADALINE, which steps 2 η: within 20 η of least squares",
                 Delta(0.001, labels=True), library_adaline,
                 (Altered("η = 3/2", Delta(1.5, labels=True)),)),
        ),
        conditions=("the learning rate is small; at a fixed one it stays near the solution",),
    ),
    Claim(
        "001.6", LECTURE, "Limitation of single layer network", Kind.PROPERTY,
        "a single layer is template matching: the weights of each class are its template",
        (Part("each of ten weight images is most like its own class's glyph", Templates(),
              templates, (Altered("like the next class's", Templates(mixed=True)),)),),
    ),
    Claim(
        "001.7", LECTURE, "Networks with hidden units", Kind.PROPERTY,
        "more layers of linear units do not help: it is still linear",
        (stays_linear(), linear_stack()),
    ),
    Claim(
        "001.8", LECTURE, "Multi-layer Neural Network; Sigmoid", Kind.IDENTITY,
        "z_j = φ(Σ_{i=0..d} w_ji x_i) with x_0 = 1; h = ψ(W² φ(W¹ x)); with a threshold, "
        "z = Σ_i w_i x_i − θ",
        (
            equation("φ(Σ_{i=0..d} w_i x_i) = φ(Σ_{i=1..d} w_i x_i + w_0) with x_0 = 1",
                     eq(_phi(_from_zero), _phi(_wx + _w[0])),
                     ("no bias", eq(_phi(_from_zero), _phi(_wx))), given=(eq(_x[0], 1),)),
            equation("Σ_i w_i x_i − θ is the same with w_0 = −θ",
                     eq(_wx - _theta, _from_zero),
                     ("+ θ", eq(_wx + _theta, _from_zero)),
                     given=(eq(_x[0], 1), eq(_w[0], -_theta))),
            layers_of((4, 3, 2)),
        ),
    ),
    Claim(
        "001.9", LECTURE, "Activations and their derivatives", Kind.IDENTITY,
        "f(z) = 1/(1 + e^{−z}): f'(z) = f(z) (1 − f(z))",
        activation("sigmoid", "f' = f (1 − f)", 1 / (1 + exp(-_t)), _f * (1 - _f), _f * (1 + _f),
                   "1 + f"),
        derivation="sigmoid",
    ),
    Claim(
        "001.10", LECTURE, "Activations and their derivatives", Kind.IDENTITY,
        "f(z) = tanh z: f'(z) = 1 − f(z)²",
        activation("tanh", "f' = 1 − f²", (exp(_t) - exp(-_t)) / (exp(_t) + exp(-_t)), 1 - _f**2,
                   1 - _f, "1 − f"),
        derivation="tanh",
    ),
    Claim(
        "001.11", LECTURE, "Activations and their derivatives", Kind.IDENTITY,
        "f(z) = 0 for z < 0, z for z ≥ 0: f'(z) = 1 for z ≥ 0, 0 for z < 0",
        (
            *(part._replace(role=Role.CONDITIONED) for part in activation(
                "relu", "f' = 1 for z > 0, 0 for z < 0",
                sympy.Piecewise((0, _t < 0), (_t, True)), sympy.Piecewise((0, _t < 0), (1, True)),
                sympy.Piecewise((1, _t < 0), (0, True)), "the two branches exchanged")),
            Part("f'(0) = 1", AtZero("relu", Fraction(1)), at_zero,
                 (Altered("softplus, whose derivative at 0 is 1/2",
                          AtZero("softplus", Fraction(1, 2))),), Role.UNCONDITIONED),
        ),
        conditions=("z ≠ 0",),
        note="at 0 there is no derivative: from the left it is 0, from the right 1; the lecture "
        "takes 1, most libraries take 0, and so does this one",
        derivation="relu",
    ),
    Claim(
        "001.12", LECTURE, "Activations and their derivatives", Kind.IDENTITY,
        "f(z) = log(1 + e^z): f'(z) = 1/(1 + e^{−z})",
        activation("softplus", "f' = 1/(1 + e^{−z})", log(1 + exp(_t)), 1 / (1 + exp(-_t)),
                   1 / (1 + exp(_t)), "the sign of z"),
        derivation="softplus",
    ),
    Claim(
        "001.13", LECTURE, "Training Neural Nets through Gradient Descent", Kind.ALGORITHM,
        "J = Σ_n loss(h(x_n), y_n); w_ji^[k] ← w_ji^[k] − η dJ/dw_ji^[k] until J has converged",
        (
            equation("dJ/dw = Σ_n dloss_n/dw", eq(d(_J, _ww), total(d(_h(n, _ww), _ww), n, N)),
                     ("a sign", eq(d(_J, _ww), -total(d(_h(n, _ww), _ww), n, N))), given=SUM),
            Part("J falls in each of 200 steps of a 2-4-1 network, η = 1/2",
                 Training(rate=0.5, steps=200), trained,
                 (Altered("w + η dJ/dw", Training(rate=-0.5, steps=200)),)),
        ),
    ),
    Claim(
        "001.14", LECTURE, "Calculus Refresher: Basic rules of calculus", Kind.PROPERTY,
        "Δy ≈ Σ_m ∂y/∂x_m Δx_m for small Δx",
        (
            equation("d/dt f(x + t Δx) = Σ_m ∂f/∂x_m Δx_m at t = 0, for any f and M",
                     eq(Subs(d(_y_t, _step), _step, 0), total(d(_y0, _xs[m]) * _dx[m], m, M)),
                     ("Δx²", eq(Subs(d(_y_t, _step), _step, 0),
                                total(d(_y0, _xs[m]) * _dx[m] ** 2, m, M))),
                     given=STEP),
            Part("halving Δx divides the error by 4", Taylor(4), second_order,
                 (Altered("by 2", Taylor(2)), Altered("by 8", Taylor(8)))),
        ),
    ),
    Claim(
        "001.15", LECTURE, "Multiple paths chain rule; Distributed Chain rule", Kind.IDENTITY,
        "dy/dx = Σ_{m=1..M} ∂f/∂g_m dg_m/dx",
        (
            equation("∂z/∂x = ∂z/∂y_1 ∂y_1/∂x + ∂z/∂y_2 ∂y_2/∂x",
                     eq(d(_zz, _in), d(_zz, _y1) * d(_y1, _in) + d(_zz, _y2) * d(_y2, _in)),
                     ("one path", eq(d(_zz, _in), d(_zz, _y1) * d(_y1, _in))), given=TWO),
            equation("along M paths, M a symbol",
                     eq(d(_out, _in), total(d(_out, _g[m]) * d(_g[m], _in), m, M)),
                     ("the first path twice",
                      eq(d(_out, _in), total(d(_out, _g[m]) * d(_g[m], _in), m, M)
                         + d(_out, _g[1]) * d(_g[1], _in))),
                     given=PATHS),
        ),
        derivation="chain_rule_paths",
    ),
    Claim(
        "001.16", LECTURE, "Backpropagation: Last layer gradient", Kind.IDENTITY,
        "∂loss/∂w_ji^[L] = ∂loss/∂a_j^[L] f'(z_j^[L]) a_i^[L−1]",
        (
            equation("∂loss/∂w_ji = ∂loss/∂a_j f'(z_j) a_i",
                     eq(d(loss, w[j, i]), d(loss, a[j]) * slope(net.f, z[j]) * net.a0[i]),
                     ("without f'", eq(d(loss, w[j, i]), d(loss, a[j]) * net.a0[i])),
                     given=net.last, role=Role.CONDITIONED),
            equation("the same, if the output is a softmax", _own_path,
                     ("the sum over all outputs", _all_paths),
                     given=SOFTMAX, role=Role.UNCONDITIONED),
            equation("for a softmax: ∂loss/∂w_ji = a_i Σ_m ∂loss/∂a_m ∂a_m/∂z_j", _all_paths,
                     ("its own output alone", _own_path), given=SOFTMAX, role=Role.CORRECTED),
        ),
        conditions=("the output activation acts element by element",),
        derivation="backpropagation_output_weights",
    ),
    Claim(
        "001.17", LECTURE, "Backpropagation", Kind.IDENTITY,
        "δ_j^[l] = ∂loss/∂z_j^[l]; δ_i^[l−1] = f'(z_i^[l−1]) Σ_j δ_j^[l] w_ji^[l]; "
        "∂loss/∂w_ji^[l] = δ_j^[l] a_i^[l−1]",
        (
            equation("δ_i^[l−1] = f'(z_i^[l−1]) Σ_j δ_j^[l] w_ji^[l]", net.hidden(),
                     ("a factor 2", net.hidden(2)), given=net.given),
            equation("∂loss/∂w_ji^[l] = δ_j^[l] a_i^[l−1]",
                     eq(d(loss, w[j, i]), net.a0[i] * d(loss, z[j])),
                     ("∂loss/∂a for δ", eq(d(loss, w[j, i]), net.a0[i] * d(loss, a[j]))),
                     given=net.given),
        ),
        derivation="backpropagation_hidden",
    ),
    Claim(
        "001.18", LECTURE, "Multi-layer network: Matrix notation", Kind.IDENTITY,
        "∂loss/∂W^[l] = ∂loss/∂z^[l] a^[l−1]ᵀ; ∂loss/∂z^[l] = f'(z^[l]) W^[l+1]ᵀ ∂loss/∂z^[l+1]",
        (
            equation("(∂loss/∂W^[l])_ji = (∂loss/∂z^[l])_j a_i^[l−1]",
                     eq(d(loss, w[j, i]), d(loss, z[j]) * net.a0[i]),
                     ("a sign", eq(d(loss, w[j, i]), -d(loss, z[j]) * net.a0[i])),
                     given=net.given),
            Part("f'(z) as a diagonal matrix", MatrixForm("diagonal"), matrix_form,
                 (Altered("as a column", MatrixForm("column")),), Role.CONDITIONED),
            Part("f'(z) as an element-by-element factor", MatrixForm("element-wise"), matrix_form,
                 (Altered("as a column", MatrixForm("column")),), Role.CONDITIONED),
            Part("f'(z) as the column that f' of a column is", MatrixForm("column"), matrix_form,
                 (Altered("as a diagonal matrix", MatrixForm("diagonal")),), Role.UNCONDITIONED),
        ),
        conditions=("f'(z) is a diagonal matrix, or multiplies element by element",),
        derivation="backpropagation_weights",
    ),
    Claim(
        "001.19", LECTURE, "Backpropagation Algorithm", Kind.ALGORITHM,
        "for each example: feed forward, find every δ, then w_ji^[l] ← w_ji^[l] − η δ_j^[l] "
        "a_i^[l−1]",
        (
            Part("online, on the rows of XOR, the loss of a 2-4-1 network falls below a quarter",
                 Training(rate=0.3, steps=2000, online=True), trained,
                 (Altered("a plus", Training(rate=-0.3, steps=2000, online=True)),)),
            network_check((2, 3, 1), "tanh"),
        ),
    ),
)  # fmt: skip
