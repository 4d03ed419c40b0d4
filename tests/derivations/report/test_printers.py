"""HTML, Markdown, plain text and JSON: what is there, what is escaped, what is refused."""

import json
import re

import pytest
import sympy

from derivations.report import document as d
from derivations.report.build import check_document
from derivations.report.highlight import highlighted
from derivations.report.html import html
from derivations.report.markdown import markdown
from derivations.verdict import Verdict

SVG = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>'


def document(text="plain"):
    """One of everything."""
    return d.Document(
        f"Title {text}",
        ("Lead ", d.Strong("bold"), " ", d.Mono("code"), " ", d.Badge(Verdict.EXACT)),
        (
            d.Section(
                f"First {text}",
                "first",
                (
                    d.Paragraph((text, d.Maths(sympy.Symbol("x") ** 2), d.Link("on", "second"))),
                    d.Paragraph((d.Strong(text), " ", d.Mono(text), " ", d.Link(text, "first"))),
                    d.Caption((d.Typed(f"w_ji^[l] {text}"),)),
                    d.Formula(sympy.Symbol("y")),
                    d.Caption(("from a book",)),
                    d.Code("def f(x):\n    return x < 1  # why\n"),
                    d.Items(((text,), ("two",)), ordered=True),
                    d.Table(("A", "B"), (((text,), (d.Mono("a|b"),)),)),
                    d.Figure(SVG, "curve", f"a curve {text}", "A caption."),
                    d.Steps((d.Step(("do",), (d.Figure(b"\x89PNG", "dot", "a dot", "Dot."),)),)),
                    d.Section("Inner", "inner", (d.Paragraph(("deep",)),), Verdict.PROVED),
                ),
                Verdict.REFUTED,
            ),
            d.Section("Second", "second", ()),
        ),
        "colophon",
    )


def test_html_has_one_of_everything(check_page):
    source = html(document())
    page = check_page(source)
    assert {"math", "pre", "ol", "table", "svg", "img", "figcaption", "footer"} <= set(page.tags)
    assert '<h2>First plain <span class="badge refuted">' in source
    assert "REFUTED</span>" in source  # a word, and not a colour alone
    assert ("svg", "aria-label", "a curve plain") in page.attributes
    assert '<span class="keyword">return</span>' in source
    assert '<html lang="en">' in source
    assert "width=device-width" in source


def test_html_escapes(hostile, check_page):
    source = html(document(hostile))
    check_page(source)
    assert "<script" not in source
    assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp;" in source


def test_html_of_a_check_is_complete(refuted, check_page):
    source = refuted.to_html()
    check_page(source)
    for word in ("REFUTED", "EXACT", "UNDECIDED", "cotangent[x]", "[[1/2, -3], [0, 2]]"):
        assert word in source
    assert (
        source
        == refuted._replace(
            obligations=tuple(o._replace(seconds=o.seconds + 1) for o in refuted.obligations)
        ).to_html()
    )  # times differ from run to run, and a page does not
    assert "The rule gives for dx[0, 1]" in source
    assert "erf_inv" in source
    assert "What this page does not show" in source


def test_markdown_has_one_of_everything():
    page = markdown(document())
    assert (
        page.text
        == """\
# Title plain

Lead **bold** `code` ≡ **EXACT**

- [First plain](#first)
  - [Inner](#inner)
- [Second](#second)

<a id="first"></a>

## First plain — ✗ **REFUTED**

plain$x^{2}$[on](#second)

**plain** `plain` [plain](#first)

w<sub>ji</sub><sup>\\[l\\]</sup> plain

$$
y
$$

from a book

```python
def f(x):
    return x < 1  # why
```

1. plain
1. two

| A | B |
| --- | --- |
| plain | `a\\|b` |

![a curve plain](figures/curve.svg)

A caption.

**Step 1.** do

![a dot](figures/dot.png)

Dot.

<a id="inner"></a>

### Inner — ✓ **PROVED**

deep

<a id="second"></a>

## Second

---

colophon
"""
    )
    assert page.files == {"figures/curve.svg": SVG.encode(), "figures/dot.png": b"\x89PNG"}


def test_markdown_escapes(hostile):
    text = markdown(document(hostile)).text
    code = f"``{hostile}``"  # inside code nothing is markup
    assert code in text
    assert "<script" not in text.replace(code, "").replace(r"\<script", "")
    assert r"\`a\|b\` \*c\* \$d\$" in text


def test_markdown_of_a_check_is_complete(refuted):
    text = refuted.to_markdown()
    assert "| `cotangent[x]` | ✗ **REFUTED** |" in text
    assert "  - At x: `[[1/2, -3], [0, 2]]`" in text
    assert "  - The rule gives for dx\\[0, 1\\]: `1.5`" in text
    for line in text.splitlines():
        if line.startswith("| `"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 6


@pytest.mark.parametrize("printer", [html, markdown])
@pytest.mark.parametrize(
    "broken",
    [
        d.Section("S", "s", (object(),)),
        d.Section("S", "s", (("a", "tuple"),)),
        d.Section("S", "s", (d.Paragraph((3,)),)),  # pyright: ignore[reportArgumentType]
    ],
)
def test_unknown_parts_are_refused(printer, broken):
    with pytest.raises(TypeError, match="made of known"):
        printer(d.Document("T", (), (broken,)))


def test_plain_text(proved):
    assert (
        str(proved)
        == """\
relu (rule): ✓ PROVED in 12 ms
  value  ✓ PROVED     fwd returns the value of the primal
                      over the reals; all sizes n
  kinks  ✓ PROVED     bwd lies between the one-sided derivatives
                      exact one-sided derivatives; one boundary
                      detail: x = 0: left 0, right 1; the rule takes 0"""
    )


def test_plain_text_of_a_refutation(refuted, proved):
    text = str(refuted._replace(parts=(proved,)))
    assert "at x: [[1/2, -3], [0, 2]]" in text
    assert "the rule gives for dx[0, 1]: 1.5" in text
    assert "assumes: 0.7978845608 is √(2/π)" in text
    assert "\n  relu (rule): ✓ PROVED" in text
    assert max(map(len, text.splitlines())) <= 100


def test_json(refuted, proved):
    data = json.loads(refuted._replace(parts=(proved,)).to_json())
    assert data["verdict"] == "REFUTED"
    assert data["obligations"][0]["witness"]["inputs"] == {"x": [["1/2", "-3"], ["0", "2"]]}
    assert data["obligations"][2]["verdict"] == "UNDECIDED"
    assert data["parts"][0]["obligations"][1]["details"] == list(proved.obligations[1].details)


def test_parts_of_a_check_have_sections(proved, refuted, check_page):
    source = html(check_document(refuted._replace(parts=(proved, proved))))
    page = check_page(source)
    assert ("section", "id", "part-2") in page.attributes


def test_source_that_is_not_python_is_left_alone():
    assert highlighted("def f(:\n  '''<") == "def f(:\n  &#x27;&#x27;&#x27;&lt;"
