r"""A document as LaTeX for pdflatex, with no packages but the usual ones.

Formulas are broken into lines where they are long; what is still too wide for its line, a formula
or a picture, is scaled down to it by the macro `\fitted`.
"""

import re
import unicodedata
from functools import singledispatch
from importlib import resources
from typing import Any, NamedTuple

from derivations.report import document as d
from derivations.report.broken import lines
from derivations.report.highlight import pieces
from derivations.report.latex import latex, spelt
from derivations.report.letters import escaped
from derivations.report.typed import typed
from derivations.report.typeset import typeset
from derivations.report.words import remarks, witness_lines
from derivations.verdict import Obligation

_LEVELS = ("chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph")
_LINE = 38.0  # ems of a line of the page
_LETTERS = 88  # of a line in the size of a table
_SOURCE = 108  # characters of a line of source
_JOINTS = r"(?<=[_.,/\[(:\s-])(?=.)"  # behind these a line may be broken


class Paper(NamedTuple):
    """A document in LaTeX, and the pictures that it includes, by path relative to it."""

    text: str
    files: dict[str, bytes]


def tex(document: d.Document) -> Paper:
    """Prints a document.

    Raises:
      TypeError: The document holds something that is not known here.
    """
    chapters = [_section(section, 0) for section in document.sections]
    front = opening(document.title, document.lead, document.colophon)
    return paper([front, *chapters], document.sections)


def opening(title: str, lead: d.Line, colophon: str) -> str:
    """Gives all that stands before the first chapter: the preamble, the title, the contents."""
    preamble = resources.files("derivations.report").joinpath("preamble.tex").read_text("utf-8")
    return "\n\n".join(
        [
            preamble,
            rf"\hypersetup{{pdftitle={{{_bookmark(title)}}}}}",
            r"\begin{document}",
            rf"\frontpage{{{escaped(title)}}}{{{_line(lead)}}}{{{escaped(colophon)}}}",
            r"\tableofcontents",
        ]
    )


def chapter(document: d.Document, anchor: str) -> str:
    """Gives a document as a chapter, its sections one level below."""
    heading = _heading("chapter", document.title, anchor, document.verdict)
    sections = [_section(section, 1) for section in document.sections]
    return _joined([heading, *([_line(document.lead)] if document.lead else []), *sections])


def paper(parts: list[str], blocks: tuple[Any, ...]) -> Paper:
    """Puts parts together, with the pictures of all blocks."""
    files = {path(figure): drawn for figure in figures(blocks) if (drawn := picture(figure))}
    return Paper("\n\n".join([*parts, r"\end{document}"]) + "\n", files)


def figures(blocks: tuple[Any, ...]) -> list[d.Figure]:
    """Gives every figure among blocks and inside them."""
    return [node for node in d.nodes(blocks) if isinstance(node, d.Figure)]


def _section(section: d.Section, level: int) -> str:
    command = _LEVELS[min(level, len(_LEVELS) - 1)]
    heading = _heading(command, section.title, section.anchor, section.verdict)
    blocks = [
        _section(block, level + 1) if isinstance(block, d.Section) else _block(block)
        for block in section.blocks
    ]
    return _joined([heading, *blocks])


def _heading(command: str, title: str, anchor: str, verdict: Any) -> str:
    shown = escaped(title)
    badge = "" if verdict is None else rf"\enspace {_inline(d.Badge(verdict))}"
    both = rf"\texorpdfstring{{{shown}{badge}}}{{{_bookmark(title)}}}"
    return rf"\{command}{{{both}}}\label{{{_label(anchor)}}}"


def _blocks(blocks: tuple[Any, ...]) -> str:
    return _joined([_block(block) for block in blocks])


def _joined(blocks: list[str]) -> str:
    r"""Puts blocks below one another; an empty line before a formula would be an empty line."""
    return re.sub(r"\n\n(?=\\\[\n)", "\n", "\n\n".join(blocks))


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
    return rf"\textbf{{{escaped(part.text)}}}"


