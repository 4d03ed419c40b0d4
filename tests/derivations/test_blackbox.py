"""What cannot be read is run: the order of the Taylor remainder is told, and never a verdict."""

import gc
import threading
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from derivations import Verdict, check, clock
from derivations.blackbox import LATE, _in_time, evidence
from derivations.doors import subject_of
from functional_nn import Rule

from ..corpus.entry import floats

RIGHT = "evidence that it is the derivative"
WRONG = "it does not look like the derivative"
Function = Callable[[np.ndarray], Any]


def _outside(function: Function, dtype: Any = None) -> Callable[[Any], Any]:
    """Gives a function that JAX cannot look into."""

    def run(x: Any) -> Any:
        result = jax.ShapeDtypeStruct(x.shape, dtype or x.dtype)
        return jax.pure_callback(
            lambda a: np.asarray(function(np.asarray(a)), dtype=result.dtype), result, x
        )

    return run


def _box(function: Function, slope: Function, dtype: Any = None) -> Rule:
    primal, factor = _outside(function, dtype), _outside(slope, dtype)
    return Rule("box", primal, lambda x: (primal(x), x), lambda x, dy: (dy * factor(x),))


def _told(rule: Rule, seconds: float = 20.0) -> str:
    return evidence(subject_of(rule, floats((3,))), clock.now() + seconds)


@pytest.mark.parametrize(
    ("function", "slope", "order"),
    [
        (np.sin, np.cos, "h^2.0"),
        (lambda x: 1 / (1 + np.exp(-x)), lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2, "h^"),
        (np.log, lambda x: 1 / x, "h^2.0"),  # it has no value at half of the points
        (lambda x: 3 * x, lambda x: 3 + 0 * x, "no more than rounding"),
        (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0, "no more than rounding"),
        (lambda x: np.abs(x - 1), lambda x: np.sign(x - 1), "no more than rounding"),
        (np.floor, lambda x: 0 * x, "no more than rounding"),
    ],
    ids=["sin", "sigmoid", "log", "linear", "relu", "a kink between the points", "steps"],
)
def test_a_right_rule(function: Function, slope: Function, order: str):
    told = _told(_box(function, slope))
    assert order in told
    assert told.endswith(RIGHT)


@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (np.sin, lambda x: -np.cos(x)),
        (np.sin, lambda x: np.cos(x) * (1 + 1e-5)),
        (np.exp, lambda x: 0 * x),
        (lambda x: np.maximum(x, 0), lambda x: (x < 0) * 1.0),
        (lambda x: 3 * x, lambda x: 3.0001 + 0 * x),
    ],
    ids=["sign", "almost", "nothing", "the other side", "linear"],
)
def test_a_wrong_rule(function: Function, slope: Function):
    told = _told(_box(function, slope))
    assert "h^1.00" in told
    assert told.endswith(WRONG)


@pytest.mark.parametrize(("factor", "end"), [(1.0, RIGHT), (1.05, WRONG), (-1.0, WRONG)])
def test_code_that_gives_float32_alone(factor: float, end: str):
    assert _told(_box(np.sin, lambda x: factor * np.cos(x), np.float32)).endswith(end)


def test_a_gradient_that_is_not_finite():
    assert "not finite at 5 of 5" in _told(_box(np.sin, lambda x: np.nan * x))


def test_another_value():
    right, other = _outside(np.sin), _outside(lambda x: np.sin(x) + 1)
    slope = _outside(np.cos)
    rule = Rule("box", right, lambda x: (other(x), x), lambda x, dy: (dy * slope(x),))
    assert "another value" in _told(rule)


