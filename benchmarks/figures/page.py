"""The page: tables in Markdown, the numbers in JSON, and plots."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from figures.measure import Line
from figures.steps import Figures

Table = tuple[Sequence[str], Sequence[Sequence[str]]]


def shown(line: Line) -> tuple[str, str, str]:
    figure = f"{line.figure:.3g}" if abs(line.figure - 1) > 0.01 else f"{line.figure:.4f}"
    if line.clock:
        figure += f" ({line.low:.3g} to {line.high:.3g}) {line.clock}"
    if line.bound is None:
        return line.what, figure, ""
    bound = f"{'≥' if line.least else '≤'} {line.bound:.3g}"
    return line.what, figure, bound + ("" if line.met else ", **not met**")


def of_lines(lines: Sequence[Line]) -> Table:
    return ("what", "figure", "bound"), [shown(line) for line in lines]


def of_steps(found: Sequence[Figures]) -> Table:
    head = ("implementation", "optimizer", "CPU time", "quartiles", "flops", "temporary memory, MB")
    rows = []
    for own in found:
        rows.append((
            own.name, own.optimizer, f"{own.time.figure:.2f}",
            f"{own.time.low:.2f} to {own.time.high:.2f}",
            "" if own.flops is None else f"{own.flops:.4g}",
            "" if own.memory is None else f"{own.memory / 1e6:.3g}",
        ))  # fmt: skip
    return head, rows


def markdown(table: Table) -> list[str]:
    head, rows = table
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def text(table: Table) -> list[str]:
    head, rows = table
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    return [
        "  "
        + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def write(out: Path, name: str, page: Sequence[str], numbers: dict[str, Any]) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    where = out / f"{name}.md"
    where.write_text("\n".join([*page, ""]), encoding="utf-8")
    (out / f"{name}.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    return where


def numbers(found: Any) -> dict[str, Any]:
    """Gives what a section found as plain numbers."""
    told: dict[str, Any] = {"lines": [line._asdict() | {"met": line.met} for line in found.lines]}
    if found.implementations:
        told["implementations"] = [
            own._asdict() | {"time": own.time._asdict()} for own in found.implementations
        ]
    if found.curves:
        told["curves"] = [curve._asdict() for curve in found.curves]
    return told


def plots(out: Path, name: str, found: Mapping[str, Any]) -> list[str]:
    """Draws what was found, section by section, and gives the names of the files."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams |= {"svg.hashsalt": "figures", "svg.fonttype": "none", "font.size": 9}
    out.mkdir(parents=True, exist_ok=True)
    files = []
    for kind, draw in {"steps": _steps, "deep": _deep, "growth": _growth}.items():
        if kind in found:
            files.append(f"{name}-{kind}.svg")
            draw(found[kind]).savefig(out / files[-1], metadata={"Date": None})
    return files


def _steps(found: Any) -> Any:
    from matplotlib.figure import Figure

    sgd = [own for own in found.implementations if own.optimizer == "SGD"]
    works = list(dict.fromkeys(own.work for own in sgd))
    figure = Figure((11, 6), layout="constrained")
    for axes, work in zip(figure.subplots(2, 2, squeeze=False).flat, works, strict=False):
        rows = [own for own in sgd if own.work == work][::-1]
        middle = [own.time.figure for own in rows]
        low = [own.time.figure - (own.time.low or 0) for own in rows]
        high = [(own.time.high or 0) - own.time.figure for own in rows]
        colours = ["C1" if own.name.startswith("by hand") else "C0" for own in rows]
        axes.barh([own.name for own in rows], middle, xerr=[low, high], color=colours)
        axes.axvline(1, color="black", linewidth=0.7)
        axes.set_title(work, fontsize=9)
        axes.set_xlabel("CPU time of a step, SGD, to raw JAX")
    return figure


def _growth(found: Any) -> Any:
    from matplotlib.figure import Figure

    curves = found.curves
    figure = Figure((11, 6), layout="constrained")
    grid = figure.subplots(2, 3)
    for column, axis in enumerate(dict.fromkeys(curve.axis for curve in curves)):
        for axes, what, scale in zip(
            grid[:, column], ("seconds", "bytes"), (1e3, 1e-6), strict=True
        ):
            own = [curve for curve in curves if curve.axis == axis]
            for curve in own:
                values = [scale * value for value in getattr(curve, what)]
                axes.loglog(curve.at, values, "o-", base=2, label=curve.name)
            start = scale * getattr(own[0], what)[0]
            line = [start * at / own[0].at[0] for at in own[0].at]
            axes.loglog(own[0].at, line, "k:", base=2, label="linear")
            axes.set_xlabel(axis)
            axes.set_ylabel("CPU time, ms" if what == "seconds" else "temporary memory, MB")
    grid[0, 0].legend()
    return figure  # fmt: skip


def _deep(found: Any) -> Any:
    from matplotlib.figure import Figure

    lines = found.lines
    kinds = {
        "memory, in activation sets": "by hand, repeat",
        "memory by jax.grad of the same loop, in sets": "jax.grad of the same loop",
        'memory with remat="sqrt", in sets': 'by hand, repeat, remat="sqrt"',
    }
    figure = Figure((11, 3.5), layout="constrained")
    axes = figure.subplots()
    blocks = list(dict.fromkeys(line.what.split(":")[0] for line in lines))
    for place, (kind, label) in enumerate(kinds.items()):
        values = {w: f for w, f in ((line.what, line.figure) for line in lines) if w.endswith(kind)}
        at = [i + 0.27 * (place - 1) for i in range(len(blocks))]
        axes.bar(at, [values[f"{b}: {kind}"] for b in blocks], 0.25, label=label)
    axes.axhline(1, color="black", linewidth=0.7)
    axes.set_xticks(range(len(blocks)), [b.replace(" then ", ",\n") for b in blocks], fontsize=7)
    axes.set_ylabel("temporary memory, arrays a block")
    axes.legend()
    return figure
