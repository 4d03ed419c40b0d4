"""What is printed, even to a reader who has seen enough, such as `head`."""

import os
import sys

from rich.console import Console


def say(text: object) -> None:
    """Prints, and goes on in silence if nobody reads on: the exit status is the same."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        hush()


def console(*, highlight: bool = False) -> Console:
    """Gives a console on the standard output, which goes on as `say` does."""
    return _Console(highlight=highlight)


def hush() -> None:
    """Sends to nowhere what is still to be printed, and what Python flushes when it leaves."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        # rich would leave with 1, which here means refuted.
        hush()
