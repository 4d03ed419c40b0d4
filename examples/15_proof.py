"""A whole transformer and its loss are proved: a line a layer, and the theorems that join them.

    python examples/15_proof.py                         # GPT-2's arrangement: some three minutes
    python examples/15_proof.py --arrangement rotary

The network is as small as one can be that has all its parts, and the page says of every
obligation for which sizes it is settled: most are for all. A theorem speaks of any layers.
Exit status, as `derivations check`: 0 all is PROVED or EXACT; 1 something is REFUTED; 2 something
is UNDECIDED; 3 wrong usage.
"""

import argparse
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

import functional_nn as fnn
from derivations import Verdict, check
from derivations.report.files import require_writable, write_files
from digits.options import Parser

CONTEXT = {"gpt2": 3, "rotary": None}
STATUS = {Verdict.REFUTED: 1, Verdict.UNDECIDED: 2}


def main() -> int:
    given = parse()
    objective, params, tokens = network(given.arrangement)
    with Console(stderr=True).status("Checking every layer once, which takes minutes"):
        report = check(objective, params, tokens, tokens, budget=given.budget)
    out = Console(highlight=False)
    out.print(tree(report))
    out.print("\nThe theorems:", *theorems(report), sep="\n- ")
    write_files(given.out, {"report.html": report.to_html().encode()})
    print(f"\nPage: {given.out / 'report.html'}")
    return STATUS.get(report.verdict, 0)


def network(arrangement):
    """A decoder of two blocks with its loss, and the shapes of its parameters and of two tokens."""
    net = fnn.transformer(
        3, width=4, heads=2, blocks=2, context=CONTEXT[arrangement], arrangement=arrangement
    )
    tokens = jax.ShapeDtypeStruct((1, 2), jnp.int32)
    params = jax.eval_shape(net.init, jax.random.key(0), tokens)
    return fnn.objective(net, fnn.softmax_cross_entropy), params, tokens


def tree(report):
    """A line a layer; what joins layers stands above them, with the verdict of its theorem."""
    found = Tree(f"[bold]{escape(report.subject)}[/]  {remark(report)}", guide_style="dim")
    found.children.extend(map(tree, report.parts))
    return found


def remark(report):
    names = {}
    for obligation in report.obligations:
        names.setdefault(obligation.verdict, []).append(obligation.name)
    proved = names.pop(Verdict.PROVED, [])
    if report.parts and not names:
        return "theorem PROVED"
    rest = [f"{verdict}: {escape(', '.join(open_))}" for verdict, open_ in names.items()]
    count = f"{len(proved)} of {len(report.obligations)} PROVED, {report.seconds:.0f} s"
    return "; ".join(
        [f"{report.verdict}, {count}" if rest else f"PROVED, {report.seconds:.0f} s", *rest]
    )


def theorems(report):
    """Each theorem once."""
    own = [o.statement for o in report.obligations] if report.parts else []
    return dict.fromkeys([*own, *(t for part in report.parts for t in theorems(part))])


def parse():
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arrangement", choices=CONTEXT, default="gpt2", help="of the blocks")
    parser.add_numbers(("--budget", 1, 200, "seconds for each layer"))
    parser.add_argument(
        "--out", type=Path, default=Path("build/proof"), metavar="DIR", help="where the page goes"
    )
    given = parser.parse_args()
    try:
        require_writable(given.out)
    except OSError as error:
        parser.error(str(error))
    return given


if __name__ == "__main__":
    sys.exit(main())
