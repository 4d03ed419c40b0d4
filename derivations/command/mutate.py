"""The command `derivations mutate`."""

import argparse
from typing import Any

from derivations.command.terminal import say
from derivations.command.usage import EXAMPLES, INTERRUPTED, UsageError, target


def add(commands: Any) -> None:
    """Adds the command `mutate`."""
    mutate = commands.add_parser(
        "mutate",
        help="plant mistakes in a rule of your own: do your tests find them?",
        description=(
            "Plants one mistake after the other in the backward pass of a jax.custom_vjp function "
            "or a functional_nn.Rule (a term dropped, a sign flipped, a factor transposed), and "
            "runs your tests against each. Mutants that survive are held against the original."
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EXAMPLES,
    )
    mutate.add_argument(
        "target",
        metavar="MODULE:FUNCTION",
        type=target,
        help="where it is, as the tests import it",
    )
    mutate.add_argument(
        "--tests",
        metavar="'pytest ...'",
        required=True,
        help="how to run the tests; the command is run without a shell",
    )
    mutate.add_argument("--json", action="store_true", help="print the outcomes as JSON")
    mutate.set_defaults(run=_mutate)


def _mutate(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from derivations.mutation.report import text, to_json
    from derivations.mutation.run import CannotMutate, mutate

    console = Console(stderr=True)
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("The tests, unmutated", total=None)

            def show(done: int, count: int) -> None:
                progress.update(task, description="Mutants", completed=done, total=count)

            mutation = mutate(options.target[0], options.target[1], options.tests, show)
    except CannotMutate as error:
        raise UsageError(str(error)) from error
    say(to_json(mutation) if options.json else text(mutation))
    if len(mutation.outcomes) < mutation.planned:
        return INTERRUPTED
    return 1 if mutation.of("survived") else 0