@_inline.register
def _(part: d.Mono) -> str:
    return _mono(part.text)


@_inline.register
def _(part: d.Maths) -> str:
    return rf"$\displaystyle {latex(part.expression)}$"


@_inline.register
def _(part: d.Typed) -> str:
    return _typed(part.text)


@_inline.register
def _(part: d.Link) -> str:
    return rf"\link{{{_label(part.anchor)}}}{{{escaped(part.text)}}}"


@_inline.register
def _(part: d.Badge) -> str:
    name = str(part.verdict)
    return rf"\verdict{{{name.lower()}}}{{{name}}}"


@singledispatch
def _block(block: Any) -> str:
    raise TypeError(f"A document is made of known blocks. Got {type(block).__name__}.")


@_block.register
def _(block: d.Paragraph) -> str:
    return _line(block.line)


@_block.register
def _(block: d.Caption) -> str:
    return f"\\begin{{remark}}\n{_line(block.line)}\n\\end{{remark}}"


@_block.register
def _(block: d.Formula) -> str:
    first, *rest = (spelt(line) for line in lines(typeset(block.expression), _LINE))
    if not rest:
        return f"\\[\n\\fitted{{$\\displaystyle {first}$}}\n\\]"
    body = " \\\\\n".join([f"& {first}", *(rf"& \qquad {line}" for line in rest)])
    return f"\\[\n\\fitted{{$\\begin{{aligned}}\n{body}\n\\end{{aligned}}$}}\n\\]"


@_block.register
def _(block: d.Code) -> str:
    body = "".join(_coloured(kind, text) for kind, text in _wrapped(pieces(block.source.rstrip())))
    return f"\\begin{{Source}}\n{body}\n\\end{{Source}}"


@_block.register
def _(block: d.Items) -> str:
    kind = "enumerate" if block.ordered else "itemize"
    return _listed(kind, [_line(line) for line in block.lines])


@_block.register
def _(block: d.Table) -> str:
    rows = [[_line(cell) for cell in row] for row in block.rows]
    cells = [
        [f"{name}00", *(_read(row[column]) for row in block.rows)]
        for column, name in enumerate(block.header)
    ]
    return _table([escaped(name) for name in block.header], rows, cells)


@_block.register
def _(block: d.Figure) -> str:
    if isinstance(block.picture, str) and not block.paper:
        shown = rf"\emph{{{escaped(block.alt)}}}"
    else:
        shown = rf"\pictured{{{path(block)}}}"
    caption = f"\\begin{{remark}}\\centering\n{escaped(block.caption)}\n\\end{{remark}}"
    return f"\\begin{{center}}\n{shown}\n\n{caption}\n\\end{{center}}"


@_block.register
def _(block: d.Verdicts) -> str:
    return _listed("itemize", [_obligation(obligation) for obligation in block.obligations])


@_block.register
def _(block: d.Statement) -> str:
    return _listed("itemize", [_joined([_line(block.line), _blocks(block.blocks)])])


@_block.register
def _(block: d.Steps) -> str:
    steps = [_joined([_line(step.title), _blocks(step.blocks)]) for step in block.steps]
    return _listed("enumerate", steps)


def path(figure: d.Figure) -> str:
    """Gives where a picture lies, beside the document."""
    return f"figures/{figure.name}.{'pdf' if isinstance(figure.picture, str) else 'png'}"


def picture(figure: d.Figure) -> bytes | None:
    """Gives the file that the document includes, if there is one for paper."""
    if isinstance(figure.picture, bytes):
        return figure.picture
    return figure.paper and figure.paper()


def _obligation(obligation: Obligation) -> str:
    head = f"{_inline(d.Badge(obligation.verdict))} {_mono(obligation.name)}"
    facts = [("Ground", obligation.ground), ("Holds for", obligation.scope)]
    told = [
        rf"{escaped(title)}: {escaped(text)}\par"
        for title, text in (*facts, *remarks(obligation))
        if text
    ]
    told += [rf"{escaped(title)}: {_mono(text)}\par" for title, text in witness_lines(obligation)]
    remark = "\n".join(["\\begin{remark}", *told, "\\end{remark}"]) if told else ""
    return f"{head} {escaped(obligation.statement)}\n{remark}"


