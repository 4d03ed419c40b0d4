"""What a check can do within its budget does not hang on what else the machine does."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from derivations import clock


def test_rest_counts():
    start = clock.now()
    time.sleep(0.1)
    assert clock.now() - start > 0.09


def test_it_never_goes_back():
    times = [clock.now() for _ in range(10_000)]
    assert times == sorted(times)


def test_it_stands_while_others_run_between_its_two_readings(monkeypatch):
    waited = iter([0, 10**9, 0])
    monkeypatch.setattr(clock, "_file", 0)
    monkeypatch.setattr(clock, "_latest", 0.0)
    monkeypatch.setattr(os, "pread", lambda *_: b"0 %d 0" % next(waited), raising=False)
    start = clock.now()
    assert clock.now() == start
    time.sleep(0.1)
    assert 0.09 < clock.now() - start < 1


def waited() -> float:
    """Gives the seconds in which this process was ready and others ran, as the kernel has them."""
    return int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux alone counts waiting")
def test_what_others_run_does_not_count():
    assert threading.current_thread() is threading.main_thread()  # whose waiting is counted
    allowed = os.sched_getaffinity(0)
    one = min(allowed)
    busy = f"import os; os.sched_setaffinity(0, [{one}]); print(flush=True)\nwhile True: pass"
    os.sched_setaffinity(0, [one])
    others = [
        subprocess.Popen([sys.executable, "-c", busy], stdout=subprocess.PIPE) for _ in range(3)
    ]
    try:
        for other in others:
            assert other.stdout is not None
            other.stdout.readline()
        passed, ran, counted = time.monotonic(), time.thread_time(), clock.now()
        others_ran = waited()
        while time.monotonic() < passed + 1.0:
            pass
        passed, ran = time.monotonic() - passed, time.thread_time() - ran
        counted, others_ran = clock.now() - counted, waited() - others_ran
    finally:
        os.sched_setaffinity(0, allowed)
        for other in others:
            other.kill()
            other.communicate()
    # What a hypervisor or a quota takes is neither run nor waited, and counts.
    assert ran < 0.7 * passed
    assert ran - 0.05 < counted < 0.8 * passed
    assert abs(counted - (passed - others_ran)) < 0.15 * passed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_copy_of_the_process_counts_its_own():
    code = "import os, sys, time\nfrom derivations import clock\n"
    code += "if os.fork() == 0:\n    start = clock.now(); time.sleep(0.1)\n"
    code += "    os._exit(0.09 < clock.now() - start < 5)\n"
    code += "sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    assert done.returncode == 1, done.stderr
