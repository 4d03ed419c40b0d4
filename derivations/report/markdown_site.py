"""A site as Markdown: a file a page, with relative links that a code host follows."""

from collections.abc import Mapping

from derivations.report.markdown import escaped, markdown
from derivations.report.site import Page, Site


def markdown_site(site: Site) -> Mapping[str, bytes]:
    """Prints every page of a site; gives the files by name, the pictures among them."""
    files: dict[str, bytes] = {}
    for page in site.pages:
        printed = markdown(page.document)
        first = page is site.pages[0]
        text = (
            _with_pages(site, printed.text) if first else _with_way_back(site, page, printed.text)
        )
        files |= printed.files | {f"{page.stem}.md": text.encode()}
    return files


def _with_pages(site: Site, text: str) -> str:
    """Puts a list of all pages below the title of the first."""
    title, _, rest = text.partition("\n\n")
    lines = []
    for group, pages in site.groups.items():
        if group:
            links = (f"[{escaped(page.short)}]({page.stem}.md)" for page in pages)
            lines.append(f"- {escaped(group)}: {', '.join(links)}")
    return "\n\n".join([title, "\n".join(lines), rest])


def _with_way_back(site: Site, page: Page, text: str) -> str:
    first = site.pages[0]
    return f"[{escaped(site.title)}]({first.stem}.md) › {escaped(page.group)}\n\n{text}"
