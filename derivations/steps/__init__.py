"""Derivations as steps: each follows from the one before for a stated reason, and is proved to.

The steps are computed from definitions by rules of differentiation and identities, one at a time
(`rules.py`, `moves.py`). Whether a step is right is decided by the prover alone (`prove.py`), which
knows nothing of the rule that was applied.
"""

from derivations.steps.derivation import Definition as Definition
from derivations.steps.derivation import Depends as Depends
from derivations.steps.derivation import Derivation as Derivation
from derivations.steps.derivation import Step as Step
from derivations.steps.prove import Proof as Proof
from derivations.steps.prove import StepVerdict as StepVerdict
from derivations.steps.prove import proved as proved
from derivations.steps.reasons import REASONS as REASONS
from derivations.steps.table import derivation as derivation
from derivations.steps.table import derivations_of as derivations_of
from derivations.steps.table import find as find
from derivations.steps.table import groups as groups
from derivations.steps.table import names as names
