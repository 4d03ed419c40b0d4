"""A site: pages that link to one another, before any output format.

A page is a document with the stem of its file. A link names the anchor of a section, wherever that
stands: anchors are unique in a site, and the stem of a page is the anchor of its top. So a printer
that puts all pages into one document needs nothing else, and one that writes a file for each reads
from `Link.page` in which it stands.
"""

from typing import Any, NamedTuple

from derivations.report import document as d


class Page(NamedTuple):
    """A page of a site.

    Attributes:
      stem: The name of its file without suffix, and the anchor of its top.
      document: What stands on it.
      group: The heading that it stands under in the contents of the site; empty for the first.
      short: What it is called there.
    """

    stem: str
    document: d.Document
    group: str
    short: str


class Site(NamedTuple):
    """Pages in the order of reading; the first is the one to open.

    Attributes:
      title: What the whole is called.
      pages: The pages, their links resolved.
      lost: Links whose anchor stands nowhere; what they read is there as plain text.
    """

    title: str
    pages: tuple[Page, ...]
    lost: tuple[d.Link, ...] = ()

    @property
    def groups(self) -> dict[str, list[Page]]:
        """The pages by the heading that they stand under, in order."""
        found: dict[str, list[Page]] = {}
        for page in self.pages:
            found.setdefault(page.group, []).append(page)
        return found


def site(title: str, pages: tuple[Page, ...]) -> Site:
    """Puts pages together: each link learns on which page its anchor stands.

    A link to what is on no page becomes plain text, so that a part of the whole can stand alone.

    Raises:
      ValueError: Two sections, or two pages, have the same anchor.
    """
    places = _places(pages)
    lost: list[d.Link] = []

    def linked(page: Page) -> Page:
        def change(part: Any) -> Any:
            if not isinstance(part, d.Link):
                return None
            if part.anchor not in places:
                lost.append(part)
                return part.text
            place = places[part.anchor]
            # The top of a page has no section to name, so that it is named from itself as well.
            same = place == page.stem and part.anchor != place
            return part._replace(page="" if same else place)

        return page._replace(document=d.replaced(page.document, change))

    return Site(title, tuple(map(linked, pages)), tuple(lost))


def anchors(page: Page) -> list[str]:
    """Gives every anchor of a page, its top first."""
    inside = [node.anchor for node in d.nodes(page.document) if isinstance(node, d.Section)]
    return [page.stem, *inside]


def _places(pages: tuple[Page, ...]) -> dict[str, str]:
    places: dict[str, str] = {}
    for page in pages:
        for anchor in anchors(page):
            if anchor in places:
                raise ValueError(
                    f"An anchor stands once in a site. Got {anchor!r} on {places[anchor]} and "
                    f"on {page.stem}."
                )
            places[anchor] = page.stem
    return places
