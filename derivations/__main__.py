"""The command line: `derivations check`, `accuracy`, `mutate`, `report`, ...."""

import argparse
import difflib
import importlib
import json
import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from derivations.verdict import Report, Verdict, worst

_STATUS = {Verdict.PROVED: 0, Verdict.EXACT: 0, Verdict.REFUTED: 1, Verdict.UNDECIDED: 2}
_USAGE = 3
_FAILED = 70
_INTERRUPTED = 130

_DTYPES = (
    "float16", "bfloat16", "float32", "float64",
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool",
)  # fmt: skip
_GRAMMAR = (
    "an argument is dtype[sizes], such as float32[4,8], or int32[] for a single number; the dtypes "
    f"are {', '.join(_DTYPES)}"
)
_ARGUMENT = re.compile(rf"({'|'.join(_DTYPES)})\[((?:\d+(?:,\d+)*)?)\]")

_EXAMPLES = """\
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


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # argparse leaves with 2, which here means undecided.
        self.print_usage(sys.stderr)
        self.exit(_USAGE, f"{self.prog}: {message}\n")


class _UsageError(Exception):
    """The command cannot be carried out as it was given."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except _UsageError as error:
        print(f"derivations: {error}", file=sys.stderr)
        return _USAGE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception:
        # Python would leave with 1, which here means refuted.
        traceback.print_exc()
        return _FAILED


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="derivations",
        description="Proves or refutes hand-written backward passes of JAX code.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    check = commands.add_parser(
        "check",
        help="check a rule of your own",
        description=(
            "Checks a jax.custom_vjp or jax.custom_jvp function, or a functional_nn.Rule: is its "
            "backward pass the derivative of its forward pass?"
        ),
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument(
        "target",
        metavar="MODULE:FUNCTION",
        type=_target,
        help="where it is; MODULE is imported, from the current directory if it is there",
    )
    check.add_argument(
        "--arg",
        dest="args",
        metavar="'DTYPE[SIZES]'",
        action="append",
        default=[],
        type=_argument,
        help="dtype and shape of an argument, such as 'float32[4,8]'; once for each, in order",
    )
    check.add_argument("--json", action="store_true", help="print the report as JSON")
    check.add_argument(
        "--budget",
        metavar="SECONDS",
        type=_budget,
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

    mutate = commands.add_parser(
        "mutate",
        help="plant mistakes in a rule of your own: do your tests find them?",
        description=(
            "Plants one mistake after the other in the backward pass of a jax.custom_vjp function "
            "or a functional_nn.Rule (a term dropped, a sign flipped, a factor transposed), and "
            "runs your tests against each. Mutants that survive are held against the original."
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_EXAMPLES,
    )
    mutate.add_argument(
        "target",
        metavar="MODULE:FUNCTION",
        type=_target,
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

    accuracy = commands.add_parser(
        "accuracy",
        help="measure a function and its derivative in ulps",
        description=(
            "Measures how far a function of one number, and its derivative, are from the truth "
            "over the floats, in units of the last place."
        ),
        epilog=_EXAMPLES,
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

    report = commands.add_parser(
        "report",
        help="check the library's own operations, and write derivations and claims as pages",
        description=(
            "Checks the operations of functional_nn, settles what the lectures state, and writes "
            "it all as pages that link to one another: the ledger of claims, each operation, each "
            "lecture, the chain rule and backpropagation. With names: these operations, and the "
            "claims about them. What is unchanged is not made again."
        ),
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    report.add_argument(
        "names", metavar="NAME", nargs="*", help="which operations (default: all of them)"
    )
    report.add_argument(
        "--out",
        metavar="DIR",
        required=True,
        type=Path,
        help="a folder for the report alone, which is replaced as a whole: new, empty, or of ours",
    )
    report.add_argument(
        "--format",
        choices=("html", "markdown", "latex"),
        default="html",
        help="pages for a browser, without network; or Markdown, or LaTeX for pdflatex, with the "
        "pictures (default: html)",
    )
    report.set_defaults(run=_report)

    claims = commands.add_parser(
        "claims",
        help="settle what the lectures state, claim by claim",
        description="Settles the claims of the lectures: proved, refuted, or measured.",
        epilog=_EXAMPLES,
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

    explain = commands.add_parser(
        "explain",
        help="show a derivation step by step, each step proved",
        description=(
            "Shows the derivation of an operation's derivative, of the chain rule or of "
            "backpropagation: each step with its reason, and proved equal to the one before."
        ),
        epilog=_EXAMPLES,
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
    return parser


def _target(text: str) -> tuple[str, str]:
    module, colon, function = text.partition(":")
    names = [*module.split("."), *function.split(".")]
    if not colon or not all(name.isidentifier() for name in names):
        raise argparse.ArgumentTypeError(
            f"expected MODULE:FUNCTION, such as rules:swish. Got {text!r}"
        )
    return module, function


def _argument(text: str) -> tuple[str, tuple[int, ...]]:
    match = _ARGUMENT.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{_GRAMMAR}. Got {text!r}")
    return match[1], tuple(int(size) for size in match[2].split(",") if size)


def _budget(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a positive number of seconds. Got {text!r}")
    return seconds


def _check(options: argparse.Namespace) -> int:
    import jax

    from derivations.check import check

    if any(dtype.endswith("64") for dtype, _ in options.args):
        jax.config.update("jax_enable_x64", True)
    thing = _load(*options.target)
    args = [jax.ShapeDtypeStruct(shape, dtype) for dtype, shape in options.args]
    try:
        report = check(thing, *args, budget=options.budget)
    except (TypeError, ValueError) as error:
        raise _UsageError(str(error)) from error
    measured = _accuracy_beside(thing, options) if options.accuracy else []
    print(report.to_json() if options.json else report)
    if measured:
        print("\n".join(measured), file=sys.stderr if options.json else sys.stdout)
    if options.certificate is not None:
        try:
            options.certificate.write_text(report.to_certificate(), encoding="utf-8")
        except OSError as error:
            raise _UsageError(f"the certificate cannot be written: {error}") from error
    return _status([report])


def _accuracy_beside(thing: Any, options: argparse.Namespace) -> list[str]:
    """Gives the accuracy of what is checked, and where digits are lost, in a few lines."""
    from derivations.lift import Unsupported
    from derivations.ulps.accuracy import accuracy
    from derivations.ulps.advice import advice
    from derivations.ulps.show import brief

    if len(options.args) != 1:
        raise _UsageError("--accuracy measures functions of one argument.")
    try:
        measured = accuracy(thing, dtype=options.args[0][0])
    except (TypeError, ValueError, Unsupported) as error:
        raise _UsageError(str(error)) from error
    return ["", *brief(measured), *(f"  {line}" for line in advice(thing, measured))]


def _verify(options: argparse.Namespace) -> int:
    from derivations import verifier

    return verifier.main([options.file])


def _load(module: str, function: str) -> Any:
    sys.path.insert(0, os.getcwd())
    try:
        thing: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise _UsageError(
            f"the module is found from the current directory or installed. Got {module!r}, which "
            f"is neither; the current directory is {os.getcwd()}."
        ) from error
    for name in function.split("."):
        if not hasattr(thing, name):
            raise _UsageError(f"{module} has no {function!r}.{_nearest(name, dir(thing))}")
        thing = getattr(thing, name)
    return thing


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
        raise _UsageError(str(error)) from error
    print(to_json(mutation) if options.json else text(mutation))
    if len(mutation.outcomes) < mutation.planned:
        return _INTERRUPTED
    return 1 if mutation.of("survived") else 0


def _accuracy(options: argparse.Namespace) -> int:
    from rich.console import Console

    from derivations.catalog import CATALOG
    from derivations.lift import Unsupported
    from derivations.report.canvas import available
    from derivations.ulps.accuracy import accuracy

    if options.out is not None and not available():
        raise _UsageError("a picture needs matplotlib: install functional-nn[plots].")
    if ":" in options.name:
        try:
            thing = _load(*_target(options.name))
        except argparse.ArgumentTypeError as error:
            raise _UsageError(str(error)) from error
    elif options.name in CATALOG:
        thing = CATALOG[options.name].rule
    else:
        near = _nearest(options.name, CATALOG)
        raise _UsageError(f"there is no operation {options.name!r}.{near}")
    try:
        measured = accuracy(thing, dtype=options.dtype, inputs=options.inputs)
    except (TypeError, ValueError, Unsupported) as error:
        raise _UsageError(str(error)) from error
    if options.json:
        print(measured.to_json())
    else:
        Console(highlight=True, soft_wrap=True).print(str(measured), markup=False)
    if options.out is not None:
        try:
            options.out.write_text(measured.to_svg(), encoding="utf-8")
        except OSError as error:
            raise _UsageError(f"the picture cannot be written: {error}") from error
    return 0


def _report(options: argparse.Namespace) -> int:
    from derivations.report.kept import key, unchanged
    from derivations.report.replace import require_replaceable

    names = sorted(set(options.names))
    try:
        require_replaceable(options.out)
    except OSError as error:
        raise _UsageError(str(error)) from error
    made_from = key(options.format, names)
    there = unchanged(options.out, made_from)
    if there is not None:
        print(f"Unchanged, and every file is as it was written: {options.out}", file=sys.stderr)
        print(options.out / there.first)
        return there.status

    from rich.console import Console

    from derivations.catalog import CATALOG
    from derivations.report.make import make

    for name in names:
        if name not in CATALOG:
            raise _UsageError(f"there is no operation {name!r}.{_nearest(name, CATALOG)}")
    console = Console(stderr=True, highlight=False)
    ordered = [name for name in CATALOG if name in names]
    made = make(ordered, out=options.out, format=options.format, key=made_from, console=console)
    print(options.out / made.first)
    return made.status


def _explain(options: argparse.Namespace) -> int:
    from derivations.steps import find, groups, names, proved, show
    from derivations.steps.notation import NOTATIONS

    if options.notation not in NOTATIONS:
        near = _nearest(options.notation, NOTATIONS)
        raise _UsageError(f"there is no notation {options.notation!r}.{near}")
    found = find(options.name)
    if not found:
        near = _nearest(options.name, dict.fromkeys([*names(), *groups()]))
        raise _UsageError(f"there is no derivation {options.name!r}.{near}")
    pairs = [(derivation, proved(derivation)) for derivation in found]
    if options.format == "json":
        shown = [show.data(*pair, options.notation) for pair in pairs]
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        write = {"text": show.text, "latex": show.in_latex, "markdown": show.markdown}
        printed = [write[options.format](*pair, options.notation) for pair in pairs]
        print("\n\n".join(printed))
    return _STATUS[worst([proof.verdict for _, proof in pairs])]


def _claims(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from derivations.lectures import CLAIMS, LECTURES, settled
    from derivations.lectures.show import full, summary, table, to_json

    chosen: dict[str, None] = {}
    for name in options.ids or LECTURES:
        if name not in CLAIMS and name not in LECTURES:
            near = _nearest(name, [*CLAIMS, *LECTURES])
            raise _UsageError(f"there is no claim {name!r}.{near}")
        chosen.update({i: None for i in CLAIMS if name in (i, CLAIMS[i].lecture.number)})
    console, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    entries = []
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        for name in progress.track(list(chosen), description="Settling"):
            entries.append(settled(CLAIMS[name]))
    if options.json:
        print(to_json(entries))
    elif options.ids and all(name in CLAIMS for name in options.ids):
        for entry in entries:
            console.print(full(entry), soft_wrap=True)
    else:
        console.print(table(entries))
        console.print(summary(entries))
    if any(not entry.as_claimed and not entry.undecided for entry in entries):
        return 1
    return 2 if any(entry.undecided for entry in entries) else 0


def _nearest(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    choices = near or sorted(entry for entry in known if not entry.startswith("_"))
    return f" {'Did you mean' if near else 'There is'} {', '.join(choices)}{'?' if near else '.'}"


def _status(reports: list[Report]) -> int:
    return _STATUS[worst([report.verdict for report in reports])]


if __name__ == "__main__":
    sys.exit(main())
