"""What the commands share: exit statuses, arguments and how they are refused, what is loaded."""

import argparse
import difflib
import importlib
import os
import re
import sys
from typing import Any, NoReturn

from derivations.verdict import Verdict

STATUS = {Verdict.PROVED: 0, Verdict.EXACT: 0, Verdict.REFUTED: 1, Verdict.UNDECIDED: 2}
USAGE = 3
FAILED = 70
INTERRUPTED = 130

_DTYPES = (
    "float16", "bfloat16", "float32", "float64",
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool",
)  # fmt: skip
_GRAMMAR = (
    "an argument is dtype[sizes], such as float32[4,8], or int32[] for a single number; the dtypes "
    f"are {', '.join(_DTYPES)}"
)
_ARGUMENT = re.compile(rf"({'|'.join(_DTYPES)})\[((?:\d+(?:,\d+)*)?)\]")

EXAMPLES = """\
examples:
  derivations check rules:swish --arg 'float32[4]'
  derivations check rules:attention --arg 'float32[6,8]' --arg 'float32[6,8]' --arg 'float32[6,8]'
  derivations check rules:swish --arg 'float32[4]' --json > swish.json
  derivations check rules:swish --arg 'float32[4]' --certificate swish.certificate.json
  derivations verify swish.certificate.json
  derivations mutate rules:swish --tests 'pytest tests/test_rules.py'
  derivations accuracy tanh --dtype bfloat16
  derivations accuracy rules:swish --exhaustive --out build/swish.svg
  derivations explain softmax_cross_entropy --notation lecture-002
  derivations report --out build/report
  derivations report sigmoid dense --out build/report --format markdown
  derivations claims
  derivations claims 001.4
  derivations claims 003 --json

exit status:
  0  everything is proved (or exact); no mutant survived; all evidence is re-checked; every claim
     came out as the ledger has it
  1  something is refuted; a mutant survived; evidence is wrong; a claim came out otherwise
  2  something is undecided; evidence cannot be re-checked
  3  wrong usage; a damaged certificate
"""


class Parser(argparse.ArgumentParser):
    """A parser of arguments that leaves with 3."""

    def error(self, message: str) -> NoReturn:
        """Tells what is wrong with the arguments, and leaves."""
        # argparse leaves with 2, which here means undecided.
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


class UsageError(Exception):
    """The command cannot be carried out as it was given."""


def target(text: str) -> tuple[str, str]:
    """Reads MODULE:FUNCTION."""
    module, colon, function = text.partition(":")
    names = [*module.split("."), *function.split(".")]
    if not colon or not all(name.isidentifier() for name in names):
        raise argparse.ArgumentTypeError(
            f"expected MODULE:FUNCTION, such as rules:swish. Got {text!r}"
        )
    return module, function


def argument(text: str) -> tuple[str, tuple[int, ...]]:
    """Reads a dtype and a shape."""
    match = _ARGUMENT.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{_GRAMMAR}. Got {text!r}")
    return match[1], tuple(int(size) for size in match[2].split(",") if size)


def budget(text: str) -> float:
    """Reads a number of seconds."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a positive number of seconds. Got {text!r}")
    return seconds


def load(module: str, function: str) -> Any:
    """Imports a module and gets what it has under a name."""
    sys.path.insert(0, os.getcwd())
    try:
        thing: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise UsageError(
            f"the module is found from the current directory or installed. Got {module!r}, which "
            f"is neither; the current directory is {os.getcwd()}."
        ) from error
    for name in function.split("."):
        if not hasattr(thing, name):
            raise UsageError(f"{module} has no {function!r}.{nearest(name, dir(thing))}")
        thing = getattr(thing, name)
    return thing


def nearest(name: str, known: Any) -> str:
    """Tells which known names are like one that is not known."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    choices = near or sorted(entry for entry in known if not entry.startswith("_"))
    return f" {'Did you mean' if near else 'There is'} {', '.join(choices)}{'?' if near else '.'}"
