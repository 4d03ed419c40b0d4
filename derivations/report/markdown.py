"""A document as Markdown with LaTeX formulas, as GitHub and most editors show it."""

import re
from functools import singledispatch
from typing import Any, NamedTuple

from derivations.report import document as d
from derivations.report.latex import latex
from derivations.report.typed import typed
from derivations.report.words import MARKS, remarks, witness_lines


class Page(NamedTuple):
    """A page of Markdown, and the pictures it shows, by path relative to it."""

    text: str
    files: dict[str, bytes]


def markdown(document: d.Document) -> Page:
    """Prints a document.

    Raises:
      TypeError: The document holds something that is not known here.
    """
    title = f"# {escaped(document.title)}{_beside(document.verdict)}"
    parts = [title, _line(document.lead), _contents(document.sections)]
    parts += [_section(section, 2) for section in document.sections]
    if document.colophon:
        parts.append(f"---\n\n{escaped(document.colophon)}")
    figures = [node for node in d.nodes(document.sections) if isinstance(node, d.Figure)]
    files = {_path(figure): _bytes(figure) for figure in figures}
    return Page("\n\n".join(parts) + "\n", files)


def escaped(text: str) -> str:
    r"""Escapes whatever Markdown would read as markup.

    Example:
      >>> print(escaped("a_b <c> | *d*"))
      a\_b \<c\> \| \*d\*
    """
    return re.sub(r"([\\`*_{}\[\]<>#|$~])", r"\\\1", text)


def _contents(sections: tuple[d.Section, ...]) -> str:
    lines = []
    for section in sections:
        lines.append(f"- [{escaped(section.title)}](#{section.anchor})")
        inner = [block for block in section.blocks if isinstance(block, d.Section)]
        lines += [f"  - [{escaped(s.title)}](#{s.anchor})" for s in inner]
    return "\n".join(lines)


def _section(section: d.Section, level: int) -> str:
    # An explicit anchor: each host makes its own from the heading, and in its own way.
    parts = [
        f'<a id="{section.anchor}"></a>',
        f"{'#' * level} {escaped(section.title)}{_beside(section.verdict)}",
    ]
    for block in section.blocks:
        parts.append(_section(block, level + 1) if isinstance(block, d.Section) else _block(block))
    return "\n\n".join(parts)


def _beside(verdict: Any) -> str:
    return "" if verdict is None else f" — {_inline(d.Badge(verdict))}"


def _blocks(blocks: tuple[Any, ...]) -> str:
    return "\n\n".join(_block(block) for block in blocks)


def _line(line: d.Line) -> str:
    return "".join(_inline(part) for part in line)


@singledispatch
def _inline(part: Any) -> str:
    raise TypeError(f"A line is made of known inline parts. Got {type(part).__name__}.")


@_inline.register
def _(part: str) -> str:
    return escaped(part)


@_inline.register
def _(part: d.Strong) -> str:
    return f"**{escaped(part.text)}**"


@_inline.register
def _(part: d.Mono) -> str:
    return _code(part.text)


@_inline.register
def _(part: d.Maths) -> str:
    return f"${latex(part.expression)}$"


@_inline.register
def _(part: d.Typed) -> str:
    return _typed(part.text)


@_inline.register
def _(part: d.Link) -> str:
    return f"[{escaped(part.text)}]({d.address(part, '.md')})"


@_inline.register
def _(part: d.Badge) -> str:
    return f"{MARKS[str(part.verdict)]} **{part.verdict}**"


@singledispatch
def _block(block: Any) -> str:
    raise TypeError(f"A document is made of known blocks. Got {type(block).__name__}.")


@_block.register
def _(block: d.Paragraph) -> str:
    return _line(block.line)


@_block.register
def _(block: d.Caption) -> str:
    return _line(block.line)


@_block.register
def _(block: d.Formula) -> str:
    return f"$$\n{latex(block.expression)}\n$$"


@_block.register
def _(block: d.Code) -> str:
    return f"```python\n{block.source.rstrip()}\n```"


@_block.register
def _(block: d.Items) -> str:
    mark = "1." if block.ordered else "-"
    return "\n".join(f"{mark} {_line(line)}" for line in block.lines)


@_block.register
def _(block: d.Table) -> str:
    rows = [[_cell(line) for line in row] for row in block.rows]
    return _table([escaped(name) for name in block.header], rows)


@_block.register
def _(block: d.Figure) -> str:
    return f"![{escaped(block.alt)}]({_path(block)})\n\n{escaped(block.caption)}"


@_block.register
def _(block: d.Verdicts) -> str:
    header = ["Obligation", "Verdict", "What is claimed", "Ground", "Holds for"]
    rows = [
        [
            _code(o.name),
            _inline(d.Badge(o.verdict)),
            *(_cell((text,)) for text in (o.statement, o.ground, o.scope)),
        ]
        for o in block.obligations
    ]
    parts = [_table(header, rows)]
    for obligation in block.obligations:
        lines = [f"  - {escaped(title)}: {escaped(text)}" for title, text in remarks(obligation)]
        lines += [
            f"  - {escaped(title)}: {_code(text)}" for title, text in witness_lines(obligation)
        ]
        if lines:
            parts.append("\n".join([f"- {_code(obligation.name)}", *lines]))
    return "\n\n".join(parts)


@_block.register
def _(block: d.Statement) -> str:
    return f"{_line(block.line)}\n\n{_blocks(block.blocks)}"


@_block.register
def _(block: d.Steps) -> str:
    return "\n\n".join(
        f"**Step {number}.** {_line(step.title)}\n\n{_blocks(step.blocks)}"
        for number, step in enumerate(block.steps, 1)
    )


def _table(header: list[str], rows: list[list[str]]) -> str:
    # Even inside code, a bar would end the cell.
    safe = [[re.sub(r"(?<!\\)\|", r"\|", cell) for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *safe]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(line: d.Line) -> str:
    return _line(line).replace("\n", " ")


def _code(text: str) -> str:
    # A backtick inside needs a longer fence around.
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{text}{fence}"


def _typed(text: str) -> str:
    written = ""
    for piece in typed(text):
        written += escaped(piece.text)
        written += f"<sub>{_typed(piece.below)}</sub>" if piece.below else ""
        written += f"<sup>{_typed(piece.above)}</sup>" if piece.above else ""
    return written


def _path(figure: d.Figure) -> str:
    return f"figures/{figure.name}.{'svg' if isinstance(figure.picture, str) else 'png'}"


def _bytes(figure: d.Figure) -> bytes:
    picture = figure.picture
    return picture.encode() if isinstance(picture, str) else picture
