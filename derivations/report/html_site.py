"""A site as HTML pages with a style sheet and a search, for any browser and without a server."""

from collections.abc import Mapping
from html import escape
from importlib import resources

from derivations.report import document as d
from derivations.report.html import contents, head, main, mark
from derivations.report.search import search_index
from derivations.report.site import Page, Site

_DATA = resources.files("derivations.report")
_SHEETS, _SCRIPT = ("page.css", "site.css"), "search.js"


def html_site(site: Site) -> Mapping[str, bytes]:
    """Prints every page of a site; gives the files by name."""
    files = {f"{page.stem}.html": _page(site, page) for page in site.pages}
    files["style.css"] = "\n".join(_DATA.joinpath(name).read_text("utf-8") for name in _SHEETS)
    files["search.js"] = _DATA.joinpath(_SCRIPT).read_text("utf-8")
    files["search-index.js"] = search_index(site, ".html")
    return {name: text.encode() for name, text in files.items()}


def _page(site: Site, page: Page) -> str:
    first = page is site.pages[0]
    title = page.document.title if first else f"{page.document.title} · {site.title}"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
{head(title)}
<link rel="stylesheet" href="style.css">
</head>
<body class="site">
<a class="skip" href="#content">Skip to the content</a>
<nav aria-label="Pages">
<p class="home"><a href="{escape(site.pages[0].stem)}.html">{escape(site.title)}</a></p>
<div class="search" role="search" hidden>
<input type="search" id="site-search" placeholder="Search" aria-label="Search these pages"
 autocomplete="off" spellcheck="false">
<ol id="site-found" aria-live="polite" hidden></ol>
</div>
<details class="menu">
<summary>Contents</summary>
{_menu(site, page)}
</details>
</nav>
{main(page.document)}
{_onward(site, page)}
<script src="search-index.js"></script>
<script src="search.js"></script>
</body>
</html>
"""


def _menu(site: Site, current: Page) -> str:
    """Gives the pages by group; the one that is open shows what stands on it."""
    groups = []
    for name, pages in site.groups.items():
        entries = "".join(_entry(page, current) for page in pages)
        title = f'<p class="group">{escape(name)}</p>' if name else ""
        groups.append(f"{title}<ol>{entries}</ol>")
    return "\n".join(groups)


def _entry(page: Page, current: Page) -> str:
    verdict = page.document.verdict
    inside, here = "", ""
    if page is current:
        inside, here = contents(page.document.sections, 1), ' aria-current="page"'
    link = f'<a href="{escape(page.stem)}.html"{here}>{escape(page.short)}</a>'
    return f"<li>{link}{'' if verdict is None else mark(verdict)}{inside}</li>"


def _onward(site: Site, page: Page) -> str:
    """Gives links to the pages before and behind."""
    place = site.pages.index(page)
    before = site.pages[place - 1] if place else None
    behind = site.pages[place + 1] if place + 1 < len(site.pages) else None
    links = []
    for kind, other, arrow in (("prev", before, "← {}"), ("next", behind, "{} →")):
        if other is not None:
            link = d.address(d.Link("", other.stem, other.stem), ".html")
            text = escape(arrow.format(other.short))
            links.append(f'<a rel="{kind}" href="{escape(link)}">{text}</a>')
    return f'<div class="onward">{"".join(links)}</div>' if links else ""
