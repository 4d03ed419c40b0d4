"""What each JAX primitive means over the reals. What is not here is reported, never guessed.

One family of primitives a module; importing it enters its readings into the table.
"""

from derivations.primitives import arithmetic as arithmetic
from derivations.primitives import calls as calls
from derivations.primitives import conditions as conditions
from derivations.primitives import contraction as contraction
from derivations.primitives import convolution as convolution
from derivations.primitives import cumulative as cumulative
from derivations.primitives import functions as functions
from derivations.primitives import gathering as gathering
from derivations.primitives import loops as loops
from derivations.primitives import ordering as ordering
from derivations.primitives import parts as parts
from derivations.primitives import reductions as reductions
from derivations.primitives import rounding as rounding
from derivations.primitives import scattering as scattering
from derivations.primitives import shapes as shapes
from derivations.primitives import windows as windows
from derivations.primitives.registry import PRIMITIVES as PRIMITIVES
from derivations.primitives.registry import REFUSED as REFUSED
from derivations.primitives.registry import reads as reads
