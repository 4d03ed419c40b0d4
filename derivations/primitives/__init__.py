"""What each JAX primitive means over the reals. What is not here is reported, never guessed."""

from derivations.primitives import (
    arithmetic,
    calls,
    conditions,
    contraction,
    convolution,
    cumulative,
    functions,
    gathering,
    loops,
    ordering,
    parts,
    reductions,
    rounding,
    scattering,
    shapes,
    windows,
)
from derivations.primitives.registry import PRIMITIVES as PRIMITIVES
from derivations.primitives.registry import REFUSED as REFUSED
from derivations.primitives.registry import reads as reads

__all__ = [
    "PRIMITIVES",
    "REFUSED",
    "arithmetic",
    "calls",
    "conditions",
    "contraction",
    "convolution",
    "cumulative",
    "functions",
    "gathering",
    "loops",
    "ordering",
    "parts",
    "reads",
    "reductions",
    "rounding",
    "scattering",
    "shapes",
    "windows",
]
