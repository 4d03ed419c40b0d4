"""The command line: `derivations check`, `accuracy`, `mutate`, `report`, ...."""

import argparse
import sys
import traceback
from collections.abc import Sequence

from derivations.command import accuracy, check, claims, explain, mutate, report
from derivations.command.terminal import hush
from derivations.command.usage import EXAMPLES, FAILED, INTERRUPTED, USAGE, Parser, UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    try:
        return _run(arguments)
    finally:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            hush()


def _run(arguments: Sequence[str] | None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except UsageError as error:
        print(f"derivations: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:
        # Python would leave with 1, which here means refuted.
        traceback.print_exc()
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="derivations",
        description="Proves or refutes hand-written backward passes of JAX code.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in (check, mutate, accuracy, report, claims, explain):
        command.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
