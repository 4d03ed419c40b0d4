"""What the examples that draw have in common: where their pictures go, and how they are made."""

import io
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from derivations.report.files import require_writable
from digits.options import Parser


def folder(description: str | None, default: str) -> Path:
    """The folder for the pictures, from the command line; one that cannot be written is refused."""
    parser = Parser(description=description)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(default),
        metavar="DIR",
        help="where the pictures go (default: %(default)s)",
    )
    out = parser.parse_args().out
    try:
        require_writable(out)
    except OSError as error:
        parser.error(str(error))
    return out


def canvas(columns: int, rows: int = 1) -> tuple[Figure, list[Any]]:
    """A figure with panels side by side, row by row."""
    figure = Figure(figsize=(3.8 * columns, 3.6 * rows), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return file.getvalue()
