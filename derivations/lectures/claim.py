"""What a claim of a lecture is, and what settling it finds.

A claim is data: statements in the lecture's notation, each with the computation that settles it.
No verdict stands here; `settled` computes every one of them.
"""

import enum
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import sympy

from derivations.verdict import Witness


class Status(enum.Enum):
    """What became of a statement. Proved and measured are never taken for one another.

    - `PROVED`: an argument that cannot be wrong over the stated domain and sizes.
    - `REFUTED`: a counterexample, or an exact value that contradicts it.
    - `MEASURED`: it was run; the finding says what was measured, and whether its bound holds.
    - `UNDECIDED`: none of these; the finding says why.
    """

    PROVED = "PROVED"
    REFUTED = "REFUTED"
    MEASURED = "MEASURED"
    UNDECIDED = "UNDECIDED"

    def __str__(self) -> str:
        return self.value


class Kind(enum.Enum):
    """What kind of claim it is."""

    IDENTITY = "identity"
    ALGORITHM = "algorithm"
    EXAMPLE = "example"
    PROPERTY = "property"
    ERRATUM = "erratum"

    def __str__(self) -> str:
        return self.value


class Role(enum.Enum):
    """How a statement stands to its claim, and with it what is expected of it."""

    STATED = "as stated"
    PRINTED = "as printed"
    CORRECTED = "corrected"
    CONDITIONED = "under its condition"
    UNCONDITIONED = "without its condition"

    @property
    def wrong(self) -> bool:
        """Whether such a statement is in the ledger to be refuted."""
        return self in (Role.PRINTED, Role.UNCONDITIONED)

    def __str__(self) -> str:
        return self.value


class Measured(NamedTuple):
    """A measurement: of what, how much, against which bound, and whether it holds."""

    quantity: str
    value: str
    bound: str
    holds: bool


class Finding(NamedTuple):
    """What a computation found out about a statement.

    Attributes:
      status: What became of it.
      ground: Why it is believed.
      scope: For which sizes, functions and points.
      lines: How it came about, for the reader.
      witness: The counterexample, of an equation that is refuted at exact inputs.
      measured: The measurements, of what was run.
      reason: Why it is undecided, or what contradicts it.
    """

    status: Status
    ground: str
    scope: str = ""
    lines: tuple[str, ...] = ()
    witness: Witness | None = None
    measured: tuple[Measured, ...] = ()
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether the statement stands: proved, or measured within its bounds."""
        if self.status is Status.MEASURED:
            return all(m.holds for m in self.measured)
        return self.status is Status.PROVED


class Altered(NamedTuple):
    """A statement changed a little, so that it is no longer true: the settling has to notice."""

    change: str
    data: Any


class Part(NamedTuple):
    """One statement of a claim, as data, and what settles statements of its form.

    Attributes:
      text: The statement, in the lecture's notation.
      data: The same for the computation.
      settle: Takes the data, or any other of its form.
      altered: Near-by statements that come out otherwise.
      role: How it stands to the claim.
    """

    text: str
    data: Any
    settle: Callable[[Any], Finding]
    altered: tuple[Altered, ...] = ()
    role: Role = Role.STATED

    @property
    def latex(self) -> str:
        """The statement as LaTeX, where it is an equation."""
        equation = getattr(self.data, "equation", None)
        return "" if equation is None else sympy.latex(equation)


class Lecture(NamedTuple):
    """A lecture document: its number in the ledger, its title, and its author if it names one."""

    number: str
    title: str
    author: str = ""


class Claim(NamedTuple):
    """A formula, algorithm, worked example or property that a lecture states.

    Attributes:
      id: Such as `"001.4"`: the lecture, and the place in it.
      lecture: The document.
      topic: The heading under which it stands.
      kind: What kind of claim it is.
      statement: What is claimed, in a line and in the lecture's notation.
      parts: What has to be settled; all of it.
      conditions: What the claim takes for granted.
      note: A remark for the reader.
      derivation: The derivation that shows it step by step, where there is one.
    """

    id: str
    lecture: Lecture
    topic: str
    kind: Kind
    statement: str
    parts: tuple[Part, ...]
    conditions: tuple[str, ...] = ()
    note: str = ""
    derivation: str = ""


class Settled(NamedTuple):
    """A claim with what was found of each of its parts."""

    claim: Claim
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def as_claimed(self) -> bool:
        """Whether all came out as the roles have it, errors of the lecture refuted."""
        pairs = zip(self.claim.parts, self.findings, strict=True)
        return all(
            finding.status is Status.REFUTED if part.role.wrong else finding.holds
            for part, finding in pairs
        )

    @property
    def undecided(self) -> bool:
        """Whether anything is left open."""
        return any(f.status is Status.UNDECIDED for f in self.findings)

    @property
    def status(self) -> str:
        """What became of it, in a few words: each role that is not plain, and its statuses."""
        told: dict[str, list[str]] = {}
        for part, finding in zip(self.claim.parts, self.findings, strict=True):
            word = str(finding.status)
            if finding.status is Status.MEASURED and not finding.holds:
                word = "MEASURED, bound exceeded"
            role = "" if part.role is Role.STATED else f" {part.role}"
            words = told.setdefault(role, [])
            if word not in words:
                words.append(word)
        return "; ".join(" and ".join(words) + role for role, words in told.items())


def settled(claim: Claim) -> Settled:
    """Runs the computations of a claim."""
    start = time.monotonic()
    findings = tuple(part.settle(part.data) for part in claim.parts)
    return Settled(claim, findings, time.monotonic() - start)
