"""Options: numbers in their range, and words that are known."""

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.core import Tracer


def even(name: str, value: Any) -> None:
    """Refuses what is not a positive even number."""
    count(name, value)
    if value % 2:
        raise ValueError(f"{name} must be even, two for each angle. Got {value}.")


def fraction(name: str, value: Any) -> None:
    """Refuses a number that is not from 0 to 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must lie in [0, 1]. Got {value}. Pass 0 for none.")


def head_groups(heads: int, shared: int) -> None:
    """Refuses heads of keys that do not divide the heads of queries."""
    if heads % shared:
        raise ValueError(
            f"shared must divide heads. Got {shared} for {heads}. "
            "Let as many queries share each head of keys."
        )


def transformer_sizes(arrangement: str, width: int, heads: int, context: int | None) -> None:
    """Refuses heads that do not divide the width, and a table of positions that fits nothing."""
    pairs = 2 if arrangement == "rotary" else 1
    if width % (heads * pairs):
        raise ValueError(
            f"heads must divide width{' into even parts, whose pairs are turned' * (pairs == 2)}. "
            f"Got {heads} heads for a width of {width}. "
            f"Use a width that is a multiple of {heads * pairs}."
        )
    if (arrangement == "gpt2") == (context is None):
        remedy = "none with 'rotary'" if context else "the length of the longest sequence"
        raise ValueError(
            "context is the length of the table of learned positions, which 'gpt2' has. "
            f"Got {context} for {arrangement!r}. Pass {remedy}."
        )


def heads_of_gpt2(width: int, head: int) -> None:
    """Refuses a width from which the number of heads does not follow."""
    if width % head:
        raise ValueError(
            f"A GPT-2 whose width is no multiple of {head} does not say how many heads it has. "
            f"Got a width of {width}. Pass heads=, as in its config.json (n_head)."
        )


def part(name: str, value: Any) -> None:
    """Refuses a probability that is not from 0 to less than 1."""
    if not isinstance(value, Tracer) and not 0 <= value < 1:
        raise ValueError(f"{name} must lie in [0, 1). Got {value}. Pass 0 for none.")


def batch_size(size: int, examples: int) -> None:
    """Refuses a batch size that gives no batch."""
    if not 1 <= size <= examples:
        raise ValueError(
            f"batch_size must lie between 1 and the number of examples, {examples}. Got {size}. "
            f"Use {examples} for full-batch gradient descent."
        )


def positive(name: str, value: Any, *, remedy: str = "Pass a small positive number.") -> None:
    """Refuses a number that is not positive."""
    if not isinstance(value, Tracer) and not value > 0:
        raise ValueError(f"{name} must be positive. Got {value}. {remedy}")


def smoothing(value: Any) -> None:
    """Refuses a label smoothing that is no part of the targets."""
    if not isinstance(value, Tracer) and not 0 <= value <= 1:
        raise ValueError(
            "smoothing must lie in [0, 1]: it is the part of each target that is spread over all "
            f"classes. Got {value}. Pass 0 for none, or a little such as 0.1."
        )


def huber_delta(value: Any) -> None:
    """Refuses an end of Huber's parabola that is not positive."""
    remedy = "Pass the size of an error from which on it counts like an outlier, such as 1."
    positive("delta", value, remedy=remedy)


def choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Refuses a value that is not one of the named choices, and suggests the nearest."""
    if value not in choices:
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, choices))}. Got {value!r}."
            + suggestion(value, choices, "'{}'")
        )


def suggestion(value: Any, choices: Sequence[str], form: str) -> str:
    """Gives the question whether the nearest choice was meant, if one is near."""
    nearest = difflib.get_close_matches(str(value), choices, n=1)
    return f" Did you mean {form.format(nearest[0])}?" if nearest else ""


def width(name: str, value: Any) -> None:
    """Refuses a number of units that is not a positive whole number."""
    count(name, value, remedy="Pass the number of units.")


def not_negative(name: str, value: Any) -> None:
    """Refuses a number below zero."""
    if not isinstance(value, Tracer) and not value >= 0:
        raise ValueError(f"{name} must not be negative. Got {value}. Pass 0 for none.")


def count(name: str, value: Any, *, remedy: str = "Ask for one or more.") -> None:
    """Refuses a number of things that is not a positive whole number."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} must be a positive whole number. Got {value!r}. {remedy}")


def epochs(number: int) -> None:
    """Refuses a number of epochs that trains nothing."""
    if number < 1:
        raise ValueError(f"epochs must be at least 1. Got {number}. Ask for one pass or more.")


def seed(value: Any) -> None:
    """Refuses a seed that NumPy would refuse later."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise ValueError(
            f"seed must be a whole number, not negative. Got {value!r}. Pass one such as 0."
        )


def given_size(size: int | None) -> int:
    """Refuses a batch size that is missing beside arrays."""
    if size is None:
        raise ValueError(
            "Beside arrays, batch_size must be given. Got none. Say how many examples a step takes."
        )
    return size
