"""Operations checked and claims settled, side by side in processes where that pays.

A process of ours starts afresh and is given a name; what it found comes back as JSON, without the
evidence that only certificates need.
"""

import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import numpy as np

from derivations.catalog import CATALOG
from derivations.lectures import CLAIMS, settled
from derivations.lectures.claim import Finding, Measured, Settled, Status
from derivations.report.data import to_json
from derivations.report.operation import Checked
from derivations.verdict import Named, Obligation, Report, Verdict, Witness

# To start a process costs as much as some ten of these.
_WORTH_A_PROCESS = 12

# Seconds for a check: what a page says should not hang on what else a machine does meanwhile.
_BUDGET = 60.0


class Task(NamedTuple):
    """Something to settle: the operation of a name, or the claim of an id."""

    kind: str
    name: str


def settle(
    names: Sequence[str], ids: Sequence[str], told: Callable[[Checked | Settled], None]
) -> tuple[list[Checked], list[Settled]]:
    """Checks operations and settles claims, in as many processes as there are cores.

    Args:
      names: The operations.
      ids: The claims.
      told: Is called with each result as it comes.

    Raises:
      BrokenProcessPool: A process was ended from outside.
    """
    # What takes longest, begun last, would leave all processes but one idle: some claims, and the
    # operations on arrays of many dimensions.
    tasks = [*(Task("claim", i) for i in ids), *(Task("operation", name) for name in names)]
    count = min(_cores(), len(tasks) // _WORTH_A_PROCESS)
    found: dict[Task, Any] = {}
    queued = sorted(tasks, key=_dimensions, reverse=True)
    for task, text in _beside(queued, count) if count > 1 else _here(tasks):
        found[task] = _read(task, text)
        told(found[task])
    ordered = [found[task] for task in tasks]
    return ordered[len(ids) :], ordered[: len(ids)]


def _dimensions(task: Task) -> int:
    """Counts the dimensions of an operation's example; a claim stands among the matrices."""
    if task.kind == "claim":
        return 2
    return max(map(np.ndim, jax.tree.leaves(CATALOG[task.name].arguments)))


def _cores() -> int:
    """Counts the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _here(tasks: Sequence[Task]) -> Iterator[tuple[Task, str]]:
    for task in tasks:
        yield task, _work(task.kind, task.name)


def _beside(tasks: Sequence[Task], count: int) -> Iterator[tuple[Task, str]]:
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        try:
            with _uninterrupted():
                futures: dict[Future[str], Task] = {
                    pool.submit(_work, *task): task for task in tasks
                }
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            # Neither wait for what nobody will read, nor leave it running.
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
            pool.shutdown(cancel_futures=True)
            raise


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Lets the processes that are started inside leave Ctrl-C to this one, which ends them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _work(kind: str, name: str) -> str:
    from derivations.check import check

    if kind == "claim":
        _, findings, seconds = settled(CLAIMS[name])
        return json.dumps({"findings": [_finding(f) for f in findings], "seconds": seconds})
    operation = CATALOG[name]
    report = check(
        operation.rule, *operation.arguments, textbook=operation.textbook, budget=_BUDGET
    )
    return to_json(report)


def _finding(finding: Finding) -> dict[str, Any]:
    return finding._asdict() | {
        "status": str(finding.status),
        "witness": finding.witness and finding.witness._asdict(),
        "measured": [m._asdict() for m in finding.measured],
    }


def _read(task: Task, text: str) -> Checked | Settled:
    told = json.loads(text)
    if task.kind == "operation":
        operation = CATALOG[task.name]
        return Checked(operation.rule, operation.textbook, _report(told))
    return Settled(CLAIMS[task.name], tuple(map(_found, told["findings"])), told["seconds"])


def _found(told: dict[str, Any]) -> Finding:
    fields = told | {
        "status": Status(told["status"]),
        "lines": tuple(told["lines"]),
        "witness": told["witness"] and Witness(**told["witness"]),
        "measured": tuple(Measured(**m) for m in told["measured"]),
    }
    return Finding(**fields)


def _report(told: dict[str, Any]) -> Report:
    obligations = tuple(map(_obligation, told["obligations"]))
    return Report(told["subject"], told["kind"], obligations, tuple(map(_report, told["parts"])))


def _obligation(told: dict[str, Any]) -> Obligation:
    fields = told | {
        "verdict": Verdict(told["verdict"]),
        "assumptions": tuple(told["assumptions"]),
        "details": tuple(told["details"]),
        "witness": told["witness"] and Witness(**told["witness"]),
        "mistake": told["mistake"] and Named(**told["mistake"]),
    }
    return Obligation(**fields)
