"""Runs a user's tests against every mutant of a rule, one process for each."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from derivations.mutation.mutants import Line

LIMIT = 10.0, 4.0  # seconds, and times what the tests take unmutated
COMPARING = 120.0  # seconds more, for a mutant that has survived
_PLUGIN = Path(__file__).parent / "plugin"
_PACKAGES = Path(__file__).parents[2]
_TAIL = 15  # lines of the tests' output


class CannotMutate(Exception):
    """There is nothing to be learned: the rule is not there, or the tests do not pass or use it."""


class Outcome(NamedTuple):
    """What became of one mutant.

    Attributes:
      line: The line that the mistake stands for.
      words: What was done.
      result: `"killed"`, `"timed out"`, `"survived"`, `"proved equal"` (to the original, so that
        no test could kill it) or `"not told apart"` (from the original, nor proved equal).
      detail: Where a survivor differs from the original, or why it is not told apart.
      seconds: How long the tests took.
    """

    line: Line
    words: str
    result: str
    detail: str
    seconds: float


class Mutation(NamedTuple):
    """What became of all mutants.

    Attributes:
      target: The rule, as `MODULE:FUNCTION`.
      tests: The command.
      seconds: What the tests take unmutated.
      ran: The shapes at which they run the backward pass.
      outcomes: One for each mutant that was run, in the order of the code.
      planned: How many mutants there are; more than were run if it was interrupted.
      warning: What was left out, if anything was.
    """

    target: str
    tests: str
    seconds: float
    ran: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    planned: int
    warning: str = ""

    def of(self, *results: str) -> list[Outcome]:
        """Gives the mutants with some results."""
        return [outcome for outcome in self.outcomes if outcome.result in results]

    @property
    def score(self) -> float | None:
        """The share of killed mutants among those that are known to be wrong."""
        killed, survived = len(self.of("killed", "timed out")), len(self.of("survived"))
        return killed / (killed + survived) if killed + survived else None


def mutate(
    module: str,
    function: str,
    tests: str,
    progress: Callable[[int, int], None] = lambda done, count: None,
) -> Mutation:
    """Mutates the backward pass of a rule and runs tests against each mutant.

    Args:
      module: Where the rule is.
      function: Its name there.
      tests: A pytest command. It is split as a shell would, and run without one.
      progress: Called with the number of mutants done and of all, before each.

    Returns:
      The outcomes. If it is interrupted, those that are known by then.

    Raises:
      CannotMutate: The rule is not there, or the tests do not pass or never use it.
    """
    command = _command(tests)
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        first = _run(command, module, function, None, Path(folder, "unmutated"), None)
        seconds = time.monotonic() - start
        notes = _baseline(first, module, function, tests)
        ordered = _ordered(notes)
        limit = LIMIT[0] + LIMIT[1] * seconds
        outcomes: list[Outcome] = []
        with contextlib.suppress(KeyboardInterrupt):
            for number, (key, line, words) in enumerate(ordered):
                progress(number, len(ordered))
                here = Path(folder, str(number))
                done = _run(command, module, function, key, here, limit)
                outcomes.append(Outcome(line, words, *_result(done), done.seconds))
        untraced = next((note["untraced"] for note in notes if note["untraced"]), "")
        return Mutation(
            f"{module}:{function}",
            tests,
            seconds,
            tuple(dict.fromkeys(shapes for note in notes for shapes in note["ran"])),
            tuple(outcomes),
            len(ordered),
            f"some calls of bwd could not be traced, and were left as they are: {untraced}"
            if untraced
            else "",
        )


class _Done(NamedTuple):
    """One run of the tests; the status is `None` if it took too long."""

    status: int | None
    seconds: float
    folder: Path
    output: str

    def notes(self) -> list[dict[str, Any]]:
        """What each process saw of the rule."""
        return [json.loads(path.read_text("utf-8")) for path in self.folder.glob("[0-9]*.json")]


def _command(tests: str) -> list[str]:
    try:
        command = shlex.split(tests)
    except ValueError as error:
        raise CannotMutate(f"--tests cannot be split into words: {error}. Got {tests!r}") from error
    if not command:
        raise CannotMutate("--tests is a pytest command, such as 'pytest tests'. Got nothing.")
    # The environment that this command is installed in comes before whatever else is on the path.
    beside = os.path.dirname(sys.executable)
    program = shutil.which(command[0], path=beside) or shutil.which(command[0])
    if program is None:
        raise CannotMutate(f"--tests starts with a program. Got {command[0]!r}, which is not found")
    return [program, *command[1:]]


def _run(
    command: Sequence[str],
    module: str,
    function: str,
    key: str | None,
    folder: Path,
    limit: float | None,
) -> _Done:
    folder.mkdir()
    plan = {"module": module, "function": function, "mutant": key, "folder": str(folder)}
    (folder / "plan").write_text(json.dumps(plan), encoding="utf-8")
    start = time.monotonic()
    with open(folder / "output", "w+", encoding="utf-8", errors="replace") as output:
        process = subprocess.Popen(
            command,
            env=_environment(folder, stop=key is not None),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that all of it ends together
        )
        try:
            status = _waited(process, folder, limit)
        finally:
            _ended(process)
        output.seek(0)
        return _Done(status, time.monotonic() - start, folder, output.read())


def _waited(process: subprocess.Popen[Any], folder: Path, limit: float | None) -> int | None:
    for seconds in (limit, COMPARING):
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            if not (folder / "comparison.json").exists():
                return None
    return 0  # the tests had passed


def _ended(process: subprocess.Popen[Any]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _environment(folder: Path, *, stop: bool) -> dict[str, str]:
    installed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    paths = [str(_PLUGIN)] + ([] if str(_PACKAGES) in installed else [str(_PACKAGES)])
    before = os.environ.get("PYTHONPATH")
    options = os.environ.get("PYTEST_ADDOPTS", "").split()
    options += ["-p", "derivations_mutation", *(["-x"] if stop else [])]
    return os.environ | {
        "DERIVATIONS_MUTATION": str(folder / "plan"),
        "PYTEST_ADDOPTS": " ".join(options),
        "PYTHONPATH": os.pathsep.join([*paths, *([before] if before else [])]),
        # Counterexamples of one mutant are not to be tried on the next.
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
    }


def _baseline(done: _Done, module: str, function: str, tests: str) -> list[dict[str, Any]]:
    """Gives what the processes saw; refuses what nothing could be learned from."""
    target = f"{module}:{function}"
    notes = done.notes()
    for note in notes:
        if note["error"]:
            raise CannotMutate(note["error"])
    if done.status != 0:
        tail = "\n".join(done.output.rstrip().splitlines()[-_TAIL:])
        raise CannotMutate(
            f"the tests have to pass as they are. Exit status {done.status} of {tests!r}:\n{tail}"
        )
    if not (done.folder / "pytest").exists():
        raise CannotMutate(f"--tests is a pytest command. {tests!r} did not run pytest")
    if not notes:
        raise CannotMutate(f"the tests never import {module}: they cannot test {target}")
    if not any(note["ran"] for note in notes):
        untraced = next((note["untraced"] for note in notes if note["untraced"]), "")
        if untraced:
            raise CannotMutate(f"the backward pass of {target} cannot be traced: {untraced}")
        called = any(note["called"] for note in notes)
        differentiated = any(note["differentiated"] for note in notes)
        seen = (
            "run its forward pass alone" if differentiated
            else "call it, and never differentiate it" if called
            else "never call it"
        )  # fmt: skip
        raise CannotMutate(
            f"the tests never run the backward pass of {target}; they {seen}. A Rule that has been "
            "copied while its module was imported cannot be mutated: name the function that "
            "with_rule made of it."
        )
    return notes


def _ordered(notes: list[dict[str, Any]]) -> list[tuple[str, Line, str]]:
    """Gives the mutants in the order of the code, numbered where two of a line read alike."""
    merged = {key: value for note in notes for key, value in note["mutants"].items()}
    ordered = [(key, Line(*value["line"]), value["words"]) for key, value in merged.items()]
    ordered.sort(key=lambda item: item[1])
    alike = Counter(item[1:] for item in ordered)
    seen: Counter[Any] = Counter()
    numbered = []
    for key, line, words in ordered:
        seen[line, words] += 1
        number = f" ({seen[line, words]} of {alike[line, words]})" if alike[line, words] > 1 else ""
        numbered.append((key, line, words + number))
    return numbered


def _result(done: _Done) -> tuple[str, str]:
    if done.status is None:
        return "timed out", ""
    if done.status != 0:
        return "killed", ""
    if not any(note["applied"] for note in done.notes()):
        return "survived", "the tests did not run it this time"
    path = done.folder / "comparison.json"
    text = path.read_text("utf-8") if path.exists() else ""
    if not text:
        return "not told apart", "the comparison with the original did not end"
    found = json.loads(text)
    words = {"equal": "proved equal", "different": "survived", "undecided": "not told apart"}
    return words[found["verdict"]], found["detail"]
