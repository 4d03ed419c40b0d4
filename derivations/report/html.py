"""A document as one HTML page that needs nothing else: no network, no script, no font."""

import base64
import re
from functools import singledispatch
from html import escape
from importlib import resources
from typing import Any

from derivations.report import document as d
from derivations.report.highlight import highlighted
from derivations.report.mathml import mathml
from derivations.report.typed import typed
from derivations.report.words import MARKS, remarks, witness_lines
from derivations.verdict import Obligation

_WIDE = 440  # points of a picture that fits on a telephone


def html(document: d.Document) -> str:
    """Prints a document.

    Raises:
      TypeError: The document holds something that is not known here.
    """
    style = resources.files("derivations.report").joinpath("page.css").read_text("utf-8")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
{head(document.title)}
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<nav aria-label="Contents">
<details open>
<summary>Contents</summary>
{contents(document.sections)}
</details>
</nav>
{main(document)}
</body>
</html>
"""


def head(title: str) -> str:
    """Gives what stands in the head of every page."""
    return f"""<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>"""


def main(document: d.Document) -> str:
    """Gives all of a document but its contents."""
    badge = "" if document.verdict is None else f" {_inline(d.Badge(document.verdict))}"
    lead = f'<p class="lead">{_line(document.lead)}</p>' if document.lead else ""
    colophon = f"<footer>{escape(document.colophon)}</footer>" if document.colophon else ""
    body = "\n".join(_section(section, 2) for section in document.sections)
    return f"""<main id="content">
