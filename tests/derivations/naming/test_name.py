"""A name is right or is not given; naming never raises and keeps to its time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from derivations import Obligation, Verdict, check, clock
from derivations.doors import subject_of
from derivations.naming import CATALOGUE, named, shown
from functional_nn import RULES, Rule

from ...corpus.entry import Entry, as_handed_over
from ...corpus.table import RIGHT

ROWS = jax.ShapeDtypeStruct((3, 4), jnp.float32)


def refuted(name: str, reason: str = "") -> Obligation:
    return Obligation(name, "", Verdict.REFUTED, reason=reason)


def keep(primal):
    return lambda *args: (primal(*args), args)


def name_of(primal, bwd, *args, seconds=20.0):
    rule = Rule("weird", primal, keep(primal), bwd)
    report = check(rule, *args)
    wrong = next(o for o in report.obligations if o.verdict is Verdict.REFUTED)
    return named(subject_of(rule, args), wrong, clock.now() + seconds)


@pytest.mark.parametrize("entry", [e for e in RIGHT if not e.slow][::3], ids=lambda e: e.name)
def test_a_right_rule_has_no_name(entry: Entry):
    subject = subject_of(as_handed_over(entry), entry.operation.arguments)
    for name in (*(f"cotangent[{n}]" for n in subject.names), "value", "second order"):
        assert named(subject, refuted(name), clock.now() + 20) is None


# Differences that nobody has a name for.
WEIRD = {
    "plus the index": lambda x, dy: dy * jnp.cos(x) + jnp.arange(4.0, dtype=x.dtype)[None, :],
    "a strange product": lambda x, dy: dy * jnp.sin(jnp.exp(x) + 1.7),
    "rows mixed": lambda x, dy: dy * jnp.cos(x) + jnp.sum(dy * x, axis=0, keepdims=True),
    "another slope": lambda x, dy: dy * jnp.tanh(3 * x) ** 2 * jnp.exp(-x),
}


@pytest.mark.parametrize("weird", WEIRD, ids=str)
def test_what_has_no_name_gets_none(weird: str):
    name = name_of(jnp.sin, lambda residuals, dy: (WEIRD[weird](residuals[0], dy),), ROWS)
    assert name is None or name.key in ("", "not_linear")
    if name is not None and name.key == "not_linear":
        assert weird == "plus the index"


def test_the_source_line_is_given():
    def norm(x):
        mean = jnp.mean(x, axis=-1, keepdims=True)
        return x / jnp.sqrt(1 + (x - mean) ** 2) - mean

    def bwd(residuals, dy):
        (x,) = residuals
        mean = jax.lax.stop_gradient(jnp.mean(x, axis=-1, keepdims=True))
        _, pull = jax.vjp(lambda x: x / jnp.sqrt(1 + (x - mean) ** 2) - mean, x)
        return pull(dy)

    name = name_of(norm, bwd, ROWS)
    assert name is not None
    assert name.key == "statistics_taken_as_constant"
    line = norm.__code__.co_firstlineno + 1
    assert f"test_name.py:{line}" in name.text


def test_a_constant_factor_is_told_from_a_size():
    def twice(residuals, dy):
        return (2 * jnp.cos(residuals[0]) * dy,)

    def by_rows(residuals, dy):
        return (jnp.cos(residuals[0]) * dy * residuals[0].shape[0],)

    two = jax.ShapeDtypeStruct((2, 3), jnp.float32)
    assert "factor 2" in getattr(name_of(jnp.sin, twice, two), "text", "")
    assert "axis 0" in getattr(name_of(jnp.sin, by_rows, two), "text", "")


def test_code_that_raises_has_no_name():
    def raises(residuals, dy):
        raise RuntimeError("no")

    rule = Rule("raises", jnp.sin, keep(jnp.sin), raises)
    subject = subject_of(rule, [ROWS])
    assert named(subject, refuted("cotangent[x]"), clock.now() + 5) is None
    assert named(subject, refuted("no such obligation"), clock.now() + 5) is None


def test_an_endless_loop_ends_in_time():
    def endless(residuals, dy):
        (x,) = residuals
        grown = jax.lax.while_loop(lambda v: jnp.all(v < np.inf), lambda v: v * 0.5, x)
        return (grown * dy,)

    rule = Rule("endless", jnp.sin, keep(jnp.sin), endless)
    start = clock.now()
    assert named(subject_of(rule, [ROWS]), refuted("cotangent[x]"), start + 0.5) is None
    assert clock.now() - start < 5


def test_no_time_is_no_name():
    rule = RULES["softmax"]
    assert named(subject_of(rule, [ROWS]), refuted("cotangent[x]"), clock.now() - 1) is None


@pytest.mark.parametrize("key", CATALOGUE)
def test_every_entry_reads_as_prose(key: str):
    mistake = CATALOGUE[key]
    assert mistake.key == key
    assert not mistake.title.endswith(".")
    assert mistake.explanation.endswith(".")
    assert mistake.remedy.endswith((".", ")", "`", "s", "x²", "3x²"))
    assert len(shown(key).splitlines()) == 3
