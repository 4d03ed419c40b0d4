"""Networks: the theorem of `serial`, and what it does not let through."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn
from derivations import Report, Verdict, catalog, check
from functional_nn import Layer

X = jax.ShapeDtypeStruct((5, 3), jnp.float32)


def _params(net, x=X):
    return jax.eval_shape(net.init, jax.random.key(0), x)


def _theorem(report: Report):
    (theorem,) = [o for o in report.obligations if o.name == "composition"]
    return theorem


# --- what is proved -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "depth", [1, 2, 3, 4, *(pytest.param(d, marks=pytest.mark.nightly) for d in (5, 6))]
)
def test_serial_of_unknown_layers(depth: int):
    net = fnn.serial(*[fnn.tanh] * depth)
    report = check(net, _params(net), X)
    theorem = _theorem(report)
    assert theorem.verdict is Verdict.PROVED
    assert f"any {depth} layers, all sizes" in theorem.scope
    assert len(report.parts) == depth


def test_a_network_is_its_layers_and_the_theorem():
    net = fnn.serial(fnn.dense(4), fnn.sigmoid, fnn.dense(2))
    report = check(net, _params(net), X)
    assert report.verdict is Verdict.PROVED
    assert report.kind == "network"
    assert [p.subject for p in report.parts] == ["1. dense", "2. sigmoid", "3. dense"]
    assert report.seconds < 20


@pytest.mark.slow
def test_a_network_in_a_network():
    inner = fnn.serial(fnn.dense(4), fnn.relu)
    net = fnn.serial(inner, fnn.serial(inner, fnn.dense(2)), fnn.softplus)
    report = check(net, _params(net), X)
    assert report.verdict is Verdict.PROVED
    assert [len(p.parts) for p in report.parts] == [2, 2, 0]
    assert _theorem(report.parts[1]).verdict is Verdict.PROVED


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["half_squared_error", "softmax_cross_entropy"])
def test_an_objective(loss: str):
    net = fnn.serial(fnn.dense(4), fnn.sigmoid, fnn.dense(2))
    objective = fnn.objective(net, fnn.RULES[loss])
    report = check(objective, _params(net), X, jax.ShapeDtypeStruct((5, 2), jnp.float32))
    assert report.verdict is Verdict.PROVED
    assert report.parts[-1].subject == loss
    assert len([o for o in report.obligations if o.name == "composition"]) == 2


@pytest.mark.slow
def test_integer_targets():
    net = fnn.serial(fnn.dense(4))
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    report = check(objective, _params(net), X, jax.ShapeDtypeStruct((5,), jnp.int32))
    assert report.verdict is Verdict.PROVED


# --- what is not --------------------------------------------------------------------------------


def _broken(change):
    """Gives `serial` with a backward pass that `change(layers, residuals, dx)` computes."""

    def serial(*layers: Layer) -> Layer:
        right = fnn.serial(*layers)
        return right._replace(bwd=lambda residuals, dx: change(layers, residuals, dx))

    return serial


def _first_to_last(layers, residuals, dx):
    dparams = []
    for layer, residual in zip(layers, residuals, strict=True):
        dlayer, dx = layer.bwd(residual, dx)
        dparams.append(dlayer)
    return tuple(dparams), dx


def _cotangents_in_reverse(layers, residuals, dx):
    dparams, dx = fnn.serial(*layers).bwd(residuals, dx)
    return tuple(reversed(dparams)), dx


def _residuals_swapped(layers, residuals, dx):
    return fnn.serial(*layers).bwd((residuals[1], residuals[0], *residuals[2:]), dx)


def _first_cotangent_for_all(layers, residuals, dx):
    pairs = [layer.bwd(r, dx) for layer, r in zip(layers, residuals, strict=True)]
    return tuple(dlayer for dlayer, _ in pairs), fnn.serial(*layers).bwd(residuals, dx)[1]


def _cotangent_of_the_wrong_layer(layers, residuals, dx):
    dparams, _ = fnn.serial(*layers).bwd(residuals, dx)
    return dparams, layers[1].bwd(residuals[1], dx)[1]


def _doubled(layers, residuals, dx):
    dparams, dx = fnn.serial(*layers).bwd(residuals, dx)
    return dparams, dx + dx


def _one_layer_left_out(layers, residuals, dx):
    dparams, _ = fnn.serial(*layers).bwd(residuals, dx)
    for layer, residual in list(zip(layers, residuals, strict=True))[:0:-1]:
        _, dx = layer.bwd(residual, dx)
    return dparams, dx


def _no_cotangent_of_the_input(layers, residuals, dx):
    return fnn.serial(*layers).bwd(residuals, dx)[0], None


def _another_residual(layers, residuals, dx):
    """The second layer reads what the first one keeps."""
    return fnn.serial(*layers).bwd((residuals[0], residuals[0], *residuals[2:]), dx)


BUGS = [
    _first_to_last, _cotangents_in_reverse, _residuals_swapped, _first_cotangent_for_all,
    _cotangent_of_the_wrong_layer, _doubled, _one_layer_left_out, _no_cotangent_of_the_input,
    _another_residual,
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__.strip("_"))
def test_a_wrong_combinator_is_not_proved(bug, monkeypatch: pytest.MonkeyPatch):
    """Even if the catalogue believed in it, and all layers were alike."""
    layer = fnn.sigmoid
    wrong = _broken(bug)
    monkeypatch.setitem(catalog.COMBINATORS, "serial", wrong)
    net = wrong(layer, layer, layer)
    report = check(net, _params(net), X)
    assert all(part.verdict is Verdict.PROVED for part in report.parts)
    assert _theorem(report).verdict is not Verdict.PROVED
    assert _theorem(report).reason


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__.strip("_"))
def test_a_forged_serial_is_not_proved(bug):
    """A layer that bears the name and the parts, but computes something else."""
    net = _broken(bug)(fnn.dense(3), fnn.tanh, fnn.dense(3))
    theorem = _theorem(check(net, _params(net), X))
    assert theorem.verdict is not Verdict.PROVED
    assert theorem.reason


@pytest.mark.slow
def test_a_forged_forward_pass_is_not_proved():
    net = fnn.serial(fnn.dense(3), fnn.tanh)
    for forged in (
        net._replace(apply=lambda p, x: 2 * net.apply(p, x)),
        net._replace(fwd=lambda p, x: (2 * net.apply(p, x), net.fwd(p, x)[1])),
        net._replace(parts=(fnn.dense(3), fnn.sigmoid)),
    ):
        assert _theorem(check(forged, _params(net), X)).verdict is not Verdict.PROVED


@pytest.mark.slow
def test_captured_numbers_are_part_of_the_code():
    def scaled(forward, backward) -> Layer:
        f, b = (jnp.asarray(np.array(c, np.float32)) for c in (forward, backward))
        return Layer(
            init=lambda key, x: (),
            apply=lambda p, x: x * f[None, :],
            fwd=lambda p, x: (x * f[None, :], ()),
            bwd=lambda r, dy: ((), dy * b[None, :]),
            name="scaled",
        )

    right = fnn.serial(scaled([1, 2, 3], [1, 2, 3]), fnn.sigmoid)
    wrong = fnn.serial(scaled([1, 2, 3], [1, 2, 4]), fnn.sigmoid)
    assert check(right, ((), ()), X).verdict is Verdict.PROVED
    assert _theorem(check(wrong._replace(parts=right.parts), ((), ()), X)).verdict is not (
        Verdict.PROVED
    )
    assert check(wrong, ((), ()), X).verdict is Verdict.REFUTED


def test_a_network_that_branches_on_its_batch_is_not_proved():
    net = fnn.serial(fnn.dense(3), fnn.tanh)

    def bwd(residuals, dy):
        dparams, dx = net.bwd(residuals, dy)
        return dparams, dx if dy.shape[0] == 5 else 2 * dx

    theorem = _theorem(check(net._replace(bwd=bwd), _params(net), X))
    assert theorem.verdict is not Verdict.PROVED or "all sizes" not in theorem.scope


def test_a_wrong_layer_makes_the_network_wrong():
    wrong = fnn.tanh._replace(
        fwd=lambda p, x: (jnp.tanh(x), jnp.tanh(x)), bwd=lambda t, dy: ((), dy * (1 - t))
    )
    net = fnn.serial(fnn.dense(3), wrong, fnn.dense(2))
    report = check(net, _params(net), X)
    assert _theorem(report).verdict is Verdict.PROVED
    assert [p.verdict for p in report.parts] == [Verdict.PROVED, Verdict.REFUTED, Verdict.PROVED]
    assert report.verdict is Verdict.REFUTED


def test_an_unknown_combinator_is_undecided():
    net = fnn.serial(fnn.dense(3), fnn.tanh)._replace(name="series")
    theorem = _theorem(check(net, _params(net), X))
    assert theorem.verdict is Verdict.UNDECIDED
    assert "'series' is not a combinator" in theorem.reason


def test_a_forged_objective_is_not_proved():
    class Forged:
        def __init__(self, net, loss):
            self.net, self.loss = net, loss

        def __call__(self, params, x, y):
            return 7 * jnp.sum(self.loss.primal(self.net.apply(params, x), y))

    net = fnn.serial(fnn.dense(2))
    forged = Forged(net, fnn.RULES["half_squared_error"])
    y = jax.ShapeDtypeStruct((5, 2), jnp.float32)
    assert check(forged, _params(net), X, y).verdict is not Verdict.PROVED


def test_a_wrong_value_and_grad_is_not_proved(monkeypatch: pytest.MonkeyPatch):
    def halved(objective):
        def run(params, x, y):
            value, gradient = fnn.value_and_grad(objective)(params, x, y)
            return value, jax.tree.map(lambda d: d / 2, gradient)

        return run

    monkeypatch.setattr(catalog, "value_and_grad", halved)
    net = fnn.serial(fnn.dense(2))
    objective = fnn.objective(net, fnn.RULES["half_squared_error"])
    y = jax.ShapeDtypeStruct((5, 2), jnp.float32)
    assert check(objective, _params(net), X, y).verdict is not Verdict.PROVED


def test_the_number_of_arguments_is_told():
    net = fnn.serial(fnn.dense(2))
    with pytest.raises(TypeError, match=r"takes \(params, x\)"):
        check(net, X)


# --- several paths ------------------------------------------------------------------------------

BRANCHED = {
    "residual": fnn.residual(fnn.serial(fnn.dense(4), fnn.tanh, fnn.dense(3))),
    "parallel": fnn.parallel(fnn.dense(4), fnn.serial(fnn.tanh, fnn.dense(4)), fnn.dense(4)),
    "tied": fnn.tied(fnn.serial(fnn.dense(3), fnn.tanh, fnn.dense(3)), (0, "w"), (2, "w")),
}
SCOPES = {
    "residual": "any layer, all sizes",
    "parallel": "any 3 layers, all sizes",
    "tied": "any network with a parameter in these places, all sizes",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BRANCHED)
def test_a_combinator_of_several_paths(name: str):
    report = check(BRANCHED[name], _params(BRANCHED[name]), X)
    assert report.verdict is Verdict.PROVED
    assert _theorem(report).scope == SCOPES[name]


@pytest.mark.nightly
def test_outputs_side_by_side_are_settled_as_a_whole():
    net = fnn.parallel(fnn.dense(4), fnn.tanh, join="concatenate")
    report = check(net, _params(net), X)
    assert report.verdict in (Verdict.PROVED, Verdict.EXACT), str(report)
    assert [part.subject for part in report.parts] == ["1. dense", "2. tanh"]


def _path_not_added(net, residuals, dy):
    return net.parts[0].bwd(residuals, dy)


def _path_inside_added_first(net, residuals, dy):
    """The cotangent of the sum through the layer, and not beside it: (1 + 1) f'."""
    dparams, dx = net.parts[0].bwd(residuals, dy + dy)
    return dparams, dx


