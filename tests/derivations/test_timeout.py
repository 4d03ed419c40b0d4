"""A time limit interrupts whatever runs, and leaves JAX as it was."""

import subprocess
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from derivations import clock
from derivations.timeout import OutOfTime, time_limit
from derivations.trace import double_precision

PROGRAM = """
import cProfile, sys, time
from derivations.timeout import OutOfTime, time_limit

def endless():
    try:
        with time_limit(0.2):
            while True:
                sum([1])
    except OutOfTime:
        print("interrupted")

def short():
    with time_limit(60.0):
        pass
    print("left")

def watched():
    endless()
    short()
    endless()
    for _ in range(10_000):
        pass
    print("and nothing after")

def traced(frame, event, argument):
    return traced

match sys.argv[1]:
    case "profiled":
        cProfile.runctx("watched()", globals(), {})
    case "traced":
        sys.settrace(traced)
        watched()
        sys.settrace(None)
    case "plain":
        watched()
"""

DEVICES = """
import time
import jax
from jax._src import xla_bridge
from derivations.timeout import OutOfTime, time_limit

found = []

def slow():
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        pass
    found.append("looked to the end")
    raise RuntimeError("no such device")

xla_bridge.register_backend_factory("slow", slow, priority=-200, fail_quietly=True)
try:
    with time_limit(0.1):
        while True:
            jax.devices()
except OutOfTime:
    print(found, jax.devices()[0].platform)
"""


@pytest.mark.slow
def test_jax_is_left_as_it_was():
    """An exception while JAX enters or leaves a context would leave every later call traced."""

    def deep(x):
        for _ in range(30):
            x = jnp.sin(x) * x
        return x

    def trace_for_ever():
        while True:
            with double_precision():
                jax.make_jaxpr(lambda x: jax.vjp(deep, x)[1](x))(np.ones(3))

    random = np.random.default_rng(0)
    before = jnp.result_type(float)
    for _ in range(100):
        with pytest.raises(OutOfTime), time_limit(random.uniform(0, 0.02)):
            trace_for_ever()
        assert float(jnp.sum(jnp.ones(2))) == 2.0  # a number, and no tracer
        assert jnp.result_type(float) == before


class _Slow:
    def __init__(self, entered: list[str]):
        self.entered = entered

    def __enter__(self):
        _wait(0.1)
        self.entered.append("entered")

    def __exit__(self, *error):
        self.entered.append("left")


def _wait(seconds: float) -> None:
    end = clock.now() + seconds
    while clock.now() < end:
        pass


def test_a_context_is_entered_as_a_whole():
    entered: list[str] = []
    with pytest.raises(OutOfTime), time_limit(0.01), _Slow(entered):
        _wait(10)
    assert entered == ["entered", "left"]


def test_no_time_at_all_leaves_nobody_watching():
    for _ in range(20):
        with pytest.raises(OutOfTime), time_limit(0.0):
            _wait(10)
    _wait(0.6)  # whoever watched on would interrupt this
    assert not [t for t in threading.enumerate() if t.name == "time limit"]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["plain", "profiled", "traced"])
def test_it_interrupts_under_a_profiler_and_a_tracer_too(way: str):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, way], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    shown = done.stdout.split("\n")[:4]
    assert shown == ["interrupted", "left", "interrupted", "and nothing after"]


@pytest.mark.slow
def test_devices_are_looked_for_to_the_end():
    """JAX does so on first use, which may be within a limit."""
    done = subprocess.run(
        [sys.executable, "-c", DEVICES], capture_output=True, encoding="utf-8", timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["['looked", "to", "the", "end']", jax.default_backend()]
