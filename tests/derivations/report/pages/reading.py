"""Reads a written site as a browser does: elements, ids, links, formulas."""

import posixpath
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

VOID = {"meta", "img", "link", "input"}
OURS = {"style.css", "search.js", "search-index.js"}


class Read(HTMLParser):
    """What stands on a page: its elements in order, with their attributes."""

    def __init__(self, source):
        super().__init__()
        self.elements, self._open = [], []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def all(self, name):
        return [given[name] for _, given in self.elements if name in given]


def faults(files):
    """Lists what is wrong with the pages of a site: dead links, addresses outside, broken maths."""
    pages = {name: Read(text.decode()) for name, text in files.items() if name.endswith(".html")}
    ids = {name: page.all("id") for name, page in pages.items()}
    found = []
    for name, page in pages.items():
        if len(ids[name]) != len(set(ids[name])):
            found.append(f"{name}: an id stands twice")
        for address in page.all("href") + page.all("src") + page.all("xlink:href"):
            file, _, anchor = address.partition("#")
            file = file or name
            if file not in files and not address.startswith("data:image/"):
                found.append(f"{name}: {address} is no file")
            elif anchor and anchor not in ids[file]:
                found.append(f"{name}: {address} is no anchor")
        text = re.sub(r'xmlns(:\w+)?="[^"]*"', "", files[name].decode())
        found += [f"{name}: {address}" for address in re.findall(r"https?:[^\s\"<]*", text)]
        found += [f"{name}: {loaded}" for loaded in re.findall(r"@import|url\((?!#)", text)]
        for formula in re.findall(r"<math.*?</math>", text, re.DOTALL):
            try:
                ET.fromstring(formula)
            except ET.ParseError as error:
                found.append(f"{name}: {error} in {formula}")
    return found


def dead_links(files):
    """Lists the links of Markdown pages that lead nowhere, pictures among them."""
    texts = {name: text.decode() for name, text in files.items() if name.endswith(".md")}
    anchors = {name: set(re.findall(r'<a id="([^"]+)">', text)) for name, text in texts.items()}
    found = []
    for name, text in texts.items():
        for address in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`|\$[^$]*\$", "", text)):
            file, _, anchor = address.partition("#")
            file = posixpath.normpath(file) if file else name
            if file not in files or (anchor and anchor not in anchors[file]):
                found.append(f"{name}: {address}")
    return found
