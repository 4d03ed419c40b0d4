"""The commands `derivations check` and `derivations verify`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from derivations.command.terminal import say
from derivations.command.usage import EXAMPLES, STATUS, UsageError, argument, budget, load, target


def add(commands: Any) -> None:
    """Adds the commands `check` and `verify`."""
    check = commands.add_parser(
        "check",
        help="check a rule of your own",
        description=(
            "Checks a jax.custom_vjp or jax.custom_jvp function, or a functional_nn.Rule: is its "
            "backward pass the derivative of its forward pass?"
        ),
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument(
        "target",
        metavar="MODULE:FUNCTION",
        type=target,
        help="where it is; MODULE is imported, from the current directory if it is there",
    )
    check.add_argument(
        "--arg",
        dest="args",
        metavar="'DTYPE[SIZES]'",
        action="append",
        default=[],
        type=argument,
        help="dtype and shape of an argument, such as 'float32[4,8]'; once for each, in order",
    )
    check.add_argument("--json", action="store_true", help="print the report as JSON")
    check.add_argument(
        "--budget",
        metavar="SECONDS",
        type=budget,
        default=30.0,
        help="what it runs out on is undecided (default: 30)",
    )
    check.add_argument(
        "--certificate",
        metavar="FILE",
        type=Path,
        help="write the evidence there, for `derivations verify` or verifier.py alone",
    )
    check.add_argument(
        "--accuracy",
        action="store_true",
        help="measure a function of one number in ulps as well, in the dtype of its argument",
    )
    check.set_defaults(run=_check)
    verify = commands.add_parser(
        "verify",
        help="re-check a certificate",
        description="Re-checks the evidence of a certificate, without JAX and without the code.",
    )
    verify.add_argument("file", metavar="FILE", help="what `check --certificate` wrote")
    verify.set_defaults(run=_verify)


def _check(options: argparse.Namespace) -> int:
    import jax

    from derivations.check import check

    if any(dtype.endswith("64") for dtype, _ in options.args):
        jax.config.update("jax_enable_x64", True)
    thing = load(*options.target)
    args = [jax.ShapeDtypeStruct(shape, dtype) for dtype, shape in options.args]
    try:
        report = check(thing, *args, budget=options.budget)
    except (TypeError, ValueError) as error:
        raise UsageError(str(error)) from error
    measured = _accuracy_beside(thing, options) if options.accuracy else []
    say(report.to_json() if options.json else report)
    if measured:
        print("\n".join(measured), file=sys.stderr if options.json else sys.stdout)
    if options.certificate is not None:
        try:
            options.certificate.write_text(report.to_certificate(), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"the certificate cannot be written: {error}") from error
    return STATUS[report.verdict]


def _accuracy_beside(thing: Any, options: argparse.Namespace) -> list[str]:
    """Gives the accuracy of what is checked, and where digits are lost, in a few lines."""
    from derivations.lift import Unsupported
    from derivations.ulps.accuracy import accuracy
    from derivations.ulps.advice import advice
    from derivations.ulps.show import brief

    if len(options.args) != 1:
        raise UsageError("--accuracy measures functions of one argument.")
    try:
        measured = accuracy(thing, dtype=options.args[0][0])
    except (TypeError, ValueError, Unsupported) as error:
        raise UsageError(str(error)) from error
    return ["", *brief(measured), *(f"  {line}" for line in advice(thing, measured))]


def _verify(options: argparse.Namespace) -> int:
    from derivations import verifier

    return verifier.main([options.file])
