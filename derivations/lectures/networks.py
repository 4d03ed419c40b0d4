"""Claims about algorithms: the code of `functional_nn` that runs them, read and proved."""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

import functional_nn as fnn
from derivations import graph as g
from derivations.check import check
from derivations.formula import read
from derivations.lectures.claim import Altered, Finding, Part, Role, Status
from derivations.lectures.code import SECONDS, Agreement, agrees, same
from derivations.lectures.parts import of_report
from derivations.lectures.reading import Letters
from derivations.lectures.runs import LAYERS
from derivations.lift import Assumptions
from derivations.refute import Tensor
from derivations.trace import Shapes, lifted


class Stack(NamedTuple):
    """A network of dense layers with an activation between them.

    `factor`: what the backward pass of the activation is multiplied by; 1 in the library.
    """

    widths: tuple[int, ...]
    activation: str
    factor: float = 1.0


def checked(stack: Stack) -> Finding:
    """Settles whether the library's backward pass of a network is right, by `check`."""
    layer = LAYERS[stack.activation]
    if stack.factor != 1:

        def bwd(residuals: Any, dy: Any) -> Any:
            dparams, dx = layer.bwd(residuals, dy)
            return dparams, stack.factor * dx

        layer = layer._replace(bwd=bwd)
    net = fnn.mlp(list(stack.widths), layer)
    x = jax.ShapeDtypeStruct((5, stack.widths[0]), jnp.float32)
    params = jax.eval_shape(net.init, jax.random.key(0), x)
    return of_report(check(net, params, x, budget=SECONDS))


def network_check(widths: tuple[int, ...], activation: str) -> Part:
    """The network as the library runs it, every layer and the theorem that joins them."""
    stack = Stack(widths, activation)
    return Part(
        f"the backward pass of functional_nn.mlp({list(widths)}, {activation}) is the derivative",
        stack,
        checked,
        (Altered("half the slope of the activation", stack._replace(factor=0.5)),),
    )


class Orientation(NamedTuple):
    """Which count comes first in the shape of W."""

    order: str


def weight_shape(orientation: Orientation) -> Finding:
    """Settles whether W of this shape has an entry w_ij from j of K neurons to i of M.

    Where it has, z_i = Σ_j w_ij a_j + b_i is z = W a + b: the product is read from JAX's own.
    """
    k, m = export.symbolic_shape("k, m")
    shape = (m, k) if orientation.order == "out, in" else (k, m)

    def product(w: Any, a: Any, b: Any) -> Any:
        return w @ a + b

    def entries(w: Any, a: Any, b: Any) -> Any:
        return jnp.sum(w * a[None, :], axis=1) + b

    shapes = (("W", shape), ("a", (k,)), ("b", (m,)))
    finding = agrees(Agreement(product, entries, shapes))
    if finding.status is Status.UNDECIDED:
        try:
            product(np.zeros((2, 3)), np.zeros(2), np.zeros(3))
        except ValueError as error:
            told = f"with N_(l−1) = 2, N_l = 3, W a has no value: {error}"
            return Finding(Status.REFUTED, "the shapes do not fit", reason=told)
    return finding


def layers_of(widths: tuple[int | str, ...], *, final: bool = True) -> Part:
    """A network written out layer by layer as W a + b, and the library's on rows."""

    def shapes() -> tuple[tuple[str, tuple[Any, ...]], ...]:
        named = [d for d in widths if isinstance(d, str)]
        symbols = iter(export.symbolic_shape(", ".join(named)) if named else ())
        sizes = [next(symbols) if isinstance(d, str) else d for d in widths]
        pairs = itertools.pairwise(sizes)
        layers = [
            (name, shape)
            for place, (below, own) in enumerate(pairs, 2)
            for name, shape in ((f"W{place}", (own, below)), (f"b{place}", (own,)))
        ]
        return (("x", (sizes[0],)), *layers)

    def library(x: Any, *params: Any) -> Any:
        layers = []
        for b in params[1::2]:
            # A dense layer takes its width from its parameters; the number serves `init` alone.
            layers += [fnn.dense(b.shape[0] if isinstance(b.shape[0], int) else 1), fnn.sigmoid]
        net = fnn.serial(*(layers if final else layers[:-1]))
        own: list[Any] = []
        for w, b in zip(params[::2], params[1::2], strict=True):
            own += [{"w": w.T, "b": b}, ()]
        return net.apply(tuple(own if final else own[:-1]), x[None])[0]

    def lecture(sign: int) -> Callable[..., Any]:
        def written_out(x: Any, *params: Any) -> Any:
            a = x
            count = len(params) // 2
            for place, (w, b) in enumerate(zip(params[::2], params[1::2], strict=True), 1):
                z = w @ a + sign * b
                a = 1 / (1 + jnp.exp(-z)) if final or place < count else z
            return a

        return written_out

    claim = Agreement(library, lecture(1), shapes())
    changed = Altered("biases subtracted", claim._replace(formula=lecture(-1)))
    drawn = "-".join(map(str, widths))
    return Part(f"the {drawn} network of functional_nn is z = W a + b, a = σ(z) in every layer",
                claim, agrees, (changed,))  # fmt: skip


