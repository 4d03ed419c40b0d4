"""Reports made by hand, so that these tests prove nothing and are quick."""

import itertools
import re
from html.parser import HTMLParser

import pytest

from derivations.verdict import Obligation, Report, Verdict, Witness

HOSTILE = '<script>alert("1")</script> & `a|b` *c* $d$'


@pytest.fixture
def proved():
    """A report in which all is well, with a kink."""
    return Report(
        "relu",
        "rule",
        (
            Obligation(
                "value",
                "fwd returns the value of the primal",
                Verdict.PROVED,
                "over the reals",
                "all sizes n",
                seconds=0.0123,
            ),
            Obligation(
                "kinks",
                "bwd lies between the one-sided derivatives",
                Verdict.PROVED,
                "exact one-sided derivatives",
                "one boundary",
                details=("x = 0: left 0, right 1; the rule takes 0",),
            ),
        ),
    )


@pytest.fixture
def refuted():
    """A report with every verdict and every field, hostile text among them."""
    return Report(
        "wrong",
        "rule",
        (
            Obligation(
                "cotangent[x]",
                f"dx is right {HOSTILE}",
                Verdict.REFUTED,
                "over the reals, by a counterexample",
                "all sizes n",
                ("0.7978845608 is √(2/π)",),
                f"dx differs {HOSTILE}",
                Witness({"x": [["1/2", "-3"], ["0", "2"]]}, "dx[0, 1]", "1.5", "3 ± 1e-30"),
                (f"a line {HOSTILE}",),
                1.5,
            ),
            Obligation("value", "the value", Verdict.EXACT, "modulo a prime", "784 × 30"),
            Obligation("linear", "", Verdict.UNDECIDED, reason="unknown primitive: erf_inv"),
        ),
    )


@pytest.fixture
def hostile():
    """Text that each format would read as markup."""
    return HOSTILE


class Page(HTMLParser):
    """Collects what the tests ask of a page."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.attributes, self.open = [], [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        assert tag != "img" or dict(attrs).get("alt")
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in {"meta", "img", "link", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def _check_page(source):
    """What holds for every page: it stands alone, nests properly, and can be walked through."""
    page = Page(source)
    assert page.open == []
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    for _, name, value in page.attributes:
        assert not name.startswith("on")
        if name == "src":
            assert value.startswith("data:image/png;base64,")
        if name in {"href", "xlink:href"}:
            assert value.startswith("#")
            assert value[1:] in ids
    assert not re.findall(r"@import|url\((?!#)", source)
    without_names = re.sub(r'xmlns(:\w+)?="[^"]*"', "", source)
    assert "http:" not in without_names
    assert "https:" not in without_names
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    return page


@pytest.fixture
def check_page():
    """Checks what holds for every page, and returns it parsed."""
    return _check_page
