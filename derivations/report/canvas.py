"""How pictures are drawn and saved: as SVG that stands in a page, and as PDF for paper.

matplotlib is an optional extra: without it there are no pictures, and the report says so.
"""

import functools
import importlib.util
import io
import re
from collections.abc import Callable
from typing import Any, NamedTuple

# Readable on white and on black: a picture does not know the page's colours. In SVG, ink is the
# page's own colour of text.
GREY, INK = "#7b7f86", "#010203"


class Saved(NamedTuple):
    """A picture as SVG, and how it is had as PDF, which costs as much again."""

    svg: str
    pdf: Callable[[], bytes]


def available() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def style(name: str) -> Any:
    """Gives the context to draw and save a picture in."""
    import matplotlib

    settings: Any = {
        "svg.fonttype": "none",  # text stays text: small, sharp, and in the page's font
        "svg.hashsalt": name,
        "font.family": "sans-serif",
        "font.size": 10.0,
        "text.color": GREY,
        "axes.edgecolor": GREY,
        "axes.labelcolor": GREY,
        "xtick.color": GREY,
        "ytick.color": GREY,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    return matplotlib.rc_context(settings)


def saved(figure: Any, name: str) -> Saved:
    """Saves a figure of matplotlib, under a name of its own in the document."""
    svg = io.StringIO()
    none = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(svg, format="svg", transparent=True, metadata=none)
    picture = _tidy(svg.getvalue(), name).replace(INK, "currentColor")
    return Saved(picture, functools.partial(_pdf, figure, name))


def _pdf(figure: Any, name: str) -> bytes:
    pdf = io.BytesIO()
    dates = dict.fromkeys(("CreationDate", "Creator", "Producer"))
    with style(name):
        figure.savefig(pdf, format="pdf", transparent=True, metadata=dates)
    return pdf.getvalue()


def _tidy(svg: str, name: str) -> str:
    """Takes the `<svg>` element alone, fit to stand beside others in one page.

    An inline `<style>` would apply to the whole page, and matplotlib uses the same ids in every
    picture.
    """
    svg = re.sub(
        r"<style.*?</style>|<defs>\s*</defs>", "", svg[svg.index("<svg") :], flags=re.DOTALL
    )
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", svg)
    return re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
