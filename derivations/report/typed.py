"""Formulas as people type them in a line, `w_ji^[l]`: what hangs below and above is found."""

import re
from typing import NamedTuple


class Piece(NamedTuple):
    """Text with what hangs below and above its end; either may be empty."""

    text: str
    below: str = ""
    above: str = ""


# One letter that is part of no word, a few words that carry an index, or what ends in a fence.
_BASE = (
    r"(?:(?<![A-Za-z_])d?[A-Za-zα-ωΑ-Ω∑Σ∇]|\d(?=\^)|(?<![a-z])(?:d?loss|max|min|exp)|(?<=[\])}]))"
    r"['′]*"
)
_BELOW = r"_(?P<below>\{[^{}]*\}|\([^()]*\)|[A-Za-z0-9]+(?:,[a-z0-9])?(?![A-Za-z0-9_]))"
_ABOVE = r"\^(?P<above>\{[^{}]*\}|\[[^\[\]]*\]|\([^()]*\)|−?[A-Za-z0-9]+)"
_SCRIPTS = re.compile(
    rf"(?P<base>{_BASE})(?:{_BELOW}(?:{_ABOVE})?|{_ABOVE.replace('above', 'alone')})"
)


def typed(text: str) -> list[Piece]:
    """Takes a line apart. Names from code, such as `softmax_jacobian`, stay as they are.

    What hangs below or above may be taken apart in its turn.

    Example:
      >>> typed("δ_j^[l] of functional_nn")
      [Piece(text='δ', below='j', above='[l]'), Piece(text=' of functional_nn', below='', above='')]
    """
    pieces, done = [], 0
    for match in _SCRIPTS.finditer(text):
        found = match.groupdict(default="")
        above = found["above"] or found["alone"]
        if match.start() > done:
            pieces.append(Piece(text[done : match.start()]))
        pieces.append(Piece(found["base"], _bare(found["below"], "{("), _bare(above, "{")))
        done = match.end()
    if done < len(text):
        pieces.append(Piece(text[done:]))
    return pieces


def _bare(script: str, fences: str) -> str:
    """Takes off the fences that only hold a script together. Above, parentheses are a layer's."""
    return script[1:-1] if script and script[0] in fences else script
