"""The lectures, claim by claim: what they state, and what the computation makes of it."""

from derivations.lectures import basic_ideas, ce477, chapter_3_4, deep_learning, stor566
from derivations.lectures.claim import Claim, Lecture
from derivations.lectures.claim import settled as settled

_FILES = (basic_ideas, ce477, stor566, deep_learning, chapter_3_4)

LECTURES: dict[str, Lecture] = {file.LECTURE.number: file.LECTURE for file in _FILES}
"""The documents, by number."""

CLAIMS: dict[str, Claim] = {claim.id: claim for file in _FILES for claim in file.CLAIMS}
"""Every claim, in the order of the lectures."""
