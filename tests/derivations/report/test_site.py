"""Pages that link to one another: every link knows its page, and none leads nowhere."""

import pytest

from derivations.report import document as d
from derivations.report.site import Page, anchors, site
from derivations.verdict import Obligation, Verdict


def page(stem, *sections, lead=()):
    return Page(stem, d.Document(stem, lead, sections), "Group", stem)


def links(made):
    return [node for p in made.pages for node in d.nodes(p.document) if isinstance(node, d.Link)]


def test_a_link_learns_on_which_page_its_anchor_stands():
    inner = d.Section("Inner", "inner", (d.Steps((d.Step((d.Link("up", "one"),), ()),)),))
    one = page("one", d.Section("Outer", "outer", (inner,)), lead=(d.Link("there", "far"),))
    two = page("two", d.Section("Far", "far", (d.Items(((d.Link("back", "inner"),),)),)))
    near = page("three", d.Section("Near", "near", (d.Paragraph((d.Link("here", "near"),)),)))
    made = site("T", (one, two, near))
    assert [d.address(link, ".html") for link in links(made)] == [
        "two.html#far",
        "one.html",
        "one.html#inner",
        "#near",
    ]
    assert anchors(made.pages[0]) == ["one", "outer", "inner"]
    assert made.lost == ()


def test_a_link_to_nowhere_becomes_text_and_is_counted():
    made = site("T", (page("one", lead=("See ", d.Link("that", "gone"), ".")),))
    assert made.pages[0].document.lead == ("See ", "that", ".")
    assert made.lost == (d.Link("that", "gone"),)


@pytest.mark.parametrize("second", ["far", "one"])
def test_an_anchor_stands_once(second):
    one = page("one", d.Section("Far", "far", ()))
    with pytest.raises(ValueError, match=rf"Got '{second}' on one and on two"):
        site("T", (one, page("two", d.Section("Other", second, ()))))


def test_evidence_is_no_part_of_a_document():
    obligation = Obligation("value", "", Verdict.PROVED, evidence=(d.Link("hidden", "x"),))
    tree = (d.Verdicts((obligation,)), d.Link("seen", "y"))
    assert [node.text for node in d.nodes(tree) if isinstance(node, d.Link)] == ["seen"]
    assert d.replaced(tree, lambda _: None) == tree
