"""The search index of a site: what stands under each heading, as a script that a page can load.

It is a script, not a file of data: a page that was opened from a disk may not read other files.
"""

import json
import re
from typing import Any

from derivations.report import document as d
from derivations.report.site import Page, Site


def search_index(site: Site, suffix: str) -> str:
    """Gives `const SEARCH_INDEX = [[title, page, address, words], …];`, an entry a heading."""
    entries = [entry for page in site.pages for entry in _entries(page, suffix)]
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    return f"const SEARCH_INDEX = [\n{lines}\n];\n"


def _entries(page: Page, suffix: str) -> list[list[str]]:
    document, file = page.document, page.stem + suffix
    entries = [[document.title, page.group, file, _words(document.lead)]]
    for node in d.nodes(document.sections):
        if isinstance(node, d.Section):
            own = tuple(block for block in node.blocks if not isinstance(block, d.Section))
            entries.append([node.title, page.short, f"{file}#{node.anchor}", _words(own)])
    return entries


def _words(tree: Any) -> str:
    """Gives the words of a text, each once; of code, the functions that it defines."""
    found: list[str] = []
    for text in _texts(tree):
        found += re.findall(r"[^\W\d_][\w′'-]*", text.lower())
    return " ".join(dict.fromkeys(found))


def _texts(tree: Any) -> list[str]:
    if isinstance(tree, str):
        return [tree]
    if isinstance(tree, d.Verdicts):
        return [f"{o.name} {o.statement}" for o in tree.obligations]
    if isinstance(tree, d.Figure):
        return [tree.caption]
    if isinstance(tree, d.Code):
        return re.findall(r"^def (\w+)", tree.source, re.MULTILINE)
    if isinstance(tree, d.Badge):
        return [str(tree.verdict)]
    if isinstance(tree, d.Link):
        return [tree.text]
    if isinstance(tree, tuple):
        return [text for part in tree for text in _texts(part)]
    return []
