"""The command `derivations explain`."""

import argparse
import json
from typing import Any

from derivations.command.terminal import say
from derivations.command.usage import EXAMPLES, STATUS, UsageError, nearest
from derivations.verdict import worst


def add(commands: Any) -> None:
    """Adds the command `explain`."""
    explain = commands.add_parser(
        "explain",
        help="show a derivation step by step, each step proved",
        description=(
            "Shows the derivation of an operation's derivative, of the chain rule or of "
            "backpropagation: each step with its reason, and proved equal to the one before."
        ),
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    explain.add_argument(
        "name",
        metavar="NAME",
        help="a derivation, or several: an operation, chain_rule, backpropagation",
    )
    explain.add_argument(
        "--notation",
        metavar="NOTATION",
        default="code",
        help="code, or lecture-000 to lecture-004 (default: code)",
    )
    explain.add_argument(
        "--format",
        choices=("text", "latex", "markdown", "json"),
        default="text",
        help="how to print it (default: text)",
    )
    explain.set_defaults(run=_explain)


def _explain(options: argparse.Namespace) -> int:
    from derivations.steps import find, groups, names, proved, show
    from derivations.steps.notation import NOTATIONS

    if options.notation not in NOTATIONS:
        near = nearest(options.notation, NOTATIONS)
        raise UsageError(f"there is no notation {options.notation!r}.{near}")
    found = find(options.name)
    if not found:
        near = nearest(options.name, dict.fromkeys([*names(), *groups()]))
        raise UsageError(f"there is no derivation {options.name!r}.{near}")
    pairs = [(derivation, proved(derivation)) for derivation in found]
    if options.format == "json":
        shown = [show.data(*pair, options.notation) for pair in pairs]
        say(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        write = {"text": show.text, "latex": show.in_latex, "markdown": show.markdown}
        printed = [write[options.format](*pair, options.notation) for pair in pairs]
        say("\n\n".join(printed))
    return STATUS[worst([proof.verdict for _, proof in pairs])]
