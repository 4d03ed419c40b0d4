"""The letters of five lectures and those of the code: a renaming at printing, in one table."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import sympy
from sympy import Derivative, Function, IndexedBase, Symbol
from sympy.core.function import AppliedUndef

from derivations.steps.matching import is_layer

Letters = Mapping[str, str]


class Notation(NamedTuple):
    """How somebody writes a network.

    Attributes:
      layers: Letters of networks and layers.
      activations: Letters of an activation function of one number.
      softmax: Letters of a softmax.
      losses: Letters of a loss.
      brackets: What stands around the number of a layer: nothing, `[]` or `()`.
      inputs_first: Whether a weight has the index of its input first, w_ij from i to j.
      output_weights: The letter for the weights of the last layer.
      cotangents: Whether ∂C/∂x is written dx, as in the code.
    """

    layers: Letters
    activations: Letters
    softmax: Letters
    losses: Letters
    brackets: str = ""
    inputs_first: bool = False
    output_weights: str = ""
    cotangents: bool = False


_COLUMNS = {"x": "a"}  # what comes into a dense layer

NOTATIONS: dict[str, Notation] = {
    "code": Notation(
        layers={"W": "w"}, activations={}, softmax={}, losses={}, inputs_first=True, cotangents=True
    ),
    "lecture-000": Notation(
        layers={**_COLUMNS, "W": "w", "C": "l"},
        activations={"x": "z"},
        softmax={"s": "y", "x": "z"},
        losses={"f": "y", "y": "ŷ", "C": "C"},
    ),
    "lecture-001": Notation(
        layers={**_COLUMNS, "W": "w", "sigma": "f", "C": "loss"},
        activations={"x": "z", "sigma": "f"},
        softmax={"s": "a", "x": "z"},
        losses={"f": "h", "C": "loss"},
        brackets="[]",
    ),
    "lecture-002": Notation(
        layers={"W": "w", "z": "s", "a": "x", "sigma": "theta", "C": "e"},
        activations={"x": "s", "sigma": "theta"},
        softmax={"s": "p", "x": "f"},
        losses={"z": "f", "f": "h", "C": "L"},
        brackets="()",
        inputs_first=True,
    ),
    "lecture-003": Notation(
        layers={"x": "z_out", "z": "z_in", "a": "z_out", "sigma": "tau", "C": "R"},
        activations={},
        softmax={"s": "tau", "x": "f_in"},
        losses={"z": "f_in", "C": "L"},
        brackets="()",
        inputs_first=True,
        output_weights="U",
    ),
    "lecture-004": Notation(
        layers={**_COLUMNS, "W": "w"},
        activations={"x": "z"},
        softmax={"s": "a", "x": "z"},
        losses={},
    ),
}


def printed(expression: Any, name: str, notation: str = "code") -> Any:
    """Gives an expression of a derivation in the letters of a notation.

    For reading alone: what is proved is what stands in the derivation.

    Args:
      expression: The expression.
      name: The name of its derivation.
      notation: A key of `NOTATIONS`.

    Example:
      >>> from derivations.steps import derivation
      >>> printed(derivation("sigmoid").result, "sigmoid", "lecture-001")
      (1 - f(z))*f(z)
    """
    how = NOTATIONS[notation]
    letters = _letters_of(name, how)

    def letter(text: str) -> str:
        base, mark, number = text.partition("_")
        return letters.get(base, base) + mark + number

    def entry(e: Any) -> Any:
        text = str(e.base.label)
        layers = [how_layer(i) for i in e.indices if is_layer(i)]
        others = [i for i in e.indices if not is_layer(i)]
        plain = text if text in ("W", "w") else text.removeprefix("d") if len(text) == 2 else text
        if plain in ("W", "w") and how.inputs_first == (plain == "W"):
            others.reverse()
        last = plain == "W" and any(str(i) == "L" for i in e.indices if is_layer(i))
        base = how.output_weights if last and how.output_weights else letter(plain)
        if plain != text and how.cotangents:
            base = f"d{base}"
        array: Any = IndexedBase(base, real=True)
        result = array[(*layers, *others)]
        if plain != text and not how.cotangents:
            return Derivative(Symbol(letter("C"), real=True), result)
        return result

    def how_layer(index: Any) -> Any:
        return Function(how.brackets)(index) if how.brackets else index

    def renamed(e: Any) -> Any:
        if isinstance(e, sympy.Indexed):
            return entry(e)
        if isinstance(e, Symbol):
            return e if e.is_integer else Symbol(letter(e.name), real=True)
        if isinstance(e, AppliedUndef):
            return Function(letter(e.func.__name__), real=True)(*map(renamed, e.args))
        if isinstance(e, Derivative):
            return Derivative(renamed(e.expr), renamed(e.variables[0]))
        if not e.args:
            return e
        return e.func(*map(renamed, e.args))

    return renamed(expression)


def _letters_of(name: str, how: Notation) -> Letters:
    if name.startswith(("backpropagation", "dense")):
        return how.layers
    if name.startswith("chain_rule"):
        return {}
    if name in ("softmax", "softmax_jacobian"):
        return how.softmax
    lossy = any(word in name for word in ("error", "entropy", "loss", "divergence"))
    return how.losses if lossy else how.activations
