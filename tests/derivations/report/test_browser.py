"""The report in a headless Chromium: quiet, alone, every formula in sight, nothing too wide."""

import pytest

from derivations.catalog import CATALOG
from derivations.check import check
from derivations.lectures import CLAIMS, settled
from derivations.lectures.worked import WORKED
from derivations.report.build import report_document
from derivations.report.diagram import diagram
from derivations.report.files import write_files
from derivations.report.html import html
from derivations.report.html_site import html_site
from derivations.report.operation import Checked
from derivations.report.pages.build import report_site
from derivations.textbook import ENTRIES
from derivations.verdict import Obligation, Report, Verdict, Witness
from functional_nn import RULES

from .browser import CHROMIUM, browsing

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the PATH")

UNSEEN = """[...document.querySelectorAll("math")].filter(math => {
    const box = math.getBoundingClientRect();
    return !box.width || !box.height;
}).length"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Letters in pictures as they are seen, in pixels: font sizes there are of the picture's own scale.
SMALLEST = """Math.min(99, ...[...document.querySelectorAll("svg text")].map(text => {
    const {c, d} = text.getScreenCTM();
    return parseFloat(getComputedStyle(text).fontSize) * Math.hypot(c, d);
}))"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with browsing(tmp_path_factory.mktemp("browser")) as page:
        yield page


WRONG = """<!DOCTYPE html><title>Wrong</title>
<script>console.error("said"); missing.field</script>
<img src="http://example.invalid/picture.png" alt="">
<math style="display: none"><mi>x</mi></math><math><mi>y</mi></math>
<div style="width: 500px">wide</div>"""


def test_what_is_wrong_with_a_page_is_seen(page, tmp_path):
    path = tmp_path / "wrong.html"
    path.write_text(WRONG, encoding="utf-8")
    page.open(path.as_uri(), width=390)
    visit = page.visit()
    assert any("said" in complaint for complaint in visit.complaints)
    assert any("missing is not defined" in complaint for complaint in visit.complaints)
    assert any("ERR_NAME_NOT_RESOLVED" in complaint for complaint in visit.complaints)
    assert visit.requests == [path.as_uri(), "http://example.invalid/picture.png"]
    assert page.run(UNSEEN) == 1
    assert page.run(TOO_WIDE) > 100


LONG = Report(
    "a rule", "rule",
    (
        Obligation(
            "cotangent[logits]", "a claim " * 20, Verdict.REFUTED, "over the reals", "all sizes n",
            reason="long " * 40, witness=Witness({"x": [["1/2"] * 40]}, "dx[0, 1]", "1.5", "3"),
        ),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A page with formulas, curves, code, tables, steps and a picture that is wide."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    name = "softmax_cross_entropy"
    checked = Checked(RULES[name], ENTRIES[name], LONG)
    drawn = [figure for figure in map(diagram, WORKED) if figure is not None]
    path.write_text(html(report_document([checked], figures=drawn)), encoding="utf-8")
    return path


def is_well(page, url, *, width, dark):
    """What holds for every page, whatever its window."""
    page.open(url, width=width, dark=dark)
    visit = page.visit()
    assert visit.complaints == []
    own = url.rpartition("/")[0]
    assert url in visit.requests
    assert all(request.startswith(f"{own}/") for request in visit.requests)
    assert page.run(UNSEEN) == 0
    assert page.run(TOO_WIDE) == 0
    assert page.run(SMALLEST) > 6


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_page_is_quiet_and_alone_and_fits(page, report, width, dark):
    is_well(page, report.as_uri(), width=width, dark=dark)
    assert page.visit().requests == [report.as_uri()]
    assert page.run('document.querySelectorAll("math").length') > 30


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A site of a few operations and claims: errata, worked examples, long formulas."""
    names = ("softmax", "sigmoid_cross_entropy")
    operations = [Checked(RULES[name], ENTRIES[name], LONG) for name in names]
    claims = ("000.6", "001.4", "003.3", "003.9")
    site = report_site(operations, [settled(CLAIMS[claim]) for claim in claims], theorems=False)
    folder = tmp_path_factory.mktemp("site")
    write_files(folder, dict(html_site(site)))
    return folder


@pytest.mark.parametrize("width", [390, 1280])
def test_a_site_is_quiet_and_alone_and_fits(page, small, width):
    paths = sorted(small.glob("*.html"))
    assert len(paths) == 6
    for dark, path in enumerate(paths):
        is_well(page, path.as_uri(), width=width, dark=bool(dark % 2))


RIGHT_END = """(() => {
    const box = document.getElementById("site-found").getBoundingClientRect();
    return document.elementFromPoint(box.right - 3, box.top + 30)?.closest("ol")?.id;
})()"""


@pytest.mark.parametrize("width", [390, 1280])
def test_the_search_finds_softmax(page, small, width):
    page.open((small / "index.html").as_uri(), width=width)
    page.run('document.getElementById("site-search").focus()')
    page.send("Input.insertText", text="softmax")
    found = '[...document.querySelectorAll("#site-found a")].map(link => link.textContent)'
    assert page.run(found)[0] == ENTRIES["softmax"].title
    assert page.run(TOO_WIDE) == 0
    assert page.run(RIGHT_END) == "site-found", "no part of the list is cut off or covered"
    page.open(page.run('document.querySelector("#site-found a").href'), width=width)
    assert page.run('document.querySelector("h1").textContent').startswith("Softmax")
    assert page.visit().complaints == []


def test_the_search_says_when_there_is_nothing(page, small):
    page.open((small / "index.html").as_uri())
    page.run('document.getElementById("site-search").focus()')
    page.send("Input.insertText", text="quaternion")
    assert page.run('document.getElementById("site-found").textContent') == "Nothing found."


@pytest.mark.nightly
def test_the_whole_site_is_well(page, tmp_path):
    operations = [
        Checked(o.rule, o.textbook, check(o.rule, *o.arguments, textbook=o.textbook))
        for o in CATALOG.values()
    ]
    site = report_site(operations, [settled(claim) for claim in CLAIMS.values()])
    write_files(tmp_path / "site", dict(html_site(site)))
    for path in sorted((tmp_path / "site").glob("*.html")):
        for width in (390, 1280):
            for dark in (False, True):
                is_well(page, path.as_uri(), width=width, dark=dark)
