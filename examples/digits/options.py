"""The example's command line."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Ends with status 3 on wrong usage, as `derivations` does: 1 and 2 are verdicts."""

    def error(self, message: str) -> NoReturn:
        self.exit(3, f"{self.format_usage()}{self.prog}: {message}\n")

    def add_numbers(self, *options: tuple[str, int, int, str]) -> None:
        """Adds options that are whole numbers: name, least, default, and what it is."""
        for name, least, default, text in options:
            self.add_argument(
                name,
                type=whole_number(least),
                default=default,
                metavar="N",
                help=f"{text} (default: %(default)s)",
            )


def parser(description: str | None) -> Parser:
    made = Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument(
        "--data",
        type=Path,
        metavar="FILE.npz",
        help="train on the file's arrays images (n, ...) and labels (n,), integers from 0, instead",
    )
    made.add_numbers(
        ("--epochs", 1, 30, "how often each training goes through the images"),
        ("--seed", 0, 0, "draws the held-out fifth, the first parameters and the batches"),
    )
    made.add_argument(
        "--out",
        type=Path,
        default=Path("build/demo"),
        metavar="DIR",
        help="where the report goes (default: %(default)s)",
    )
    return made


def whole_number(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) < 2**31:
            raise argparse.ArgumentTypeError(f"a whole number from {least} on. Got {text!r}.")
        return int(text)

    return read