def _listed(kind: str, items: list[str]) -> str:
    return "\n".join(
        [f"\\begin{{{kind}}}", *(rf"\item {item}" for item in items), f"\\end{{{kind}}}"]
    )


def _table(header: list[str], rows: list[list[str]], cells: list[list[str]]) -> str:
    """Sets a table, each column as wide as it wants, or as its words and a share of the rest."""
    gap = 3
    least = [
        gap + max(len(word) for cell in column for word in re.split(_JOINTS, cell))
        for column in cells
    ]
    wanted = [max(gap + len(cell) for cell in column) for column in cells]
    lacking = sum(wanted) - sum(least)
    spare = min(max(_LETTERS - sum(least), 0), lacking)
    parts = [
        low + spare * (high - low) / max(lacking, 1)
        for low, high in zip(least, wanted, strict=True)
    ]
    whole = max(sum(parts), _LETTERS)
    columns = "".join(rf"P{{{part / whole:.4f}}}" for part in parts)
    head = " & ".join(rf"\textbf{{{name}}}" for name in header)
    body = [rf"{' & '.join(row)} \\" for row in rows]
    return "\n".join(
        [
            r"{\small",
            rf"\begin{{longtable}}{{{columns}}}",
            rf"\toprule {head} \\ \midrule \endhead",
            r"\bottomrule \endfoot",
            "\n\\addlinespace[2pt]\n".join(body),
            r"\end{longtable}}",
        ]
    )


def _read(line: d.Line) -> str:
    """Gives roughly what is read in a line, to tell how much room it takes."""
    return "".join(
        f"{part.verdict}000"
        if isinstance(part, d.Badge)
        else 8 * "0"
        if isinstance(part, d.Maths)
        else f"{part.text}p.000"
        if isinstance(part, d.Link)
        else getattr(part, "text", str(part))
        for part in line
    )


def _typed(text: str) -> str:
    written = ""
    for piece in typed(text):
        below = rf"_{{\text{{{_typed(piece.below)}}}}}" if piece.below else ""
        above = rf"^{{\text{{{_typed(piece.above)}}}}}" if piece.above else ""
        scripts = rf"\ensuremath{{{{}}{below}{above}}}" if below or above else ""
        written += escaped(piece.text) + scripts
    return written


def _mono(text: str) -> str:
    # A name may be broken after the signs that join its parts.
    parts = r"\allowbreak{}".join(map(_code, re.split(_JOINTS, text)))
    return rf"\texttt{{{parts}}}"


def _code(text: str) -> str:
    told = (escaped(line).replace("'", r"\textquotesingle{}") for line in text.split("\n"))
    return "\n".join(told)


def _wrapped(parts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Breaks lines of source that are longer than a line of the page."""
    column, wrapped = 0, []
    for kind, text in parts:
        told = ""
        for character in text:
            if column == _SOURCE and character != "\n":
                told, column = told + "\n", 0
            told += character
            column = 0 if character == "\n" else column + 1
        wrapped.append((kind, told))
    return wrapped


def _coloured(kind: str, text: str) -> str:
    """Colours a piece of source, line by line: a command must not reach over the end of one."""
    if not kind or not text.strip():
        return _code(text)
    command = kind if kind in ("keyword", "comment") else "literal"
    shown = (rf"\{command}{{{_code(line)}}}" if line else "" for line in text.split("\n"))
    return "\n".join(shown)


def _bookmark(title: str) -> str:
    """Gives a title in ASCII, as the reader's list of bookmarks takes it."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return re.sub(r"[\\{}$&#^_~%]|[^ -~]", " ", plain)


def _label(anchor: str) -> str:
    return re.sub(r"[^\w.:]+", "-", anchor)