<header>
<h1>{escape(document.title)}{badge}</h1>
{lead}
</header>
{body}
{colophon}
</main>"""


def contents(sections: tuple[d.Section, ...], depth: int = 2) -> str:
    """Gives a list of links to sections, and to those inside, so many levels deep."""
    if not sections or depth == 0:
        return ""
    entries = []
    for section in sections:
        inner = tuple(block for block in section.blocks if isinstance(block, d.Section))
        sign = "" if section.verdict is None else mark(section.verdict)
        title = f'<a href="#{escape(section.anchor)}">{escape(section.title)}</a>{sign}'
        entries.append(f"<li>{title}{contents(inner, depth - 1)}</li>")
    return f"<ol>{''.join(entries)}</ol>"


def mark(verdict: Any) -> str:
    """Gives the mark of a verdict, to stand behind a link."""
    name = str(verdict)
    mark = f'<span aria-hidden="true">{MARKS[name]}</span>'
    return f' <span class="mark {name.lower()}" title="{name}">{mark}</span>'


def _section(section: d.Section, level: int) -> str:
    badge = "" if section.verdict is None else f" {_inline(d.Badge(section.verdict))}"
    heading = f"<h{level}>{escape(section.title)}{badge}</h{level}>"
    blocks = "\n".join(
        _section(block, level + 1) if isinstance(block, d.Section) else _block(block)
        for block in section.blocks
    )
    return f'<section id="{escape(section.anchor)}">\n{heading}\n{blocks}\n</section>'


def _blocks(blocks: tuple[Any, ...]) -> str:
    return "\n".join(_block(block) for block in blocks)


def _line(line: d.Line) -> str:
    return "".join(_inline(part) for part in line)


@singledispatch
def _inline(part: Any) -> str:
    raise TypeError(f"A line is made of known inline parts. Got {type(part).__name__}.")


@_inline.register
def _(part: str) -> str:
    return escape(part)


@_inline.register
def _(part: d.Strong) -> str:
    return f"<strong>{escape(part.text)}</strong>"


@_inline.register
def _(part: d.Mono) -> str:
    return f"<code>{escape(part.text)}</code>"


@_inline.register
def _(part: d.Maths) -> str:
    return mathml(part.expression)


@_inline.register
def _(part: d.Typed) -> str:
    return _typed(part.text)


@_inline.register
def _(part: d.Link) -> str:
    return f'<a href="{escape(d.address(part, ".html"))}">{escape(part.text)}</a>'


@_inline.register
def _(part: d.Badge) -> str:
    name = str(part.verdict)
    mark = f'<span aria-hidden="true">{MARKS[name]}</span>'
    return f'<span class="badge {name.lower()}">{mark} {name}</span>'


@singledispatch
def _block(block: Any) -> str:
    raise TypeError(f"A document is made of known blocks. Got {type(block).__name__}.")


@_block.register
def _(block: d.Paragraph) -> str:
    return f"<p>{_line(block.line)}</p>"


@_block.register
def _(block: d.Caption) -> str:
    return f'<p class="caption">{_line(block.line)}</p>'


@_block.register
def _(block: d.Formula) -> str:
    # A wide formula scrolls inside its own box, which the keyboard must be able to reach.
    return (
        '<div class="formula" tabindex="0" role="group" aria-label="Formula">'
        f"{mathml(block.expression, display=True)}</div>"
    )


@_block.register
def _(block: d.Code) -> str:
    return (
        '<pre tabindex="0" role="group" aria-label="Source code"><code>'
        f"{highlighted(block.source.rstrip())}</code></pre>"
    )


@_block.register
def _(block: d.Items) -> str:
    tag = "ol" if block.ordered else "ul"
    listed = f"<{tag}>{''.join(f'<li>{_line(line)}</li>' for line in block.lines)}</{tag}>"
    if not any(isinstance(part, d.Maths) for line in block.lines for part in line):
        return listed
    # A formula does not break at the end of a line.
    return f'<div class="wide" tabindex="0" role="group" aria-label="Formulas">{listed}</div>'


@_block.register
def _(block: d.Table) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in block.header)
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td data-label="{escape(name)}">{_line(cell)}</td>'
            for name, cell in zip(block.header, row, strict=True)
        )
        + "</tr>"
        for row in block.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


@_block.register
def _(block: d.Figure) -> str:
    if isinstance(block.picture, str):
        picture = _inline_svg(block.picture, block.alt)
    else:
        data = base64.b64encode(block.picture).decode()
        picture = f'<img alt="{escape(block.alt)}" src="data:image/png;base64,{data}">'
    caption = f"<figcaption>{escape(block.caption)}</figcaption>"
    return f"<figure>{picture}{caption}</figure>"


@_block.register
def _(block: d.Verdicts) -> str:
    rows = "".join(_obligation(obligation) for obligation in block.obligations)
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Verdict", "What is claimed", "Why"))
    return f'<table class="verdicts"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _obligation(obligation: Obligation) -> str:
    facts = [("Ground", obligation.ground), ("Holds for", obligation.scope)]
    facts += remarks(obligation)
    terms = [f"<dt>{title}</dt><dd>{escape(text)}</dd>" for title, text in facts if text]
    terms += [
        f"<dt>{escape(title)}</dt><dd><code>{escape(text)}</code></dd>"
        for title, text in witness_lines(obligation)
    ]
    claim = f"<code>{escape(obligation.name)}</code> <span>{escape(obligation.statement)}</span>"
    return (
        f"<tr><td>{_inline(d.Badge(obligation.verdict))}</td><td>{claim}</td>"
        f"<td><dl>{''.join(terms)}</dl></td></tr>"
    )


@_block.register
def _(block: d.Statement) -> str:
    return f'<div class="statement"><p>{_line(block.line)}</p>{_blocks(block.blocks)}</div>'


@_block.register
def _(block: d.Steps) -> str:
    steps = "".join(
        f'<li><p class="step">{_line(step.title)}</p>{_blocks(step.blocks)}</li>'
        for step in block.steps
    )
    return f'<ol class="steps">{steps}</ol>'


def _typed(text: str) -> str:
    written = ""
    for piece in typed(text):
        written += escape(piece.text)
        written += f"<sub>{_typed(piece.below)}</sub>" if piece.below else ""
        written += f"<sup>{_typed(piece.above)}</sup>" if piece.above else ""
    return written


def _inline_svg(source: str, alt: str) -> str:
    """Takes the `<svg>` element alone, and says what it shows to those who do not see it."""
    start = source.index("<svg")
    element = re.sub(r"<metadata>.*?</metadata>", "", source[start:], flags=re.DOTALL)
    width = re.match(r'<svg[^>]* width="([\d.]+)pt"', element)
    svg = element.replace("<svg", f'<svg role="img" aria-label="{escape(alt)}"', 1)
    if width is None or float(width[1]) <= _WIDE:
        return svg
    # On a narrow screen its letters would be too small to read: it scrolls in its own box.
    box = f'class="wide" tabindex="0" role="group" style="--least: {float(width[1]):.0f}px"'
    return f'<div {box} aria-label="Picture">{svg}</div>'
