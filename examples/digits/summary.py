"""What the example says in the terminal."""

import re
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from derivations import Obligation, Report, Verdict
from digits.comparison import Comparison, tolerance
from digits.data import Data

STYLES = {
    Verdict.PROVED: "bold green",
    Verdict.EXACT: "bold blue",
    Verdict.UNDECIDED: "bold yellow",
    Verdict.REFUTED: "bold red",
}


def trainings(result: Comparison) -> Table:
    """Both trainings beside each other."""
    table = Table("", "hand-written", "jax.grad", box=None, pad_edge=False)
    table.add_row("loss, last epoch", *(f"{each[-1]:.4f}" for each in result.losses))
    table.add_row("accuracy, held out", *(f"{share:.4f}" for share in result.accuracy))
    return table


def distances(result: Comparison, data: Data) -> str:
    """How far apart the gradients and the trained networks are."""
    bound = f"{tolerance(data.x.dtype):.0e}"
    judgement = f"within {bound}" if result.agree else f"[bold red]more than {bound}[/]"
    return (
        f"The gradients at the same parameters differ by {result.gradients:.1e} at most, "
        f"{judgement}.\nThe trained parameters differ by {result.parameters:.1e}."
    )


def verdicts(rules: Sequence[Report], network: Report) -> Table:
    """A line for each rule, for each layer, and for what joins the layers."""
    table = Table("", "verdict", "holds for", box=None, pad_edge=False)
    for report in rules:
        add(table, f"rule {report.subject}", report.verdict, scope(report.obligations))
    for report in network.parts:
        add(table, f"layer {report.subject}", report.verdict, scope(report.obligations))
    for obligation in network.obligations:
        add(table, obligation.name, obligation.verdict, obligation.scope)
    return table


def add(table: Table, subject: str, verdict: Verdict, scope: str) -> None:
    table.add_row(subject, Text(str(verdict), STYLES[verdict]), Text(scope))


def scope(obligations: Sequence[Obligation]) -> str:
    """Where the claim about the value holds, in short; the report says it in full."""
    found = next((o.scope for o in obligations if o.name == "value"), "")
    return re.sub(r" with .*\)", "", found)