@pytest.mark.parametrize(("factor", "end"), [(1, RIGHT), (2, WRONG)])
def test_several_arguments(factor: int, end: str):
    """A layer whose product JAX cannot see, with labels that pick its columns."""

    def product(x: Any, w: Any) -> Any:
        result = jax.ShapeDtypeStruct((x.shape[0], w.shape[1]), x.dtype)
        return jax.pure_callback(lambda a, b: np.asarray(a) @ np.asarray(b), result, x, w)

    def primal(x: Any, w: Any, label: Any) -> Any:
        return product(x, w)[:, label]

    def bwd(residuals: Any, dy: Any) -> Any:
        x, w, label = residuals
        dz = jnp.zeros((x.shape[0], w.shape[1]), dy.dtype).at[:, label].add(dy)
        return product(dz, w.T), factor * product(x.T, dz), None

    rule = Rule("box", primal, lambda *args: (primal(*args), args), bwd)
    example = (*floats((4, 3), (3, 5)), jax.ShapeDtypeStruct((2,), jnp.int32))
    assert evidence(subject_of(rule, example), clock.now() + 20).endswith(end)


def test_whole_numbers_of_the_example_are_drawn_too():
    """A row of one length among two: lengths below every axis would be 0 and 1 alone."""
    square, places = _outside(np.square), np.arange(5, dtype=np.int32)[None]

    def primal(x: Any, length: Any) -> Any:
        return square(jnp.where(places < length[:, None], x, 0.0))

    def bwd(residuals: Any, dy: Any) -> Any:
        x, length = residuals
        kept = places < jnp.minimum(length, 3)[:, None]
        return jnp.where(kept, 2 * x * dy, 0.0), None

    rule = Rule("box", primal, lambda *args: (primal(*args), args), bwd)
    for lengths, end in ((np.array([4, 5]), WRONG), (np.array([3, 2]), RIGHT)):
        subject = subject_of(rule, (*floats((2, 5)), lengths))
        assert evidence(subject, clock.now() + 20).endswith(end)


def test_it_stands_in_the_report_of_an_undecided_check():
    for factor, end in ((1.0, RIGHT), (2.0, WRONG)):
        report = check(_box(np.sin, lambda x, factor=factor: factor * np.cos(x)), *floats((3,)))
        assert report.verdict is Verdict.UNDECIDED
        obligation = report.obligations[0]
        assert "pure_callback" in obligation.reason
        assert obligation.reason.endswith(end)


def test_an_endless_callback_ends_in_time():
    def endless(x: np.ndarray) -> Any:
        while True:
            time.sleep(0.01)

    start = clock.now()
    report = check(_box(endless, np.cos), *floats((3,)), budget=2.0)
    assert clock.now() - start < 3.0
    assert report.verdict is Verdict.UNDECIDED
    assert LATE in report.obligations[0].reason
    assert not any(t.name == "black box" for t in threading.enumerate())
    # And JAX still works.
    assert _told(_box(np.sin, np.cos)).endswith(RIGHT)


def test_an_interruption_that_the_collector_swallows_is_repeated_in_silence():
    def slow(phase: str, info: dict[str, int]) -> None:
        for _ in range(1000):
            pass

    def work() -> str:
        while True:
            gc.collect(0)
            for _ in range(1000):
                pass

    gc.callbacks.append(slow)
    try:
        assert _in_time(work, clock.now() + 0.05) == LATE
    finally:
        gc.callbacks.remove(slow)
    gc.collect()  # a report that was made is a warning now, and an error


def test_an_open_loop_is_not_run():
    def primal(x: Any) -> Any:
        y = _outside(np.sin)(x)
        return jax.lax.while_loop(lambda a: jnp.sum(a) < 10, lambda a: a + 1, y)

    rule = Rule("box", primal, lambda x: (primal(x), x), lambda x, dy: (dy,))
    assert "was not run: its loop" in _told(rule)


def test_a_callback_that_raises_says_nothing():
    def raises(x: np.ndarray) -> Any:
        raise ValueError("no")

    assert _told(_box(raises, np.cos)) == ""


def test_a_rule_that_raises_says_nothing():
    def bwd(x: Any, dy: Any) -> Any:
        raise ValueError("no")

    primal = _outside(np.sin)
    assert _told(Rule("box", primal, lambda x: (primal(x), x), bwd)) == ""
