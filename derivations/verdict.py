"""What a check says: obligations, each with a verdict, the ground it stands on and its scope."""

import enum
from typing import Any, NamedTuple


class Verdict(enum.Enum):
    """The outcome of one obligation. Verdicts are never merged or rounded up.

    - `PROVED`: an argument that cannot be wrong over the stated domain, sizes and assumptions.
    - `EXACT`: equal in modular arithmetic at the stated size, with a bound on a wrong "equal".
    - `UNDECIDED`: neither proved nor refuted; the obligation says why.
    - `REFUTED`: a counterexample, given exactly.
    """

    PROVED = "PROVED"
    EXACT = "EXACT"
    UNDECIDED = "UNDECIDED"
    REFUTED = "REFUTED"

    def __str__(self) -> str:
        return self.value


WORST_FIRST = (Verdict.REFUTED, Verdict.UNDECIDED, Verdict.EXACT, Verdict.PROVED)


class Witness(NamedTuple):
    """A counterexample: exact inputs at which two values differ for certain.

    Attributes:
      inputs: Argument name to nested lists of exact rationals, written as strings ("-3/2").
      output: Which entry differs, such as `"dw[1, 0]"`.
      found: The rule's value there, as a decimal string with its error radius.
      expected: The true value there, likewise.
    """

    inputs: dict[str, Any]
    output: str
    found: str
    expected: str


class Named(NamedTuple):
    """A mistake that explains a refutation: a hint, no part of the verdict.

    Attributes:
      key: Its entry in the catalogue of mistakes; empty where a true remark is all there is.
      title: What it is called.
      text: One or two sentences on this rule.
    """

    key: str
    title: str
    text: str


class Obligation(NamedTuple):
    """One thing that a check has to show.

    Attributes:
      name: `"value"`, `"cotangent[x]"`, `"linear"`, `"kinks"`, `"again"`, `"textbook"`,
        `"composition"` and so on.
      statement: What is claimed, in one line.
      verdict: The outcome.
      ground: Why it is believed ("over the reals, by index calculus", ...).
      scope: For which sizes and on which domain it holds ("all n, k; away from kinks").
      assumptions: What the verdict rests on besides the ground.
      reason: Why it is undecided, or what the counterexample shows; empty when proved.
      witness: The counterexample of a refuted obligation.
      details: Further lines for the reader (one a kink, for instance).
      seconds: How long it took.
      mistake: What is wrong with a refuted one, where that could be named.
      evidence: What a certificate is written from (`evidence.py`); no part of other reports.
    """

    name: str
    statement: str
    verdict: Verdict
    ground: str = ""
    scope: str = ""
    assumptions: tuple[str, ...] = ()
    reason: str = ""
    witness: Witness | None = None
    details: tuple[str, ...] = ()
    seconds: float = 0.0
    mistake: Named | None = None
    evidence: Any = None


class Report(NamedTuple):
    """The obligations of one subject, and of its parts if it is a network.

    Attributes:
      subject: The name of what was checked.
      kind: `"rule"`, `"custom_vjp"`, `"layer"` or `"network"`.
      obligations: The subject's own obligations.
      parts: Reports of the layers of a network, in order.
      source: The code, as `subject_of` gives it; of it a certificate holds a hash.
    """

    subject: str
    kind: str
    obligations: tuple[Obligation, ...]
    parts: tuple["Report", ...] = ()
    source: Any = None

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all obligations, the parts' included."""
        return worst([o.verdict for o in self.obligations] + [p.verdict for p in self.parts])

    @property
    def seconds(self) -> float:
        """How long the whole check took."""
        return sum(o.seconds for o in self.obligations) + sum(p.seconds for p in self.parts)

    def __str__(self) -> str:
        """The report for a person at a terminal."""
        from derivations.report.text import text

        return text(self)

    def to_json(self) -> str:
        """Gives the report for a program."""
        from derivations.report.data import to_json

        return to_json(self)

    def to_certificate(self) -> str:
        """Gives the report with its evidence, for `derivations/verifier.py` to re-check."""
        from derivations.certificate import to_certificate

        return to_certificate(self)

    def to_markdown(self) -> str:
        """Gives the report as a page of Markdown."""
        from derivations.report.build import check_document
        from derivations.report.markdown import markdown

        return markdown(check_document(self)).text

    def to_html(self) -> str:
        """Gives the report as one self-contained HTML page."""
        from derivations.report.build import check_document
        from derivations.report.html import html

        return html(check_document(self))


def worst(verdicts: list[Verdict]) -> Verdict:
    """Gives REFUTED if any is refuted, else UNDECIDED, else EXACT, else PROVED."""
    if not verdicts:
        raise ValueError("A verdict needs at least one obligation. Got none.")
    return min(verdicts, key=WORST_FIRST.index)
