"""What a report does not show, in the report itself."""

from derivations.report import document as d

_LIMITS = (
    (
        "Floating point.",
        "The proofs are about real numbers. The code computes with floating-point numbers: it "
        "rounds, overflows and underflows. A proved rule can still lose digits.",
    ),
    (
        "Other sizes.",
        "A verdict holds for the sizes beside it. Where it says all sizes, sizes that were equal "
        "in the example stay equal (unequal ones are tried, and can only refute); where it names "
        "sizes, it speaks of no others. Code that "
        "branches on a size in Python is followed at the sizes that the assumption names.",
    ),
    (
        "Kinks.",
        "Where a function has no derivative, a rule has to take some value. A value between the "
        "one-sided derivatives is a convention; it is listed, neither proved nor refuted. "
        "Each boundary is looked at in one exact point, and so is where a rule divides by zero and "
        "its primal does not.",
    ),
    (
        "The compiler and the machine.",
        "What is read is the program that JAX traces. That XLA compiles it faithfully, and that "
        "the machine runs it so, is taken on trust.",
    ),
    (
        "The checker itself.",
        "It rests on Python, on JAX's tracing and on the algebra of FLINT, and on definitions that "
        "a person has to read: they stand beside their proofs, each with its source.",
    ),
    (
        "Whether it learns.",
        "A right gradient says nothing of the data, of the step size, or of how well a network "
        "does what it is meant for.",
    ),
)


def limits_section(what: str) -> d.Section:
    """Gives the section that closes every report: a "page" or a "site"."""
    items = tuple((d.Strong(title), f" {text}") for title, text in _LIMITS)
    return d.Section(f"What this {what} does not show", "limits", (d.Items(items),))
