"""A block is interrupted when its time is up, and nothing comes after it."""

import subprocess
import sys

import pytest

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


@pytest.mark.parametrize("way", ["plain", "profiled", "traced"])
def test_it_interrupts_under_a_profiler_and_a_tracer_too(way: str):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, way], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    shown = done.stdout.split("\n")[:4]
    assert shown == ["interrupted", "left", "interrupted", "and nothing after"]
