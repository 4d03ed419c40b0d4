"""CH3.4 Neural Networks: forward pass and backpropagation, layer by layer."""

import sympy
from sympy import Symbol

from derivations.lectures.claim import Altered, Claim, Kind, Lecture, Part, Role
from derivations.lectures.letters import K, M, N, Network, d, eq, i, j, k, m, slope, total
from derivations.lectures.networks import layers_of, linear_stack, network_check
from derivations.lectures.order import UpdateOrder, updates
from derivations.lectures.parts import equation
from derivations.textbook.notation import function, tensor

LECTURE = Lecture("004", "CH3.4 Neural Networks")

net = Network("a^{l-1} W^l b^l z^l a^l W^{l+1} b^{l+1} z^{l+1}", "sigma", "C")
C, z, a, w, b = net.cost, net.z, net.a, net.w, net.b

_A, _B = tensor("A", N, M), tensor("B", M, K)
_x, _c, _d = (
    tensor("x", K),
    tensor("c", M),
    tensor("d", N),
)
_u, _v = tensor("u", M), tensor("v", N)
TWO_LINEAR = (
    eq(_u[m], total(_B[m, k] * _x[k], k, K) + _c[m]),
    eq(_v[i], total(_A[i, m] * _u[m], m, M) + _d[i]),
)
_AB = total(_A[i, m] * _B[m, k], m, M)
STAYS_LINEAR = eq(
    _v[i], total(_AB * _x[k], k, K) + total(_A[i, m] * _c[m], m, M) + _d[i]
)  # fmt: skip


def stays_linear() -> Part:
    """Two affine maps in a row are one, whose matrix is the product: for any widths."""
    return equation(
        "A (B x + c) + d = (A B) x + (A c + d)",
        STAYS_LINEAR,
        ("the biases of the first layer dropped", eq(_v[i], total(_AB * _x[k], k, K) + _d[i])),
        ("a square between the two", eq(_v[i], total(_AB * _x[k] ** 2, k, K) + _d[i])),
        given=TWO_LINEAR,
    )


def output_layer(text: str, net: Network, *, role: Role) -> Part:
    """The sensitivity of the last layer, for an activation that acts element by element."""
    right = d(net.cost, net.a[j]) * slope(net.f, net.z[j])
    return equation(
        text,
        eq(d(net.cost, net.z[j]), right),
        ("σ' twice", eq(d(net.cost, net.z[j]), right * slope(net.f, net.z[j]))),
        ("a sign", eq(d(net.cost, net.z[j]), -right)),
        given=net.last,
        role=role,
    )


def softmax_output(text: str, z: str, a: str, cost: str) -> tuple[Part, Part]:
    """The same for a softmax output: refuted; and with the sum over all outputs: proved."""
    zs, outputs, loss = tensor(z, K), tensor(a, K), Symbol(cost)
    given = (
        eq(outputs[k], sympy.exp(zs[k]) / total(sympy.exp(zs[i]), i, K)),
        eq(loss, function(cost)(outputs)),
    )
    one = eq(d(loss, zs[k]), d(outputs[k], zs[k]) * d(loss, outputs[k]))
    every = eq(d(loss, zs[k]), total(d(outputs[i], zs[k]) * d(loss, outputs[i]), i, K))
    return (
        equation(
            f"{text}, if the output is a softmax", one, ("the sum over all outputs", every),
            given=given, role=Role.UNCONDITIONED,
        ),
        equation(
            "for a softmax: the sum over all outputs, the multi-path rule", every,
            ("only the path through its own output", one), given=given, role=Role.CORRECTED,
        ),
    )  # fmt: skip


