"""The record of an epoch, and how it is shown while the training goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple


class Epoch(NamedTuple):
    """The record of one epoch.

    Attributes:
      epoch: Its number, from 1.
      loss: The mean of the losses of its batches, each taken before its update.
      evaluation: What `evaluate` gave after it, as plain numbers, or `None`.
      seconds: How long it took, evaluation included.
      metrics: The mean of each of the training's metrics over its batches.
      skipped: How many batches were left out because something was not finite; the means are those
        of the others.
    """

    epoch: int
    loss: float
    evaluation: float | dict[str, float] | None
    seconds: float
    metrics: dict[str, float] | None = None
    skipped: int = 0


@contextmanager
def displayed(epochs: int, shown: bool) -> Iterator[Callable[[Epoch], None]]:
    """Gives a function that shows a record in a progress bar, or one that does nothing."""
    if not shown:
        yield lambda record: None
        return
    # Only here, so that importing the package stays quick.
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("epoch"),
        MofNCompleteColumn(),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns) as bar:
        task = bar.add_task("training", total=epochs, text="")
        yield lambda record: bar.update(task, advance=1, text=_describe(record))


def _describe(record: Epoch) -> str:
    parts = [f"loss {record.loss:.4g}"]
    parts += [f"{name} {value:.4g}" for name, value in (record.metrics or {}).items()]
    if isinstance(record.evaluation, dict):
        parts += [f"{name} {value:.4g}" for name, value in record.evaluation.items()]
    elif record.evaluation is not None:
        parts.append(f"{record.evaluation:.4g}")
    return "  ".join(parts)
