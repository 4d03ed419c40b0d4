"""The page of one operation."""

from collections.abc import Sequence
from typing import Any

from derivations.lectures.claim import Claim
from derivations.report import document as d
from derivations.report.operation import Checked, anchor, operation_section
from derivations.report.pages.mentions import links_to_claims, operations_of
from derivations.report.site import Page

GROUP = "Operations"


def operation_page(checked: Checked, claims: Sequence[Claim]) -> Page:
    """Gives the page of an operation: its section, and the claims of the lectures about it."""
    section, name = operation_section(checked), checked.entry.name
    parts: list[Any] = [block for block in section.blocks if isinstance(block, d.Section)]
    lead = next(block.line for block in section.blocks if isinstance(block, d.Paragraph))
    about = [claim for claim in claims if name in operations_of(claim)]
    if about:
        blocks = (d.Items(links_to_claims(about)),)
        parts.append(d.Section("In the lectures", f"{anchor(name)}-lectures", blocks))
    document = d.Document(section.title, lead, tuple(parts), verdict=section.verdict)
    return Page(anchor(name), document, GROUP, section.title)