CLAIMS = (
    Claim(
        "004.1", LECTURE, "Neural Networks", Kind.PROPERTY,
        "linear functions of linear functions are linear, hence the activation",
        (stays_linear(), linear_stack()),
    ),
    Claim(
        "004.2", LECTURE, "Forward Pass", Kind.ALGORITHM,
        "the drawn 2-3-4-1 net layer by layer: z^l = W^l a^{l−1} + b^l, a^l = σ(z^l), l = 2, …, L",
        (layers_of((2, 3, 4, 1)),),
        note="the worked index in the lecture, w_31^2 as the weight from neuron 3 to neuron 1, has "
        "its two indices the other way round than the definition beside it and than z_3^2",
    ),
    Claim(
        "004.3", LECTURE, "Backpropagation", Kind.ERRATUM,
        "δ_j is the derivative of the cost with respect to the output of neuron j",
        (
            equation(
                "∂C/∂w_jk = a_k^{l−1} δ_j with δ_j = ∂C/∂a_j, the derivative in the output",
                eq(d(C, w[j, k]), net.a0[k] * d(C, a[j])),
                ("in the weighted input", eq(d(C, w[j, k]), net.a0[k] * d(C, z[j]))),
                given=net.given, role=Role.PRINTED,
            ),
            equation(
                "∂C/∂w_jk = a_k^{l−1} δ_j with δ_j = ∂C/∂z_j, the derivative in the weighted input",
                eq(d(C, w[j, k]), net.a0[k] * d(C, z[j])),
                ("in the output", eq(d(C, w[j, k]), net.a0[k] * d(C, a[j]))),
                given=net.given, role=Role.CORRECTED,
            ),
            equation(
                "the two differ by a factor: ∂C/∂z_j = σ'(z_j) ∂C/∂a_j",
                eq(d(C, z[j]), slope(net.f, z[j]) * d(C, a[j])),
                ("no factor", eq(d(C, z[j]), d(C, a[j]))),
                given=net.given,
            ),
        ),
        note="the formula beside the sentence, δ_1 = ∂C/∂z_1, is the right one",
    ),
    Claim(
        "004.4", LECTURE, "Backpropagation", Kind.IDENTITY,
        "δ^L = ∇_a C ⊙ σ'(z^L)",
        (
            output_layer("δ_j^L = ∂C/∂a_j^L σ'(z_j^L)", net, role=Role.CONDITIONED),
            *softmax_output("δ_j^L = ∂C/∂a_j^L ∂a_j^L/∂z_j^L", "z^L", "a^L", "C"),
        ),
        conditions=("the output activation acts element by element",),
        derivation="backpropagation_output",
    ),
    Claim(
        "004.5", LECTURE, "Backpropagation", Kind.IDENTITY,
        "δ^l = (W^{l+1})ᵀ δ^{l+1} ⊙ σ'(z^l), l = L − 1, …, 2",
        (
            equation(
                "δ_j^l = σ'(z_j^l) Σ_q w_qj^{l+1} δ_q^{l+1}, whatever lies above layer l + 1",
                net.hidden(),
                ("a factor 2", net.hidden(2)),
                ("σ'(z) forgotten", net.hidden(1 / slope(net.f, z[j]))),
                given=net.given,
            ),
            network_check((3, 4, 2), "sigmoid"),
        ),
        conditions=("the activation acts element by element, and has a derivative at z",),
        note="layer l + 1 may be any: from the last layer down to the first, this is an induction",
        derivation="backpropagation_induction",
    ),
    Claim(
        "004.6", LECTURE, "Backpropagation", Kind.IDENTITY,
        "∂C/∂w_jk^l = a_k^{l−1} δ_j^l and ∂C/∂b_j^l = δ_j^l",
        (
            equation(
                "∂C/∂w_jk^l = a_k^{l−1} δ_j^l, the entries of δ^l (a^{l−1})ᵀ",
                eq(d(C, w[j, k]), net.a0[k] * d(C, z[j])),
                ("a² for a", eq(d(C, w[j, k]), net.a0[k] ** 2 * d(C, z[j]))),
                given=net.given,
            ),
            equation(
                "∂C/∂b_j^l = δ_j^l",
                eq(d(C, b[j]), d(C, z[j])),
                ("a sign", eq(d(C, b[j]), -d(C, z[j]))),
                given=net.given,
            ),
        ),
        derivation="backpropagation_weights",
    ),
    Claim(
        "004.7", LECTURE, "Backpropagation", Kind.ERRATUM,
        "gradient descent layer by layer: W^{l+1} = W^l − τ ∂C/∂W^l",
        (
            Part(
                "updating W^{l+1} first, and then taking δ^l from the new one",
                UpdateOrder(from_old=False), updates,
                (Altered("from the old one", UpdateOrder(from_old=True)),), Role.PRINTED,
            ),
            Part(
                "W^l ← W^l − τ δ^l (a^{l−1})ᵀ and δ^l from the old W^{l+1}: gradient descent",
                UpdateOrder(from_old=True), updates,
                (Altered("from the new one", UpdateOrder(from_old=False)),), Role.CORRECTED,
            ),
        ),
        note="the superscript l + 1 on the left counts iterations: layers l and l + 1 have "
        "matrices of different shapes, so that it cannot count layers",
    ),
)  # fmt: skip
