"""Definitions and derivatives as books print them, in SymPy and nothing else.

This side knows neither JAX nor the library, so that "the textbook agrees" is never circular.
"""

from derivations.textbook.activations import ACTIVATIONS
from derivations.textbook.attention import ATTENTION
from derivations.textbook.backpropagation import BACKPROPAGATION
from derivations.textbook.chain_rule import CHAIN_RULE
from derivations.textbook.differentiation import Partial as Partial
from derivations.textbook.differentiation import derivative as derivative
from derivations.textbook.differentiation import expanded as expanded
from derivations.textbook.differentiation import pullback as pullback
from derivations.textbook.entry import Argument as Argument
from derivations.textbook.entry import Cited as Cited
from derivations.textbook.entry import Entry as Entry
from derivations.textbook.entry import Source as Source
from derivations.textbook.entry import Theorem as Theorem
from derivations.textbook.layers import LAYERS
from derivations.textbook.linear import LINEAR_CROSS_ENTROPY
from derivations.textbook.losses import LOSSES
from derivations.textbook.normalization import NORMALIZATION
from derivations.textbook.piecewise_units import PIECEWISE_UNITS
from derivations.textbook.regularization import REGULARIZATION
from derivations.textbook.sequences import SEQUENCES
from derivations.textbook.smooth_units import SMOOTH_UNITS

_ALL = (
    *ACTIVATIONS,
    *PIECEWISE_UNITS,
    *SMOOTH_UNITS,
    *LOSSES,
    *LAYERS,
    *NORMALIZATION,
    *SEQUENCES,
    *REGULARIZATION,
    ATTENTION,
    LINEAR_CROSS_ENTROPY,
)
ENTRIES: dict[str, Entry] = {entry.name: entry for entry in _ALL}

THEOREMS: dict[str, Theorem] = {theorem.name: theorem for theorem in CHAIN_RULE + BACKPROPAGATION}
