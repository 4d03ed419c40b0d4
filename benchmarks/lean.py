"""What hand-written passes save and cost, against plain JAX and every other library: one page.

    python benchmarks/lean.py            # --out DIR for the page; --only WORD for some sections

One step of four networks, here and in the libraries that are installed; deep stacks (`repeat`);
per-example gradients; epochs in one loop, ensembles and microbatches; and how the cost grows.
Everything is compiled in one process and takes turns in it, in a random order within each round;
a time is told as the ratio's median and quartiles over the rounds. On a CPU each program gets one
thread, and a time is CPU time, which suffers little from what else a machine does; where a loop in
Python is what costs, it is wall time. Memory (the temporary memory of a compiled program, beside
what goes in and comes out) and flops are the compiler's own figures: they are exact and repeat. A
bound that is not met is marked, and the text above the table says why.
"""

import argparse
import functools
import importlib.util
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

# Before anything that reads them is imported: one thread for everyone.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
os.environ.update(dict.fromkeys(THREADS, "1"))
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false"

import jax  # noqa: E402
from figures import again, deep, examples, growth, page, small, steps  # noqa: E402
from figures.measure import Line  # noqa: E402
from figures.sections import SECTIONS  # noqa: E402
from figures.steps import Figures  # noqa: E402


def head() -> str:
    device = jax.devices()[0]
    libraries = ["jax", "optax", "equinox", "flax", "torch", "scikit-learn"]
    modules = {"scikit-learn": "sklearn"}
    there = [n for n in libraries if importlib.util.find_spec(modules.get(n, n))]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {device.platform} ({device.device_kind}), float32, "
        + ", ".join(f"{name} {version(name)}" for name in there)
    )


class Measured(NamedTuple):
    """What a section found: its lines, and what only some sections have."""

    lines: list[Line]
    implementations: Sequence[Figures] = ()
    curves: Sequence[growth.Curve] = ()


def measured(name: str) -> Measured:
    if name == "steps":
        lines, implementations = steps.steps()
        return Measured(lines, implementations)
    if name == "growth":
        lines, curves = growth.growth()
        return Measured(lines, curves=curves)
    parts = {
        "peak": [again.peak],
        "unrolled": [deep.unrolled],
        "deep": [
            *(functools.partial(deep.deep, name, first=True) for name in deep.ACTIVATIONS),
            functools.partial(deep.deep, "tanh", first=False),
            functools.partial(deep.deep, "tanh_from_output", first=False),
        ],
        "narrow": [deep.narrow],
        "examples": [examples.per_example],
        "small": [small.epochs, small.ensembles],
        "parts": [small.parts],
        "again": [again.again],
    }
    return Measured([line for part in parts[name] for line in part()])


def main() -> None:
    """Measures, prints, and writes the page, its numbers and its plots."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, default=Path("build/benchmarks"), metavar="DIR")
    options.add_argument("--name", default=jax.default_backend(), help="of the page and its files")
    options.add_argument("--only", nargs="*", choices=[s.name for s in SECTIONS], default=None)
    given = options.parse_args()
    about = (__doc__ or "").split("\n\n")[-1].strip()
    written = ["# What hand-written passes save and cost", "", head(), "", about]
    numbers: dict[str, Any] = {"head": head()}
    found: dict[str, Measured] = {}
    print(head())
    for section in SECTIONS:
        if given.only is not None and section.name not in given.only:
            continue
        print(f"\n{section.title}", flush=True)
        own = found[section.name] = measured(section.name)
        written += ["", f"## {section.title}", "", section.text]
        for work in dict.fromkeys(step.work for step in own.implementations):
            table = page.of_steps([step for step in own.implementations if step.work == work])
            written += ["", f"### {work}", "", *page.markdown(table)]
            print(f"\n  {work}", *page.text(table), sep="\n")
        if own.implementations:
            written += ["", "### Against what is asked"]
        table = page.of_lines(own.lines)
        written += ["", *page.markdown(table)]
        print(*page.text(table), sep="\n", flush=True)
        numbers[section.title] = page.numbers(own)
    if importlib.util.find_spec("matplotlib"):
        files = page.plots(given.out, given.name, found)
        written += ["", "## Plots", "", *(f"![{file}]({file})\n" for file in files)]
    print(f"\nPage: {page.write(given.out, given.name, written, numbers)}")


if __name__ == "__main__":
    main()
