"""The site: what stands where, and that every link leads to something."""

import importlib.util
import json
from collections import Counter

import pytest

from derivations.catalog import CATALOG
from derivations.check import check
from derivations.lectures import CLAIMS, settled
from derivations.lectures.claim import Status
from derivations.report import document as d
from derivations.report.html_site import html_site
from derivations.report.markdown_site import markdown_site
from derivations.report.operation import Checked
from derivations.report.pages.build import claims_about, report_site
from derivations.report.pages.mentions import claim_anchor, operations_of
from derivations.steps import names

from .reading import OURS, dead_links, faults


@pytest.fixture(scope="module")
def files(site):
    return html_site(site)


def page(site, stem):
    return next(p for p in site.pages if p.stem == stem)


def anchors(tree):
    return [node.anchor for node in d.nodes(tree) if isinstance(node, d.Section)]


def search(files):
    text = files["search-index.js"].decode()
    return json.loads(text.removeprefix("const SEARCH_INDEX = ").removesuffix(";\n"))


def test_every_link_leads_somewhere_and_nothing_is_outside(files):
    assert faults(files) == []
    assert set(files) >= OURS | {"index.html", "lecture-003.html", "operation-softmax.html"}


def test_what_is_wrong_with_a_page_is_seen():
    wrong = (
        '<p id="a"></p><p id="a"></p><a href="gone.html"></a><a href="#b"></a>'
        '<img src="https://example.org/x.png" alt=""><math><mi>a & b</mi></math>'
    )
    found = faults({"wrong.html": wrong.encode()})
    assert [fault.removeprefix("wrong.html: ") for fault in found[:-1]] == [
        "an id stands twice",
        "gone.html is no file",
        "#b is no anchor",
        "https://example.org/x.png is no file",
        "https://example.org/x.png",
    ]
    assert "not well-formed" in found[-1]


def test_each_claim_stands_once_on_the_page_of_its_lecture(site, entries):
    where = {
        anchor: p.stem
        for p in site.pages
        for anchor, count in Counter(anchors(p.document)).items()
        if anchor.startswith("claim-") and not anchor.endswith("-derivation") and count == 1
    }
    assert where == {claim_anchor(e.claim): f"lecture-{e.claim.lecture.number}" for e in entries}


def test_claims_derivations_and_operations_link_to_one_another(files):
    lecture = files["lecture-001.html"].decode()
    assert 'href="operation-sigmoid.html#derivation-sigmoid"' in lecture
    assert 'href="operation-sigmoid.html"' in lecture
    assert 'href="lecture-001.html#claim-001-9"' in files["operation-sigmoid.html"].decode()
    assert 'href="lecture-001.html#claim-001-9"' in files["index.html"].decode()
    assert 'href="lecture-000.html#claim-000-11"' in files["chain-rule-case-1.html"].decode()
    assert 'href="lecture-000.html#claim-000-13"' in files["backpropagation.html"].decode()
    assert "def <" not in lecture
    assert "sigmoid_bwd" in files["operation-sigmoid.html"].decode()


def test_every_derivation_outside_the_operations_is_on_a_page(site):
    shown = {a for p in site.pages for a in anchors(p.document)}
    wanted = [n for n in names() if n.startswith(("chain_rule", "backpropagation"))]
    assert {f"derivation-{n.replace('_', '-')}" for n in wanted} <= shown


def test_an_erratum_shows_both_statements(site):
    section = next(
        node
        for node in d.nodes(page(site, "lecture-004").document)
        if isinstance(node, d.Section) and node.anchor == "claim-004-3"
    )
    statements = [block for block in section.blocks if isinstance(block, d.Statement)]
    printed, corrected, _ = statements
    assert printed.line[:2] == (d.Badge(Status.REFUTED), " As printed: ")
    assert any("Counterexample" in str(block) for block in printed.blocks)
    assert corrected.line[:2] == (d.Badge(Status.PROVED), " Corrected: ")


def test_an_example_shows_its_picture_and_what_was_measured(site):
    lecture = page(site, "lecture-003").document
    figures = [node.name for node in d.nodes(lecture) if isinstance(node, d.Figure)]
    assert figures == ["worked-hidden-layer"]
    tables = [node for node in d.nodes(lecture) if isinstance(node, d.Table)]
    assert tables[0].header == ("Measured", "Value", "Bound", "Holds")


def test_the_search_finds_softmax(files):
    titles = [entry[0] for entry in search(files)]
    assert "Softmax" in titles
    found = {address for title, _, address, words in search(files) if "softmax" in words}
    assert any(address.startswith("lecture-003.html#claim-003-7") for address in found)
    assert any("softmax_bwd" in words for *_, words in search(files))


def test_a_claim_that_comes_out_otherwise_is_told(operations, entries):
    entry = next(e for e in entries if e.claim.id == "003.6")
    odd = entry._replace(findings=tuple(reversed(entry.findings)))
    text = html_site(report_site(operations, [odd]))
    assert "This is not what the ledger expects." in text["lecture-003.html"].decode()
    assert "Not as expected: " in text["index.html"].decode()
    assert "1 otherwise than expected" in text["index.html"].decode()


def test_markdown_links_lead_somewhere(site):
    files = markdown_site(site)
    assert dead_links(files) == []
    assert "[Softmax](operation-softmax.md)" in files["index.md"].decode()
    assert "(lecture-001.md#claim-001-9)" in files["operation-sigmoid.md"].decode()
    assert "figures/worked-hidden-layer.svg" in files
    assert dead_links({"a.md": b"[x](b.md) [y](#z)"}) == ["a.md: b.md", "a.md: #z"]


def test_a_part_of_the_whole_stands_alone(operations, entries):
    about = [e for e in entries if "sigmoid" in operations_of(e.claim)]
    made = report_site([o for o in operations if o.entry.name == "sigmoid"], about, theorems=False)
    assert [p.stem for p in made.pages] == [
        "index", "lecture-001", "lecture-003", "operation-sigmoid",
    ]  # fmt: skip
    assert {link.anchor for link in made.lost} == {"operation-dense"}
    assert faults(html_site(made)) == []


def test_without_matplotlib_the_first_page_says_so(operations, entries, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    made = report_site(operations, entries, theorems=False)
    assert not [n for p in made.pages for n in d.nodes(p.document) if isinstance(n, d.Figure)]
    assert "Plots need matplotlib" in html_site(made)["index.html"].decode()


def test_claims_about_an_operation_are_found():
    found = [claim.id for claim in claims_about(["softplus"])]
    assert found == ["001.12", "002.10"]


@pytest.mark.nightly
def test_the_whole_site():
    operations = [
        Checked(o.rule, o.textbook, check(o.rule, *o.arguments, textbook=o.textbook))
        for o in CATALOG.values()
    ]
    made = report_site(operations, [settled(claim) for claim in CLAIMS.values()])
    assert made.lost == ()
    assert faults(html_site(made)) == []
    assert dead_links(markdown_site(made)) == []
    shown = [a for p in made.pages for a in anchors(p.document)]
    assert {f"derivation-{n.replace('_', '-')}" for n in names()} <= set(shown)
    assert all(shown.count(claim_anchor(claim)) == 1 for claim in CLAIMS.values())
