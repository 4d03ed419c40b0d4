"""However hard the subject, a check ends within one and a half times its budget, and answers."""

import gc
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from derivations import Verdict, check, clock
from functional_nn import Rule

from ..corpus.entry import floats

BUDGET = 4.0


def _own(function: Callable[..., Any]) -> Rule:
    """Gives a function with the derivative that JAX gives it."""
    return Rule(
        "hard",
        function,
        lambda *args: (function(*args), args),
        lambda args, dy: jax.vjp(function, *args)[1](dy),
    )


def _nested(times: int, step: Callable[[Any, Any], Any]) -> Rule:
    def function(x: Any, y: Any) -> Any:
        for _ in range(times):
            x = step(x, y)
        return x

    return _own(function)


def _endless(x: Any) -> Any:
    return lax.while_loop(lambda s: s[1] < 1, lambda s: (jnp.sin(s[0]), s[1] * 0), (x, 0))[0]


def _loop(x: Any) -> Any:
    for i in range(30_000):
        x = x * 1.5 + i
    return x


def _convolution(x: Any, w: Any) -> Any:
    layout = ("NHWC", "HWIO", "NHWC")
    x = jax.nn.relu(lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=layout))
    return jax.nn.softmax(lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=layout))


def _kinks(x: Any) -> Any:
    for i in range(16):
        x = jnp.abs(x - 0.5**i)
    return x


def _many_whole_numbers() -> Any:
    """A rule of which each static number is tried at another value as well."""

    def nested(x: Any, *times: int) -> Any:
        for _ in range(sum(times)):
            x = x * x + 1 / (x + 2)
        return x

    rule = jax.custom_vjp(nested, nondiff_argnums=tuple(range(1, 9)))
    rule.defvjp(
        lambda x, *times: (nested(x, *times), x),
        lambda *given: jax.vjp(lambda x: nested(x, *given[:8]), given[8])[1](given[9]),
    )
    return rule


HARD: dict[str, tuple[Any, ...]] = {
    "nested a hundred times": (
        _nested(100, lambda x, y: jnp.tanh(x * y + x)),
        *floats((3,), (3,)),
    ),
    "a polynomial of degree 2**30": (_nested(30, lambda x, y: x * x + y), *floats((2,), (2,))),
    "a tower of fractions": (_nested(20, lambda x, y: 1 / (x + y) + x), *floats((2,), (2,))),
    "many kinks": (_own(_kinks), *floats((3,))),
    "a large convolution": (_own(_convolution), *floats((4, 32, 32, 8), (3, 3, 8, 8))),
    "an endless loop": (
        Rule("endless", jnp.sin, lambda x: (jnp.sin(x), x), lambda x, dy: (_endless(x) * dy,)),
        *floats((3,)),
    ),
    "a long Python loop": (_own(_loop), *floats((3,))),
    "a million repetitions": (
        _own(lambda x: lax.fori_loop(0, 1_000_000, lambda i, a: a * x + 1, x)),
        *floats((2,)),
    ),
    "a million numbers": (
        _own(lambda x: jnp.sum(x * x * np.arange(1_000_000, dtype=x.dtype))),
        *floats((1_000_000,)),
    ),
    "a large power": (_own(lambda x: x**1_000_000_000), *floats((3,))),
    "many static numbers": (_many_whole_numbers(), *floats((2,)), *(2,) * 8),
}
FIRST = ("nested a hundred times", "an endless loop", "a large power")  # for every commit
EVERY = [pytest.param(name, marks=[] if name in FIRST else [pytest.mark.nightly]) for name in HARD]


@pytest.fixture
def heap_of_a_fresh_process():
    """What thousands of tests have left is not the check's: to go through it once takes seconds,
    in which the garbage collector cannot be interrupted."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.slow
@pytest.mark.usefixtures("heap_of_a_fresh_process")
@pytest.mark.parametrize("name", EVERY)
def test_a_check_ends_in_time(name: str):
    start = clock.now()
    report = check(*HARD[name], budget=BUDGET)
    assert clock.now() - start < 1.5 * BUDGET, str(report)
    # All of these are right; and what is infinite in JAX at every point raises no warning.
    assert report.verdict is not Verdict.REFUTED, str(report)
