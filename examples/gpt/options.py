"""The example's command line."""

import argparse
from pathlib import Path
from typing import NamedTuple

from derivations.report.files import require_writable
from digits.options import Parser
from gpt import corpus, learning

SIZES = (
    ("--steps", 1, 300, "how many batches to learn from"),
    ("--blocks", 1, 2, "the number of blocks"),
    ("--width", 1, 64, "the length of the row that stands for a byte"),
    ("--heads", 1, 4, "the heads of each attention"),
    ("--context", 1, 64, "the bytes of a window"),
    ("--batch", 1, 16, "the windows of a batch"),
    ("--seed", 0, 0, "draws the first parameters, the batches and the samples"),
)


class Asked(NamedTuple):
    """What was asked for: sizes, steps, seed and gradient, where the picture goes, and the text."""

    sizes: learning.Sizes
    steps: int
    seed: int
    gradient: str
    out: Path
    text: corpus.Corpus


def parse(description: str | None) -> Asked:
    """Reads the command line; what cannot be done is refused, with status 3."""
    parser = Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, metavar="FILE", help="learn from this file instead")
    parser.add_argument("--gradient", choices=("hand", "jax"), default="hand", help="which one")
    parser.add_numbers(*SIZES)
    parser.add_argument(
        "--out", type=Path, default=Path("build/gpt"), metavar="DIR", help="where the picture goes"
    )
    given = parser.parse_args()
    sizes = learning.Sizes(given.blocks, given.width, given.heads, given.context, given.batch)
    try:
        require_writable(given.out)
        learning.network(sizes)
        text = corpus.from_file(given.text) if given.text else corpus.pydoc()
        corpus.require(text, given.context)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    return Asked(sizes, given.steps, given.seed, given.gradient, given.out, text)
