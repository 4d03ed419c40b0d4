"""A site as one LaTeX document: a part for each group of pages, a chapter for each page."""

from collections import Counter
from collections.abc import Mapping

from derivations.report.letters import escaped
from derivations.report.site import Site
from derivations.report.tex import chapter, opening, paper


def tex_site(site: Site) -> Mapping[str, bytes]:
    """Prints a site; gives `report.tex` and its pictures, by name.

    Raises:
      TypeError: A page holds something that is not known here.
    """
    first, *others = site.pages
    front = first.document
    parts = [opening(site.title, front.lead, front.colophon)]
    # What the first page says of the whole stands before the contents.
    overview = front._replace(title=first.short, lead=())
    parts.append(chapter(overview, first.stem))
    titles = Counter(section.title for page in site.pages for section in page.document.sections)
    group = first.group
    for page in others:
        parts += [rf"\part{{{escaped(page.group)}}}"] if page.group != group else []
        # Headings that stand on page after page, Definition and Code, tell nothing in the contents.
        own = [titles[section.title] == 1 for section in page.document.sections]
        depth = 1 if sum(own) > len(own) / 2 else 0
        parts.append(rf"\addtocontents{{toc}}{{\protect\setcounter{{tocdepth}}{{{depth}}}}}")
        parts.append(chapter(page.document, page.stem))
        group = page.group
    whole = paper(parts, tuple(page.document for page in site.pages))
    return whole.files | {"report.tex": whole.text.encode()}
