"""`repeat`: its theorem for every number of blocks, and what it does not let through."""

import jax
import jax.numpy as jnp
import pytest

import functional_nn as fnn
from derivations import Verdict, catalog, check
from derivations.report.network import network, network_section
from functional_nn import repetition

X = jax.ShapeDtypeStruct((5, 3), jnp.float32)


def block():
    return fnn.serial(fnn.dense(3), fnn.relu)  # keeps its output


def checked(net, x=X):
    return check(net, jax.eval_shape(net.init, jax.random.key(0), x), x)


def theorem(report):
    (found,) = report.obligations
    assert found.name == "composition"
    return found


@pytest.mark.parametrize("n", [1, 2, 1000])
def test_any_block_any_number_of_times(n):
    report = checked(fnn.repeat(block(), n))
    assert report.verdict is Verdict.PROVED
    assert theorem(report).scope == "any block, any number of blocks, all sizes"
    assert [part.subject for part in report.parts] == [f"1.-{n}. serial"]
    assert report.seconds < 20


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 7, 64])
def test_in_groups(n):
    report = checked(fnn.repeat(block(), n, remat="sqrt"))
    assert report.verdict is Verdict.PROVED
    assert theorem(report).scope == f"any block, {n} blocks, all sizes"


def test_a_repetition_of_repetitions():
    report = checked(fnn.repeat(fnn.repeat(block(), 2), 3))
    assert report.verdict is Verdict.PROVED
    assert theorem(report.parts[0]).verdict is Verdict.PROVED


def test_blocks_without_parameters():
    """Then the code does not say how often the loop runs, and only the given number is known."""
    report = checked(fnn.repeat(fnn.tanh, 3))
    assert report.verdict is Verdict.PROVED


@pytest.mark.slow
def test_it_stands_in_the_report_of_a_network():
    net = fnn.serial(fnn.dense(3), fnn.repeat(block(), 6), fnn.dense(2))
    objective = fnn.objective(net, fnn.softmax_cross_entropy)
    params = jax.eval_shape(net.init, jax.random.key(0), X)
    report = check(objective, params, X, jax.ShapeDtypeStruct((5,), jnp.int32))
    assert report.verdict is Verdict.PROVED
    shown = network("A deep one", objective, params, X, report)
    assert [(s.name, s.times, s.parameters) for s in shown.layers[:3]] == [
        ("dense", 1, 12), ("dense", 6, 72), ("relu", 6, 0),
    ]  # fmt: skip
    section = str(network_section(shown))
    assert "6 equal blocks in a loop have a right backward pass" in section
    assert "by induction over the number of blocks" in report.to_html()


# --- what is not --------------------------------------------------------------------------------


def broken(step=None, forward=None, **scan):
    """Gives `scanned` with another step of its backward loop, or another loop."""

    def scanned(block, n):
        right = repetition.scanned(block, n)

        def bwd(residuals, dy):
            def back(after, before):
                return (step or right_step)(block, *after, *before)

            params, _, inputs, y = residuals
            options = {"reverse": True} | scan
            (_, dx), dparams = jax.lax.scan(back, (y, dy), (params, inputs), **options)
            return dparams, dx

        return right._replace(bwd=bwd, **({"apply": forward(right)} if forward else {}))

    return scanned


def right_step(block, y, dy, own, x):
    again, residuals = block.fwd(own, x)
    kept = jax.tree.map(lambda r: y if r is again else r, residuals)
    dparams, dx = block.bwd(kept, dy)
    return (x, dx), dparams


def input_for_output(block, y, dy, own, x):
    again, residuals = block.fwd(own, x)
    kept = jax.tree.map(lambda r: x if r is again else r, residuals)
    dparams, dx = block.bwd(kept, dy)
    return (x, dx), dparams


def output_not_handed_on(block, y, dy, own, x):
    return (y, right_step(block, y, dy, own, x)[0][1]), right_step(block, y, dy, own, x)[1]


def cotangent_not_handed_on(block, y, dy, own, x):
    (x, _), dparams = right_step(block, y, dy, own, x)
    return (x, dy), dparams


def doubled(block, y, dy, own, x):
    (x, dx), dparams = right_step(block, y, dy, own, x)
    return (x, dx + dx), dparams


def gradient_at_the_output(block, y, dy, own, x):
    (_, dx), _ = right_step(block, y, dy, own, x)
    return (x, dx), block.bwd(block.fwd(own, y)[1], dy)[0]


def gradient_of_the_new_cotangent(block, y, dy, own, x):
    (x, dx), _ = right_step(block, y, dy, own, x)
    return (x, dx), block.bwd(block.fwd(own, x)[1], dx)[0]


def backwards_forward(right):
    return lambda params, x: right.apply(jax.tree.map(lambda p: p[::-1], params), x)


def one_more(right):
    return lambda params, x: 2 * right.apply(params, x)


BUGS = {
    bug.__name__: broken(bug)
    for bug in (
        input_for_output, output_not_handed_on, cotangent_not_handed_on, doubled,
        gradient_at_the_output, gradient_of_the_new_cotangent,
    )
} | {
    "first to last": broken(reverse=False),
    "blocks in reverse": broken(forward=backwards_forward),
    "something after the loop": broken(forward=one_more),
}  # fmt: skip


def test_the_right_step_is_proved(monkeypatch):
    monkeypatch.setattr(catalog, "scanned", broken())
    net = broken()(block(), 4)._replace(parts=(block(),) * 4)
    assert theorem(checked(net)).verdict is Verdict.PROVED


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_a_wrong_repeat_is_not_proved(bug, monkeypatch):
    """Even if the catalogue believed in it."""
    monkeypatch.setattr(catalog, "scanned", BUGS[bug])
    one = block()
    report = checked(BUGS[bug](one, 4)._replace(parts=(one,) * 4))
    assert report.parts[0].verdict is Verdict.PROVED
    assert theorem(report).verdict is Verdict.UNDECIDED
    assert theorem(report).reason


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_a_forged_repeat_is_not_proved(bug):
    """A layer that bears the name and the parts, but computes something else."""
    one = block()
    forged = BUGS[bug](one, 4)._replace(parts=(one,) * 4)
    assert theorem(checked(forged)).verdict is not Verdict.PROVED


def test_groups_that_mix_up_the_parameters_are_not_proved(monkeypatch):
    def groups(n):
        split, join = repetition.groups(n)
        return split, lambda params: jax.tree.map(lambda p: p[::-1], join(params))

    def grouped(block, n):
        right = repetition.grouped(block, n)

        def bwd(residuals, dy):
            dparams, dx = right.bwd(residuals, dy)
            return jax.tree.map(lambda p: p[::-1], dparams), dx

        return right._replace(bwd=bwd)

    monkeypatch.setattr(catalog, "groups", groups)
    monkeypatch.setattr(catalog, "grouped", grouped)
    found = theorem(checked(grouped(block(), 7)))
    assert found.verdict is Verdict.UNDECIDED
    assert "come back to their place" in found.reason


def test_a_wrong_block_makes_the_stack_wrong():
    wrong = fnn.tanh._replace(bwd=lambda t, dy: ((), dy * (1 - t)))
    report = checked(fnn.repeat(fnn.serial(fnn.dense(3), wrong), 3))
    assert theorem(report).verdict is Verdict.PROVED
    assert report.verdict is Verdict.REFUTED
