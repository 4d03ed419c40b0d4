"""The command `derivations claims`."""

import argparse
from typing import Any

from derivations.command.terminal import console, say
from derivations.command.usage import EXAMPLES, UsageError, nearest


def add(commands: Any) -> None:
    """Adds the command `claims`."""
    claims = commands.add_parser(
        "claims",
        help="settle what the lectures state, claim by claim",
        description="Settles the claims of the lectures: proved, refuted, or measured.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    claims.add_argument(
        "ids",
        metavar="ID",
        nargs="*",
        help="claims such as 001.4, each told in full, or lectures such as 001 (default: all)",
    )
    claims.add_argument("--json", action="store_true", help="print the entries as JSON")
    claims.set_defaults(run=_claims)


def _claims(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from derivations.lectures import CLAIMS, LECTURES, settled
    from derivations.lectures.show import full, summary, table, to_json

    chosen: dict[str, None] = {}
    for name in options.ids or LECTURES:
        if name not in CLAIMS and name not in LECTURES:
            near = nearest(name, [*CLAIMS, *LECTURES])
            raise UsageError(f"there is no claim {name!r}.{near}")
        chosen.update({i: None for i in CLAIMS if name in (i, CLAIMS[i].lecture.number)})
    page, errors = console(), Console(stderr=True, highlight=False)
    entries = []
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        for name in progress.track(list(chosen), description="Settling"):
            entries.append(settled(CLAIMS[name]))
    if options.json:
        say(to_json(entries))
    elif options.ids and all(name in CLAIMS for name in options.ids):
        for entry in entries:
            page.print(full(entry), soft_wrap=True)
    else:
        page.print(table(entries))
        page.print(summary(entries))
    if any(not entry.as_claimed and not entry.undecided for entry in entries):
        return 1
    return 2 if any(entry.undecided for entry in entries) else 0
