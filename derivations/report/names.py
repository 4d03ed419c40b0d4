"""The names of letters as boxes: `sigma`, `z_in`, `dx`, `W^{[l+1]}`, `L(theta^1)`."""

import re
from typing import Any

from derivations.report.boxes import Fenced, Letter, Number, Operator, Row, Script, Word

_GREEK = {
    "sigma": "σ", "delta": "δ", "alpha": "α", "beta": "β", "gamma": "γ", "epsilon": "ε", "eta": "η",
    "theta": "θ", "tau": "τ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
}  # fmt: skip
_LETTERS = _GREEK | {"ell": "ℓ"}

_APPLIED = re.compile(r"(?P<name>[^()^]+)\((?P<argument>[^()]+)\)")
_RAISED = re.compile(r"(?P<name>[^^]+)\^\{?(?P<above>[^{}]+)\}?")
_ABOVE = re.compile(r"(?P<left>[\[(]?)(?P<inside>.+?)(?P<right>[\])]?)")
_FENCES = {"[": "]", "(": ")", "": ""}


def name_box(name: str) -> Any:
    """Gives the box of a name.

    Example:
      >>> name_box("z_in")
      Script(base=Letter(text='z'), below=Word(text='in'), above=None)
      >>> name_box("s^{(l)}").above
      Fenced(left='(', body=Letter(text='l'), right=')')
    """
    if name in _LETTERS:
        return Letter(_LETTERS[name])
    if applied := _APPLIED.fullmatch(name):
        argument = Fenced("(", name_box(applied["argument"]), ")")
        return Row((name_box(applied["name"]), argument))
    if raised := _RAISED.fullmatch(name):
        base = name_box(raised["name"])
        if isinstance(base, Script) and base.above is None:
            return Script(base.base, base.below, _above(raised["above"]))
        return Script(base, above=_above(raised["above"]))
    if name.endswith("'"):
        bare = name.rstrip("'")
        primes = (Operator("′"),) * (len(name) - len(bare))
        return Script(name_box(bare), above=primes[0] if len(primes) == 1 else Row(primes))
    letter, _, below = name.partition("_")
    if below:
        return Script(name_box(letter), Number(below) if below.isdigit() else Word(below))
    if len(name) == 1:
        return Letter(name)
    # dx, the derivative of the cost in x: an upright d before the letter.
    if len(name) == 2 and name[0] == "d":
        return Row((Word("d"), Letter(name[1])))
    # Δx, a small change of x.
    if name.startswith("Delta") and len(name) > len("Delta"):
        return Row((Letter("Δ"), name_box(name.removeprefix("Delta"))))
    return Word(name)


def _above(text: str) -> Any:
    """Gives the number of a layer or of a step: `l`, `[l+1]`, `(2)`."""
    match = _ABOVE.fullmatch(text)
    assert match is not None
    if match["right"] != _FENCES[match["left"]]:
        raise TypeError(f"What stands above a name has fences that match. Got {text!r}.")
    boxes = [
        Number(piece) if piece.isdigit() else Operator("−" if piece == "-" else "+")
        if piece in "+-" else name_box(piece)
        for piece in re.findall(r"\d+|[+-]|[^\d+-]+", match["inside"])
    ]  # fmt: skip
    inside = boxes[0] if len(boxes) == 1 else Row(tuple(boxes))
    return Fenced(match["left"], inside, match["right"]) if match["left"] else inside
