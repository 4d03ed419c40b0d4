"""The report in a headless Chromium: quiet, alone, every formula in sight, nothing too wide."""

import pytest

from .browser import CHROMIUM, browsing

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the PATH")

UNSEEN = """[...document.querySelectorAll("math")].filter(math => {
    const box = math.getBoundingClientRect();
    return !box.width || !box.height;
}).length"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


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
