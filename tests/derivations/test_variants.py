"""What the example hides is seen at other sizes and values; what is meant for it is left alone."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from derivations import Report, Verdict, check
from derivations.doors import subject_of
from derivations.variants import lengthened, untied
from functional_nn import Rule

from ..corpus.entry import floats


def _rule(primal: Any, bwd: Any) -> Rule:
    return Rule("rule", primal, lambda *args: (primal(*args), args), bwd)


def _shapes(subject: Any) -> list[tuple[int, ...]]:
    return [s.shape for s in subject.shapes]


def _dense(x, w, b):
    return x @ w + b[None, :]


def _dense_bwd(residuals, dy):
    x, w, _ = residuals
    return dy @ w.T, x.T @ dy, dy.sum(0)


def _is_refuted(report: Report) -> bool:
    return report.verdict is Verdict.REFUTED


# --- equal sizes --------------------------------------------------------------------------------


def test_equal_sizes_that_belong_together_change_together():
    subject = subject_of(_rule(_dense, _dense_bwd), floats((3, 3), (3, 3), (3,)))
    found = untied(subject)
    assert found is not None
    (n, k), (k_, m), (m_,) = _shapes(found)
    assert k == k_
    assert m == m_
    assert len({n, k, m}) == 3


def test_sizes_that_cannot_differ_stay_equal():
    rule = _rule(lambda x: x + x.T, lambda _, dy: (dy + dy.T,))
    assert untied(subject_of(rule, floats((3, 3)))) is None
    assert check(rule, *floats((3, 3))).verdict is Verdict.PROVED


def test_a_mistake_that_equal_sizes_hide_is_refuted_at_others():
    rule = _rule(
        lambda x, y: jnp.mean(x) - jnp.mean(y),
        lambda r, dy: (
            jnp.full_like(r[0], dy / r[0].shape[0]),
            jnp.full_like(r[1], -dy / r[0].shape[0]),
        ),
    )
    report = check(rule, *floats((3,), (3,)))
    (refuted,) = [o for o in report.obligations if o.verdict is Verdict.REFUTED]
    assert refuted.name == "cotangent[y]"
    assert refuted.witness is not None
    x, y = refuted.witness.inputs["x"], refuted.witness.inputs["y"]
    assert len(x) != len(y)
    assert check(rule, *floats((3,), (3,)), sizes="given").verdict is Verdict.PROVED


def test_a_rule_that_does_not_run_at_unequal_sizes_is_not_meant_for_them():
    rule = _rule(
        lambda x, y: jnp.sum(x) * jnp.sum(y),
        lambda r, dy: tuple(dy * (0 * (r[0] + r[1]) + jnp.sum(a)) for a in r[::-1]),
    )
    assert check(rule, *floats((3,), (3,))).verdict is Verdict.PROVED


# --- axes of length one -------------------------------------------------------------------------


def test_many_axes_are_made_longer_before_few():
    rule = _rule(lambda x, y: x * y, lambda r, dy: (dy * r[1], dy * r[0]))
    first, *_ = lengthened(subject_of(rule, floats((3, 1), (3, 1))))
    axes, subject = first
    assert axes == {(0, 1), (1, 1)}
    assert _shapes(subject) == [(3, 2), (3, 2)]


def test_a_rule_for_all_axes_together_is_not_refuted_for_one_that_is_broadcast():
    # With x alone longer, the primal broadcasts y, and dy is summed by nobody.
    rule = _rule(lambda x, y: jnp.sum((x - y) ** 2), lambda r, dy: (2 * (r[0] - r[1]) * dy,) * 2)
    report = check(rule, *floats((3, 1), (3, 1)))
    assert {o.name for o in report.obligations if o.verdict is Verdict.REFUTED} == {"cotangent[y]"}
    right = _rule(
        lambda x, y: jnp.sum((x - y) ** 2),
        lambda r, dy: (2 * (r[0] - r[1]) * dy, -2 * (r[0] - r[1]) * dy),
    )
    assert check(right, *floats((3, 1), (3, 1))).verdict is Verdict.PROVED


@pytest.mark.parametrize("shapes", [((1, 1), (1,)), ((1, 4), (4,)), ((4, 1), (1,))])
def test_a_broadcast_is_undone_at_every_length(shapes):
    right = _rule(lambda x, g: x * g[None, :], lambda r, dy: (dy * r[1][None], (dy * r[0]).sum(0)))
    wrong = _rule(lambda x, g: x * g[None, :], lambda r, dy: (dy * r[1][None], dy[0] * r[0][0]))
    assert check(right, *floats(*shapes)).verdict is Verdict.PROVED
    assert _is_refuted(check(wrong, *floats(*shapes)))


# --- defaults -----------------------------------------------------------------------------------


def _scaled(x, temperature=1.0):
    return x / temperature


def _scaled_fwd(x, temperature=1.0):
    return x / temperature, temperature


def test_a_default_that_is_not_handed_over_is_redrawn():
    forgotten = Rule("scaled", _scaled, _scaled_fwd, lambda temperature, dy: (dy,))
    minded = Rule("scaled", _scaled, _scaled_fwd, lambda temperature, dy: (dy / temperature,))
    report = check(forgotten, *floats((3,)))
    (wrong,) = [o for o in report.obligations if o.name == "cotangent[x]"]
    assert wrong.verdict is Verdict.REFUTED
    assert any(a.startswith("temperature is fixed to 1.5") for a in wrong.assumptions)
    assert check(minded, *floats((3,))).verdict is Verdict.PROVED


def test_a_forward_pass_without_the_default_is_meant_for_it():
    rule = Rule("scaled", _scaled, lambda x: (x, None), lambda _, dy: (dy,))
    assert check(rule, *floats((3,))).verdict is Verdict.PROVED


def test_a_captured_array_is_part_of_the_function():
    symmetric = jnp.array([[2.0, 1.0], [1.0, 3.0]], jnp.float32)

    @jax.custom_vjp
    def through(x):
        return x @ symmetric

    through.defvjp(lambda x: (x @ symmetric, None), lambda _, dy: (dy @ symmetric,))
    assert check(through, *floats((3, 2))).verdict is Verdict.PROVED
