"""The command `derivations accuracy`."""

import argparse
from pathlib import Path
from typing import Any

from derivations.command.terminal import console, say
from derivations.command.usage import EXAMPLES, UsageError, load, nearest, target


def add(commands: Any) -> None:
    """Adds the command `accuracy`."""
    accuracy = commands.add_parser(
        "accuracy",
        help="measure a function and its derivative in ulps",
        description=(
            "Measures how far a function of one number, and its derivative, are from the truth "
            "over the floats, in units of the last place."
        ),
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    accuracy.add_argument(
        "name", metavar="NAME", help="an operation of the library, or MODULE:FUNCTION"
    )
    accuracy.add_argument(
        "--dtype",
        choices=("float16", "bfloat16", "float32", "float64"),
        default="float32",
        help="of the inputs (default: float32); of 16 bits every input is measured",
    )
    many = accuracy.add_mutually_exclusive_group()
    many.add_argument(
        "--exhaustive",
        dest="inputs",
        action="store_const",
        const="band",
        default="sample",
        help="every float32 with 2^-30 <= |x| < 128, instead of a sample",
    )
    many.add_argument(
        "--all",
        dest="inputs",
        action="store_const",
        const="all",
        help="every float32, which takes minutes",
    )
    accuracy.add_argument("--json", action="store_true", help="print the figures as JSON")
    accuracy.add_argument(
        "--out", metavar="FILE.svg", type=Path, help="draw the errors along the line"
    )
    accuracy.set_defaults(run=_accuracy)


def _accuracy(options: argparse.Namespace) -> int:
    from derivations.catalog import CATALOG
    from derivations.lift import Unsupported
    from derivations.report.canvas import available
    from derivations.ulps.accuracy import accuracy

    if options.out is not None and not available():
        raise UsageError("a picture needs matplotlib: install functional-nn[plots].")
    if ":" in options.name:
        try:
            thing = load(*target(options.name))
        except argparse.ArgumentTypeError as error:
            raise UsageError(str(error)) from error
    elif options.name in CATALOG:
        thing = CATALOG[options.name].rule
    else:
        near = nearest(options.name, CATALOG)
        raise UsageError(f"there is no operation {options.name!r}.{near}")
    try:
        measured = accuracy(thing, dtype=options.dtype, inputs=options.inputs)
    except (TypeError, ValueError, Unsupported) as error:
        raise UsageError(str(error)) from error
    if options.json:
        say(measured.to_json())
    else:
        console(highlight=True).print(str(measured), markup=False, soft_wrap=True)
    if options.out is not None:
        try:
            options.out.write_text(measured.to_svg(), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"the picture cannot be written: {error}") from error
    return 0
