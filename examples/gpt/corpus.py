"""Bytes to learn from: what Python's own help has to say, or the user's text."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

HELD_OUT = 10  # one byte in so many, the last ones, is held out


class Corpus(NamedTuple):
    """A text as bytes, whole numbers below 256, cut into a part to train on and a held-out tail."""

    name: str
    sha256: str
    train: np.ndarray
    held_out: np.ndarray


def pydoc() -> Corpus:
    """The topics of Python's `help()`, as the file that holds them: it changes with the version."""
    from pydoc_data import topics

    return cut("pydoc_data/topics.py", Path(str(topics.__file__)).read_bytes())


def from_file(path: Path) -> Corpus:
    return cut(str(path), path.read_bytes())


def cut(name: str, text: bytes) -> Corpus:
    numbers = np.frombuffer(text, np.uint8).astype(np.int32)
    train, held_out = np.split(numbers, [len(numbers) - len(numbers) // HELD_OUT])
    return Corpus(name, hashlib.sha256(text).hexdigest(), train, held_out)


def require(corpus: Corpus, context: int) -> None:
    """Refuses a text whose held-out tail has no window to predict."""
    least = HELD_OUT * (context + 1)
    size = len(corpus.train) + len(corpus.held_out)
    if size < least:
        raise ValueError(
            f"The text must have at least {least} bytes, so that a tenth holds a window. "
            f"Got {size} in {corpus.name}. Take a longer text, or a smaller --context."
        )


def batches(text: np.ndarray, context: int, size: int, seed: int) -> Iterator[tuple]:
    """Windows from anywhere in a text, without end, each with the bytes that come after its own."""
    draw = np.random.default_rng(seed)
    while True:
        starts = draw.integers(0, len(text) - context, size)
        rows = text[starts[:, None] + np.arange(context + 1)]
        yield rows[:, :-1], rows[:, 1:]


def windows(text: np.ndarray, context: int) -> tuple[np.ndarray, np.ndarray]:
    """All of a text in windows one after the other, each with the bytes that come after its own."""
    number = (len(text) - 1) // context
    cut = [text[shift : shift + number * context].reshape(number, context) for shift in (0, 1)]
    return cut[0], cut[1]
