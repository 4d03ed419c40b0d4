"""The report in a headless Chromium: quiet, alone, every formula in sight, nothing too wide."""

import pytest

from derivations.lectures.worked import WORKED
from derivations.report.build import report_document
from derivations.report.diagram import diagram
from derivations.report.html import html
from derivations.report.operation import Checked
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
SMALLEST = """Math.min(...[...document.querySelectorAll("svg text")].map(text =>
    parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().d))"""


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


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A page with formulas, curves, code, tables, steps and a picture that is wide."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    obligation = Obligation(
        "cotangent[logits]", "a claim " * 20, Verdict.REFUTED, "over the reals", "all sizes n, k",
        reason="long " * 40, witness=Witness({"x": [["1/2"] * 40]}, "dx[0, 1]", "1.5", "3"),
    )  # fmt: skip
    name = "softmax_cross_entropy"
    checked = Checked(RULES[name], ENTRIES[name], Report(name, "rule", (obligation,)))
    drawn = [figure for figure in map(diagram, WORKED) if figure is not None]
    path.write_text(html(report_document([checked], figures=drawn)), encoding="utf-8")
    return path


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_page_is_quiet_and_alone_and_fits(page, report, width, dark):
    page.open(report.as_uri(), width=width, dark=dark)
    assert page.visit() == ([], [report.as_uri()])
    assert page.run('document.querySelectorAll("math").length') > 30
    assert page.run(UNSEEN) == 0
    assert page.run(TOO_WIDE) == 0
    assert page.run(SMALLEST) > 6
