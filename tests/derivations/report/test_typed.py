"""Typed formulas: what hangs below and above is found, and nothing of a word or of code."""

import pytest

from derivations.lectures import CLAIMS
from derivations.report.typed import typed


def shown(text):
    """Writes the pieces as HTML, nested ones too."""
    return "".join(
        piece.text
        + (f"<sub>{shown(piece.below)}</sub>" if piece.below else "")
        + (f"<sup>{shown(piece.above)}</sup>" if piece.above else "")
        for piece in typed(text)
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("w_ji^[k] and f_in,k", "w<sub>ji</sub><sup>[k]</sup> and f<sub>in,k</sub>"),
        ("δ_i^(l−1)", "δ<sub>i</sub><sup>(l−1)</sup>"),
        (
            "e^{f_i}/Σ_j e^{f_j}",
            "e<sup>f<sub>i</sub></sup>/Σ<sub>j</sub> e<sup>f<sub>j</sub></sup>",
        ),
        ("Σ_{i=0..d^(l−1)}", "Σ<sub>i=0..d<sup>(l−1)</sup></sub>"),
        ("dJ/dw_ji, dloss_n", "dJ/dw<sub>ji</sub>, dloss<sub>n</sub>"),
        ("(∂loss/∂z)_j, 2^l, ∇_a C", "(∂loss/∂z)<sub>j</sub>, 2<sup>l</sup>, ∇<sub>a</sub> C"),
        ("functional_nn, softmax_jacobian(x_1)", "functional_nn, softmax_jacobian(x<sub>1</sub>)"),
        ("∑_(k=1..K) θ^(l − 1)", "∑<sub>k=1..K</sub> θ<sup>(l − 1)</sup>"),
        ("__init__ _ ^ x_ y^", "__init__ _ ^ x_ y^"),
        ("", ""),
    ],
)
def test_scripts(text, expected):
    assert shown(text) == expected


def test_the_statements_of_the_ledger_are_understood():
    statements = [claim.statement for claim in CLAIMS.values()]
    statements += [part.text for claim in CLAIMS.values() for part in claim.parts]
    assert sum("<su" in shown(statement) for statement in statements) > 60
    for statement in statements:
        assert "_" not in shown(statement).replace("functional_nn", "")
        assert "^" not in shown(statement)
