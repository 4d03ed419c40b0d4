"""What each obligation claims, in one line."""

_STATEMENTS = {
    "textbook": "the primal is the textbook's definition, and bwd is what SymPy derives from it",
    "cited": "each derivative that a book prints is that of the definition",
    "value": "fwd returns the value of the primal",
    "again": "again makes the output of the primal from the residuals",
    "cotangent": "d{} is the vector-Jacobian product of the primal, and what jax.grad gives",
    "declared": "d{} is what its author declares",
    "linear": "bwd is linear in the cotangent",
    "kinks": "on each boundary that the code branches on, and where it divides by zero, bwd lies "
    "between the one-sided derivatives",
    "second order": "differentiated again, the rule gives the second derivative, or says that it "
    "has none",
    "contract": "bwd runs, and each cotangent has the dtype of its argument",
}


def statement(name: str) -> str:
    """Gives the claim of an obligation, such as `"value"` or `"cotangent[x]"`."""
    kind, _, argument = name.partition("[")
    return _STATEMENTS[kind].format(argument.removesuffix("]"))