def _last_branch_alone(net, residuals, dy):
    dparams, _ = net.bwd(residuals, dy)
    return dparams, net.parts[-1].bwd(residuals[1][-1], dy)[1]


def _second_use_forgotten(net, residuals, dy):
    dparams, dx = net.bwd(residuals, dy)
    own, _ = net.parts[0].bwd(residuals, dy)
    return _with_w(dparams, own[0]["w"]), dx


def _with_w(dparams, w):
    first, *rest = dparams
    return ({**first, "w": w}, *rest)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "bug"),
    [
        ("residual", _path_not_added),
        pytest.param("residual", _path_inside_added_first, marks=pytest.mark.nightly),
        pytest.param("parallel", _last_branch_alone, marks=pytest.mark.nightly),
        ("tied", _second_use_forgotten),
    ],
    ids=lambda value: getattr(value, "__name__", value).strip("_"),
)
def test_a_forgotten_path_is_not_proved(name: str, bug):
    """The theorem does not hold of it, and as one layer it is refuted."""
    right = BRANCHED[name]
    forged = right._replace(bwd=lambda residuals, dy: bug(right, residuals, dy))
    assert _theorem(check(forged, _params(right), X)).verdict is not Verdict.PROVED
    report = check(forged._replace(parts=(), name="forged"), _params(right), X)
    assert report.verdict is Verdict.REFUTED


def test_a_wrong_residual_is_not_proved(monkeypatch: pytest.MonkeyPatch):
    def wrong(layer):
        return fnn.residual(layer)._replace(bwd=layer.bwd)

    monkeypatch.setitem(catalog.COMBINATORS, "residual", wrong)
    net = wrong(fnn.tanh)
    assert _theorem(check(net, (), X)).verdict is not Verdict.PROVED
