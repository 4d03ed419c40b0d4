"""A site as one LaTeX document: a part for each group of pages, a chapter for each page."""

from derivations.report.letters import escaped
from derivations.report.site import Site
from derivations.report.tex import Paper, chapter, opening, paper


def tex_site(site: Site) -> Paper:
    """Prints a site.

    Raises:
      TypeError: A page holds something that is not known here.
    """
    first = site.pages[0].document
    parts = [opening(site.title, first.lead, first.colophon)]
    for group, pages in site.groups.items():
        parts += [rf"\part{{{escaped(group)}}}"] if group else []
        parts += [chapter(page.document, page.stem) for page in pages]
    return paper(parts, tuple(page.document for page in site.pages))
