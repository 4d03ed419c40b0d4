"""A site as one LaTeX document: a chapter a page, every reference defined, nothing too wide."""

import re

import pytest

from derivations.catalog import CATALOG
from derivations.check import check
from derivations.lectures import CLAIMS, settled
from derivations.report.files import write_files
from derivations.report.operation import Checked
from derivations.report.pages.build import report_site
from derivations.report.tex_site import tex_site
from derivations.textbook import ENTRIES
from functional_nn import RULES

from .compiled import compiled, margins, pdflatex


def checked_whole(site, folder):
    """What holds for every site on paper."""
    files = dict(tex_site(site))
    write_files(folder, files)
    text = files.pop("report.tex").decode("ascii")
    labels = re.findall(r"\\label\{(.+?)\}", text)
    assert len(labels) == len(set(labels))
    links = re.findall(r"\\link\{([\w-].*?)\}", text)
    assert set(links) <= set(labels)
    assert {page.stem for page in site.pages} <= set(labels)
    assert text.count(r"\chapter{") == len(site.pages)
    pictures = re.findall(r"\\pictured\{(.+?)\}", text)
    assert sorted(pictures) == sorted(files)
    return links


@pytest.fixture
def small(proved):
    """A site of two operations and some claims, an erratum and a worked example among them."""
    operations = [Checked(RULES[name], ENTRIES[name], proved) for name in ("sigmoid", "dense")]
    claims = ("000.6", "001.4", "001.9")
    return report_site(operations, [settled(CLAIMS[claim]) for claim in claims], theorems=False)


def test_a_small_site(small, tmp_path):
    assert "claim-001-9" in checked_whole(small, tmp_path)
    text = (tmp_path / "report.tex").read_text()
    assert text.index(r"\part{Lectures}") < text.index(r"\part{Operations}")
    assert r"\verdict{refuted}{REFUTED} As printed: " in text
    assert r"\verdict{measured}{MEASURED}" in text
    assert "figures/worked-layer.pdf" in text


@pdflatex
def test_a_small_site_compiles(small, tmp_path):
    checked_whole(small, tmp_path)
    log = compiled(tmp_path)
    assert "undefined" not in log
    assert margins(log) <= 10


@pytest.mark.nightly
@pdflatex
def test_the_whole_site_compiles(tmp_path):
    operations = [
        Checked(o.rule, o.textbook, check(o.rule, *o.arguments, textbook=o.textbook))
        for o in CATALOG.values()
    ]
    site = report_site(operations, [settled(claim) for claim in CLAIMS.values()])
    checked_whole(site, tmp_path)
    log = compiled(tmp_path)
    assert "undefined" not in log
    assert margins(log) <= 10