def linear_stack() -> Part:
    """The library's network without activations is one affine map."""

    def library(x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
        net = fnn.serial(fnn.dense(4), fnn.identity, fnn.dense(2))
        return net.apply(({"w": w1, "b": b1}, (), {"w": w2, "b": b2}), x)

    def one(x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
        return x @ (w1 @ w2) + (b1 @ w2 + b2)[None]

    shapes = (("x", (5, 3)), ("w1", (3, 4)), ("b1", (4,)), ("w2", (4, 2)), ("b2", (2,)))
    claim = Agreement(library, one, shapes)
    without = claim._replace(formula=lambda x, w1, b1, w2, b2: x @ (w1 @ w2) + b2[None])
    return Part("dense layers of functional_nn without an activation are one affine map",
                claim, agrees, (Altered("without the first biases", without),))  # fmt: skip


class RuleFormula(NamedTuple):
    """What a lecture says of an activation: its value, or its slope, as a formula in x."""

    rule: str
    formula: Any
    slope: bool = False


def rule_agrees(claim: RuleFormula) -> Finding:
    """Settles whether the library's rule has this value, or this derivative, for every real x."""
    rule = fnn.RULES[claim.rule]
    shapes = Shapes((jax.ShapeDtypeStruct((), jnp.float64),) * 2, {}, "all real x")

    def code(x: Any, dy: Any) -> list[Any]:
        if not claim.slope:
            return [rule.primal(x)]
        return list(rule.bwd(rule.fwd(x)[1], dy))

    (found,) = lifted(code, shapes, ["x", "dy"], Assumptions())
    assert found is not None
    truth = read(claim.formula, Letters(()))
    if claim.slope:
        truth = g.mul(g.entry("dy", ()), truth)
    return same(found.at(), truth, [Tensor("x", (), "float"), Tensor("dy", (), "float")])


def rule_is(rule: str, formula: Any, altered: tuple[str, Any], *, slope: bool = False,
            role: Role = Role.STATED) -> Part:  # fmt: skip
    """The library's rule of this name, as a lecture writes it."""
    claim = RuleFormula(rule, formula, slope)
    what = "the backward pass" if slope else "the value"
    return Part(
        f"{what} of fnn.RULES[{rule!r}]: {formula}", claim, rule_agrees,
        (Altered(altered[0], claim._replace(formula=altered[1])),), role,
    )  # fmt: skip


class Batch(NamedTuple):
    """By which power of the number of examples the sum of their losses is divided."""

    power: int


def mean_loss(batch: Batch) -> Finding:
    """Settles what an objective of the library is of the losses of its examples."""

    def code(x: Any, y: Any, w: Any, b: Any) -> Any:
        objective = fnn.objective(fnn.dense(1), fnn.RULES["half_squared_error"])
        return objective({"w": w, "b": b}, x, y)

    def formula(x: Any, y: Any, w: Any, b: Any) -> Any:
        return jnp.sum((y - (x @ w + b[None])) ** 2 / 2) / x.shape[0] ** batch.power

    n, d, k = export.symbolic_shape("n, d, k")
    return agrees(
        Agreement(code, formula, (("x", (n, d)), ("y", (n, k)), ("w", (d, k)), ("b", (k,))))
    )


class Composition(NamedTuple):
    """A combinator of the library: `doubled` puts a factor 2 into its chain."""

    doubled: bool = False


def composition(claim: Composition) -> Finding:
    """Settles the theorem that joins layers, for layers of which nothing is known."""
    net = fnn.mlp([3, 2, 3, 2], fnn.sigmoid)
    if claim.doubled:

        def bwd(residuals: Any, dx: Any) -> Any:
            dparams, dx = net.bwd(residuals, dx)
            return dparams, 2 * dx

        net = net._replace(bwd=bwd)
    x = jax.ShapeDtypeStruct((5, 3), jnp.float32)
    params = jax.eval_shape(net.init, jax.random.key(0), x)
    return of_report(check(net, params, x, budget=SECONDS))


def composed() -> tuple[Part, ...]:
    """The composition theorem."""
    return (
        Part(
            "serial: layers whose backward passes are right have a right one together",
            Composition(), composition,
            (Altered("another factor in the chain", Composition(doubled=True)),),
        ),
    )  # fmt: skip


class MatrixForm(NamedTuple):
    """How f'(z) is read in f'(z) Wᵀ δ: as a "diagonal", "element-wise", or as a "column"."""

    slope: str


def matrix_form(claim: MatrixForm) -> Finding:
    """Settles whether f'(z) Wᵀ δ is what the library's backward pass of tanh and dense gives."""
    n, d = 2, 3
    shapes = (("z", (d,)), ("W", (n, d)), ("delta", (n,)))

    def code(z: Any, w: Any, delta: Any) -> Any:
        net = fnn.serial(fnn.tanh, fnn.dense(n))
        _, residuals = net.fwd(((), {"w": w.T, "b": jnp.zeros(n, w.dtype)}), z[None])
        return net.bwd(residuals, delta[None])[1][0]

    def formula(z: Any, w: Any, delta: Any) -> Any:
        slope = 1 - jnp.tanh(z) ** 2
        if claim.slope == "diagonal":
            return jnp.diag(slope) @ w.T @ delta
        if claim.slope == "element-wise":
            return slope * (w.T @ delta)
        return slope[:, None] @ w.T @ delta

    try:
        jax.eval_shape(formula, np.zeros(d), np.zeros((n, d)), np.zeros(n))
    except TypeError as error:
        told = f"a column of {d} times a matrix of {d} × {n} has no value: {error}"
        return Finding(Status.REFUTED, "the shapes do not fit", reason=told.splitlines()[0])
    return agrees(Agreement(code, formula, shapes, explicit=True))
