"""Text as LaTeX: every character of ASCII that means something escaped, every other one spelt."""

import re
import unicodedata

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "{": r"\{",
    "}": r"\}",
    "#": r"\#",
    "$": r"\textdollar{}",
    "%": r"\%",
    "&": r"\&",
    "_": r"\_",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": "'",
    "`": r"\textasciigrave{}",
    "-": "-{}",  # two of them are two, and no dash
    "[": "{[}",  # what stands after a command would be its option
    "]": "{]}",
    "*": "{*}",
}

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu",
    "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "υ": "upsilon", "φ": "varphi",
    "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta",
    "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip

_SIGNS = {
    "−": "-", "±": r"\pm", "×": r"\times", "·": r"\cdot", "⊙": r"\odot", "∘": r"\circ",
    "∂": r"\partial", "∇": r"\nabla", "∑": r"\sum", "∏": r"\prod", "∫": r"\int",
    "√": r"\surd", "∞": r"\infty", "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "≈": r"\approx",
    "≡": r"\equiv", "∈": r"\in", "∉": r"\notin", "⊂": r"\subset", "∪": r"\cup", "∩": r"\cap",
    "∀": r"\forall", "∃": r"\exists", "¬": r"\neg", "∧": r"\wedge", "∨": r"\vee",
    "→": r"\to", "←": r"\leftarrow", "↦": r"\mapsto", "⇒": r"\Rightarrow", "⇔": r"\Leftrightarrow",
    "‖": r"\Vert", "⌈": r"\lceil", "⌉": r"\rceil", "⌊": r"\lfloor", "⌋": r"\rfloor",
    "ℓ": r"\ell", "ℝ": r"\mathbb{R}", "ℚ": r"\mathbb{Q}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}",
    "′": r"{}^{\prime}", "″": r"{}^{\prime\prime}", "ᵀ": r"{}^{\mathsf{T}}",
    "½": r"\tfrac12", "¼": r"\tfrac14",
    "✓": r"\checkmark", "✗": r"\times", "ŷ": r"\hat{y}", "□": r"\square", "∎": r"\blacksquare",
}  # fmt: skip

_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱ", "0123456789+-()ni", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₍₎ᵢⱼₖₙₘ", "0123456789+-()ijknm", strict=True))

_IN_TEXT = {
    "–": "--", "—": "---", "…": r"\dots{}", "°": r"\textdegree{}", "“": "``", "”": "''",
    "‘": "`", "’": "'", "\N{NO-BREAK SPACE}": "~", "\u2062": "", "\u200b": "",
    "ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "ø": r"\o{}", "Ø": r"\O{}", "œ": r"\oe{}",
    "Œ": r"\OE{}", "ł": r"\l{}", "Ł": r"\L{}", "ı": r"\i{}", "§": r"\S{}", "©": r"\copyright{}",
}  # fmt: skip

_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u",
    "\u0307": ".", "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c",
    "\u0328": "k",
}  # fmt: skip


def escaped(text: str) -> str:
    r"""Gives text for pdflatex, which sets it as it stands here.

    It is all one line. A character that no table knows is set as its number: it is seen, and it
    stops nothing.

    Example:
      >>> print(escaped("50 % of a_b & δ ≥ ½"))
      50 \% of a\_b \& $\delta$ $\ge$ $\tfrac12$
    """
    # A hat or another accent over the letter before it is one character, where there is one.
    text = unicodedata.normalize("NFC", text)
    return re.sub(r"(?s).\u0302?", lambda match: _character(match[0]), text).replace("$$", "")


def sign(character: str) -> str | None:
    r"""Gives a character inside a formula, if it is one that only formulas have.

    Example:
      >>> sign("δ"), sign("ᵀ"), sign("a") is None
      ('\\delta', '{}^{\\mathsf{T}}', True)
    """
    if character in _GREEK:
        return f"\\{_GREEK[character]}"
    if character in _RAISED:
        return f"{{}}^{{{_RAISED[character]}}}"
    if character in _LOWERED:
        return f"{{}}_{{{_LOWERED[character]}}}"
    return _SIGNS.get(character)


def _character(text: str) -> str:
    character, hat = text[0], text[1:]
    if hat:
        inside = sign(character) or character
        return rf"$\hat{{{inside}}}$"
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character in _IN_TEXT:
        return _IN_TEXT[character]
    inside = sign(character)
    if inside is not None:
        return f"${inside}$"
    if character.isspace():
        return " "
    if character.isascii() and character.isprintable():
        return character
    base, *accents = unicodedata.normalize("NFD", character)
    if base.isascii() and base.isalpha() and len(accents) == 1 and accents[0] in _ACCENTS:
        return rf"\{_ACCENTS[accents[0]]}{{{base}}}"
    return f"{{[}}U+{ord(character):04X}{{]}}"
