"""What a report is made of, before any output format.

A document is a tree of these values. Blocks stand under each other; inline parts stand in a line
of text, and a plain `str` is one of them. The printers know every kind here and refuse any other.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from derivations.verdict import Obligation, Verdict


class Strong(NamedTuple):
    """Emphasised text."""

    text: str


class Mono(NamedTuple):
    """A name from code."""

    text: str


class Maths(NamedTuple):
    """A SymPy expression in a line of text."""

    expression: Any


class Typed(NamedTuple):
    """A formula as it is typed in a line of text, `w_ji^[l]`, between words perhaps."""

    text: str


class Link(NamedTuple):
    """A reference to a section by its anchor.

    Attributes:
      text: What is read.
      anchor: The section's.
      page: On which page of a site it stands, if on another: the stem of its file. A site fills it
        in, and an anchor that is the page's own stem means the top of that page.
    """

    text: str
    anchor: str
    page: str = ""


class Badge(NamedTuple):
    """A verdict, or the status of a lecture's claim, as a coloured word."""

    verdict: Any


Inline = str | Strong | Mono | Maths | Typed | Link | Badge
Line = tuple[Inline, ...]


class Paragraph(NamedTuple):
    """A paragraph of text."""

    line: Line


class Caption(NamedTuple):
    """A small line that belongs to what stands above it: a source, a condition."""

    line: Line


class Formula(NamedTuple):
    """A SymPy expression or equation on a line of its own."""

    expression: Any


class Code(NamedTuple):
    """Python source."""

    source: str


class Items(NamedTuple):
    """A list; `ordered` for steps that follow from each other."""

    lines: tuple[Line, ...]
    ordered: bool = False


class Table(NamedTuple):
    """A table: a header and rows of as many cells, each a line of text."""

    header: tuple[str, ...]
    rows: tuple[tuple[Line, ...], ...]


class Figure(NamedTuple):
    """A picture: SVG source as `str`, or the bytes of a PNG.

    Attributes:
      picture: The picture itself; nothing is loaded from elsewhere.
      name: A short file name without suffix, for formats that keep pictures in files.
      alt: What it shows, for those who do not see it.
      caption: The line below it.
      paper: Makes the same as PDF, which SVG has to be for LaTeX; without it, paper has the words
        alone.
    """

    picture: str | bytes
    name: str
    alt: str
    caption: str
    paper: Callable[[], bytes] | None = None


class Verdicts(NamedTuple):
    """The obligations of a check, one after the other."""

    obligations: tuple[Obligation, ...]


class Statement(NamedTuple):
    """Something stated, and blocks that show what became of it."""

    line: Line
    blocks: tuple[Any, ...]


class Step(NamedTuple):
    """A step of a derivation: what is done, and blocks that show the outcome."""

    title: Line
    blocks: tuple[Any, ...]


class Steps(NamedTuple):
    """Steps that follow from each other, numbered."""

    steps: tuple[Step, ...]


class Section(NamedTuple):
    """A titled part. Its level follows from how deep it is nested.

    Attributes:
      title: The heading.
      anchor: A name to link to, unique in the document.
      blocks: What it holds.
      verdict: Shown beside the heading, if given.
    """

    title: str
    anchor: str
    blocks: tuple[Any, ...]
    verdict: Verdict | None = None


class Document(NamedTuple):
    """A whole report.

    Attributes:
      title: The title of the page.
      lead: What it says in a sentence or two.
      sections: Its parts; the table of contents is made of them.
      colophon: What it was made with.
      verdict: Shown beside the title, if given.
    """

    title: str
    lead: Line
    sections: tuple[Section, ...]
    colophon: str = ""
    verdict: Verdict | None = None


def address(link: Link, suffix: str) -> str:
    """Gives where a link leads, relative to its page, in files of a suffix.

    Example:
      >>> address(Link("Code", "softmax-code"), ".html")
      '#softmax-code'
      >>> address(Link("Code", "softmax-code", "softmax"), ".md")
      'softmax.md#softmax-code'
      >>> address(Link("Softmax", "softmax", "softmax"), ".html")
      'softmax.html'
    """
    page = link.page + suffix if link.page else ""
    return page if link.anchor == link.page else f"{page}#{link.anchor}"


def nodes(tree: Any) -> Iterator[Any]:
    """Gives every block and inline part of a tree, in the order of reading."""
    if not isinstance(tree, tuple):
        return
    if hasattr(tree, "_fields"):
        yield tree
    if isinstance(tree, Verdicts):
        return  # obligations hold evidence, which is no part of a document
    for part in tree:
        yield from nodes(part)


def replaced(tree: Any, change: Callable[[Any], Any]) -> Any:
    """Gives a tree with each inline part and block that `change` gives another for in its place.

    Where it gives `None`, what stands inside is looked at.
    """
    if not isinstance(tree, tuple) or isinstance(tree, Verdicts):
        return tree
    if not hasattr(tree, "_fields"):
        return tuple(replaced(part, change) for part in tree)
    other = change(tree)
    if other is not None:
        return other
    return type(tree)(*(replaced(part, change) for part in tree))
